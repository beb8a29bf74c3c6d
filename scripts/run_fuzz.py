"""Feeds hostile inputs to what strangers can reach, and counts them.

Three targets: API Gateway events through the real handler (S3 and Lambda replaced by
memory), request texts through the contract, configurations through the parser. None may
raise anything but its own refusal, answer a 5xx, or hang. A failing input is shortened
and printed by hypothesis; the same seed gives the same inputs.
"""

import base64
import contextlib
import gzip
import io
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any
from unittest import mock

import hypothesis
import typer
from hypothesis import strategies as st

from lambda_extract import contract
from lambda_extract import handler as handling
from lambda_extract.protocol import envelope
from lambda_extract.protocol.jobs import JobReply
from snowpark.errors import SyncError
from snowpark.settings import parse

ROOT = Path(__file__).resolve().parents[1]
SLOW_SECONDS = 5.0
ENVIRONMENT = {
    "LANDING_BUCKET": "landing",
    "SIGNING_KEY": "a signing key that is long enough for it",
    "AWS_LAMBDA_FUNCTION_NAME": "extract",
    "SOURCES": "{}",
}
TABLE = contract.TableSpec("orders", "shop", "public", "orders")
REQUESTS = [
    contract.to_object(request)
    for request in (
        contract.HealthRequest("r1", "shop"),
        contract.PlanRequest("r1", TABLE, cursor=contract.CursorSpec("updated_at")),
        contract.KeysRequest("r1", TABLE, "p1", contract.Partition("p1", ("id",))),
        contract.ExtractRequest(
            "r1",
            TABLE,
            "p1",
            cursor=contract.CursorSpec("updated_at"),
            window=contract.Window(contract.CursorValue("1", "bigint")),
        ),
    )
]
CONFIG = json.loads((ROOT / "config" / "sync_config.json").read_text(encoding="utf-8"))
HOSTILE = st.sampled_from(
    [
        "'; DROP TABLE orders; --",
        '"; DROP TABLE orders; --',
        "$$; SELECT 1; $$",
        "../../../etc/passwd",
        "a\nb\r\x00\x1b[31m",
        "{{x}}<% y %>%s%(a)s",
        "\ud800",
        "\u202e\u0000",
        "x" * 5000,
        "NaN",
        "1e999",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | HOSTILE
    | st.sampled_from([2**63, 10**400, -1, 0])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner)
    ),
    max_leaves=4,
)


class _MemoryJobs:
    """Job objects in memory: what S3 does is not what is tried here."""

    def __init__(self) -> None:
        self._claims: set[str] = set()

    def claim(self, job: str, row: int, request: contract.Request) -> bool:
        new = job not in self._claims
        self._claims.add(job)
        return new

    def reply(self, job: str) -> JobReply | None:
        return None


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a document, as the keys that lead to it."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list | tuple):
        items = list(enumerate(value))
    found = [path] if path else []
    for key, inner in items:
        found += _places(inner, (*path, key))
    return found


@st.composite
def _changed(draw: st.DrawFn, document: dict[str, Any]) -> Any:
    """A valid document with a value replaced, removed or added at one place."""
    result = json.loads(json.dumps(document))
    path = draw(st.sampled_from(_places(result)))
    holder = result
    for key in path[:-1]:
        holder = holder[key]
    action = draw(st.sampled_from(["replace", "replace", "remove", "add"]))
    if action == "replace":
        holder[path[-1]] = draw(VALUES)
    elif action == "remove":
        del holder[path[-1]]
    elif isinstance(holder, dict):
        holder[draw(st.text(max_size=8) | HOSTILE)] = draw(VALUES)
    else:
        holder.append(draw(VALUES))
    return result


def _spoiled(text: str) -> st.SearchStrategy[str]:
    """A text that is cut, or has something in its middle."""
    place = st.integers(0, len(text))
    return st.builds(
        lambda at, middle, cut: text[:at] + middle + ("" if cut else text[at:]),
        place,
        st.text(max_size=5) | HOSTILE,
        st.booleans(),
    )


REQUEST_OBJECTS = st.sampled_from(REQUESTS).flatmap(_changed) | VALUES
REQUEST_TEXTS = REQUEST_OBJECTS.map(json.dumps) | st.sampled_from(
    [json.dumps(request) for request in REQUESTS]
).flatmap(_spoiled)
CONFIG_TEXTS = _changed(CONFIG).map(json.dumps) | _spoiled(json.dumps(CONFIG))


@st.composite
def _events(draw: st.DrawFn) -> dict[str, Any]:
    """An event of API Gateway, with a forged, packed, cut or malformed part."""
    argument = draw(REQUEST_TEXTS | REQUEST_OBJECTS)
    rows = draw(st.just([[0, argument]]) | VALUES)
    body: Any = json.dumps(draw(st.just({"data": rows}) | VALUES))
    form = draw(st.sampled_from(["text", "gzip", "cut", "base64", "raw"]))
    packed = form in ("gzip", "cut", "base64")
    if packed:
        data = gzip.compress(body.encode(), 1) if form != "base64" else body.encode()
        if form == "cut":
            data = data[: draw(st.integers(0, len(data)))]
        body = base64.b64encode(data).decode()
    elif form == "raw":
        body = draw(st.none() | st.text(max_size=20) | HOSTILE)
    names = st.sampled_from(
        [
            "sf-external-function-query-batch-id",
            "SF-External-Function-Query-Batch-Id",
            "content-encoding",
            "accept-encoding",
            "x-forwarded-for",
        ]
    )
    headers = draw(
        st.just({envelope.BATCH_ID_HEADER: "b"})
        | st.dictionaries(names, st.text(max_size=9) | st.just("gzip") | HOSTILE)
    )
    method = draw(st.sampled_from(["POST", "POST", "GET", "PUT", "", None]))
    event: dict[str, Any] = {
        "httpMethod": method,
        "headers": headers,
        "body": body,
        "isBase64Encoded": packed,
    }
    forged: dict[str, Any] = draw(st.sampled_from([{}, {"job": "x"}, {"watchdog": {}}]))
    return event | forged


def try_event(event: dict[str, Any]) -> None:
    """Sends an event to the handler; it answers, never with a 5xx or a 429."""
    status = handling.handler(event, None)["statusCode"]
    assert status in (200, 202, 400), status


def try_request(text: str) -> None:
    """Decodes a request; what is decoded can be encoded and is the same."""
    try:
        request = contract.decode_request(text)
    except contract.ContractError:
        return
    assert contract.decode_request(contract.encode(request)) == request


def try_config(text: str) -> None:
    """Parses a configuration, or is refused by the one error that lists problems."""
    with contextlib.suppress(SyncError):
        parse.parse(text)


# name, inputs, what tries one, share of all inputs
TARGETS: tuple[tuple[str, Any, Callable[[Any], None], float], ...] = (
    ("events through the handler", _events(), try_event, 0.5),
    ("requests through the contract", REQUEST_TEXTS, try_request, 0.4),
    ("configurations", CONFIG_TEXTS, try_config, 0.1),
)


def fuzz(inputs: int, seed: int) -> dict[str, int]:
    """Tries about `inputs` inputs; returns how many each target was given.

    Raises:
        AssertionError: A promise was broken; hypothesis names the input.
    """
    counts: dict[str, int] = {}
    with _surroundings():
        for name, strategy, attempt, share in TARGETS:
            counts[name] = _run(strategy, attempt, max(int(inputs * share), 1), seed)
    return counts


@contextlib.contextmanager
def _surroundings() -> Iterator[None]:
    jobs = _MemoryJobs()
    with (
        mock.patch.object(handling, "_jobs", lambda settings: jobs),
        mock.patch.object(handling, "_start_worker", lambda *arguments: None),
        mock.patch.dict(os.environ, ENVIRONMENT),
        contextlib.redirect_stdout(io.StringIO()) as told,
    ):
        yield
        for line in told.getvalue().splitlines():
            # One JSON object a line, whatever the input holds: no forged log lines.
            assert "event" in json.loads(line)


def _run(strategy: Any, attempt: Callable[[Any], None], inputs: int, seed: int) -> int:
    count = 0

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=inputs,
        deadline=None,
        database=None,
        phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(strategy)
    def test(value: Any) -> None:
        nonlocal count
        count += 1
        # This process's own time: a busy machine is no fault, and nothing waits here.
        started = time.process_time()
        attempt(value)
        assert time.process_time() - started < SLOW_SECONDS, "took too long"

    test()
    return count


def main(
    inputs: Annotated[int, typer.Option(help="How many inputs, about.")] = 200_000,
    seed: Annotated[int, typer.Option(help="The same seed, the same inputs.")] = 1,
) -> None:
    """Tries hostile inputs and prints how many."""
    started = time.monotonic()
    counts = fuzz(inputs, seed)
    for name, count in counts.items():
        print(f"{count:>9,} {name}")
    seconds = time.monotonic() - started
    print(f"{sum(counts.values()):>9,} inputs, seed {seed}, {seconds:.0f} s: no fault")


if __name__ == "__main__":
    typer.run(main)
