"""What a source demands of every configuration."""

import dataclasses
from typing import Any

import psycopg2.extensions
import pytest

from lambda_extract import contract
from lambda_extract.contract import ColumnSpec, TableSpec
from lambda_extract.errors import ExtractError
from lambda_extract.settings import Protection, Source
from lambda_extract.source.trust import check_protection
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


@pytest.mark.parametrize("demanded", STRENGTH[1:])
@pytest.mark.parametrize("protect", STRENGTH)
def test_s2_a_request_cannot_lift_what_the_source_demands(
    demanded: str, protect: str
) -> None:
    if STRENGTH.index(protect) >= STRENGTH.index(demanded):
        check_protection(rule(demanded), given(protect), COLUMNS)
        return
    with pytest.raises(ExtractError) as raised:
        check_protection(rule(demanded), given(protect), COLUMNS)
    assert raised.value.code == "protection_required"
    assert "'email'" in str(raised.value) and demanded in str(raised.value)


def test_patterns_cover_what_is_new() -> None:
    with pytest.raises(ExtractError):
        check_protection(rule("mask", "*mail*", "public.*"), PEOPLE, ("work_mail_2",))
    with pytest.raises(ExtractError):
        check_protection(rule("mask", "*", "*.people"), given("mask"), COLUMNS)
    check_protection(rule("mask", "Email"), PEOPLE, COLUMNS)
    check_protection(rule("mask", "email", "hr.people"), PEOPLE, COLUMNS)


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
