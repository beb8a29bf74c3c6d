"""Attacker: the owner of a synced table in PostgreSQL, without any other right.

Whoever owns a relation can put code into it that a plain SELECT runs as the reader
role. Each attack plants such code; it tells by NOTIFY that it ran, and what it saw.
"""

import contextlib
import dataclasses
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest

from lambda_extract import contract
from lambda_extract.errors import ExtractError
from lambda_extract.operations import extract
from lambda_extract.operations.digest import digest
from lambda_extract.settings import Source
from lambda_extract.source.trust import check_owners
from local.aurora import Aurora
from tests.unit.lambda_extract.conftest import Reader

Connection = psycopg2.extensions.connection


@dataclass
class Attack:
    """A role of its own with a schema, and a secret that it cannot read.

    Attributes:
        name: Of the role, of its schema and of the channel that its code notifies.
        sql: The attacker's session.
        boss: A superuser's session.
        heard: A session that listens to the attacker's channel.
    """

    aurora: Aurora
    reader: Reader
    name: str
    sql: Connection
    boss: Connection
    heard: Connection
    owners: tuple[str, ...] = ()

    def run(self, *statements: str) -> None:
        with self.sql.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement.replace("{me}", self.name))

    def rule(self, *statements: str) -> None:
        with self.boss.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement.replace("{me}", self.name))

    def messages(self) -> list[str]:
        self.heard.poll()
        return [message.payload for message in self.heard.notifies]

    def sync(self, relation: str, **fields: Any) -> contract.ExtractReply:
        """What the worker does for a snapshot, or an increment with a cursor."""
        spec = contract.TableSpec("t", "shop", self.name, relation)
        reader = dataclasses.replace(self.reader, spec=spec)
        with self.trusting():
            if "cursor" in fields:
                return reader.sync(fields["cursor"])
            reader.plan()
            return reader.run(partition=contract.Partition("p"))

    @contextlib.contextmanager
    def trusting(self) -> Iterator[None]:
        """The reader connects to a source with these owners."""
        with pytest.MonkeyPatch.context() as patch:
            made = Source.__init__

            def init(source: Source, *args: Any, **fields: Any) -> None:
                made(
                    source,
                    *args,
                    **fields,
                    **{"owners": self.owners} if self.owners else {},
                )

            patch.setattr(Source, "__init__", init)
            yield


@pytest.fixture
def attack(aurora: Aurora, owner: Connection, make_table: Any) -> Iterator[Attack]:
    name = f"mallory_{uuid.uuid4().hex[:8]}"
    with owner.cursor() as cursor:
        cursor.execute(f"""
            CREATE ROLE {name} LOGIN;
            CREATE SCHEMA {name} AUTHORIZATION {name};
            GRANT USAGE ON SCHEMA {name} TO aurora_sync;
            CREATE TABLE {name}.secret (v text);
            INSERT INTO {name}.secret VALUES ('the salary');
            GRANT SELECT ON {name}.secret TO aurora_sync;
            ALTER DEFAULT PRIVILEGES FOR ROLE {name}
                GRANT SELECT ON TABLES TO aurora_sync
            """)
    mine = aurora.connect("shop", user=name)
    heard = aurora.connect("shop")
    with heard.cursor() as cursor:
        cursor.execute(f"LISTEN {name}")
    with contextlib.closing(mine), contextlib.closing(heard):
        made = Attack(aurora, make_table("id int"), name, mine, owner, heard)
        made.run("""
            CREATE FUNCTION {me}.steal(v anyelement) RETURNS text
            LANGUAGE plpgsql IMMUTABLE AS $$
            BEGIN
                PERFORM pg_notify(
                    '{me}',
                    (SELECT s.v FROM {me}.secret AS s) || '|'
                    || coalesce(current_setting('aurora_sync.hash_inner', true), '')
                );
                RETURN v::text;
            EXCEPTION WHEN insufficient_privilege THEN
                RETURN v::text;
            END $$
            """)
        yield made
    with owner.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA {name} CASCADE; DROP OWNED BY {name}")
        cursor.execute(f"DROP ROLE {name}")


# A condition that can be evaluated while a statement is planned runs it at once.
PARTIAL = (
    "CREATE TABLE {me}.t (id int PRIMARY KEY, v text)",
    "INSERT INTO {me}.t SELECT i, 'x' FROM generate_series(1, 50) AS i",
    "CREATE INDEX ON {me}.t (id) WHERE {me}.steal('x'::text) = 'x'",
)
VIEW = ("CREATE VIEW {me}.t AS SELECT 1 AS id, {me}.steal('v'::text) AS v",)
GENERATED = (
    "CREATE TABLE {me}.t (id int PRIMARY KEY, v text,"
    " w text GENERATED ALWAYS AS ({me}.steal(v)) STORED)",
)
ENUM = (
    "CREATE TYPE {me}.mood AS ENUM ('good')",
    "CREATE FUNCTION {me}.as_text({me}.mood) RETURNS text LANGUAGE sql IMMUTABLE"
    " AS $$ SELECT {me}.steal('good'::text) $$",
    "CREATE CAST ({me}.mood AS text) WITH FUNCTION {me}.as_text ({me}.mood)",
)


def refused(attack: Attack, relation: str = "t", **fields: Any) -> None:
    attack.messages()
    attack.heard.notifies.clear()
    with pytest.raises(ExtractError) as raised:
        attack.sync(relation, **fields)
    assert raised.value.code == "owner_not_trusted"
    assert (raised.value.retryable, attack.name in str(raised.value)) == (False, True)
    assert attack.messages() == []


@pytest.mark.parametrize(
    "script", [PARTIAL, VIEW, GENERATED], ids=["partial index", "view", "generated"]
)
def test_s1_code_of_an_untrusted_owner_never_runs(
    attack: Attack, script: tuple[str, ...]
) -> None:
    attack.run(*script)
    refused(attack)


def test_s1_the_proof_of_an_integer_cursor_runs_no_code_either(attack: Attack) -> None:
    attack.run(
        "CREATE TABLE {me}.t (id int PRIMARY KEY)",
        "CREATE INDEX ON {me}.t (id) WHERE {me}.steal('x'::text) = 'x'",
    )
    refused(attack, cursor="id")


def test_s1_a_partition_of_another_owner_counts(attack: Attack) -> None:
    attack.rule(
        "CREATE TABLE {me}.parent (id int PRIMARY KEY) PARTITION BY RANGE (id)",
        "GRANT SELECT ON {me}.parent TO aurora_sync",
    )
    attack.run("CREATE TABLE {me}.child (id int PRIMARY KEY)")
    attack.rule(
        "ALTER TABLE {me}.parent ATTACH PARTITION {me}.child FOR VALUES FROM (1) TO (9)"
    )
    refused(attack, "parent")


def test_s1_a_child_of_another_owner_counts(attack: Attack) -> None:
    attack.rule(
        "CREATE TABLE {me}.parent (id int)",
        "GRANT SELECT ON {me}.parent TO aurora_sync",
        "CREATE TABLE {me}.child () INHERITS ({me}.parent)",
        "ALTER TABLE {me}.child OWNER TO {me}",
    )
    refused(attack, "parent")


def test_s1_a_view_of_a_trusted_owner_over_a_table_of_another(attack: Attack) -> None:
    attack.run(*PARTIAL)
    attack.rule(
        "CREATE VIEW {me}.inner_view AS SELECT * FROM {me}.t",
        "CREATE VIEW {me}.outer_view AS SELECT * FROM {me}.inner_view",
        "GRANT SELECT ON {me}.outer_view TO aurora_sync",
    )
    refused(attack, "outer_view")


def test_s1_a_function_of_another_owner_in_a_trusted_table(attack: Attack) -> None:
    attack.rule(
        "CREATE TABLE {me}.trusted (id int PRIMARY KEY, v text)",
        "CREATE INDEX ON {me}.trusted ({me}.steal(v))",
        "GRANT SELECT ON {me}.trusted TO aurora_sync",
    )
    refused(attack, "trusted")


# Everything else of a trusted table that a plain query of it plans or calls.
CARRIERS = {
    "statistics": (
        "CREATE TABLE {me}.trusted (id int PRIMARY KEY, v text)",
        "CREATE STATISTICS {me}.told ON ({me}.steal('x'::text)), v FROM {me}.trusted",
    ),
    "a check of a child": (
        "CREATE TABLE {me}.trusted (id int PRIMARY KEY, v text)",
        "CREATE TABLE {me}.child (CHECK ({me}.steal('x'::text) = 'x'))"
        " INHERITS ({me}.trusted)",
    ),
    "a partition key": (
        "CREATE TABLE {me}.trusted (id int, v text)"
        " PARTITION BY LIST ({me}.steal(v))",
        "CREATE TABLE {me}.part PARTITION OF {me}.trusted FOR VALUES IN ('x')",
    ),
    "a check of a domain": (
        "CREATE DOMAIN {me}.short AS text CHECK ({me}.steal(VALUE) <> '')",
        "CREATE TABLE {me}.trusted (id int PRIMARY KEY, v {me}.short)",
    ),
    "a cast": (
        "CREATE TYPE {me}.state AS ENUM ('good')",
        "CREATE FUNCTION {me}.told({me}.state) RETURNS text LANGUAGE sql IMMUTABLE"
        " AS $$ SELECT 'good' $$",
        "ALTER FUNCTION {me}.told({me}.state) OWNER TO {me}",
        "CREATE CAST ({me}.state AS text) WITH FUNCTION {me}.told ({me}.state)",
        "CREATE TABLE {me}.trusted (id int PRIMARY KEY, v {me}.state)",
    ),
}


@pytest.mark.parametrize("script", CARRIERS.values(), ids=list(CARRIERS))
def test_s1_whatever_calls_a_function_of_another_owner(
    attack: Attack, script: tuple[str, ...]
) -> None:
    attack.rule(*script, "GRANT SELECT ON {me}.trusted TO aurora_sync")
    refused(attack, "trusted")


def test_a_cast_that_anybody_may_make_stops_no_table(attack: Attack) -> None:
    """To a type of their own; otherwise anybody could stop every sync."""
    attack.rule(
        "CREATE TABLE {me}.trusted (id int PRIMARY KEY, v text)",
        "INSERT INTO {me}.trusted VALUES (1, 'x')",
        "GRANT SELECT ON {me}.trusted TO aurora_sync",
    )
    attack.run(
        "CREATE TYPE {me}.mine AS (v text)",
        "CREATE FUNCTION {me}.made(text) RETURNS {me}.mine LANGUAGE sql"
        " AS $$ SELECT ROW($1)::{me}.mine $$",
        "CREATE CAST (text AS {me}.mine) WITH FUNCTION {me}.made (text)",
    )
    assert attack.sync("trusted").rows == 1


@pytest.mark.parametrize("declared", ["{me}.mood", "{me}.mood[]", "{me}.pair"])
def test_s1_a_type_of_another_owner_in_a_trusted_table(
    attack: Attack, declared: str
) -> None:
    """Its owner says how it becomes text."""
    attack.run(*ENUM)
    attack.rule(
        "CREATE TYPE {me}.pair AS (a int, b {me}.mood)",
        f"CREATE TABLE {{me}}.trusted (id int PRIMARY KEY, v {declared})",
        "GRANT SELECT ON {me}.trusted TO aurora_sync",
    )
    refused(attack, "trusted")


def test_a_table_that_changes_hands_during_the_extraction(attack: Attack) -> None:
    """The owners are looked at again under the lock of the snapshot."""
    attack.rule(
        "CREATE TABLE {me}.t (id int PRIMARY KEY)",
        "GRANT SELECT ON {me}.t TO aurora_sync",
    )
    from lambda_extract.source import trust

    looked = []

    def hand_over(database: Any, oid: int) -> None:
        check_owners(database, oid)
        looked.append(oid)
        if len(looked) == 1:
            attack.rule("ALTER TABLE {me}.t OWNER TO {me}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trust, "check_owners", hand_over)
        refused(attack)


INCREMENT = (
    "CREATE TABLE {me}.t (id int PRIMARY KEY, c {type} NOT NULL, v text)",
    "INSERT INTO {me}.t SELECT i, {value}, 'x' FROM generate_series(1, 50) AS i",
    "CREATE INDEX ON {me}.t (c) WHERE {me}.steal('x'::text) = 'x'",
)
KINDS = [("bigint", "i"), ("timestamptz", "now()")]


@pytest.mark.parametrize(("type_name", "value"), KINDS)
def test_an_increment_runs_nothing_before_it_has_looked(
    attack: Attack, type_name: str, value: str
) -> None:
    """The proof of a cursor of numbers asks the relation, before the snapshot."""
    made = [
        text.replace("{type}", type_name).replace("{value}", value)
        for text in INCREMENT
    ]
    attack.run(*made)
    refused(attack, cursor="c")


@pytest.mark.parametrize(("type_name", "value"), KINDS)
def test_a_table_that_changes_hands_during_an_increment(
    attack: Attack, monkeypatch: pytest.MonkeyPatch, type_name: str, value: str
) -> None:
    """Between the proof and the snapshot, in which the owners are looked at."""
    table, rows, index = (
        text.replace("{type}", type_name).replace("{value}", value)
        for text in INCREMENT
    )
    attack.rule(table, rows, "GRANT SELECT ON {me}.t TO aurora_sync")
    honest = extract.read_proof

    def hand_over(*given: Any) -> Any:
        found = honest(*given)
        attack.rule("ALTER TABLE {me}.t OWNER TO {me}")
        attack.run(index)
        return found

    monkeypatch.setattr(extract, "read_proof", hand_over)
    refused(attack, cursor="c")


def test_who_is_declared_is_trusted(attack: Attack) -> None:
    attack.run(
        "CREATE TABLE {me}.t (id int PRIMARY KEY)", "INSERT INTO {me}.t VALUES (1)"
    )
    refused(attack)
    trusting = dataclasses.replace(attack, owners=(attack.name,))
    assert trusting.sync("t").rows == 1
    with pytest.raises(ExtractError):
        dataclasses.replace(attack, owners=("*", attack.name.upper())).sync("t")


def test_a_digest_asks_for_the_owner_too(attack: Attack) -> None:
    attack.run(*PARTIAL)
    spec = contract.TableSpec("t", "shop", attack.name, "t")
    request = contract.DigestRequest(
        run_id="r1",
        table=spec,
        step="buckets",
        columns=("id",),
        key=("id",),
        partition=contract.Partition("p"),
        depth=1,
    )
    reader = dataclasses.replace(attack.reader, spec=spec)
    with pytest.raises(ExtractError) as raised, reader.database() as database:
        digest(database, request)
    assert raised.value.code == "owner_not_trusted"


# --- a trusted owner whose code misbehaves: the session is as it was all the same -----


def misbehaving(attack: Attack, body: str) -> Attack:
    """A trusted table whose index runs a function while a statement is planned."""
    attack.run(
        f"CREATE FUNCTION {{me}}.act(v text) RETURNS text LANGUAGE plpgsql IMMUTABLE"
        f" AS $f$ BEGIN IF current_user = 'aurora_sync' THEN {body} END IF;"
        " RETURN v; END $f$",
        "CREATE TABLE {me}.t (id int PRIMARY KEY, day date, f float8, b bytea)",
        "INSERT INTO {me}.t VALUES (1, '2026-02-03', 0.1::float8 + 0.2, '\\x00ff')",
        "CREATE INDEX ON {me}.t (id) WHERE {me}.act('x') = 'x'",
    )
    return dataclasses.replace(attack, owners=(attack.name,))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("datestyle", "German"),
        ("extra_float_digits", "-15"),
        ("bytea_output", "escape"),
        ("timezone", "Asia/Tokyo"),
        ("search_path", "mallory"),
    ],
)
@pytest.mark.parametrize("local", ["true", "false"])
def test_s1_a_function_that_changes_settings_is_told_and_nothing_is_delivered(
    attack: Attack, setting: str, value: str, local: str
) -> None:
    trusting = misbehaving(
        attack, f"PERFORM set_config('{setting}', '{value}', {local});"
    )
    for fields in ({}, {"cursor": "id"}):
        with pytest.raises(ExtractError) as raised:
            trusting.sync("t", **fields)
        assert raised.value.code == "source_cannot_be_read"
        assert setting in str(raised.value)


@pytest.mark.parametrize(
    "fields", [{}, {"cursor": "id"}], ids=["snapshot", "increment"]
)
@pytest.mark.parametrize(
    "body",
    [
        "ALTER ROLE aurora_sync SET work_mem = ''4MB'';",
        "EXECUTE ''CREATE TEMP TABLE x (a int)'';",
        "PERFORM set_config(''default_transaction_read_only'', ''off'', false);"
        " PERFORM set_config(''transaction_read_only'', ''off'', false);"
        " INSERT INTO {me}.loot SELECT v FROM {me}.secret;",
    ],
)
def test_s1_nothing_can_be_written_by_the_reader(
    attack: Attack, body: str, fields: dict[str, Any]
) -> None:
    attack.run(
        "CREATE TABLE {me}.loot (v text)", "GRANT INSERT ON {me}.loot TO aurora_sync"
    )
    # What is IMMUTABLE may not write, but it may call what does.
    attack.run(
        "CREATE FUNCTION {me}.write() RETURNS void LANGUAGE plpgsql VOLATILE AS"
        f""" $w$ BEGIN {body.replace("''", "'")} END $w$"""
    )
    trusting = misbehaving(attack, "PERFORM {me}.write();")
    with pytest.raises(ExtractError):
        trusting.sync("t", **fields)
    with attack.boss.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {attack.name}.loot")
        assert cursor.fetchone() == (0,)
        cursor.execute(
            "SELECT count(*) FROM pg_db_role_setting AS s JOIN pg_roles AS r"
            " ON r.oid = s.setrole WHERE r.rolname = 'aurora_sync'"
            " AND 'work_mem=4MB' = ANY (s.setconfig)"
        )
        assert cursor.fetchone() == (0,)
