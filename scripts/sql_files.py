"""The SQL files of snowflake/ in deploy order, split and filled in."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "snowflake"
PLACEHOLDER = re.compile(r"<%(.*?)%>", re.DOTALL)

# One alternative per thing in which a semicolon does not end a statement. A quote or
# comment that never closes matches the last alternative alone, and is refused.
_TOKEN = re.compile(
    r"(?P<comment>--[^\n]*|//[^\n]*|/\*.*?\*/)"
    r"|(?P<text>'(?:[^'\\]|\\.|'')*'|\"(?:[^\"]|\"\")*\"|\$\$.*?\$\$)"
    r"|(?P<end>;)"
    r"|(?P<open>/\*|'|\"|\$\$)"
    r"|(?P<other>[^-/'\"$;]+|.)",
    re.DOTALL,
)


class SqlFileError(ValueError):
    """A SQL file or a value for one of its placeholders is not usable."""


@dataclass(frozen=True)
class SqlFile:
    """One file of the deployment.

    Attributes:
        name: Path relative to the SQL folder, e.g. "10_account/010_roles.sql".
        text: Its content, placeholders included.
    """

    name: str
    text: str

    @property
    def folder(self) -> str:
        """Name of the folder that holds the file."""
        return self.name.split("/", 1)[0]


@dataclass(frozen=True)
class Statement:
    """One statement of a file.

    Attributes:
        file: Name of the file.
        line: Line on which the statement starts, from 1.
        text: The statement without its semicolon and without leading comments.
    """

    file: str
    line: int
    text: str

    @property
    def place(self) -> str:
        """File and line, as editors understand them."""
        return f"{self.file}:{self.line}"

    @property
    def title(self) -> str:
        """The first line, for progress messages."""
        return self.text.splitlines()[0][:72]


def read_files(folder: Path = FOLDER) -> list[SqlFile]:
    """Returns the SQL files of all numbered folders in deploy order.

    Raises:
        SqlFileError: There is none, or a name does not start with its number.
    """
    files = []
    for path in sorted(folder.rglob("*.sql")):
        name = path.relative_to(folder).as_posix()
        if not re.fullmatch(r"\d\d_[a-z_]+/\d\d\d_[a-z0-9_]+\.sql", name):
            raise SqlFileError(f"{name}: expected NN_folder/NNN_name.sql")
        files.append(SqlFile(name=name, text=path.read_text(encoding="utf-8")))
    if not files:
        raise SqlFileError(f"no SQL files in {folder}")
    return files


def placeholders(files: list[SqlFile]) -> dict[str, str]:
    """Returns every placeholder with the name of the first file that uses it."""
    found: dict[str, str] = {}
    for file in files:
        for match in PLACEHOLDER.finditer(file.text):
            found.setdefault(match[1].strip(), file.name)
    return found


def statements(file: SqlFile, values: Mapping[str, str]) -> list[Statement]:
    """Splits a file into statements and fills its placeholders in.

    The text is split before values are filled in, so that no value can end a statement.

    Raises:
        SqlFileError: A quote or comment does not end, or a placeholder has no value.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name not in values:
            raise SqlFileError(f"{file.name}: no value for <% {name} %>")
        return values[name]

    return [
        Statement(file.name, line, PLACEHOLDER.sub(value, text))
        for line, text in _split(file)
    ]


def _split(file: SqlFile) -> Iterator[tuple[int, str]]:
    """Yields (line, text) of each statement; comments before it are left out."""
    line, start, text = 1, 0, ""
    for token in _TOKEN.finditer(file.text):
        if token["open"]:
            raise SqlFileError(f"{file.name}:{line}: {token[0]} is never closed")
        if token["end"]:
            if text.strip():
                yield start, text.strip()
            text = ""
        elif not (token["comment"] and not text.strip()):
            if not text.strip() and token[0].strip():
                blank = len(token[0]) - len(token[0].lstrip())
                start = line + token[0][:blank].count("\n")
            text += token[0]
        line += token[0].count("\n")
    if text.strip():
        raise SqlFileError(f"{file.name}:{start}: the last statement lacks its ;")
