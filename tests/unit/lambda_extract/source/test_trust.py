"""What a source demands of every configuration."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2.extensions
import pytest
from psycopg2 import sql

from lambda_extract import contract
from lambda_extract.contract import ColumnSpec, TableSpec
from lambda_extract.errors import ExtractError
from lambda_extract.settings import Protection, Source
from lambda_extract.source.trust import (
    check_owners,
    check_protection,
    demanded,
    find_untrusted,
)
from tests.unit.lambda_extract.conftest import MakeTable

COLUMNS = ("id", "email", "phone")
PEOPLE = TableSpec("people", "shop", "public", "people")


def rule(protect: str, column: str = "email", table: str = "public.people") -> Any:
    return (Protection(table, column, protect),)


def given(protect: Any) -> TableSpec:
    if protect == "exclude":
        return dataclasses.replace(PEOPLE, exclude=("email",))
    return dataclasses.replace(PEOPLE, columns=(ColumnSpec("email", protect=protect),))


STRENGTH = ["", "hash", "mask", "exclude"]


@pytest.mark.parametrize("least", STRENGTH[1:])
@pytest.mark.parametrize("protect", STRENGTH)
def test_s2_a_request_cannot_lift_what_the_source_demands(
    least: str, protect: str
) -> None:
    if STRENGTH.index(protect) >= STRENGTH.index(least):
        check_protection(rule(least), given(protect), COLUMNS)
        return
    with pytest.raises(ExtractError) as raised:
        check_protection(rule(least), given(protect), COLUMNS)
    assert raised.value.code == "protection_required"
    assert "'email'" in str(raised.value) and least in str(raised.value)


def test_patterns_cover_what_is_new() -> None:
    with pytest.raises(ExtractError):
        check_protection(rule("mask", "*mail*", "public.*"), PEOPLE, ("work_mail_2",))
    with pytest.raises(ExtractError):
        check_protection(rule("mask", "*", "*.people"), given("mask"), COLUMNS)
    check_protection(rule("mask", "Email"), PEOPLE, COLUMNS)
    check_protection(rule("mask", "email", "hr.people"), PEOPLE, COLUMNS)


def test_a_rule_for_another_table_hides_none_behind_it() -> None:
    rules = rule("mask", "email", "hr.people") + rule("mask")
    with pytest.raises(ExtractError) as raised:
        check_protection(rules, PEOPLE, COLUMNS)
    assert raised.value.code == "protection_required"


@pytest.mark.parametrize(
    ("table", "column", "protect"),
    [
        ("people", "email", "mask"),
        ("people", "work_email", "hash"),
        ("people", "phone", ""),
        ("orders", "email", ""),
        ("orders", "phone", ""),
    ],
)
def test_a_rule_demands_protection_only_of_its_columns_of_its_tables(
    table: str, column: str, protect: str
) -> None:
    """The strongest of the rules that cover a column is proposed for it."""
    rules = (
        *rule("hash", "*email", "public.p*"),
        *rule("mask", "email", "public.people"),
        *rule("exclude", "email", "hr.people"),
    )
    assert demanded(rules, "public", table, column) == protect


def test_s2_values_of_a_protected_column_leave_by_no_bound(
    make_table: MakeTable, owner: psycopg2.extensions.connection
) -> None:
    """Cursors and the bounds of parts travel as they are, and whoever asks by bounds
    finds a value by halving."""
    columns = (ColumnSpec("salary", protect="mask"),)
    reader = make_table(
        "id int PRIMARY KEY, salary int NOT NULL",
        "INSERT INTO {table} VALUES (1, 4711)",
        columns=columns,
    )
    part = contract.Partition("p", ("salary",), lower=("4000",), upper=("5000",))
    for fields in (
        {"cursor": contract.CursorSpec("salary"), "window": contract.Window()},
        {"partition": part},
    ):
        with pytest.raises(ExtractError) as raised:
            reader.run(**fields)
        assert raised.value.code == "protection_required"
        assert "4711" not in str(raised.value)


def test_rules_reach_the_extraction(make_table: MakeTable) -> None:
    reader = make_table("id int PRIMARY KEY, email text")
    made = Source.__init__
    name = f"public.{reader.spec.relation}"

    def init(source: Source, *args: Any, **fields: Any) -> None:
        made(source, *args, **fields, required_protection=rule("hash", table=name))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Source, "__init__", init)
        with pytest.raises(ExtractError, match="demands"):
            reader.run(partition=contract.Partition("p"))
        hashed = (ColumnSpec("email", protect="hash"),)
        reader.spec = dataclasses.replace(reader.spec, columns=hashed)
        assert reader.run(partition=contract.Partition("p")).rows == 0


class Planned:
    """A session that plans what it is asked, and notes what is read as a whole."""

    def __init__(self, owner: psycopg2.extensions.connection) -> None:
        self.source = Source("shop", "host", "shop", {}, owners=("somebody",))
        self.owner = owner
        self.whole: set[str] = set()

    def rows(self, statement: sql.Composable) -> list[Any]:
        with self.owner.cursor() as cursor:
            cursor.execute(sql.SQL("EXPLAIN (FORMAT JSON) ") + statement)
            for node in _nodes(cursor.fetchall()[0][0][0]["Plan"]):
                if node["Node Type"] == "Seq Scan":
                    self.whole.add(node["Relation Name"])
        return []


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


@pytest.mark.parametrize(
    "asked",
    [check_owners, lambda database, oid: find_untrusted(database, [oid, oid])],
    ids=["one relation", "several"],
)
def test_owners_are_found_without_reading_the_catalog_as_a_whole(
    owner: psycopg2.extensions.connection, asked: Callable[[Any, int], Any]
) -> None:
    """A catalog of 100,000 columns must not make each table of a sync wait for it."""
    database = Planned(owner)
    asked(database, 1259)
    large = {"pg_attribute", "pg_class", "pg_depend", "pg_proc", "pg_type"}
    assert not database.whole & large
