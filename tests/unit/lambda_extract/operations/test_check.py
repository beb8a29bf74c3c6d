"""Operation "check": every broken thing is a finding of its own, with a true hint."""

import dataclasses
import time
from typing import Any, Literal

import psycopg2.extensions
import pytest

from lambda_extract import contract
from lambda_extract.contract import CheckTable, ColumnSpec, CursorSpec, Finding
from lambda_extract.errors import RequestError, SourceError
from lambda_extract.operations import check as operation
from lambda_extract.operations import findings
from lambda_extract.settings import Reader as ReaderServer
from lambda_extract.settings import Settings, Source
from local.aurora import free_port
from tests.unit.lambda_extract.conftest import READER, MakeTable, Reader

COLUMNS = "id bigint PRIMARY KEY, note text, updated_at timestamptz NOT NULL"
INDEX = "CREATE INDEX ON {table} (updated_at)"
CURSOR = CursorSpec("updated_at")
FACTS = findings.SourceFacts(
    role="reader",
    version=180004,
    sslmode="verify-full",
    tls=True,
    replica=False,
    sees_all=True,
    hidden=False,
    superuser=False,
)


SHOP = Source("shop", "127.0.0.1", "shop", {"kind": "environment"}, sslmode="prefer")


def settings_of(source: Source) -> Settings:
    return Settings(
        sources={"shop": source},
        landing_bucket="bucket",
        landing_prefix="",
        function_name="f",
        signing_key="0" * 64,
    )


def checked(
    monkeypatch: pytest.MonkeyPatch,
    *readers: Reader,
    user: str = READER,
    cursor: CursorSpec | None = CURSOR,
    keyed: bool = True,
    **source: Any,
) -> list[Finding]:
    """Returns what a check of these tables finds."""
    place = dataclasses.replace(SHOP, port=readers[0].aurora.port)
    settings = settings_of(dataclasses.replace(place, **source))
    monkeypatch.setenv("SOURCE_SHOP_USER", user)
    monkeypatch.setenv("SOURCE_SHOP_PASSWORD", "")
    monkeypatch.setenv("SOURCE_SHOP_HASH_KEY", "")
    tables = tuple(CheckTable(reader.spec, keyed, cursor) for reader in readers)
    reply = operation.check(
        contract.CheckRequest("r1", "shop", tables),
        settings=settings,
        deadline=time.monotonic() + 30,
    )
    assert contract.decode_reply(contract.encode(reply)) == reply
    return list(reply.findings)


def one(found: list[Finding], check: str, table: str = "orders") -> Finding:
    (finding,) = (f for f in found if f.check == check and f.table == table)
    return finding


def test_a_table_as_it_should_be(
    make_table: MakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = checked(monkeypatch, make_table(COLUMNS, INDEX))
    bad = {f.check for f in found if f.state != "ok"}
    assert bad == {"tls"}  # The server of the tests has no certificate.
    assert [f.check for f in found if f.table] == [
        "select",
        "types",
        "key",
        "cursor",
        "index",
        "proof",
    ]


@pytest.mark.parametrize(
    ("columns", "script", "check", "state", "told"),
    [
        (COLUMNS, "", "index", "warning", "CREATE INDEX CONCURRENTLY"),
        ("id bigint, updated_at timestamptz", "", "key", "failed", '"key"'),
        ("id int PRIMARY KEY, updated_at text", "", "cursor", "failed", "timestamptz"),
        ("id int PRIMARY KEY", "", "cursor", "failed", "existing column"),
        (
            "id int PRIMARY KEY, updated_at timestamp",
            "",
            "cursor",
            "failed",
            "time_zone",
        ),
        (
            COLUMNS,
            "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            "select",
            "failed",
            "BYPASSRLS",
        ),
        (
            COLUMNS,
            f"REVOKE SELECT ON {{table}} FROM {READER}",
            "select",
            "failed",
            "GRANT SELECT ON",
        ),
        (
            "id int PRIMARY KEY, updated_at bigint GENERATED ALWAYS AS IDENTITY"
            " (CACHE 9)",
            "",
            "cursor",
            "failed",
            "CACHE 1",
        ),
    ],
)
def test_a_broken_table_is_told_of_and_hides_no_other(
    make_table: MakeTable,
    monkeypatch: pytest.MonkeyPatch,
    columns: str,
    script: str,
    check: str,
    state: str,
    told: str,
) -> None:
    broken = make_table(columns, script)
    good = make_table(COLUMNS, INDEX)
    good.spec = dataclasses.replace(good.spec, name="good")
    found = checked(monkeypatch, broken, good)
    finding = one(found, check)
    assert (finding.state, told in finding.hint) == (state, True), finding
    assert {f.state for f in found if f.table == "good"} == {"ok"}


def test_a_column_that_cannot_have_its_configured_type_is_told_of(
    make_table: MakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = (ColumnSpec("note", type="NUMBER(5,0)"),)
    found = checked(monkeypatch, make_table(COLUMNS, INDEX, columns=columns))
    assert one(found, "types") == Finding(
        "types",
        "failed",
        "[type_unsupported] Column 'note' of table 'orders' is text in PostgreSQL and"
        " cannot become NUMBER(5,0).",
        'Set "type" to "VARCHAR", which is always possible, or remove it.',
        "orders",
    )
    assert {f.check for f in found if f.table and f.state != "ok"} == {"types"}


def test_a_table_that_is_not_there_or_not_allowed(
    make_table: MakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = make_table(COLUMNS)
    reader.spec = dataclasses.replace(reader.spec, relation="no_such_table")
    assert "table_not_found" in one(checked(monkeypatch, reader), "select").detail
    found = checked(monkeypatch, reader, tables=("public.other",))
    assert "table_not_allowed" in one(found, "select").detail


def test_a_role_that_sees_no_transactions(
    make_table: MakeTable,
    monkeypatch: pytest.MonkeyPatch,
    owner: psycopg2.extensions.connection,
) -> None:
    reader = make_table(COLUMNS, INDEX + "; GRANT SELECT ON {table} TO unprivileged")
    found = checked(monkeypatch, reader, user="unprivileged")
    assert one(found, "pg_read_all_stats", "").hint == (
        'GRANT pg_read_all_stats TO "unprivileged";'
    )
    assert one(found, "proof").state == "failed"
    lookback = CursorSpec("updated_at", lookback_seconds=60.0)
    found = checked(monkeypatch, reader, user="unprivileged", cursor=lookback)
    assert one(found, "proof").state == "ok"


def test_a_full_table_needs_no_key_and_no_cursor(
    make_table: MakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = checked(monkeypatch, make_table("note text"), cursor=None, keyed=False)
    assert {(f.check, f.state) for f in found if f.table} == {
        ("select", "ok"),
        ("types", "ok"),
        ("key", "ok"),
    }


def test_a_superuser_is_too_much(
    make_table: MakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = checked(monkeypatch, make_table(COLUMNS), user="postgres")
    assert one(found, "role", "").state == "warning"


def test_a_source_that_does_not_answer(
    make_table: MakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = make_table(COLUMNS)
    (finding,) = checked(monkeypatch, reader, port=1)
    assert (finding.check, finding.state) == ("postgresql", "failed")
    assert "security groups" in finding.hint
    (finding,) = checked(monkeypatch, reader, user="nobody_like_this")
    assert (finding.check, finding.state) == ("login", "failed")


def test_a_source_that_ends_in_between_is_one_more_finding(
    make_table: MakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*_: object) -> None:
        raise SourceError("source_unreachable", "The connection broke off.")

    monkeypatch.setattr(operation, "read_table", ended)
    found = checked(monkeypatch, make_table(COLUMNS))
    assert found[-1].check == "postgresql" and found[-1].state == "failed"
    assert one(found, "role", "").state == "ok"


def test_too_many_tables_and_texts_too_long(make_table: MakeTable) -> None:
    table = CheckTable(make_table(COLUMNS).spec)
    request = contract.CheckRequest("r1", "shop", (table,) * 101)
    with pytest.raises(RequestError, match="at most 100"):
        operation.check(request, settings=settings_of(SHOP), deadline=0)
    long = findings.bounded(Finding("x", "ok", "y" * 5000, "z" * 5000))
    assert len(long.detail) + len(long.hint) == 1200


@pytest.mark.parametrize(
    ("changes", "check", "told"),
    [
        ({"tls": False}, "tls", "verify-full"),
        ({"sslmode": "require"}, "tls", "verify-full"),
        ({"version": 120001}, "version", "Upgrade to PostgreSQL 13"),
        ({"replica": True}, "server", "writer's endpoint"),
        ({"sees_all": False}, "pg_read_all_stats", "GRANT pg_read_all_stats"),
        ({"hidden": True}, "pg_read_all_stats", "track_activities"),
        ({"superuser": True}, "role", "may read and nothing else"),
    ],
)
def test_each_fact_of_a_source_is_judged(
    changes: dict[str, Any], check: str, told: str
) -> None:
    assert {f.state for f in findings.of_source(FACTS)} == {"ok"}
    found = findings.of_source(dataclasses.replace(FACTS, **changes))
    (bad,) = (f for f in found if f.state != "ok")
    assert (bad.check, bad.state, told in bad.hint) == (check, "warning", True)


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("unknown_source", "source"),
        ("credentials_denied", "credentials"),
        ("vault_sealed", "credentials"),
        ("source_unreachable", "postgresql"),
    ],
)
def test_where_a_connection_fails(code: str, place: str) -> None:
    assert findings.place_of(code) == place


@pytest.mark.parametrize(
    ("behind", "state"), [("writer", "warning"), ("fail", "failed")]
)
def test_a_reader_that_follows_nobody(
    make_table: MakeTable,
    monkeypatch: pytest.MonkeyPatch,
    behind: Literal["writer", "fail"],
    state: str,
) -> None:
    reader = make_table(COLUMNS, INDEX)
    place = ReaderServer("127.0.0.1", reader.aurora.port, 1.0, behind)
    found = checked(monkeypatch, reader, reader=place)
    told = one(found, "reader", "")
    assert told.state == state and "[reader_behind]" in told.detail and told.hint
    assert ("from the writer meanwhile" in told.detail) == (behind == "writer")
    # The proof is the writer's all the same.
    assert one(found, "proof").state == "ok" and one(found, "server", "").state == "ok"


def test_a_reader_that_cannot_be_reached(
    make_table: MakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = ReaderServer("127.0.0.1", free_port())
    found = checked(monkeypatch, make_table(COLUMNS, INDEX), reader=place)
    told = one(found, "reader", "")
    assert told.state == "warning" and "[source_unreachable]" in told.detail
    assert one(found, "select").state == "ok"


def test_no_index_is_looked_for_if_a_cursor_column_is_missing(
    make_table: MakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hint would be an index that nobody can create."""
    cursor = CursorSpec("updated_at", also=("changed_at",))
    found = checked(monkeypatch, make_table(COLUMNS, INDEX), cursor=cursor)
    assert [(f.check, f.state) for f in found if f.table] == [
        ("select", "ok"),
        ("types", "ok"),
        ("key", "ok"),
        ("cursor", "failed"),
        ("proof", "ok"),
    ]


def test_a_source_is_described_from_its_line_to_its_role() -> None:
    assert [f.check for f in findings.of_source(FACTS)] == [
        "tls",
        "version",
        "server",
        "pg_read_all_stats",
        "role",
    ]


@pytest.mark.parametrize(
    ("version", "told", "state"),
    [
        (180004, "PostgreSQL 18.4", "ok"),
        (130000, "PostgreSQL 13.0", "ok"),
        (120022, "PostgreSQL 12.22", "warning"),
    ],
)
def test_a_version_is_told_as_postgresql_writes_it(
    version: int, told: str, state: str
) -> None:
    found = findings.of_source(dataclasses.replace(FACTS, version=version))
    (finding,) = (f for f in found if f.check == "version")
    assert (finding.detail, finding.state) == (told, state)


@pytest.mark.parametrize(
    ("also", "value", "index"),
    [
        ((), "updated_at", '"updated_at"'),
        (
            ("created_at",),
            "GREATEST(updated_at, created_at)",
            '(GREATEST("updated_at", "created_at"))',
        ),
    ],
)
def test_an_index_is_named_as_it_must_be_created(
    also: tuple[str, ...], value: str, index: str
) -> None:
    table = contract.TableSpec("orders", "shop", "public", "orders")
    cursor = CursorSpec("updated_at", also=also)
    assert findings.of_index(table, cursor, indexed=True) == findings.Seen(
        f"an index begins with {value}"
    )
    assert findings.of_index(table, cursor, indexed=False) == findings.Seen(
        f"no index begins with {value}: each sync reads the whole table",
        f'CREATE INDEX CONCURRENTLY ON "public"."orders" ({index});',
    )
