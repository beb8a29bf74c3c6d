"""The arguments of functions and procedures, as CREATE lists them."""

from __future__ import annotations

from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from local.snowflake_server.core.errors import syntax
from local.snowflake_server.core.scan import Scanner
from local.snowflake_server.core.types import SnowType, read_type


@dataclass(frozen=True)
class Argument:
    """An argument of a function or procedure."""

    name: str
    type: SnowType
    default: exp.Expr | None = None

    @property
    def optional(self) -> bool:
        """Whether a call may leave it out."""
        return self.default is not None


def read_arguments(scanner: Scanner) -> tuple[Argument, ...]:
    """The list '(name TYPE [DEFAULT value], ...)'."""
    return tuple(scanner.listed(_argument))


def _argument(scanner: Scanner) -> Argument:
    name = scanner.identifier()
    kind = read_type(read_type_text(scanner))
    default = None
    if scanner.take("DEFAULT"):
        default = sqlglot.parse_one(scanner.until(",", ")"), read="snowflake")
    return Argument(name=name, type=kind, default=default)


def read_type_text(scanner: Scanner) -> exp.DataType:
    """A data type with its parameters."""
    text = scanner.word()
    if scanner.peek() == "(":
        text += f"({','.join(str(n) for n in scanner.listed(Scanner.number))})"
    try:
        return exp.DataType.build(text, dialect="snowflake")
    except sqlglot.errors.SqlglotError as error:
        raise syntax(f"unknown data type '{text}'.") from error
