"""What PostgreSQL's catalog tells of a table: comments, and whether its key holds."""

import psycopg2.extensions
import pytest

from lambda_extract.contract import (
    Bound,
    ColumnComment,
    CursorSpec,
    Described,
    GroupPart,
    KnownColumns,
    Partition,
    Window,
)
from lambda_extract.contract_group import are_known, columns_digest
from lambda_extract.operations.group import _short
from tests.unit.lambda_extract.conftest import MakeTable

COLUMNS = "id int PRIMARY KEY, note text, at timestamptz NOT NULL DEFAULT now()"
SCRIPT = """
    COMMENT ON TABLE {table} IS 'It''s "orders"';
    COMMENT ON COLUMN {table}.at IS 'last change';
    COMMENT ON COLUMN {table}.note IS 'free text';
    INSERT INTO {table} VALUES (1);
"""
SAID = Described(
    'It\'s "orders"',
    (ColumnComment("note", "free text"), ColumnComment("at", "last change")),
    key_enforced=True,
)


def test_windows_parts_and_plans_tell_the_same(make_table: MakeTable) -> None:
    reader = make_table(COLUMNS, SCRIPT)
    assert reader.plan().described == SAID
    assert reader.sync("at").described == SAID
    assert reader.run(partition=Partition("p1")).described == SAID


@pytest.mark.parametrize(
    ("declared", "spec", "enforced"),
    [
        ("id int PRIMARY KEY", {}, True),
        ("id int NOT NULL UNIQUE", {"key": ("id",)}, True),
        ("id int UNIQUE", {"key": ("id",)}, False),
        ("id int", {"key": ("id",)}, False),
        ("id int", {}, False),
        ("id int, UNIQUE (id) DEFERRABLE INITIALLY DEFERRED", {"key": ("id",)}, False),
    ],
)
def test_a_key_is_enforced_or_it_is_not(
    make_table: MakeTable, declared: str, spec: dict[str, object], enforced: bool
) -> None:
    described = make_table(declared, **spec).plan().described
    assert described == Described(key_enforced=enforced)


def test_the_first_column_has_a_comment_like_any_other(make_table: MakeTable) -> None:
    reader = make_table(COLUMNS, "COMMENT ON COLUMN {table}.id IS 'number';")
    described = reader.plan().described
    assert described == Described("", (ColumnComment("id", "number"),), True)


def test_comments_of_a_table_like_it_are_not_told(make_table: MakeTable) -> None:
    make_table(
        COLUMNS,
        """
        COMMENT ON TABLE {table} IS 'theirs';
        COMMENT ON COLUMN {table}.id IS 'their number';
        COMMENT ON COLUMN {table}.note IS 'their text';
        """,
    )
    reader = make_table(COLUMNS, SCRIPT)
    assert reader.plan().described == SAID
    without = make_table(COLUMNS)
    assert without.plan().described == Described(key_enforced=True)


def test_what_is_not_read_is_not_told(make_table: MakeTable) -> None:
    described = make_table(COLUMNS, SCRIPT, exclude=("note",)).plan().described
    assert described is not None
    assert described.columns == (ColumnComment("at", "last change"),)


def test_of_a_comment_1000_characters_are_told(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(COLUMNS)
    name = reader.spec.relation
    owner.cursor().execute(f"""
        COMMENT ON TABLE {name} IS '{"t" * 1001}';
        COMMENT ON COLUMN {name}.note IS '{"ä" * 999}.';
        COMMENT ON COLUMN {name}.at IS '{"ü" * 1000}.';
        """)
    assert reader.plan().described == Described(
        "t" * 1000,
        (ColumnComment("note", "ä" * 999 + "."), ColumnComment("at", "ü" * 1000)),
        key_enforced=True,
    )


def test_another_comment_is_another_digest_and_the_same_one_stays_out_of_a_group(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    reader = make_table(COLUMNS, SCRIPT)
    reply = reader.run(
        cursor=CursorSpec("at"), window=Window(lower=None, pending_bound=None)
    )
    rules = ("evolve", "fail", False)
    digest = columns_digest(
        reply.columns,
        reply.key,
        reply.relation_id,
        target="t",
        rules=rules,
        described=reply.described,
    )
    known = KnownColumns(digest, "t", *rules)
    assert are_known(reply, known)
    state = reply.bound or Bound()
    owner.cursor().execute(f"COMMENT ON TABLE {reader.spec.relation} IS 'other'")
    assert not are_known(reader.sync("at", state), known)
    part = GroupPart(reader.spec, "w1", known=known)
    owner.cursor().execute(
        f"COMMENT ON TABLE {reader.spec.relation} IS 'It''s \"orders\"'"
    )
    idle = reader.sync("at", state)
    assert not idle.files
    short = _short(0, part, idle)
    assert short.columns_known and short.reply and short.reply.described is None
