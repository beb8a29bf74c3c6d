"""The probes of probes/: assumptions about platforms, each with its expected answer."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "probes"
HALVES = ("snowflake", "aws", "postgresql")
# What is known of the assumption before anybody has asked an account.
KNOWN = ("documented", "reported", "assumed")
# What the local stack does: answers as expected; refuses with an error; cannot be
# asked; answers something else without an error, which has to be mended.
LOCAL = ("same", "refused", "not_imitated", "wrong_locally")
_REQUIRED = ("id", "title", "known", "page", "otherwise", "where", "local")
_OPTIONAL = (
    *("facts", "local_reason", "seen", "by_hand", "needs", "setup", "teardown"),
    *("parameters", "files", "files_hex", "handlers", "procedures", "ask"),
)
_ASK = ("sql", "check", "session", "columns", "within_seconds")
# What no expected error may be mistaken for.
_ANY_ERROR = "error 0: of a kind that nobody has thought of"
_EXPECTED = ("answer", "document", "error", "accepted")


class ProbeFileError(ValueError):
    """A probe's file is malformed; names the file and what is wrong."""


@dataclass(frozen=True)
class Ask:
    """One question to the platform.

    Attributes:
        sql: Statement to send; empty if `check` is given.
        check: Name of a function in scripts/checks.py or scripts/ask_aws.py.
        session: Name of the session that sends it; the first one is "first".
        columns: Columns of the result to look at; all of them if empty.
        within_seconds: Ask again until the answer is as expected, or so long.
        answer: Expected rows, each a JSON array; None if something else is expected.
        document: Expected JSON document in the only field; None if not.
        error: Expected error: a regular expression for its number and text.
        accepted: Any answer that is no error will do.
    """

    sql: str = ""
    check: str = ""
    session: str = "first"
    columns: tuple[str, ...] = ()
    within_seconds: float = 0
    answer: tuple[list[Any], ...] | None = None
    document: str | None = None
    error: str | None = None
    accepted: bool = False


@dataclass(frozen=True)
class Probe:
    """One assumption about a platform.

    Attributes:
        id: Short name, e.g. "C01"; the file's name starts with it.
        half: Platform: one of HALVES.
        title: The assumption, as a sentence.
        known: How it is known: one of KNOWN.
        page: Page of the documentation, or the public report, by name.
        otherwise: What breaks in the product if it is not so.
        where: Files of the product that rest on it.
        local: What the local stack does: one of LOCAL.
        local_reason: Why the local stack does not do the same; empty if it does.
        facts: Ids of the register of platform defects that it belongs to.
        seen: What accounts have answered, with dates; empty: nobody has asked yet.
        by_hand: How a person asks, if a command cannot; nothing is run then.
        needs: "deployment" if the product must be deployed in the database.
        setup: Statements that run first.
        teardown: Statements that run last, whatever happened.
        parameters: Session parameters of the caller, set after the setup.
        files: File name -> content; zstd files on the stage `landing`.
        handlers: Python code of the procedures.
        procedures: Procedure with its arguments -> function of `handlers`.
        asks: The questions, in order.
    """

    id: str
    half: str
    title: str
    known: str
    page: str
    otherwise: str
    where: tuple[str, ...]
    local: str
    local_reason: str = ""
    facts: tuple[str, ...] = ()
    seen: str = ""
    by_hand: str = ""
    needs: str = ""
    setup: str = ""
    teardown: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    handlers: str = ""
    procedures: Mapping[str, str] = field(default_factory=dict)
    asks: tuple[Ask, ...] = ()


def read_probes(folder: Path = FOLDER) -> list[Probe]:
    """Returns every probe, sorted by half and id.

    Raises:
        ProbeFileError: A file is malformed, or two have the same id.
    """
    probes = [
        read_probe(path)
        for half in HALVES
        for path in sorted((folder / half).glob("*.toml"))
    ]
    ids = [probe.id for probe in probes]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise ProbeFileError(f"two probes are called {', '.join(twice)}")
    return probes


def read_probe(path: Path) -> Probe:
    """Reads one file.

    Raises:
        ProbeFileError: A field is missing, unknown or of no known value.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ProbeFileError(f"{path.name}: {error}") from error
    _check_fields(path.name, content, _REQUIRED, _OPTIONAL)
    problem = _problem(path.name, content)
    if problem:
        raise ProbeFileError(f"{path.name}: {problem}")
    try:
        return _probe(path, content)
    except (ValueError, re.error) as error:
        raise ProbeFileError(f"{path.name}: {error}") from error


def _problem(name: str, content: Mapping[str, Any]) -> str:
    """What is wrong with fields that are there; empty if nothing is."""
    for key, values in (("known", KNOWN), ("local", LOCAL)):
        if content[key] not in values:
            return f"{key} is one of {', '.join(values)}"
    if not name.startswith(f"{content['id']}_"):
        return f"the name starts with {content['id']}_"
    if (content["local"] != "same") != bool(content.get("local_reason")):
        return "local_reason says why local is not same, and only then"
    if bool(content.get("by_hand")) == bool(content.get("ask")):
        return "needs either by_hand or [[ask]]"
    if content.get("by_hand") and content["local"] != "not_imitated":
        return "by_hand is never run: not_imitated"
    return ""


def _probe(path: Path, content: Mapping[str, Any]) -> Probe:
    plain = {
        key: value
        for key, value in content.items()
        if key not in ("ask", "files", "files_hex", "where", "facts")
    }
    files = {name: text.encode() for name, text in content.get("files", {}).items()}
    for name, digits in content.get("files_hex", {}).items():
        files[name] = bytes.fromhex(digits)
    return Probe(
        **plain,
        half=path.parent.name,
        where=tuple(content["where"]),
        facts=tuple(content.get("facts", ())),
        files=files,
        asks=tuple(_ask(path.name, item) for item in content.get("ask", ())),
    )


def _check_fields(
    name: str,
    content: Mapping[str, Any],
    required: tuple[str, ...],
    optional: tuple[str, ...],
) -> None:
    missing = [key for key in required if not content.get(key)]
    unknown = [key for key in content if key not in (*required, *optional)]
    if missing or unknown:
        raise ProbeFileError(f"{name}: missing {missing}, unknown {unknown}")


def _ask(name: str, content: Mapping[str, Any]) -> Ask:
    _check_fields(name, content, (), (*_ASK, *_EXPECTED))
    expected = [key for key in _EXPECTED if key in content]
    asked = [key for key in ("sql", "check") if key in content]
    if len(expected) != 1 or len(asked) != 1:
        raise ProbeFileError(
            f"{name}: an [[ask]] has one of sql and check, and one of "
            f"{', '.join(_EXPECTED)}"
        )
    values = dict(content)
    values["columns"] = tuple(content.get("columns", ()))
    if "answer" in content:
        lines = content["answer"].strip().splitlines()
        values["answer"] = tuple(
            json.loads(line, parse_float=Decimal) for line in lines
        )
    if "document" in content:
        values["document"] = json.dumps(json.loads(content["document"]), sort_keys=True)
    if "error" in content:
        if re.search(content["error"], _ANY_ERROR):
            raise ProbeFileError(f"{name}: {content['error']} is true of any error")
    return Ask(**values)
