"""Two and three runs of one table, in every order there is."""

import pytest

from scripts.search_interleavings import main
from tests.interleavings.model import Weakness
from tests.interleavings.programs import Kind, program
from tests.interleavings.search import REWRITTEN, SCRIPT, search

# Each searches thousands of states.
pytestmark = pytest.mark.large


def test_the_order_of_the_statements_is_the_codes_own() -> None:
    """A commit writes, appends its version, looks at the fence, and ends."""
    kinds: tuple[Kind, ...] = ("increment", "snapshot", "keys", "backfill")
    for kind in kinds:
        actions = program(kind)
        assert actions[:2] == ("take", "read") and actions[-1] == "release"
        assert actions[-2] == "commit" and actions[-3] in ("fence", "end")
        inside = actions[actions.index("begin") : -2]
        if kind in ("increment", "snapshot"):
            assert actions[-3] == "end", "version and fence are one statement"
        write = {"merge", "overwrite", "delete"} & set(inside)
        appended = {"version", "touch", "end"} & set(inside)
        assert len(write) == len(appended) == 1
        assert inside.index(write.pop()) < inside.index(appended.pop())
    assert "begin" not in program("idle")


@pytest.mark.parametrize(
    "kinds",
    [
        ("increment", "increment"),
        ("increment", "snapshot"),
        ("increment", "keys"),
        ("keys", "backfill"),
    ],
)
def test_no_order_loses_or_doubles_a_row(kinds: tuple[Kind, ...]) -> None:
    found = search(kinds)
    assert not found.broken, str(found)
    assert found.states > 1000


def test_nor_does_an_increment_that_comes_late() -> None:
    found = search(("increment", "increment"), script=REWRITTEN)
    assert not found.broken, str(found)


def test_not_even_if_both_runs_have_one_id() -> None:
    """A task that is repeated, while its first attempt is still alive."""
    found = search(("increment", "increment"), twins=True)
    assert not found.broken, str(found)


@pytest.mark.large
def test_nor_three_runs() -> None:
    found = search(
        ("increment", "increment", "keys"), script=(("a", True), ("b", True))
    )
    assert not found.broken, str(found)


@pytest.mark.parametrize(
    ("weakness", "twins", "kinds"),
    [
        ("no fence", False, ("increment", "increment")),
        ("no fence", False, ("increment", "snapshot")),
        ("no lock", False, ("increment", "increment")),
        ("fence first", False, ("increment", "keys")),
        pytest.param(
            "no version", True, ("increment", "snapshot"), marks=pytest.mark.large
        ),
    ],
)
def test_without_one_of_its_parts_there_is_a_counterexample(
    weakness: Weakness, twins: bool, kinds: tuple[Kind, ...]
) -> None:
    script = REWRITTEN if kinds == ("increment", "increment") else SCRIPT
    found = search(kinds, weakness=weakness, twins=twins, script=script)
    assert found.broken and found.way[-1].endswith("commit")
    assert f"{len(found.way):2}. {found.way[-1]}" in str(found)


def test_the_script_prints_the_counterexample(
    capsys: pytest.CaptureFixture[str],
) -> None:
    kinds = ["--kinds", "increment", "increment"]
    assert main([*kinds, "--without", "no lock"]) == 1
    printed = capsys.readouterr().out
    assert "a row is doubled" in printed and "1. source writes b" in printed
    assert main(kinds) == 0
