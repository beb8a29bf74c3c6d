"""Scalar functions in Python whose handler stands in the statement itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow

from local.snowflake_server.code.arguments import (
    Argument,
    read_arguments,
    read_type_text,
)
from local.snowflake_server.code.procedures import RUNTIMES
from local.snowflake_server.core.errors import (
    SnowflakeError,
    compilation,
    exists,
    unsupported,
)
from local.snowflake_server.core.names import Name
from local.snowflake_server.core.results import Result, status
from local.snowflake_server.core.scan import Scanner, one_of
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.core.types import SnowType, read_type
from local.snowflake_server.engine import Account

_ARGUMENTS = ("VARCHAR", "FLOAT", "VARIANT")
_OPTIONS = {
    "RUNTIME_VERSION": one_of(*RUNTIMES),
    "PACKAGES": Scanner.strings,
    "HANDLER": Scanner.string,
    "COMMENT": Scanner.string,
}


@dataclass(frozen=True)
class PythonFunction:
    """A function whose rows are handed to a Python function, one by one.

    Attributes:
        strict: NULL is the result if an argument is NULL; no call is made.
    """

    name: Name
    arguments: tuple[Argument, ...]
    returns: SnowType
    strict: bool
    runtime: str
    handler: str
    function: Callable[..., Any]
    body: str
    comment: str = ""
    owner: str = ""
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def described(self) -> dict[str, Any]:
        """What DESCRIBE FUNCTION prints."""
        return {
            "name": self.name,
            "returns": self.returns,
            "language": "PYTHON",
            "handler": self.handler,
            "runtime_version": self.runtime,
            "body": self.body,
        }


def create(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """CREATE FUNCTION ... LANGUAGE PYTHON ... AS $$ ... $$."""
    replaced = scanner.take("OR", "REPLACE")
    scanner.expect("FUNCTION")
    session = statement.session
    name = account.name(session, scanner.path())
    arguments = read_arguments(scanner)
    if [a for a in arguments if a.type.base not in _ARGUMENTS or a.optional]:
        raise unsupported(f"arguments other than {', '.join(_ARGUMENTS)}")
    grants_kept = scanner.take("COPY", "GRANTS")
    scanner.expect("RETURNS")
    returns = read_type(read_type_text(scanner))
    if returns.base != "VARCHAR":
        raise unsupported("a Python function that does not return VARCHAR")
    scanner.expect("LANGUAGE")
    if scanner.word() != "PYTHON":
        raise unsupported("functions in a language other than Python")
    strict = _clauses(scanner)
    options = scanner.options(_OPTIONS)
    for needed in ("RUNTIME_VERSION", "HANDLER"):
        if needed not in options:
            raise compilation(f"Missing option(s): [{needed}]", code=2029)
    if options.get("PACKAGES"):
        raise unsupported("packages of a Python function")
    scanner.expect("AS")
    body = scanner.string()
    scanner.end()
    function = _compiled(name, body, options["HANDLER"])

    def work(_connection: object) -> Result:
        account.catalog.check_schema(name.database, name.schema)
        group = account.catalog.in_schema["FUNCTION"]
        if name in group and not replaced:
            raise exists(str(name))
        if not grants_kept:
            account.catalog.forget_grants("FUNCTION", name)
        group[name] = PythonFunction(
            name=name,
            arguments=arguments,
            returns=returns,
            strict=strict,
            runtime=options["RUNTIME_VERSION"],
            handler=options["HANDLER"],
            function=function,
            body=body,
            comment=options.get("COMMENT", ""),
            owner=session.role,
        )
        return status(f"Function {name.name} successfully created.")

    return account.ddl(session, work)


def _clauses(scanner: Scanner) -> bool:
    """NULL handling and volatility, which have no '='; whether NULL skips the call."""
    strict = False
    while True:
        if scanner.take("RETURNS", "NULL", "ON", "NULL", "INPUT"):
            strict = True
        elif scanner.take("STRICT"):
            strict = True
        elif not any(
            scanner.take(*words)
            for words in (
                ("CALLED", "ON", "NULL", "INPUT"),
                ("IMMUTABLE",),
                ("VOLATILE",),
            )
        ):
            return strict


def _compiled(name: Name, body: str, handler: str) -> Callable[..., Any]:
    space: dict[str, Any] = {"__name__": "_udf_code"}
    try:
        exec(compile(body, str(name), "exec"), space)
    except Exception as error:  # the code of the statement may fail in any way
        raise _failure(name, error) from error
    found = space.get(handler)
    if not callable(found):
        raise compilation(f"Python function is missing handler '{handler}'")
    return found


def _failure(name: Name, error: Exception) -> SnowflakeError:
    return SnowflakeError(
        100357,
        "P0000",
        f"Python Interpreter Error in function {name.name}:"
        f" {type(error).__name__}: {error}",
    )


def install(account: Account) -> None:
    """Teach DuckDB to call functions in Python."""

    def column(names: pyarrow.ChunkedArray, given: pyarrow.ChunkedArray) -> Any:
        rows = zip(names.to_pylist(), given.to_pylist(), strict=True)
        results = [_one(account, name, texts) for name, texts in rows]
        return pyarrow.array(results, pyarrow.string())

    options: dict[str, Any] = {"type": "arrow", "null_handling": "special"}
    account.duck.create_function(
        "_python", column, ["VARCHAR", "VARCHAR[]"], "VARCHAR", **options
    )


def _one(account: Account, name: str, texts: list[str | None]) -> str | None:
    found = account.catalog.thing("FUNCTION", Name(*Scanner(name).path()))
    if found.strict and None in texts:
        return None
    values = [
        None if text is None else _value(argument.type.base, text)
        for argument, text in zip(found.arguments, texts, strict=True)
    ]
    try:
        result = found.function(*values)
    except Exception as error:  # a handler may fail in any way
        raise _failure(found.name, error) from error
    if result is not None and not isinstance(result, str):
        raise _failure(found.name, TypeError("a VARCHAR has to be a str"))
    return result


def _value(kind: str, text: str) -> Any:
    """What Snowflake hands to Python: decimals inside a VARIANT are texts there."""
    if kind == "FLOAT":
        return float(text)
    if kind == "VARIANT":
        return json.loads(text, parse_float=_number)
    return text


def _number(text: str) -> float | str:
    return float(text) if "e" in text.lower() else text
