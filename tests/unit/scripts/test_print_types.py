"""docs/TYPES.md is what the code says."""

import dataclasses
import subprocess
import sys

import pytest

from lambda_extract.values import mappings
from scripts import print_types


def test_the_document_is_up_to_date() -> None:
    document = print_types.DOCUMENT.read_text(encoding="utf-8")
    assert print_types.written(document) == document, "scripts/print_types.sh --write"


def test_the_document_follows_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = dataclasses.replace(
        mappings.MAPPINGS["uuid"], snowflake_type="VARCHAR(37)"
    )
    monkeypatch.setitem(mappings.MAPPINGS, "uuid", changed)
    document = print_types.DOCUMENT.read_text(encoding="utf-8")
    assert print_types.written(document) != document


def test_the_command_prints_the_table() -> None:
    command = [sys.executable, "-m", "scripts.print_types"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == print_types.table()


def test_every_mapped_type_is_in_the_document() -> None:
    named = {source.name for _, source in print_types.SOURCES}
    assert set(mappings.MAPPINGS) <= named
