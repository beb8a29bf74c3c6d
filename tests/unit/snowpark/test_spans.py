"""Spans and log lines: what they say, never say, and that they may be absent."""

import contextlib
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from snowpark import answers, spans
from snowpark.errors import UsageError
from snowpark.ledger import lease, write
from snowpark.ledger.run import Counts
from snowpark.sync import lifecycle, report

SECRET = "4711-of-a-row"


class Tracer:
    """Stands in for OpenTelemetry; keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    def get_tracer(self, name: str) -> "Tracer":
        assert name == "aurora_sync"
        return self

    @contextlib.contextmanager
    def start_as_current_span(self, name: str, **options: bool) -> Iterator[Any]:
        # Both would put the text of an exception into the event table.
        assert options == {"record_exception": False, "set_status_on_exception": False}
        values: dict[str, Any] = {}
        self.told.append((name, values))

        class Opened:
            set_attribute = staticmethod(values.__setitem__)

        yield Opened()


@pytest.fixture
def tracer(monkeypatch: pytest.MonkeyPatch) -> Tracer:
    made = Tracer()
    monkeypatch.setattr(spans, "_trace", made)
    return made


def test_without_telemetry_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "_trace", None)
    with spans.span("run", table="orders") as span:
        span.tell(rows=3)


def test_a_step_tells_its_names_and_counts(tracer: Tracer) -> None:
    with spans.span("load", table="orders", files=None) as span:
        span.tell(rows=3)
    assert tracer.told == [
        ("aurora_sync.load", {"aurora_sync.table": "orders", "aurora_sync.rows": 3})
    ]


def test_a_step_that_fails_tells_its_code_alone(tracer: Tracer) -> None:
    with pytest.raises(UsageError), spans.span("load"):
        raise UsageError("lease_lost", SECRET)
    with pytest.raises(ValueError), spans.span("load"):
        raise ValueError(SECRET)
    codes = [values["aurora_sync.error_code"] for _, values in tracer.told]
    assert codes == ["lease_lost", "ValueError"] and SECRET not in str(tracer.told)


def test_a_call_tells_whom_it_is_about_and_no_other_argument(tracer: Tracer) -> None:
    @answers.in_plain_words
    def sync_table(session: object, table_name: str) -> int:
        return 1

    @answers.in_plain_words
    def apply_config(session: object, config_text: str, dry_run: bool) -> int:
        return 1

    sync_table(None, "orders")
    apply_config(None, SECRET, True)
    assert tracer.told == [
        ("aurora_sync.sync_table", {"aurora_sync.subject": "orders"}),
        ("aurora_sync.apply_config", {}),
    ]


@pytest.fixture
def ledgers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that meets no Snowflake."""
    monkeypatch.setattr(lease, "release_lease", lambda *_: None)
    monkeypatch.setattr(write, "record_run", lambda *_: None)
    monkeypatch.setattr(report, "of_run", lambda *_: {})


def test_a_run_has_a_span_and_a_line(
    tracer: Tracer, ledgers: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "aurora_sync")
    run = lifecycle.new_run("orders")
    none: Any = None

    def work() -> None:
        run.note(rows=7, bytes=99, watermark=SECRET, counts=Counts(inserted=7))

    lifecycle.run_owned(none, none, run, work)
    ((name, values),) = tracer.told
    assert name == "aurora_sync.run" and values["aurora_sync.rows"] == 7
    (line,) = caplog.messages
    fields = json.loads(line.removeprefix("run succeeded "))
    assert fields["table"] == "orders" and fields["run_id"] == run.id
    assert fields["bytes"] == 99 and SECRET not in line + str(values)


def test_a_run_that_fails_says_its_code(
    tracer: Tracer, ledgers: None, caplog: pytest.LogCaptureFixture
) -> None:
    run = lifecycle.new_run("orders")
    none: Any = None

    def work() -> None:
        raise UsageError("lease_lost", SECRET)

    with pytest.raises(UsageError):
        lifecycle.run_owned(none, none, run, work)
    assert tracer.told[0][1]["aurora_sync.error_code"] == "lease_lost"
    (line,) = caplog.messages
    assert '"error_code": "lease_lost"' in line and SECRET not in line
