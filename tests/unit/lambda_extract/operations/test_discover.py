"""Operation "discover": what the catalog says of tables that nobody has configured."""

import dataclasses
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg2.extensions
import pytest

from lambda_extract import contract
from lambda_extract.contract import DiscoverReply, FoundColumn, FoundTable
from lambda_extract.credentials import secrets
from lambda_extract.errors import RequestError
from lambda_extract.operations import discover as operation
from lambda_extract.settings import Protection, Settings, Source
from local.aurora import Aurora
from tests.unit.lambda_extract.conftest import READER

SHOP = Source("shop", "127.0.0.1", "shop", {"kind": "environment"}, sslmode="prefer")
TOUCH = """
    CREATE FUNCTION {s}.touch() RETURNS trigger LANGUAGE plpgsql AS $f$
    BEGIN NEW.{column} := now(); RETURN NEW; END $f$;
    CREATE TRIGGER touched BEFORE UPDATE ON {s}.a
    FOR EACH ROW EXECUTE FUNCTION {s}.touch();
"""


@pytest.fixture
def schema(owner: psycopg2.extensions.connection) -> Iterator[str]:
    """A schema of the test's own that the reader may read."""
    name = f"d_{uuid.uuid4().hex[:10]}"
    with owner.cursor() as cursor:
        cursor.execute(
            f"CREATE SCHEMA {name}; GRANT USAGE ON SCHEMA {name} TO {READER}"
        )
        cursor.execute(
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA {name} GRANT SELECT ON TABLES TO"
            f" {READER}"
        )
        yield name
        cursor.execute(f"DROP SCHEMA {name} CASCADE")


class Discoverer:
    """Makes tables in the schema and asks what is there."""

    def __init__(
        self,
        aurora: Aurora,
        owner: psycopg2.extensions.connection,
        schema: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.owner, self.schema = owner, schema
        self.source = dataclasses.replace(SHOP, port=aurora.port)
        monkeypatch.setenv("SOURCE_SHOP_USER", READER)
        monkeypatch.setenv("SOURCE_SHOP_PASSWORD", "")
        monkeypatch.setenv("SOURCE_SHOP_HASH_KEY", "")

    def make(self, script: str) -> None:
        with self.owner.cursor() as cursor:
            cursor.execute(script.replace("{s}", self.schema))

    def ask(
        self, *patterns: str, after: tuple[str, ...] = (), **source: Any
    ) -> DiscoverReply:
        settings = Settings(
            sources={"shop": dataclasses.replace(self.source, **source)},
            landing_bucket="bucket",
            landing_prefix="",
            function_name="f",
            signing_key="0" * 64,
        )
        wanted = patterns or (f"{self.schema}.*",)
        reply = operation.discover(
            contract.DiscoverRequest("r1", "shop", wanted, after),
            settings=settings,
            deadline=time.monotonic() + 30,
        )
        assert contract.decode_reply(contract.encode(reply)) == reply
        return reply

    def table(self, relation: str = "a", **source: Any) -> FoundTable:
        (found,) = (t for t in self.ask(**source).tables if t.relation == relation)
        return found

    def column(self, name: str, relation: str = "a", **source: Any) -> FoundColumn:
        table = self.table(relation, **source)
        (found,) = (c for c in table.columns if c.name == name)
        return found


@pytest.fixture
def discoverer(
    aurora: Aurora,
    owner: psycopg2.extensions.connection,
    schema: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Discoverer:
    return Discoverer(aurora, owner, schema, monkeypatch)


def test_a_table_is_described_with_its_evidence(discoverer: Discoverer) -> None:
    discoverer.make("""
        CREATE TABLE {s}.a (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            email text,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
        );
        CREATE INDEX ON {s}.a (updated_at, id);
        COMMENT ON TABLE {s}.a IS 'All of it';
        COMMENT ON COLUMN {s}.a.email IS 'Where to write';
        INSERT INTO {s}.a (email) SELECT 'x' FROM generate_series(1, 500);
        ANALYZE {s}.a;
        """ + TOUCH.replace("{column}", "updated_at"))
    assert discoverer.ask().complete
    found = discoverer.table()
    assert (found.kind, found.key, found.primary) == ("r", ("id",), True)
    assert (found.rows, found.bytes > 0, found.comment) == (500, True, "All of it")
    assert found.refused == ()
    column = {c.name: c for c in found.columns}
    assert column["email"].comment == "Where to write"
    assert column["id"].default == "sequence"
    assert column["created_at"].default == "clock"
    assert (column["created_at"].trigger, column["created_at"].indexed) == ("", False)
    assert column["updated_at"] == FoundColumn(
        name="updated_at",
        type="timestamp with time zone",
        not_null=True,
        cursor_type="timestamp with time zone",
        indexed=True,
        default="clock",
        trigger="touched",
    )


@pytest.mark.parametrize(
    ("assigned", "column", "kept"),
    [
        ("updated", "updated_at", False),
        ("updated_at", "updated", False),
        ('"Last Change"', "Last Change", True),
        ('"x.y"', "x.y", True),
        ('"x+y"', "x.y", False),
    ],
)
def test_a_trigger_keeps_the_column_it_assigns_and_no_other(
    discoverer: Discoverer, assigned: str, column: str, kept: bool
) -> None:
    names = {assigned.strip('"'), column}
    columns = ", ".join(f'"{name}" timestamptz' for name in sorted(names))
    discoverer.make(f"CREATE TABLE {{s}}.a ({columns});")
    discoverer.make(TOUCH.replace("{column}", assigned))
    assert (discoverer.column(column).trigger != "") == kept


def test_of_several_triggers_that_keep_a_column_one_is_told(
    discoverer: Discoverer,
) -> None:
    discoverer.make("CREATE TABLE {s}.a (updated_at timestamptz)")
    discoverer.make(TOUCH.replace("{column}", "updated_at"))
    discoverer.make("""
        CREATE TRIGGER again BEFORE UPDATE ON {s}.a
        FOR EACH ROW EXECUTE FUNCTION {s}.touch()
        """)
    assert discoverer.column("updated_at").trigger == "again"


def test_a_key_with_an_expression_names_no_row(discoverer: Discoverer) -> None:
    """Several rows may have one id: it is unique together with the expression alone."""
    discoverer.make("""
        CREATE TABLE {s}.a (id int NOT NULL, note text NOT NULL);
        CREATE UNIQUE INDEX ON {s}.a (id, lower(note))
        """)
    found = discoverer.table()
    assert (found.key, found.primary) == ((), False)


@pytest.mark.parametrize(
    ("declared", "key", "primary"),
    [
        ("id int, note text", (), False),
        ("id int UNIQUE, note text", (), False),
        ("id int NOT NULL UNIQUE, note text", ("id",), False),
        ("b int, a int, PRIMARY KEY (b, a)", ("b", "a"), True),
        ("a int NOT NULL, b int NOT NULL, UNIQUE (a, b), UNIQUE (b)", ("b",), False),
        ("a int, b int, c int NOT NULL UNIQUE, PRIMARY KEY (a, b)", ("a", "b"), True),
        ("id int NOT NULL, UNIQUE (id) DEFERRABLE", (), False),
    ],
)
def test_the_key_is_one_that_postgresql_enforces(
    discoverer: Discoverer, declared: str, key: tuple[str, ...], primary: bool
) -> None:
    discoverer.make(f"CREATE TABLE {{s}}.a ({declared})")
    found = discoverer.table()
    assert (found.key, found.primary) == (key, primary)


@pytest.mark.parametrize(
    ("declared", "default"),
    [
        ("timestamp DEFAULT LOCALTIMESTAMP", "clock"),
        ("timestamp DEFAULT (now() AT TIME ZONE 'utc')", "clock"),
        ("timestamptz DEFAULT clock_timestamp()", "clock"),
        ("timestamptz DEFAULT '2020-01-01'", ""),
        ("timestamptz", ""),
        ("serial", "sequence"),
        ("bigint GENERATED BY DEFAULT AS IDENTITY", "sequence"),
        ("int DEFAULT 5", ""),
    ],
)
def test_defaults_are_told_without_their_text(
    discoverer: Discoverer, declared: str, default: str
) -> None:
    discoverer.make(f"CREATE TABLE {{s}}.a (c {declared})")
    assert discoverer.column("c").default == default


def test_a_domain_is_a_cursor_as_its_base_is(discoverer: Discoverer) -> None:
    discoverer.make("""
        CREATE DOMAIN {s}.moment AS timestamptz;
        CREATE DOMAIN {s}.late AS {s}.moment;
        CREATE DOMAIN {s}.whole AS numeric(20, 0);
        CREATE TABLE {s}.a (c {s}.late, n {s}.whole, f numeric(9, 2), t text)
        """)
    found = {c.name: c.cursor_type for c in discoverer.table().columns}
    assert found == {
        "c": "timestamp with time zone",
        "n": "numeric",
        "f": "",
        "t": "",
    }


def test_what_is_refused_is_told_with_the_grant(discoverer: Discoverer) -> None:
    discoverer.make(f"""
        CREATE TABLE {{s}}.a (id int); REVOKE ALL ON {{s}}.a FROM {READER};
        CREATE TABLE {{s}}.hidden (id int); ALTER TABLE {{s}}.hidden
            ENABLE ROW LEVEL SECURITY;
        CREATE TABLE {{s}}.some (id int, secret text);
        REVOKE ALL ON {{s}}.some FROM {READER};
        GRANT SELECT (id) ON {{s}}.some TO {READER};
        """)
    (denied,) = discoverer.table().refused
    assert denied.code == "permission_denied"
    assert denied.hint.startswith('GRANT SELECT ON "d_')
    (hidden,) = discoverer.table("hidden").refused
    assert hidden.code == "row_security" and "BYPASSRLS" in hidden.hint
    assert discoverer.table("some").refused == ()
    assert not discoverer.column("secret", "some").readable
    discoverer.make(f"REVOKE USAGE ON SCHEMA {{s}} FROM {READER}")
    assert "GRANT USAGE" in discoverer.table("hidden").refused[0].hint


def test_an_owner_who_is_not_trusted_is_told(discoverer: Discoverer) -> None:
    discoverer.make("""
        CREATE TABLE {s}.a (id int); ALTER TABLE {s}.a OWNER TO unprivileged;
        CREATE TABLE {s}.b (id int);
        """)
    (told,) = discoverer.table().refused
    assert told.code == "owner_not_trusted" and "unprivileged" in told.message
    assert discoverer.table("b").refused == ()
    assert discoverer.table(owners=("unprivileged",)).refused == ()


def test_the_allow_list_hides_what_it_does_not_have(discoverer: Discoverer) -> None:
    discoverer.make("CREATE TABLE {s}.a (id int); CREATE TABLE {s}.secret (id int)")
    reply = discoverer.ask(tables=(f"{discoverer.schema}.a",))
    assert [t.relation for t in reply.tables] == ["a"]
    assert reply.not_allowed == 1
    assert "secret" not in contract.encode(reply)


def test_what_the_source_demands_is_told_of_each_column(discoverer: Discoverer) -> None:
    discoverer.make("CREATE TABLE {s}.a (id int, email text)")
    rules = (Protection("*.a", "em*", "hash"), Protection("*.*", "email", "mask"))
    column = discoverer.column("email", required_protection=rules)
    assert column.required_protection == "mask"
    assert discoverer.column("id").required_protection == ""


def test_partitions_are_part_of_their_table(discoverer: Discoverer) -> None:
    discoverer.make("""
        CREATE TABLE {s}.a (id int PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE {s}.a1 PARTITION OF {s}.a FOR VALUES FROM (0) TO (100);
        CREATE TABLE {s}.a2 PARTITION OF {s}.a FOR VALUES FROM (100) TO (200);
        INSERT INTO {s}.a SELECT generate_series(50, 149);
        ANALYZE {s}.a1; ANALYZE {s}.a2;
        CREATE VIEW {s}.v AS SELECT 1 AS one;
        """)
    found = discoverer.ask().tables
    assert [(t.relation, t.kind, t.rows) for t in found] == [
        ("a", "p", 100),
        ("v", "v", -1),
    ]


def test_patterns_are_literal_but_for_stars_and_question_marks(
    discoverer: Discoverer,
) -> None:
    discoverer.make("""
        CREATE TABLE {s}.ab_c (id int); CREATE TABLE {s}.abxc (id int);
        CREATE TABLE {s}."Ab.c%" (id int);
        """)

    def names(pattern: str) -> list[str]:
        found = discoverer.ask(f"{discoverer.schema}.{pattern}").tables
        return [table.relation for table in found]

    assert names("ab_c") == ["ab_c"]
    assert names("ab?c") == ["ab_c", "abxc"]
    assert names("*%") == ["Ab.c%"]
    assert names("Ab.*") == ["Ab.c%"]
    assert names("AB*") == []


def test_many_tables_come_page_by_page(
    discoverer: Discoverer, monkeypatch: pytest.MonkeyPatch
) -> None:
    discoverer.make(
        "".join(f"CREATE TABLE {{s}}.t{i} (id int, c{i} text);" for i in range(7))
    )
    for limit, most in (("MOST_TABLES", 3), ("MOST_BYTES", 900)):
        monkeypatch.setattr(operation, limit, most)
        seen: list[str] = []
        after: tuple[str, ...] = ()
        pages = 0
        while True:
            reply = discoverer.ask(after=after)
            pages += 1
            seen += [table.relation for table in reply.tables]
            after = reply.after
            if reply.complete:
                break
        assert seen == [f"t{i}" for i in range(7)]
        assert 3 <= pages <= 7


def test_a_table_that_somebody_locks_is_described_all_the_same(
    discoverer: Discoverer, aurora: Aurora
) -> None:
    discoverer.make("CREATE TABLE {s}.a (id serial, t timestamptz DEFAULT now())")
    other = aurora.connect("shop")
    other.autocommit = False
    with other, other.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {discoverer.schema}.a")
        started = time.monotonic()
        assert discoverer.column("t").default == "clock"
        assert time.monotonic() - started < 5
    other.close()


@pytest.mark.parametrize(
    "request_of",
    [
        contract.DiscoverRequest("r1", "shop", ()),
        contract.DiscoverRequest("r1", "shop", ("orders",)),
        contract.DiscoverRequest("r1", "shop", ("a.b\0",)),
        contract.DiscoverRequest("r1", "shop", ("a.*",), ("a",)),
        contract.DiscoverRequest("r1", "shop", ("a.*",) * 1001),
    ],
)
def test_what_is_no_pattern_is_refused(
    discoverer: Discoverer, request_of: contract.DiscoverRequest
) -> None:
    settings = Settings({}, "bucket", "", "f", "0" * 64)
    with pytest.raises(RequestError) as raised:
        operation.discover(request_of, settings=settings, deadline=0)
    assert raised.value.code == "bad_request"


def test_a_page_may_be_just_as_large_as_the_limit(
    discoverer: Discoverer, monkeypatch: pytest.MonkeyPatch
) -> None:
    discoverer.make("CREATE TABLE {s}.a (id int); CREATE TABLE {s}.b (id int)")
    whole = discoverer.ask().tables
    size = sum(len(json.dumps(contract.to_object(table))) for table in whole)
    for most, tables in ((size, whole), (size - 1, whole[:1])):
        monkeypatch.setattr(operation, "MOST_BYTES", most)
        reply = discoverer.ask()
        assert (reply.tables, reply.complete) == (tables, tables == whole)


@pytest.mark.parametrize(("user", "proves"), [(READER, True), ("unprivileged", False)])
def test_increments_are_proven_if_the_role_sees_open_transactions(
    discoverer: Discoverer, monkeypatch: pytest.MonkeyPatch, user: str, proves: bool
) -> None:
    monkeypatch.setenv("SOURCE_SHOP_USER", user)
    secrets.forget(discoverer.source)
    try:
        assert discoverer.ask().proves is proves
    finally:
        secrets.forget(discoverer.source)
