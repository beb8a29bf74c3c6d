"""Names and settings that try to leave their quotes, on the whole path and both sides.

Legal PostgreSQL names must work whatever is in them; settings that cannot be must be
refused in words. A tripwire function of PostgreSQL and a canary table of Snowflake
would tell of injected SQL. And each hostile text holds MARK: it may stand in the
statements of both sides in quotes only.
"""

import collections
import contextlib
import itertools
import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import snowflake.connector
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg2 import sql

from local.compare import compare_table
from tests.end_to_end.lab import Lab

pytestmark = pytest.mark.large

MARK = "zqz"
OURS = re.compile(r"\[([a-z_]+)\].* A retry (?:may help|does not help)\. \S", re.DOTALL)
# A quoted identifier, an E'' text with backslashes, a plain text.
QUOTED = re.compile(
    r"\"(?:[^\"]|\"\")*\"|[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'", re.S
)
FRAGMENTS = [
    '"; SELECT public.tripwire(); --',
    "'; SELECT public.tripwire(); --",
    "\\'; SELECT public.tripwire(); --",
    '\\"; DROP TABLE lab.canary; --',
    "'; DROP TABLE lab.canary; --",
    '"; DROP TABLE lab.canary; --',
    "$$; SELECT public.tripwire(); $$",
    "$a$ */ /* -- ",
    "\n; SELECT public.tripwire();\r\n",
    ") FROM x; SELECT public.tripwire(); --",
    "%s%%%(a)s{0}{a}",
    "<% database %>",
    "\\",
    '"',
    "'",
    ".",
    " ",
    "\u202e\u2028",
    "\U0001f480",
    "%",
    "?:1 :a ",
]
HOSTILE = st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=3).map(
    lambda parts: MARK + MARK.join(parts) + MARK
)


def _fits(text: str, limit: int) -> str:
    return text.encode()[:limit].decode(errors="ignore")


# PostgreSQL's names have 63 bytes; Snowflake's 255 characters.
POSTGRES = HOSTILE.map(lambda text: _fits(text, 60))


@pytest.fixture(scope="module")
def tripwires(stack: Any) -> Iterator[None]:
    """Everybody may call tripwire(); the server's log tells whether anybody did."""
    with contextlib.closing(psycopg2.connect(stack.endpoints.aurora_dsn)) as owner:
        owner.autocommit = True
        cursor = owner.cursor()
        cursor.execute(
            "CREATE FUNCTION public.tripwire() RETURNS int LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'wire tripped'; END $$"
        )
        cursor.execute("ALTER ROLE aurora_sync SET log_statement = 'all'")
        yield
        cursor.execute("ALTER ROLE aurora_sync RESET log_statement")
        cursor.execute("DROP FUNCTION public.tripwire()")


class Watch:
    """What both servers were sent since the beginning."""

    def __init__(self, lab: Lab) -> None:
        assert lab.stack.aurora is not None
        self._lab = lab
        self._log = Path(lab.stack.aurora.data).parent / "server.log"
        self._logged = self._log.stat().st_size
        self._sent = len(lab.statements())

    def check(self) -> None:
        """Fails if a hostile text stood outside of quotes, or ran."""
        with self._log.open("rb") as log:
            log.seek(self._logged)
            logged = log.read().decode(errors="replace")
        assert "wire tripped" not in logged
        # One entry a statement; lines that go on begin with a tab.
        entries = re.split(r"\n(?!\t)", logged)
        begin = "LOG:  statement: "
        texts = [e.split(begin, 1)[1] for e in entries if begin in e]
        assert any(MARK in text for text in texts) or not texts
        sent = self._lab.statements()[self._sent :]
        texts += [entry["text"] for entry in sent if entry["procedure"]]
        for text in texts:
            assert MARK not in QUOTED.sub("", text).lower(), text
        assert self._lab.query("SELECT id FROM lab.canary") == [{"ID": 1}]


@pytest.fixture
def watched(lab: Lab, tripwires: None) -> Lab:
    """A lab with a canary in Snowflake."""
    lab.query("CREATE SCHEMA IF NOT EXISTS lab")
    lab.query("USE SCHEMA control")
    lab.query("CREATE OR REPLACE TABLE lab.canary (id INT)")
    lab.query("INSERT INTO lab.canary VALUES (1)")
    return lab


NAMES = st.fixed_dictionaries(
    {
        name: POSTGRES
        for name in ("schema", "table", "id", "cursor", "value", "goal", "rename")
    }
)


@settings(
    max_examples=12,
    derandomize=True,
    phases=[Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(names=NAMES, kept=HOSTILE)
def test_any_name_of_postgresql_is_synced(
    watched: Lab, names: dict[str, str], kept: str
) -> None:
    lab, watch = watched, Watch(watched)
    # One letter in front: no two of a table's columns have the same name.
    n = {key: _fits(f"{key[0]}{text}", 63) for key, text in names.items()}
    unique = uuid.uuid4().hex[:6]
    entry = f"hostile_{unique}"
    n["schema"] = _fits(f"{unique}{names['schema']}", 63)
    made = {key: sql.Identifier(text) for key, text in n.items()}
    lab.psql(sql.SQL("""
            CREATE SCHEMA {schema};
            CREATE TABLE {schema}.{table} ({id} int PRIMARY KEY, {value} text,
                {cursor} timestamptz NOT NULL DEFAULT now());
            CREATE INDEX ON {schema}.{table} ({cursor});
            INSERT INTO {schema}.{table} SELECT i, {text} FROM generate_series(1, 3) i
            """).format(**made, text=sql.Literal(kept)))
    target = {"target_table": n["goal"], "target_schema": "LAB"}
    settings_of_table = {
        "schema": n["schema"],
        "table": n["table"],
        "cursor": n["cursor"],
        "columns": {n["value"]: {"rename": n["rename"]}},
        "deletes": "key_compare",
        "delete_check_minutes": 0,
        "description": kept,
    }
    try:
        lab.apply({entry: settings_of_table | target})
        assert lab.call("PLAN_SYNC", entry)
        assert lab.sync(entry)["rows_inserted"] == 3
        change = "UPDATE {schema}.{table} SET {value} = '', {cursor} = now()"
        lab.psql(sql.SQL(change + " WHERE {id} = 1").format(**made))
        lab.psql(sql.SQL("DELETE FROM {schema}.{table} WHERE {id} = 2").format(**made))
        report = lab.call("CONFIRM_DELETES", entry)
        assert (report["rows_updated"], report["rows_deleted"]) == (1, 1)
        assert lab.call("VALIDATE_TABLE", entry)["status"] == "equal"
        quoted = '"' + n["goal"].upper().replace('"', '""') + '"'
        lab.query(f"DELETE FROM LAB.{quoted} WHERE _SYNC_DELETED_AT IS NOT NULL")
        with contextlib.closing(
            psycopg2.connect(lab.stack.endpoints.aurora_dsn)
        ) as source:
            comparison = compare_table(
                source=source,
                target=lab.target,
                source_table=(n["schema"], n["table"]),
                target_table=f"LAB.{quoted}",
                renames={n["value"]: n["rename"].upper()},
            )
        assert comparison.equal, comparison.explain()
        watch.check()
        lab.query(f"DROP TABLE LAB.{quoted}")
    finally:
        lab.psql(sql.SQL("DROP SCHEMA {schema} CASCADE").format(**made))


def _config(table: str) -> dict[str, Any]:
    """Every setting that is a text, with a value that works."""
    return {
        "version": 1,
        "defaults": {"source": "shop", "schema": "public", "margin_seconds": 0},
        "sources": {"shop": {"description": "d", "time_zone": "UTC"}},
        "groups": {
            "hourly": {
                "description": "d",
                "schedule": {"cron": "0 0 1 1 *", "time_zone": "UTC"},
                "warehouse": "SYNC_WH",
            }
        },
        "alerts": {
            "email": {"integration": "MAIL", "recipients": ["a@example.com"]},
            "sns": {"integration": "TOPIC"},
        },
        "tables": {
            table: {
                "description": "d",
                "source": "shop",
                "group": "hourly",
                "schema": "public",
                "table": table,
                "target_database": "AURORA_SYNC",
                "target_schema": "LAB",
                "target_table": f"{table}_GOAL",
                "mode": "incremental",
                "cursor": "updated_at",
                "key": ["id"],
                "exclude": ["amount"],
                "columns": {"note": {"rename": "REMARK", "type": "VARCHAR"}},
                "deletes": "soft_column",
                "delete_column": "gone",
                "delete_action": "soft",
                "null_cursor": "load",
                "special_values": "null",
                "schema_drift": "evolve",
                "type_change": "fail",
            }
        },
    }


LONG = ["'" * 5000, '"' * 5000, "x" * 70000]


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every text of a document, and every name in it, as the keys that lead there."""
    if isinstance(value, str):
        yield path
    items = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        items = enumerate(value)
    for key, inner in items:
        if isinstance(key, str):
            yield (*path, ("name", key))
        yield from _places(inner, (*path, key))


def _spoiled(document: dict[str, Any], path: tuple[Any, ...], text: str) -> Any:
    """The document with another text, or another name, at one place."""
    result = json.loads(json.dumps(document))
    holder = result
    for key in path[:-1]:
        holder = holder[key]
    if isinstance(path[-1], tuple):
        holder[text] = holder.pop(path[-1][1])
    else:
        holder[path[-1]] = text
    return result


def test_any_setting_works_or_is_refused_in_words(watched: Lab) -> None:
    lab, watch = watched, Watch(watched)
    table = f"spoiled_{lab.suffix}"
    lab.orders_table(table, 2)
    lab.psql(f"ALTER TABLE {table} ADD COLUMN gone boolean")
    valid = _config(table)
    lab.call("APPLY_CONFIG", json.dumps(valid))
    assert lab.sync(table)["rows_inserted"] == 2
    texts = itertools.cycle([MARK + part + MARK for part in FRAGMENTS + LONG])
    codes: collections.Counter[str] = collections.Counter()
    for place in _places(valid):
        config = _spoiled(valid, place, next(texts))
        if refused := attempt(lab, "APPLY_CONFIG", json.dumps(config)):
            told = [refused]
        else:
            (name,) = config["tables"]
            # A sync would stop at the first look: the table was another one before.
            calls = [("PLAN_SYNC", name), ("RESYNC_TABLE", name), ("RAISE_ALERTS",)]
            told = [attempt(lab, *call) or "" for call in calls]
        for error in filter(None, told):
            found = OURS.search(error)
            assert found, (place, error)
            assert len(error) < 20000
            codes[found[1]] += 1
        codes["works"] += told.count("")
    # Some settings cannot be checked before PostgreSQL or Snowflake is asked.
    assert codes["works"] > 10 and codes["invalid_config"] > 30, codes
    assert {"table_not_found", "column_not_found"} <= set(codes), codes
    assert not {"internal_error", "bad_request"} & set(codes), codes
    watch.check()


def test_any_group_has_its_tasks(watched: Lab) -> None:
    """A table's name and its group's are the names of tasks."""
    lab, watch = watched, Watch(watched)
    table = f"tasks_{lab.suffix}"
    lab.orders_table(table, 1)
    valid = _config(table)
    for place in (
        ("groups", "hourly", "warehouse"),
        ("groups", "hourly", "description"),
        ("groups", "hourly", "schedule", "cron"),
        ("groups", "hourly", "schedule", "time_zone"),
    ):
        for text in [MARK + part + MARK for part in FRAGMENTS[::3]]:
            config = json.dumps(_spoiled(valid, place, text))
            error = attempt(lab, "APPLY_CONFIG", config) or attempt(lab, "APPLY_TASKS")
            assert not error or OURS.search(error), (place, error)
    lab.apply({})
    lab.query("CALL APPLY_TASKS()")
    watch.check()


def attempt(lab: Lab, procedure: str, *arguments: str) -> str | None:
    """Calls a procedure; returns the text of its error."""
    marks = ", ".join(["%s"] * len(arguments))
    try:
        lab.query(f"CALL {procedure}({marks})", *arguments)
    except snowflake.connector.errors.ProgrammingError as error:
        return str(error)
    return None


def test_the_watch_notices_what_leaves_its_quotes() -> None:
    for text in (
        f'SELECT "a{MARK}"";" FROM "b"',
        f"SELECT E'\\'{MARK}', '{MARK}'';'",
    ):
        assert MARK not in QUOTED.sub("", text)
    for text in (f'SELECT "a"{MARK}";"', f"SELECT '\\'{MARK}'", f"x {MARK}"):
        assert MARK in QUOTED.sub("", text)
