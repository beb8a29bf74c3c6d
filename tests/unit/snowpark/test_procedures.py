"""A procedure's signature is written once, in Python; its SQL file says the same."""

import inspect
import re
import typing
from pathlib import Path

import pytest

from snowpark import procedures

FILES = sorted((Path(__file__).parents[3] / "snowflake/50_procedures").glob("*.sql"))
TYPES = {str: "VARCHAR", bool: "BOOLEAN", int: "NUMBER", typing.Any: "VARIANT"}
CREATE = re.compile(r"^CREATE OR REPLACE PROCEDURE (\w+)\((.*)\)$", re.M)


def arguments_of(handler: typing.Any) -> list[tuple[str, str]]:
    """Returns name and Snowflake type of what a handler takes beside its session."""
    hints = typing.get_type_hints(handler)
    names = list(inspect.signature(handler).parameters)
    assert names[0] == "session"
    return [(name, TYPES[hints[name]]) for name in names[1:]]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_sql_file_has_the_handlers_signature(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    created = CREATE.search(text)
    assert created, file
    name, listed = created.groups()
    assert f"HANDLER = 'snowpark.procedures.{name}'" in text
    written = [tuple(one.split()[:2]) for one in listed.split(", ") if one]
    assert written == arguments_of(getattr(procedures, name))


def test_every_handler_has_its_sql_file() -> None:
    texts = "\n".join(file.read_text(encoding="utf-8") for file in FILES)
    names = {name for name, _ in CREATE.findall(texts)}
    handlers = {
        name
        for name, value in vars(procedures).items()
        if inspect.isfunction(value) and value.__module__ == procedures.__name__
    }
    assert names == handlers
