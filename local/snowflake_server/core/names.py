"""Identifiers: Snowflake's rules on an engine that ignores case.

DuckDB compares names without case. To keep "id" and ID apart, every lower-case ASCII
letter of a name travels to DuckDB as '~' and its upper-case letter ('~' itself as
'~~'), and results and messages are turned back. Names that differ only in case then
really differ. Line ends and vertical tabs become '~1' and '~2': the translation of a
statement parts its pieces with them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_ENCODE = re.compile(r"[a-z~\n\v]")
_DECODE = re.compile(r"~([A-Z~.12])")
_PARTING = {"\n": "~1", "\v": "~2"}
_PARTED = {"1": "\n", "2": "\v", ".": ""}
_SIMPLE = re.compile(r"[A-Z_][A-Z0-9_$]*\Z")


def encode(name: str) -> str:
    """The name under which DuckDB knows a Snowflake name."""
    if name == "ROWID":  # a column that every table of DuckDB has
        return "ROWID~."
    return _ENCODE.sub(
        lambda found: _PARTING.get(found[0], "~" + found[0].upper()), name
    )


def decode(text: str) -> str:
    """Snowflake's form of every encoded name in a text."""
    return _DECODE.sub(lambda found: _PARTED.get(found[1], found[1].lower()), text)


def quoted(name: str) -> str:
    """A name in double quotes, for DuckDB and Snowflake alike."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string literal of DuckDB."""
    return "'" + text.replace("'", "''") + "'"


def shown(name: str) -> str:
    """A name as Snowflake prints it: quoted only if it must be."""
    return name if _SIMPLE.match(name) else quoted(name)


@dataclass(frozen=True)
class Name:
    """A full name of an object inside a schema."""

    database: str
    schema: str
    name: str

    def __str__(self) -> str:
        """As Snowflake prints it."""
        return ".".join(shown(part) for part in self.parts)

    @property
    def parts(self) -> tuple[str, str, str]:
        """Database, schema and name."""
        return (self.database, self.schema, self.name)

    @property
    def physical_schema(self) -> str:
        """DuckDB's schema; one database holds all, so a transaction may span them."""
        return encode(f"{self.database}.{self.schema}")

    @property
    def physical(self) -> str:
        """The quoted name in DuckDB."""
        return f"{quoted(self.physical_schema)}.{quoted(encode(self.name))}"
