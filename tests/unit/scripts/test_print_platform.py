"""docs/PLATFORM.md and docs/LOCAL_STACK.md are what the probes say."""

import dataclasses
import subprocess
import sys

import pytest

from scripts import print_platform
from scripts.probes.files import read_probes


@pytest.mark.parametrize("name", print_platform.PRINTED)
def test_the_document_is_up_to_date(name: str) -> None:
    document = (print_platform.DOCS / name).read_text(encoding="utf-8")
    assert print_platform.BEGIN in document and print_platform.END in document
    assert print_platform.written(name) == document, "scripts/print_platform.sh --write"


@pytest.mark.parametrize("name", print_platform.PRINTED)
def test_the_document_follows_the_probes(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = print_platform.written(name)
    first, *others = read_probes()
    changed = dataclasses.replace(
        first, local="refused", local_reason="a | new <reason>"
    )
    monkeypatch.setattr(print_platform, "read_probes", lambda: [changed, *others])
    assert print_platform.written(name) != before


def test_whatever_is_not_the_same_here_is_in_the_list() -> None:
    printed = print_platform.local_list()
    for probe in read_probes():
        assert (f"- {probe.id}: " in printed) == (probe.local != "same"), probe.id


def test_every_probe_has_one_row_of_eight_cells() -> None:
    rows = [
        line
        for line in print_platform.register().splitlines()
        if line.startswith("| ") and not line.startswith("| id ")
    ]
    assert len(rows) == len(read_probes())
    assert {row.replace("\\|", "").count("|") for row in rows} == {9}


def test_the_command_prints_the_register() -> None:
    command = [sys.executable, "-m", "scripts.print_platform"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == print_platform.register()
