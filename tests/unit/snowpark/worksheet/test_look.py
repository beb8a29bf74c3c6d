"""What a run of a group tells of new and vanished tables."""

from typing import Any

import pytest
from snowflake.snowpark import Row

from snowpark.errors import ConfigError, SnowflakeError
from snowpark.session import Snowflake
from snowpark.worksheet import apply_config, look, resolve
from snowpark.worksheet.discoveries import Discovery
from tests.unit.snowpark.scripted import Scripted

NEW = Discovery("new", "shop", "erp.late", "erp.late", "add")
TOLD = {"what": "new", "table": "erp.late", "policy": "add"}
BLOCKED = Discovery("blocked", "shop", "erp.denied", "erp.denied", "add")


@pytest.fixture
def edits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The configurations that were stored."""
    made = list[str]()

    def edit(snowflake: Snowflake, change: Any) -> None:
        made.append(change("{}"))

    monkeypatch.setattr(apply_config, "edit_config", edit)
    return made


def looked(
    monkeypatch: pytest.MonkeyPatch, *found: Discovery
) -> tuple[dict[str, Any], Scripted]:
    rows = [Row(CONFIG_TEXT='{"patterns": {}}')]
    session = Scripted(read_patterns_to_look_at=rows)
    monkeypatch.setattr(resolve, "discoveries", lambda *_: iter(found))
    return look.look(Snowflake(session)), session


def test_nobody_looks_twice_within_an_hour(edits: list[str]) -> None:
    session = Scripted(read_patterns_to_look_at=[])
    assert look.look(Snowflake(session)) == {}
    assert session.names == ["read_patterns_to_look_at"]


def test_that_a_source_was_looked_at_is_noted_though_nothing_is_new(
    monkeypatch: pytest.MonkeyPatch, edits: list[str]
) -> None:
    report, session = looked(monkeypatch)
    assert (report, edits) == ({}, [])
    assert "looked" in session.values("insert_discoveries")[0]


def test_a_new_table_is_added_if_its_pattern_says_so(
    monkeypatch: pytest.MonkeyPatch, edits: list[str]
) -> None:
    report, _ = looked(monkeypatch, NEW)
    assert (report, edits) == ({"discoveries": [TOLD]}, ["{}"])


@pytest.mark.parametrize(
    "found",
    [
        BLOCKED,
        Discovery("new", "shop", "erp.late", "erp.late", "tell"),
        Discovery("vanished", "shop", "erp.old", "erp.old", "add"),
    ],
)
def test_what_is_not_to_be_added_is_told_alone(
    monkeypatch: pytest.MonkeyPatch, edits: list[str], found: Discovery
) -> None:
    report, _ = looked(monkeypatch, found)
    assert [one["what"] for one in report["discoveries"]] == [found.what]
    assert edits == []


def test_an_add_that_fails_is_told_beside_what_was_found_and_stops_no_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any) -> None:
        raise ConfigError([])

    monkeypatch.setattr(apply_config, "edit_config", refuse)
    report, session = looked(monkeypatch, NEW)
    assert report["discoveries"] == [TOLD]
    assert "[invalid_config]" in report["discoveries_failed"]
    # Noted before, so that the next run of this hour does not fail again.
    assert session.names == ["read_patterns_to_look_at", "insert_discoveries"]


def test_a_source_that_cannot_be_asked_stops_no_group(
    monkeypatch: pytest.MonkeyPatch, edits: list[str]
) -> None:
    def refuse(*_: Any) -> Any:
        text = "The API integration is disabled."
        raise SnowflakeError("snowflake_error", text, number=None, query_id=None)

    monkeypatch.setattr(resolve, "discoveries", refuse)
    rows = [Row(CONFIG_TEXT='{"patterns": {}}')]
    report = look.look(Snowflake(Scripted(read_patterns_to_look_at=rows)))
    assert "API integration is disabled" in report["discoveries_failed"]
    assert edits == []
