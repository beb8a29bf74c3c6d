"""PURE: the text of a configuration, JSON or YAML, read as plain values.

YAML is read as JSON is: true, false, null and numbers are what they look like, all else
is text, so that a country "no" or a time 12:30 stays what it is. Anchors, tags and
several documents are refused: a configuration says what it means.
"""

import collections
import json
import re
from typing import Any

from snowpark.errors import ConfigError, Problem

# Bytes; values of 16 MB are unreliable in procedures.
LONGEST_TEXT = 10_000_000
_DEEPEST = 100
# '@name/path/file'; not '@~' and '@%', of which there are no scoped URLs.
_PLACE = re.compile(r"@([^/~%\s']+)/([^'\s]+)")
_LONGEST_PLACE = 500
# Of the clone of a Git repository (developer-guide/git/git-operations).
_OF_GIT = ("branches/", "tags/", "commits/")


def load(text: str | None) -> dict[str, Any]:
    """Returns what the text says.

    Raises:
        ConfigError: It is empty, too long, no JSON or YAML, or no object.
    """
    if not text or not text.strip():
        raise _wrong("The text is empty.")
    if len(text) > LONGEST_TEXT or _bytes(text) > LONGEST_TEXT:
        raise _wrong("The text is longer than 10 MB.")
    if text.lstrip().startswith("@"):
        raise _wrong(_how_to_read(text.strip()))
    twice: list[str] = []
    try:
        read = _read_json if text.lstrip()[0] in "{[" else _read_yaml
        data = read(text, twice)
    except RecursionError:
        raise _wrong("The text is nested too deeply.") from None
    if twice:
        names = ", ".join(json.dumps(name[:100]) for name in twice)
        raise _wrong(f"These names stand twice: {names}.")
    if not isinstance(data, dict):
        raise _wrong("The text must be a JSON object, or YAML of one.")
    return data


def _how_to_read(place: str) -> str:
    """Returns the call for a file that was named by its place.

    A procedure reads with its owner's rights: of a place it cannot tell whether the
    caller may read it, of a scoped URL it can.
    """
    match = _PLACE.fullmatch(place[:_LONGEST_PLACE])
    stage, file = match.groups() if match else ("stage", "file.yaml")
    if file.startswith(_OF_GIT):
        folder, _, file = file.rpartition("/")
        copied = f"COPY FILES INTO @stage FROM @{stage}/{folder}/ FILES = ('{file}'); "
        stage = "stage"
    else:
        copied = ""
    return (
        "This is the place of a file, which is read by a scoped URL of yours only:"
        f" {copied}CALL APPLY_CONFIG(BUILD_SCOPED_FILE_URL(@{stage}, '{file}'));"
    )


def _bytes(text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise _wrong("The text has half of a character (a surrogate alone).") from None


def is_json(text: str) -> bool:
    """Returns whether a text that was accepted is JSON."""
    return text.lstrip().startswith("{")


def _wrong(message: str) -> ConfigError:
    return ConfigError((Problem("", message),))


# --- JSON -----------------------------------------------------------------------------


def _read_json(text: str, twice: list[str]) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        times = collections.Counter(name for name, _ in pairs)
        twice.extend(sorted(name for name, count in times.items() if count > 1))
        return dict(pairs)

    try:
        return json.loads(
            text,
            object_pairs_hook=unique,
            parse_float=_number,
            parse_constant=_no_number,
        )
    except RecursionError:
        raise
    except ValueError as error:
        where = ""
        if isinstance(error, json.JSONDecodeError):
            where = f" (line {error.lineno}, column {error.colno}: {error.msg})"
        raise _wrong(f"The text is not JSON{where}.") from None


def _number(text: str) -> int | float:
    """5.0 is an integer, as JSON Schema has it; as a float the wire would refuse it."""
    value = float(text)
    return int(value) if value.is_integer() else value


def _no_number(name: str) -> float:
    """NaN is below no maximum and above no minimum: it would switch a limit off."""
    raise ValueError(f"{name} is no JSON")


# --- YAML -----------------------------------------------------------------------------


def _read_yaml(text: str, twice: list[str]) -> Any:
    """Reads the nodes and makes values of them, so that no tag makes an object."""
    # Snowflake has it for the calls that take a text; no other procedure needs it.
    import yaml

    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise _at(event.start_mark, "anchors are not supported")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        problem = str(getattr(error, "problem", None) or "it cannot be read")
        mark = getattr(error, "problem_mark", None)
        raise _at(mark, problem) from None
    return None if node is None else _value(node, twice, 0)


def _at(mark: Any, problem: str) -> ConfigError:
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return _wrong(f"The text is neither JSON nor YAML ({where}{problem}).")


def _value(node: Any, twice: list[str], depth: int) -> Any:
    if depth > _DEEPEST:
        raise RecursionError
    if node.id == "sequence":
        return [_value(one, twice, depth + 1) for one in node.value]
    if node.id == "mapping":
        names = [str(key.value) for key, _ in node.value]
        counted = collections.Counter(names)
        twice.extend(sorted(name for name, count in counted.items() if count > 1))
        values = [_value(value, twice, depth + 1) for _, value in node.value]
        return dict(zip(names, values, strict=True))
    return _scalar(node)


_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,400})")
_FRACTION = re.compile(r"-?[0-9]{1,17}\.[0-9]{1,17}")
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "~": None}


def _scalar(node: Any) -> Any:
    if node.style is not None:
        return node.value
    text = str(node.value)
    if not text:
        return None
    if text in _WORDS:
        return _WORDS[text]
    # Nothing that one version of YAML takes for a number and another for a text.
    if _WHOLE.fullmatch(text):
        return int(text)
    return _number(text) if _FRACTION.fullmatch(text) else text
