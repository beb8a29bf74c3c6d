"""The probes' files: each is whole, and what is malformed is refused."""

from pathlib import Path

import pytest

from scripts.probes import ask_aws, checks
from scripts.probes.files import HALVES, Probe, ProbeFileError, read_probe, read_probes

ROOT = Path(__file__).resolve().parents[3]
PROBES = read_probes()
WHOLE = """
id = "C01"
title = "t"
known = "documented"
page = "p"
otherwise = "o"
where = ["README.md"]
local = "same"
[[ask]]
sql = "SELECT 1"
answer = '[1]'
"""


def test_there_are_enough_of_every_half() -> None:
    assert len(PROBES) >= 100
    assert {probe.half for probe in PROBES} == set(HALVES)


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.id)
def test_a_probe_names_files_that_exist(probe: Probe) -> None:
    missing = [path for path in probe.where if not (ROOT / path).is_file()]
    assert not missing, f"{probe.id}: the file moved; correct `where`"


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.id)
def test_a_probe_asks_what_its_half_can_answer(probe: Probe) -> None:
    known = {"aws": ask_aws.CHECKS, "snowflake": checks.CHECKS}
    for ask in probe.asks:
        if ask.check:
            assert ask.check in known.get(probe.half, {})
        else:
            assert probe.half != "aws"


def test_every_check_is_asked_for() -> None:
    asked = {ask.check for probe in PROBES for ask in probe.asks}
    assert {*ask_aws.CHECKS, *checks.CHECKS} <= asked


def write(folder: Path, text: str, name: str = "C01_a_name.toml") -> Path:
    path = folder / "snowflake" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    probe = read_probe(write(tmp_path, WHOLE))
    assert (probe.id, probe.half) == ("C01", "snowflake")
    assert probe.asks[0].answer == ([1],)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "t"', "", "missing"),
        ('title = "t"', 'title = "t"\ncolour = "red"', "unknown"),
        ('"documented"', '"rumoured"', "known is one of"),
        ('"same"', '"maybe"', "local is one of"),
        ('"same"', '"refused"', "local_reason"),
        ('"same"', '"same"\nlocal_reason = "r"', "local_reason"),
        ('"same"', '"same"\nby_hand = "h"', "either by_hand or"),
        ("answer = '[1]'", "", "one of"),
        ("answer = '[1]'", "answer = '[1]'\nerror = 'x'", "one of"),
        ("answer = '[1]'", "answer = '[1'", "C01_a_name"),
        ("answer = '[1]'", 'error = "."', "true of any error"),
        ("answer = '[1]'", 'error = "("', "C01_a_name"),
        ("[[ask]]", "[[ask", "C01_a_name"),
        ('id = "C01"', 'id = "C02"', "the name starts with C02_"),
    ],
)
def test_a_malformed_file_is_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in WHOLE
    with pytest.raises(ProbeFileError, match=message):
        read_probe(write(tmp_path, WHOLE.replace(old, new)))


def test_an_id_stands_for_one_probe(tmp_path: Path) -> None:
    write(tmp_path, WHOLE)
    write(tmp_path, WHOLE, "C01_another_name.toml")
    with pytest.raises(ProbeFileError, match="two probes are called C01"):
        read_probes(tmp_path)
