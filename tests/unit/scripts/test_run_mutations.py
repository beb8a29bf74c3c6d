"""The mutation run: what it changes, which tests it runs, and what it reports."""

import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from scripts import run_mutations
from scripts.mutations.equivalents import (
    EquivalentsError,
    read_equivalents,
    unmatched,
)
from scripts.mutations.project import Project
from scripts.mutations.python_code import is_valid, mutants
from scripts.mutations.report import Limits, Outcome, below, survivors, table
from scripts.mutations.results import Result, Results, holds, rests_on
from scripts.mutations.run import Options, Report, run
from scripts.mutations.sample import sample
from scripts.mutations.selection import (
    Measured,
    Measurements,
    Selection,
    measure,
    stages_of,
)
from scripts.mutations.source import Mutant, Source
from scripts.mutations.sql_text import sql_edits
from scripts.mutations.workers import Job, Stage, WorkerError, running_workers

ROOT = Path(__file__).resolve().parents[3]


def source(text: str) -> Source:
    return Source("product/code.py", textwrap.dedent(text))


def changes(text: str) -> set[tuple[str, str]]:
    """Kind and changed lines of each mutant."""
    return {(m.edit.kind, m.after) for m in mutants(source(text))}


@pytest.mark.parametrize(
    ("code", "kind", "expected"),
    [
        ("def f():\n    g(a < b)", "comparison", "g(a <= b)"),
        ("def f():\n    g(a not  in b)", "comparison", "g(a in b)"),
        ("def f():\n    g(a is None)", "comparison", "g(a is not None)"),
        ("def f():\n    g((a) == (b))", "comparison", "g((a) != (b))"),
        ("def f():\n    g(a and b or c)", "and/or", "g(a or b or c)"),
        ("def f():\n    g(a and b or c)", "and/or", "g(a and b and c)"),
        ("def f():\n    g(not a)", "not", "g( a)"),
        ("def f():\n    g(7)", "constant", "g(8)"),
        ("def f():\n    g(7)", "constant", "g(6)"),
        ("def f():\n    g(True)", "constant", "g(False)"),
        ("def f():\n    g(None)", "constant", 'g("")'),
        ("def f(a=None, *, b=3):\n    g()", "constant", "def f(a=None, *, b=4):"),
        ("class C:\n    size: int = 3", "constant", "size: int = 4"),
        ("def f():\n    return a", "return value", "return None"),
        ("def f() -> bool:\n    return a", "return value", "return not (a)"),
        ("def f():\n    g(a, b)", "arguments swapped", "g(b, a)"),
        ("def f():\n    g(x=a, y=b)", "arguments swapped", "g(x=b, y=a)"),
        ("def f():\n    g(1, (a, b))", "elements swapped", "g(1, (b, a))"),
        ("def f():\n    g(a)", "dropped statement", "pass"),
        ("def f():\n    a.b = c", "dropped statement", "pass"),
        ("def f():\n    a += c", "dropped statement", "pass"),
        ("def f():\n    a += c", "arithmetic", "a -= c"),
        ("def f():\n    raise E(\n        a\n    )", "dropped raise", "pass"),
        ("def f():\n    g(min(a, b))", "min/max", "g(max(a, b))"),
        ("def f():\n    if a:\n        g()", "forced condition", "if True:"),
        ("def f():\n    if a:\n        g()", "forced condition", "if False:"),
        ("def f():\n    g(a if b else c)", "forced condition", "g(a if False else c)"),
        ("{x for x in b if a}", "forced condition", "{x for x in b if True}"),
        ("def f():\n    g(a[:n])", "slice", "g(a[:(n) + 1])"),
        ("def f():\n    g(a[:n])", "slice", "g(a[:])"),
        ("def f():\n    g(f'{a < b}')", "comparison", "g(f'{a <= b}')"),
        ("def f():\n    g('ä', a < b)", "comparison", "g('ä', a <= b)"),
        ("def f():\n    while a:\n        break", "loop", "continue"),
    ],
)  # fmt: skip
def test_python_is_changed_in_every_way(code: str, kind: str, expected: str) -> None:
    assert (kind, expected) in changes(code)


def test_what_nobody_could_notice_is_not_changed() -> None:
    code = '''
    """SELECT a FROM b WHERE c AND d."""
    from typing import TYPE_CHECKING
    if TYPE_CHECKING:
        import x as y
    def f(a: "int | None" = 1) -> dict[str, None]:
        """At least 3 AND at most 4."""
        return isinstance(a, (A, B)) and a in (c, d)
    @dataclass(frozen=True)
    class C:
        """At least 3 AND at most 4."""
    if __name__ == "__main__":
        main(1)
    '''
    found = {(m.edit.kind, m.line) for m in mutants(source(code))}
    # The default, the return value, and the conditions of the one line.
    assert {line for _, line in found} == {6, 8}
    assert {kind for kind, _ in found} == {
        "constant",
        "return value",
        "and/or",
        "comparison",
    }


def sql(text: str) -> set[str]:
    """The texts that a literal becomes."""
    return {text[: e.start] + e.new + text[e.end :] for e in sql_edits(text, 0)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"WHERE a = ? AND b"', '"WHERE a = ?"'),
        ('"WHERE a AND b = ? ORDER BY c"', '"WHERE a AND (b = ? OR TRUE) ORDER BY c"'),
        ('"WHERE a = ?"', '"WHERE (a = ? OR TRUE)"'),
        ('"WHERE (a OR (b AND c)) AND d"', '"WHERE (a OR (b)) AND d"'),
        ('"WHERE a AND b > ?" " AND c"', '"WHERE a AND (b > ? OR TRUE)" " AND c"'),
        ('f"WHERE {a} AND {b}"', 'f"WHERE {a} AND ({b} OR TRUE)"'),
        ('"WHERE a AND b"', '"WHERE a OR b"'),
        ('"SELECT MIN(a)"', '"SELECT MAX(a)"'),
        ('"SELECT GREATEST(a, b)"', '"SELECT LEAST(a, b)"'),
        ('"ORDER BY a DESC"', '"ORDER BY a ASC"'),
        ('"WHERE a < b"', '"WHERE a <= b"'),
        ('"WHERE a >= b"', '"WHERE a > b"'),
        ('"WHERE a <> b"', '"WHERE a = b"'),
        ('"SELECT COALESCE(f(a, b), 0)"', '"SELECT COALESCE(0, f(a, b))"'),
        ('"FROM a LEFT JOIN b ON c"', '"FROM a JOIN b ON c"'),
        ('"FROM a JOIN b ON c"', '"FROM a LEFT JOIN b ON c"'),
        ('"WHERE a IS NULL"', '"WHERE a IS NOT NULL"'),
        ('"WHERE a IS NOT NULL"', '"WHERE a IS NULL"'),
        ('"WHERE NOT EXISTS (SELECT 1)"', '"WHERE EXISTS (SELECT 1)"'),
        ('"SELECT a LIMIT 5"', '"SELECT a LIMIT 6"'),
        ('"SELECT DISTINCT a"', '"SELECT a"'),
        ('"UNION ALL SELECT a"', '"UNION SELECT a"'),
    ],
)
def test_sql_in_a_literal_is_changed(text: str, expected: str) -> None:
    assert expected in sql(text)


@pytest.mark.parametrize(
    "text",
    [
        '"the orders and the lines"',
        "\"SELECT 'a AND b'\"",
        'f"SELECT {a if b and c else d}"',
        '"SELECT a -- AND never b"',
        '"CREATE TABLE IF NOT EXISTS a"',
    ],
)
def test_what_is_no_sql_is_not_changed(text: str) -> None:
    assert sql(text) == set()


def test_the_and_of_between_stays() -> None:
    found = sql('"WHERE a BETWEEN 1 AND 2 AND b"')
    assert '"WHERE a BETWEEN 1 AND 2"' in found
    assert not any("BETWEEN 1 OR" in text or '1"' in text for text in found)


@pytest.mark.large
def test_every_change_of_the_product_is_another_program() -> None:
    project = Project(ROOT)
    for module in project.modules()[::8]:
        whole = project.source(module)
        for mutant in sample(whole, mutants(whole), seed=1, number=10):
            assert is_valid(whole, mutant)
            assert mutant.applied(whole) != whole.text


def test_the_sample_is_the_seeds_and_of_many_kinds() -> None:
    whole = Project(ROOT).source("scripts/mutations/python_code.py")
    every = mutants(whole)
    first = sample(whole, every, seed=1, number=12)
    assert first == sample(whole, every, seed=1, number=12)
    assert first != sample(whole, every, seed=2, number=12)
    assert len({mutant.edit.kind for mutant in first}) == 12
    # One that is taken away makes place for one other, and draws no new ones.
    fewer = sample(whole, [m for m in every if m != first[0]], seed=1, number=12)
    assert len(set(first) & set(fewer)) == 11


CODE = """\
LIMIT = 5


def first(a):
    if a < LIMIT:
        return 1
    return 2


def second(a):
    return first(a) + 3
"""


def mutant(text: str, kind: str, after: str) -> Mutant:
    (found,) = [
        m for m in mutants(source(text)) if (m.edit.kind, m.after) == (kind, after)
    ]
    return found


class _Imports(Project):
    """A tree in which the tests import the module."""

    imports = {  # type: ignore[assignment]
        "tests/unit/test_a.py": frozenset({"product/code.py"}),
        "tests/unit/test_b.py": frozenset(),
        "tests/unit/test_c.py": frozenset(),
    }

    def source(self, module: str) -> Source:
        return source(CODE)


def measurements() -> Measurements:
    a, b, shared = "test_a.py::one", "test_a.py::two", "test_b.py::three"
    measured = [
        Measured(
            "tests/unit/test_b.py",
            {shared: 9.0},
            {},
            {"product/code.py": frozenset({11})},
            (),
        ),
        Measured(
            "tests/unit/test_a.py",
            {a: 1.0, b: 2.0},
            {"product/code.py": {5: [a, b], 6: [a], 7: [b], 11: [b]}},
            {"product/code.py": frozenset({1, 4, 10})},
            (),
        ),
        # Imports the module by way of others, and calls nothing in it.
        Measured(
            "tests/unit/test_c.py",
            {"test_c.py::four": 1.0},
            {},
            {"product/code.py": frozenset({1, 4, 10})},
            (),
        ),
    ]
    return Measurements(_Imports(ROOT), measured)


@pytest.mark.parametrize(
    ("kind", "after", "expected"),
    [
        ("comparison", "if a <= LIMIT:", ("test_a.py::one", "test_a.py::two")),
        ("constant", "return 0", ("test_a.py::one",)),
        # Run while the file was imported or by another process: by any of its tests.
        (
            "constant",
            "return first(a) + 4",
            ("test_a.py::two", "test_b.py::three"),
        ),
        # Run at import: by whoever imports the module, or calls something in it.
        (
            "constant",
            "LIMIT = 6",
            ("test_a.py::one", "test_a.py::two", "test_b.py::three"),
        ),
    ],
)
def test_the_tests_are_chosen_that_run_the_line(
    kind: str, after: str, expected: tuple[str, ...]
) -> None:
    assert measurements().select(mutant(CODE, kind, after)).tests == list(expected)


def measured(file: str, **seconds: float) -> tuple[Measured, set[str]]:
    tests = {f"{file}::{name}": each for name, each in seconds.items()}
    return Measured(file, tests, {}, {}, ()), set(tests)


def test_a_few_quick_tests_meet_a_change_first_and_slow_ones_last() -> None:
    near = measured("near.py", quick=0.5, long=9.0, more=2.5)
    beside = measured("beside.py", also=1.0)
    third = measured("third.py", late=2.0)
    further = [measured(f"f{n}.py", one=0.1) for n in range(8)]
    stages = stages_of([near, beside, third, *further])
    assert [stage.tests for stage in stages] == [
        # What fits into the first seconds, of the most promising files.
        ("near.py::quick", "beside.py::also", "third.py::late"),
        # What did not, with some files more; then all others.
        ("near.py::more", *(f"f{n}.py::one" for n in range(6))),
        ("f6.py::one", "f7.py::one"),
        ("near.py::long",),
    ]
    assert stages[0].files == ("near.py", "beside.py", "third.py")
    assert stages[3].timeout == 20.0 + 4 * 9.0


def test_a_test_that_fits_into_no_budget_is_run_all_the_same() -> None:
    (stage,) = stages_of([measured("slow.py", only=600.0)])
    assert (stage.files, stage.tests) == (("slow.py",), ("slow.py::only",))
    assert stages_of([]) == ()


def test_the_tests_of_the_modules_own_room_come_first() -> None:
    class Tree(Project):
        imports = {  # type: ignore[assignment]
            "tests/unit/product/test_own.py": frozenset(),
            "tests/unit/test_user.py": frozenset({"product/code.py"}),
            "tests/unit/test_far.py": frozenset(),
        }

    files = list(Tree(ROOT).imports)[::-1]
    lines = {"product/code.py": {6: ["t"]}}
    found = [Measured(file, {"t": 0.1}, lines, {}, ()) for file in files]
    selection = Measurements(Tree(ROOT), found).select(
        mutant(CODE, "constant", "return 0")
    )
    assert selection.stages[0].files == tuple(files[::-1])


def test_equivalent_mutants_are_known_by_their_text(tmp_path: Path) -> None:
    path = tmp_path / "equivalent.toml"
    path.write_text("""
        [[equivalent]]
        module = "product/code.py"
        function = "first"
        before = "if a < LIMIT:"
        after = "if a <= LIMIT:"
        reason = "an example"

        [[equivalent]]
        module = "product/code.py"
        before = "LIMIT = 7"
        after = "LIMIT = 8"
        reason = "the line is gone"
        """)
    entries = read_equivalents(path)
    moved = "\n\n\n" + CODE
    there = {m.fingerprint for m in mutants(source(moved))}
    assert entries[0].fingerprint in there
    assert unmatched(entries, mutants(source(moved))) == entries[1:]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[equivalent]]\nmodule = "a"\nbefore = "b"\nafter = "c"', "reason"),
        ('[[equivalent]]\nmodule = "a"\nbefore = "b"\nline = 3', "unknown line"),
        ("[[equivalent]", "equivalent.toml"),
    ],
)
def test_a_list_without_reasons_is_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "equivalent.toml"
    path.write_text(text)
    with pytest.raises(EquivalentsError, match=said):
        read_equivalents(path)


def test_the_reviewed_list_of_the_project_can_be_read() -> None:
    assert isinstance(read_equivalents(run_mutations.EQUIVALENTS), list)


def test_results_survive_a_run_that_was_ended(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    result = Result("key", True, "a test", 3, 1.5, ("test_a.py ab",))
    results = Results(path, resume=False)
    results.add(result)
    results.close()
    with path.open("a") as file:
        file.write('{"key": "half')
    again = Results(path, resume=True)
    assert again.get("key") == result
    again.close()
    fresh = Results(path, resume=False)
    assert fresh.get("key") is None
    fresh.close()


def test_more_tests_take_nothing_back_of_what_others_have_noticed(
    tree: Project,
) -> None:
    first, second = "tests/unit/test_code.py", "tests/unit/test_more.py"
    text = "from product import code\n\ndef test_one():\n    assert code\n"
    (tree.root / second).write_text(text)
    (tree.root / first).write_text(text)

    def project() -> Project:
        return Project(tree.root, ("product",))

    def chosen(*files: str) -> Selection:
        return Selection((Stage(files, 1.0, ("a test",)),))

    def result(by: str) -> Result:
        found = rests_on(project(), chosen(first, second), by)
        return Result("key", bool(by), by, 1, 1.0, found)

    every = (result(f"{first}::test_one[4]"), result(""), result("a time-out"))

    def held(*files: str) -> list[bool]:
        return [holds(project(), one, chosen(*files)) for one in every]

    assert held(first, second) == [True, True, True]
    # Other files run it now, or one has changed that has not noticed it.
    assert held(first) == [True, False, False]
    (tree.root / second).write_text(text + "A = 1\n")
    assert held(first, second) == [True, False, False]
    (tree.root / second).write_text(text)
    assert held(first, second) == [True, True, True]
    # Tests, helpers and names beside the one that has noticed it.
    more = "import os\nfrom product import code, other\nB = 2\n\n\n"
    more += text.split("\n", 1)[1] + "\ndef test_two():\n    assert os\n"
    (tree.root / first).write_text(more)
    assert held(first, second) == [True, False, False]
    # Another test of its name, or another helper of one that is there.
    (tree.root / first).write_text(text.replace("assert code", "assert not code"))
    assert held(first, second) == [False, False, False]
    (tree.root / first).write_text(text)
    assert held(first, second) == [True, True, True]
    (tree.root / "product" / "code.py").write_text(QUICK)
    assert held(first, second) == [False, False, False]
    (tree.root / first).unlink()
    assert held(second) == [False, False, False]


def test_the_report_names_survivors_and_limits() -> None:
    first, second, third = mutants(source(CODE))[:3]
    outcomes = [
        Outcome(first, True, "a test", 2),
        Outcome(second, False, "", 2),
        Outcome(third, False, "", 0),
    ]
    lines = list(table(outcomes, {"product/code.py": 4}))
    assert lines[1].split() == ["product/code.py", "3", "1", "2", "4", "33.3"]
    assert lines[2].split() == ["total", "3", "1", "2", "4", "33.3"]
    told = "\n".join(survivors(outcomes))
    assert f"product/code.py:{second.line}" in told and "2 tests run it" in told
    assert f"    + {third.after}" in told and "no test runs it" in told
    assert len(below(outcomes, Limits(40, 40))) == 2
    assert below(outcomes, Limits(30, 30)) == []


# --- a run, on a tree of a few lines --------------------------------------------------

TREE = {
    "product/__init__.py": "",
    "product/code.py": """\
        def wait(a):
            seen = []
            while not seen:
                seen.append(a)
            return seen

        def is_small(a):
            return a < 5

        def alone(a):
            return a * 2
        """,
    "tests/unit/test_code.py": """\
        import pytest
        from product.code import is_small, wait

        def test_it_ends():
            assert wait(3) == [3]

        @pytest.mark.parametrize("a", [4])
        def test_small(a):
            assert is_small(a)

        def test_broken():
            assert False
        """,
    "tests/end_to_end/test_process.py": """\
        import subprocess, sys

        def test_another_process():
            code = "from product.code import alone; print(alone(4))"
            assert subprocess.check_output([sys.executable, "-c", code]) == b"8\\n"
        """,
}


# No loop that a change may keep from ending.
QUICK = "def is_small(a):\n    return a < 5\n\ndef alone(a):\n    return a * 2\n"
QUICK += "\ndef wait(a):\n    return [a]\n"


@pytest.fixture
def tree(tmp_path: Path) -> Project:
    root = tmp_path / "tree"
    for name, text in TREE.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(textwrap.dedent(text))
    return Project(root, packages=("product",))


def outcomes(report: Report) -> dict[tuple[str, str], Outcome]:
    return {(o.mutant.edit.kind, o.mutant.after): o for o in report.outcomes}


def options_in(folder: Path, *, resume: bool = False, every: bool = False) -> Options:
    return Options(
        folder / "work",
        folder / "equivalent.toml",
        per_module=0,
        resume=resume,
        all_levels=every,
    )


@pytest.mark.large
def test_a_run_notices_survives_and_ends_what_never_ends(
    tree: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.mutations.selection._AT_LEAST_SECONDS", 5.0)
    report = run(tree, options_in(tmp_path), lambda message: None)
    found = outcomes(report)
    assert found["dropped statement", "pass"].by == "a time-out"
    small = found["constant", "return a < 4"]
    assert small.by == "tests/unit/test_code.py::test_small[4]"
    assert small.tests == 1
    assert not found["comparison", "return a <= 5"].noticed
    # No unit test runs it.
    assert not found["arithmetic", "return a + 2"].noticed
    assert found["arithmetic", "return a + 2"].tests == 0
    assert report.failed == ["tests/unit/test_code.py::test_broken"]
    for name, text in TREE.items():
        assert (tree.root / name).read_text() == textwrap.dedent(text), "it was touched"


@pytest.mark.large
def test_a_change_is_taken_back_and_a_new_parameter_is_run(
    tree: Project, tmp_path: Path
) -> None:
    file, module = "tests/unit/test_code.py", "product/code.py"
    small = f"{file}::test_small[4]"
    text = (tree.root / module).read_text().replace("a < 5", "a > 5")

    def job(tests: str, known: str, changed: bool) -> Job:
        where = (module, text) if changed else (None, None)
        return Job((Stage((file,), 20.0, (tests,)),), (known,), *where)

    with running_workers(tree, tmp_path / "work", 1) as (worker,):
        changed = worker.run(job(small, small, True))
        as_it_is = worker.run(job(small, small, False))
        # The change gave the parameter another name.
        renamed = worker.run(job(f"{file}::test_small[3]", "", True))
        # Another parameter that was there before, and does not run the line.
        other = worker.run(job(f"{file}::test_small[3]", small, True))
    assert (changed["failed"], as_it_is["failed"]) == ([small], [])
    assert (renamed["failed"], other["failed"]) == ([small], [])


@pytest.mark.large
def test_a_run_goes_on_where_it_was_ended(tree: Project, tmp_path: Path) -> None:
    (tree.root / "product" / "code.py").write_text(QUICK)
    first = run(tree, options_in(tmp_path), lambda message: None)
    messages: list[str] = []
    again = run(tree, options_in(tmp_path, resume=True), messages.append)
    assert outcomes(again) == outcomes(first)
    assert messages == [f"{len(first.outcomes)} mutants"], "something was run again"
    # Another test: what meets it is run again.
    tests = tree.root / "tests" / "unit" / "test_code.py"
    tests.write_text(
        tests.read_text() + "\n\ndef test_five():\n    assert not is_small(5)\n"
    )
    third = run(
        Project(tree.root, ("product",)), options_in(tmp_path, resume=True), print
    )
    by = outcomes(third)["comparison", "return a <= 5"].by
    assert by == "tests/unit/test_code.py::test_five"


@pytest.mark.large
def test_a_change_that_never_ends_ends_with_its_worker(
    tree: Project, tmp_path: Path
) -> None:
    """A run that is killed would leave a process that is at work for ever."""
    file, module = "tests/unit/test_code.py", "product/code.py"
    endless = "while True:\n    pass\n"
    job = Job((Stage((file,), 600.0),), (), module, endless)
    with running_workers(tree, tmp_path / "work", 1) as (worker,):
        process = psutil.Process(worker.process.pid)
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(worker.run, job)
            deadline = time.monotonic() + 60
            while not (forks := process.children()) and time.monotonic() < deadline:
                time.sleep(0.05)
            process.kill()
            _, alive = psutil.wait_procs(forks, timeout=10)
            for one in alive:
                one.kill()
            with pytest.raises(WorkerError):
                answer.result(60)
    assert forks and not alive


def test_two_runs_never_share_their_copies(tree: Project, tmp_path: Path) -> None:
    with running_workers(tree, tmp_path / "work", 0):
        with pytest.raises(WorkerError, match="Another mutation run"):
            with running_workers(tree, tmp_path / "work", 0):
                pass
    with running_workers(tree, tmp_path / "work", 0):
        pass  # the first one has ended


def test_modules_are_named_by_patterns_with_commas_between_them() -> None:
    project = Project(ROOT)
    load, sync = "snowpark/load/merge.py", "snowpark/sync/keys.py"
    assert project.modules(load) == [load]
    assert project.modules(f"{sync},{load}") == [load, sync]
    rooms = {m.split("/")[1] for m in project.modules("snowpark/l*/*,snowpark/sync/*")}
    assert rooms == {"ledger", "load", "sync"}
    assert project.modules("no/such/*") == []
    assert set(project.modules()) > set(project.modules("lambda_extract/*"))


def test_only_tests_that_may_meet_a_change_are_measured(tree: Project) -> None:
    code, test = "product/code.py", "tests/unit/test_code.py"
    assert tree.tests("tests/unit", [code]) == [test]
    assert tree.tests("tests/unit", ["product/other.py"]) == []
    assert tree.tests("tests/unit", []) == []


def test_what_a_file_does_not_depend_on_is_no_reason_to_run_it_again(
    tree: Project,
) -> None:
    def digests() -> list[str]:
        files = ["tests/unit/test_code.py", "tests/end_to_end/test_process.py"]
        return [Project(tree.root, ("product",)).digest_for(file) for file in files]

    def write(name: str, text: str) -> None:
        (tree.root / name).parent.mkdir(parents=True, exist_ok=True)
        (tree.root / name).write_text(text)

    unit, whole = digests()
    write("tests/mutations/equivalent.toml", "# One more.\n")
    write("docs/text.md", "More.\n")
    write("tests/unit/test_other.py", "A = 1\n")
    assert digests() == [unit, whole]
    # No unit test imports it; an end-to-end test may run it elsewhere.
    write("product/other.py", "A = 1\n")
    assert digests()[0] == unit
    assert (later := digests()[1]) != whole
    write("product/code.py", QUICK)
    assert digests()[0] != unit and digests()[1] != later
    (unit, _), text = digests(), "SELECT 1"
    write("product/statement.sql", text)
    assert digests()[0] != unit
    unit = digests()[0]
    # No test of the file reads the golden ones.
    write("tests/golden/a.sql", "SELECT 1\n")
    assert digests()[0] == unit
    write("tests/unit/golden.py", "A = 1\n")
    write("tests/conftest.py", "from tests.unit import golden\n")
    assert (before := digests()[0]) != unit
    write("tests/golden/a.sql", "SELECT 2\n")
    assert digests()[0] != before


@pytest.mark.large
def test_what_is_slow_is_left_out_once_a_change_is_noticed(
    tree: Project, tmp_path: Path
) -> None:
    file, module = "tests/unit/test_code.py", "product/code.py"
    text = (tree.root / module).read_text().replace("a < 5", "a > 5")
    ends, small = (
        Stage((file,), 20.0, (f"{file}::{test}",))
        for test in ("test_it_ends", "test_small[4]")
    )
    never = Stage(("tests/unit/no_such_file.py",), 20.0)
    with running_workers(tree, tmp_path / "work", 1) as (worker,):
        changed = worker.run(Job((ends, small, never), (), module, text))
        as_it_is = worker.run(Job((ends, small), (), None, None))
    assert changed["failed"] == [f"{file}::test_small[4]"]
    assert (as_it_is["failed"], as_it_is["exit"]) == ([], 0)


@pytest.mark.large
def test_a_tree_below_a_folder_of_tests_is_measured(tmp_path: Path) -> None:
    root = tmp_path / "tests" / "tree"
    for name, text in TREE.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(textwrap.dedent(text))
    project = Project(root, packages=("product",))
    with running_workers(project, root / "work", 1) as workers:
        found = measure(
            project, workers, ["tests/unit/test_code.py"], tmp_path / "kept", print
        )
    assert found.measured[0].lines["product/code.py"]


@pytest.mark.large
def test_end_to_end_tests_meet_what_survives_in_their_processes(
    tree: Project, tmp_path: Path
) -> None:
    (tree.root / "product" / "code.py").write_text(QUICK)
    (tmp_path / "equivalent.toml").write_text("""
        [[equivalent]]
        module = "product/code.py"
        function = "is_small"
        before = "return a < 5"
        after = "return a <= 5"
        reason = "shown here"
        """)
    report = run(tree, options_in(tmp_path, every=True), lambda message: None)
    assert ("comparison", "return a <= 5") not in outcomes(report)
    assert report.drawn.equivalent == {"product/code.py": 1}
    assert report.drawn.unmatched == []
    by = outcomes(report)["arithmetic", "return a + 2"].by
    assert by == "tests/end_to_end/test_process.py::test_another_process"


def test_the_command_tells_what_a_wrong_list_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "equivalent.toml"
    path.write_text("[[equivalent]]")
    monkeypatch.setattr(run_mutations, "EQUIVALENTS", path)
    app = run_mutations.typer.Typer()
    app.command()(run_mutations.main)
    shown = CliRunner().invoke(app, ["--modules", "snowpark/errors.py"])
    assert shown.exit_code == 2
    assert "module is missing or empty" in shown.output
