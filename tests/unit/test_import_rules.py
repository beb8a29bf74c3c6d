"""Who may import what (docs/ARCHITECTURE.md): read from the sources, nothing is run.

Imports inside functions and under TYPE_CHECKING count like all others. Each failure
names the file and line, the import, and the rule.
"""

import ast
import re
import sys
from collections.abc import Callable

import pytest

from scripts.print_house import (
    SIDES,
    Import,
    circle,
    file_graph,
    file_of,
    imports,
    longest_chain,
    modules,
    room,
    room_graph,
    side_files,
    tree,
)

PACKAGES = ("lambda_extract", "snowpark", "config", "local", "scripts")
DEPLOYED = ("lambda_extract", "snowpark", "config")
SERVER = "local/snowflake_server"

# The floors of each side, lowest first; rooms of one floor do not know each other. A
# room is a folder ("load/") or a file beside the folders ("sql").
FLOORS: dict[str, tuple[tuple[str, ...], ...]] = {
    "snowpark": (
        # The dashboard is an application of its own: it meets the rest in SQL alone.
        ("errors", "sql", "redact", "spans", "dashboard/"),
        ("names", "arguments", "answers"),
        ("session",),
        ("settings/",),
        ("columns/",),
        ("ledger/",),
        ("load/", "extraction/", "alerts/"),
        ("tidy/", "captures/"),
        ("sync/",),
        ("validate/", "groups/"),
        ("worksheet/",),
        ("check/",),
        ("procedures",),
    ),
    "lambda_extract": (
        ("log", "values/", "contract"),
        ("errors",),
        ("settings", "landing/"),
        ("credentials/", "protocol/"),
        ("source/",),
        ("rows/",),
        ("cursor/", "changes/"),
        ("operations/",),
        ("watchdog",),
        ("handler",),
    ),
    SERVER: (
        ("core/",),
        ("sql/",),
        ("engine",),
        ("objects/", "tasks/"),
        ("rows/", "code/"),
        ("show", "information", "privileges"),
        ("dispatch",),
        ("requests",),
        ("server",),
        ("__main__",),
    ),
}

# Files that decide and never act: no network, database, file, process, clock or thread.
PURE_FOLDERS = ("snowpark/columns/", "snowpark/settings/", "lambda_extract/values/")
PURE_FILES = {
    "snowpark/extraction/requests.py",
    "snowpark/extraction/progress.py",
}
# So do all that say so in the first line of their docstring.
SAYS_PURE = re.compile(r"\A\s*PURE\b|\bPure\.")
INPUT_OUTPUT = {
    "boto3",
    "botocore",
    "hvac",
    "http",
    "io",
    "logging",
    "os",
    "pathlib",
    "psycopg2",
    "requests",
    "shutil",
    "snowflake",
    "socket",
    "streamlit",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib",
    "urllib3",
    "zstandard",
}
# Of ours, what acts for others.
ACTING = {"snowpark/session.py", "lambda_extract/source/database.py"}
ACTING_CALLS = {"open", "print", "input"}

# One file stands before each outside system and turns its exceptions into ours.
ONLY_IMPORTERS = {
    ("lambda_extract", "psycopg2"): {"lambda_extract/source/database.py"},
    ("lambda_extract", "hvac"): {"lambda_extract/credentials/vault.py"},
    ("lambda_extract", "requests"): {"lambda_extract/credentials/vault.py"},
    ("lambda_extract", "urllib3"): {"lambda_extract/credentials/vault.py"},
    ("lambda_extract", "zstandard"): {"lambda_extract/landing/files.py"},
    # AWS has a client for each of its services; the handler makes that of S3.
    ("lambda_extract", "boto3"): {
        "lambda_extract/handler.py",
        "lambda_extract/credentials/secrets.py",
        "lambda_extract/credentials/vault.py",
    },
    # procedures.py names the session's type; session.py is the dashboard's, which runs
    # apart from the procedures. A staged file is read by a class, not by a session.
    ("snowpark", "snowflake"): {
        "snowpark/worksheet/staged_text.py",
        "snowpark/session.py",
        "snowpark/procedures.py",
        "snowpark/dashboard/session.py",
    },
    ("snowpark", "streamlit"): {
        "snowpark/dashboard/first_page.py",
        "snowpark/dashboard/operate.py",
        "snowpark/dashboard/pages.py",
        "snowpark/dashboard/parts.py",
        "snowpark/dashboard/session.py",
        "snowpark/dashboard/streamlit_app.py",
        "snowpark/dashboard/table_page.py",
    },
    ("snowpark", "opentelemetry"): {"snowpark/spans.py"},
    ("snowpark", "jsonschema"): {"snowpark/settings/validator.py"},
    (SERVER, "starlette"): {f"{SERVER}/server.py"},
    (SERVER, "uvicorn"): {f"{SERVER}/__main__.py"},
    (SERVER, "croniter"): {f"{SERVER}/tasks/task_schedule.py"},
    (SERVER, "urllib3"): {f"{SERVER}/code/external.py"},
    ("local", "moto"): {"local/aws/serving.py"},
}
# These compose text or are exact types, and talk to nobody.
HARMLESS = {"psycopg2.sql"}
OURS = ("lambda_extract", "snowpark", "config", "local", "scripts", "tests")


def top(name: str) -> str:
    return name.split(".")[0]


def told(module: str, item: Import, rule: str) -> str:
    return f"{module}:{item.line} imports {item.name}: {rule}"


def refused(module: str, forbidden: Callable[[str], bool], rule: str) -> list[str]:
    """Returns a sentence for each import of a file that breaks a rule."""
    return [told(module, i, rule) for i in imports(module) if forbidden(i.name)]


# --- floors ---------------------------------------------------------------------------


def floor_of(side: str, name: str) -> int | None:
    found = [number for number, rooms in enumerate(FLOORS[side]) if name in rooms]
    return found[0] if found else None


def broken_floors(module: str, side: str, files: set[str]) -> list[str]:
    here = room(module, side)
    floor = floor_of(side, here)
    if floor is None:
        return [f"{module}: {here} stands on no floor of {side}"]
    broken = []
    for item in imports(module):
        found = file_of(item.name)
        if found is None or found not in files:
            continue
        there = room(found, side)
        below = floor_of(side, there)
        if there != here and (below is None or below >= floor):
            rule = f"{here} (floor {floor}) may import lower floors only, {there} is on"
            broken.append(told(module, item, f"{rule} floor {below}"))
    return broken


@pytest.mark.parametrize("side", FLOORS)
def test_a_module_imports_from_its_own_room_and_from_lower_floors_only(
    side: str,
) -> None:
    files = set(side_files(side)) - {f"{side}/__init__.py"}
    broken = [line for file in files for line in broken_floors(file, side, files)]
    assert sorted(broken) == []


@pytest.mark.parametrize("side", FLOORS)
def test_every_floor_is_inhabited(side: str) -> None:
    rooms = {room(f, side) for f in side_files(side)}
    assert {name for floor in FLOORS[side] for name in floor} - rooms == set()


def test_no_file_imports_itself_on_any_way() -> None:
    found = circle(file_graph(modules(*PACKAGES)))
    assert not found, f"a circle of imports: {' -> '.join(found)}"


@pytest.mark.parametrize("side", SIDES)
def test_no_circle_of_rooms(side: str) -> None:
    found = circle(room_graph(side))
    assert not found, f"a circle of rooms: {' -> '.join(found)}"


# --- sides ----------------------------------------------------------------------------


@pytest.mark.parametrize("module", modules(*DEPLOYED))
def test_deployed_code_imports_no_tools(module: str) -> None:
    tools = {"local", "scripts", "tests"}
    rule = "what is deployed knows no tools"
    assert refused(module, lambda name: top(name) in tools, rule) == []


@pytest.mark.parametrize("module", modules("local"))
def test_the_local_stack_imports_no_tests(module: str) -> None:
    tools = {"scripts", "tests"}
    rule = "the local stack stands without scripts and tests"
    assert refused(module, lambda name: top(name) in tools, rule) == []


@pytest.mark.parametrize("module", modules(SERVER))
def test_the_local_snowflake_is_a_package_of_its_own(module: str) -> None:
    own = SERVER.replace("/", ".")
    assert (
        refused(
            module,
            lambda name: top(name) in OURS and f"{name}.".find(f"{own}.") != 0,
            "the local Snowflake imports nothing else of ours",
        )
        == []
    )


@pytest.mark.parametrize("module", modules("snowpark"))
def test_procedures_import_nothing_of_aws_or_postgresql(module: str) -> None:
    others = {"boto3", "botocore", "psycopg2", "hvac", "zstandard"}
    rule = "Snowflake has no AWS and no PostgreSQL"
    assert refused(module, lambda name: top(name) in others, rule) == []


@pytest.mark.parametrize("module", modules("lambda_extract"))
def test_lambda_imports_nothing_of_snowflake(module: str) -> None:
    rule = "Lambda knows nothing of Snowflake"
    assert refused(module, lambda name: top(name) == "snowflake", rule) == []


@pytest.mark.parametrize("module", modules("lambda_extract", "snowpark"))
def test_the_sides_meet_in_the_contract_only(module: str) -> None:
    here = module.split("/")[0]
    other = {"lambda_extract": "snowpark", "snowpark": "lambda_extract"}[here]
    assert (
        refused(
            module,
            lambda name: top(name) == other
            and not name.startswith("lambda_extract.contract"),
            "the two sides meet in lambda_extract/contract*.py only",
        )
        == []
    )


@pytest.mark.parametrize(
    "module",
    [m for m in modules("lambda_extract") if m.startswith("lambda_extract/contract")],
)
def test_the_contract_needs_the_standard_library_alone(module: str) -> None:
    assert (
        refused(
            module,
            lambda name: top(name) not in sys.stdlib_module_names
            and not name.startswith("lambda_extract.contract"),
            "the contract needs the standard library and itself alone",
        )
        == []
    )


# --- input and output -----------------------------------------------------------------


def says_pure(module: str) -> bool:
    first_line = (ast.get_docstring(tree(module)) or "").split("\n", 1)[0]
    return bool(SAYS_PURE.search(first_line))


def must_be_pure(module: str) -> bool:
    return (
        module.startswith(PURE_FOLDERS)
        or module.endswith("statements.py")
        or module in PURE_FILES
        or says_pure(module)
    )


def acts(name: str) -> bool:
    if name in HARMLESS:
        return False
    return top(name) in INPUT_OUTPUT or file_of(name) in ACTING


def acting_calls(module: str) -> list[str]:
    return [
        f"{module}:{node.lineno} calls {node.func.id}(): it decides and never acts"
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ACTING_CALLS
    ]


@pytest.mark.parametrize("module", [m for m in modules(*DEPLOYED) if must_be_pure(m)])
def test_what_decides_does_no_input_or_output(module: str) -> None:
    rule = "it decides and never acts: no input, output or clock"
    assert refused(module, acts, rule) + acting_calls(module) == []


def test_the_named_pure_files_exist() -> None:
    """A file that was moved would otherwise be free of its rule without a sound."""
    files = modules(*DEPLOYED)
    assert set(files) >= PURE_FILES | ACTING
    for folder in PURE_FOLDERS:
        assert any(file.startswith(folder) for file in files), folder


@pytest.mark.parametrize(("package", "library"), sorted(ONLY_IMPORTERS))
def test_one_file_stands_before_each_outside_system(package: str, library: str) -> None:
    allowed = ONLY_IMPORTERS[package, library]
    rule = f"{library} stands behind {', '.join(sorted(allowed))}"
    users = set()
    broken = []
    for module in modules(package):
        found = refused(
            module, lambda name: top(name) == library and name not in HARMLESS, rule
        )
        if found:
            users.add(module)
        if module not in allowed:
            broken += found
    assert broken == []
    assert users == allowed, "no longer imported there"


def test_no_python_file_shadows_the_snowflake_package() -> None:
    assert modules("snowflake") == []


# --- the rules themselves -------------------------------------------------------------


def test_a_circle_is_found_however_long_it_is() -> None:
    none: frozenset[str] = frozenset()
    graph = {"a": frozenset("b"), "b": frozenset("c"), "c": frozenset("a"), "d": none}
    assert circle(graph) == ["a", "b", "c", "a"]
    assert circle({**graph, "c": none}) == []
    assert longest_chain({**graph, "c": none}) == ["a", "b", "c"]


def test_an_import_is_found_wherever_it_stands(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scripts import print_house

    root = tmp_path_factory.mktemp("house")
    (root / "m.py").write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from a.b import c\n"
        "def f():\n    import d.e\n    from g import h as i\n"
    )
    monkeypatch.setattr(print_house, "ROOT", root)
    names = [item.name for item in print_house.imports("m.py")]
    assert names == ["typing.TYPE_CHECKING", "a.b.c", "d.e", "g.h"]
