"""docs/CONFIGURATION.md is what the schema and the code say."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from scripts import print_configuration

SCHEMA: dict[str, Any] = json.loads(print_configuration.SCHEMA.read_text("utf-8"))


def test_the_document_is_current() -> None:
    """Run scripts/print_configuration.sh --write."""
    text = print_configuration.DOCUMENT.read_text(encoding="utf-8")
    assert text == print_configuration.document()


def test_no_example_is_of_a_setting_that_is_gone() -> None:
    parts = [SCHEMA, *(SCHEMA["$defs"][part] for part in SCHEMA["$defs"])]
    names = {name for part in parts for name in part.get("properties", {})}
    assert set(print_configuration.EXAMPLES) <= names


@pytest.mark.parametrize("part", [None, "source", "group", "alerts", "table", "column"])
def test_every_example_is_valid(part: str | None) -> None:
    found = SCHEMA if part is None else SCHEMA["$defs"][part]
    for name, one in found["properties"].items():
        schema = {"$defs": SCHEMA["$defs"], **one}
        if name not in print_configuration.EXAMPLES:
            continue
        validator = Draft202012Validator(schema)
        assert not list(validator.iter_errors(print_configuration.EXAMPLES[name])), name
