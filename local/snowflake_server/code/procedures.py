"""Python procedures: CREATE, DROP and CALL."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from snowflake.connector.errors import Error as ConnectorError
from sqlglot import exp

from local.snowflake_server.code import owners_rights, staged_files
from local.snowflake_server.code.archive import Code
from local.snowflake_server.code.arguments import (
    Argument,
    read_arguments,
    read_type_text,
)
from local.snowflake_server.code.sessions import Carriers
from local.snowflake_server.core.access import Need
from local.snowflake_server.core.errors import (
    SnowflakeError,
    compilation,
    exists,
    syntax,
    unsupported,
)
from local.snowflake_server.core.faults import ProcedureKilled
from local.snowflake_server.core.names import Name
from local.snowflake_server.core.results import TEXT, Result, made, pretty, status
from local.snowflake_server.core.results import SELECT as SELECT_TYPE
from local.snowflake_server.core.scan import Scanner, one_of
from local.snowflake_server.core.session import Session
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.core.types import SnowType, read_type
from local.snowflake_server.engine import Account
from local.snowflake_server.objects import notifications
from local.snowflake_server.objects.stages import find
from local.snowflake_server.sql.translate import parse, put_binds

RUNTIMES = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")


@dataclass(frozen=True)
class Procedure:
    """A procedure whose handler lies in a zip on a stage."""

    name: Name
    arguments: tuple[Argument, ...]
    returns: SnowType
    handler: str
    imports: tuple[str, ...]
    packages: tuple[str, ...]
    runtime: str
    caller_rights: bool
    comment: str = ""
    owner: str = ""
    columns: tuple[Argument, ...] = ()
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def described(self) -> dict[str, Any]:
        """What DESCRIBE PROCEDURE prints."""
        return {
            "name": self.name,
            "returns": self.returns,
            "language": "PYTHON",
            "handler": self.handler,
            "imports": list(self.imports),
            "packages": list(self.packages),
            "runtime_version": self.runtime,
        }


# Lines of a traceback with this path are this server's, not the handler's.
_SERVER = str(Path(__file__).parents[1])
_OPTIONS = {
    "RUNTIME_VERSION": lambda scanner: one_of(*RUNTIMES)(scanner),
    "PACKAGES": Scanner.strings,
    "IMPORTS": Scanner.strings,
    "HANDLER": Scanner.string,
    "COMMENT": Scanner.string,
}


def create(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """CREATE PROCEDURE ... LANGUAGE PYTHON."""
    replaced = scanner.take("OR", "REPLACE")
    scanner.expect("PROCEDURE")
    session = statement.session
    name = account.name(session, scanner.path())
    arguments = read_arguments(scanner)
    grants_kept = scanner.take("COPY", "GRANTS")
    scanner.expect("RETURNS")
    columns = _table(scanner) if scanner.take("TABLE") else ()
    returns = SnowType("VARCHAR") if columns else read_type(read_type_text(scanner))
    scanner.take("NOT", "NULL")
    scanner.expect("LANGUAGE")
    if scanner.word() != "PYTHON":
        raise unsupported("procedures in a language other than Python")
    options = _options(scanner)
    for location in options["IMPORTS"]:
        find(account, statement, location)

    def work(_connection: object) -> Result:
        account.catalog.check_schema(name.database, name.schema)
        group = account.catalog.in_schema["PROCEDURE"]
        if name in group and _types(group[name].arguments) != _types(arguments):
            raise unsupported("two procedures of one name with other arguments")
        if name in group and not replaced:
            raise exists(str(name))
        if not grants_kept:
            account.catalog.forget_grants("PROCEDURE", name)
        group[name] = Procedure(
            name=name,
            arguments=arguments,
            returns=returns,
            handler=options["HANDLER"],
            imports=options["IMPORTS"],
            packages=options["PACKAGES"],
            runtime=options["RUNTIME_VERSION"],
            caller_rights=options["EXECUTE AS"] == "CALLER",
            comment=options.get("COMMENT", ""),
            owner=session.role,
            columns=columns,
        )
        return status(f"Function {name.name} successfully created.")

    return account.ddl(session, work)


def _options(scanner: Scanner) -> dict[str, Any]:
    options: dict[str, Any] = {"EXECUTE AS": "OWNER"}
    while not scanner.done:
        if scanner.take("EXECUTE", "AS"):
            options["EXECUTE AS"] = one_of("OWNER", "CALLER")(scanner)
            continue
        if scanner.take("CALLED", "ON", "NULL", "INPUT"):
            continue
        if scanner.peek() in ("AS", "STRICT"):
            raise unsupported("a procedure with its code in the statement")
        key = scanner.word()
        if key not in _OPTIONS or key in options:
            raise syntax(f"unknown or repeated option '{key}'.")
        scanner.expect("=")
        options[key] = _OPTIONS[key](scanner)
    for key in ("RUNTIME_VERSION", "PACKAGES", "HANDLER", "IMPORTS"):
        if key not in options:
            raise compilation(f"Missing option(s): [{key}]", code=2029)
    if not any("snowpark" in package for package in options["PACKAGES"]):
        raise compilation(
            "Python stored procedure is missing the package snowflake-snowpark-python"
        )
    return options


def drop(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """DROP PROCEDURE [IF EXISTS] name(types)."""
    scanner.expect("PROCEDURE")
    if_exists = scanner.take("IF", "EXISTS")
    name = account.name(statement.session, scanner.path())
    types = scanner.listed(read_type_text)
    scanner.end()

    def work(_connection: object) -> Result:
        found = account.catalog.in_schema["PROCEDURE"].get(name)
        listed = [read_type(one).base for one in types]
        if if_exists and (found is None or _types(found.arguments) != listed):
            return status("Drop statement executed successfully.")
        found = account.catalog.thing("PROCEDURE", name)
        if _types(found.arguments) != listed:
            raise compilation(f"Procedure '{name}' has other arguments.", code=2003)
        del account.catalog.in_schema["PROCEDURE"][name]
        account.catalog.forget_grants("PROCEDURE", name)
        return status(f"{name.name} successfully dropped.")

    return account.ddl(statement.session, work)


def _types(arguments: tuple[Argument, ...]) -> list[str]:
    return [argument.type.base for argument in arguments]


class Runner:
    """Runs handlers: keeps the imported code and the Snowpark sessions."""

    def __init__(self, account: Account, code: Code, carriers: Carriers) -> None:
        """Serve one account."""
        self.account = account
        self.code = code
        self.carriers = carriers

    def run(self, procedure: Procedure, session: Session, values: list[Any]) -> Any:
        """Call the handler with a Snowpark session of its own.

        Raises:
            SnowflakeError: The handler failed, was killed, or left a transaction open.
        """
        handler = self._handler(procedure, session)
        with (
            self.carriers.borrow(session) as carrier,
            staged_files.opened_for(self.account, session),
        ):
            try:
                value = handler(carrier.snowpark, *values)
                if procedure.columns:
                    # A DataFrame is a query that is sent when its rows are asked for.
                    value = value.collect()
            except ProcedureKilled as killed:
                session.close_procedure()
                raise SnowflakeError(
                    300005, "57014", f"Processing aborted by 300005: {killed}"
                ) from killed
            except SnowflakeError:
                session.close_procedure()
                raise
            except Exception as error:  # a handler may raise anything
                session.close_procedure()
                raise _interpreter_error(procedure, error) from error
            except BaseException:
                session.close_procedure()
                raise
        if session.close_procedure():
            raise SnowflakeError(
                90235,
                "57014",
                "Stored procedure execution error: Scoped transaction started in "
                "stored procedure is incomplete and it was rolled back.",
            )
        return value

    def _handler(self, procedure: Procedure, session: Session) -> Callable[..., Any]:
        at = Statement(text="", session=session)
        zips = []
        for location in procedure.imports:
            stage, path = find(self.account, at, location)
            if stage.folder is None:
                raise unsupported("IMPORTS from an external stage")
            zips.append(stage.folder / path)
        return self.code.handler(tuple(zips), procedure.handler)


def _interpreter_error(procedure: Procedure, error: Exception) -> SnowflakeError:
    lines = traceback.format_exception(error)
    ours = [line for line in lines if _SERVER not in line]
    text = str(error)
    if isinstance(error, ConnectorError):
        text = f"({error.errno}): {error.sfqid}: {error.msg}"
    return SnowflakeError(
        100357,
        "P0000",
        "Python Interpreter Error:\n"
        + "".join(ours[:-1])
        + f"{type(error).__name__}: {text}\n in function {procedure.name.name} with "
        f"handler {procedure.handler}",
    )


# A procedure of Snowflake itself.
_SEND = Procedure(
    name=Name("", "", "SYSTEM$SEND_SNOWFLAKE_NOTIFICATION"),
    arguments=(
        Argument("MESSAGE", SnowType("VARCHAR")),
        Argument("INTEGRATION_CONFIG", SnowType("VARCHAR")),
    ),
    returns=SnowType("VARCHAR"),
    handler="",
    imports=(),
    packages=(),
    runtime="",
    caller_rights=False,
)


def call(account: Account, statement: Statement, scanner: Scanner) -> Result:
    """CALL: positional or named arguments, defaults for those left out."""
    caller = statement.session
    path = scanner.path()
    if path == _SEND.name.parts[-1:]:
        message, targets = _arguments(account, statement, _SEND, scanner.rest())
        return notifications.send(account, caller.role, message, targets)
    name = account.name(caller, path)
    procedure: Procedure = account.catalog.thing("PROCEDURE", name)
    need = Need(("USAGE",), "PROCEDURE", name.parts)
    account.catalog.access.demand(caller.role, need)
    account.permit_warehouse(caller)
    given = scanner.rest()
    values = _arguments(account, statement, procedure, given)
    owners_rights.check_values(values)
    session = Session(
        scope=caller.scope,
        user=caller.user,
        role=caller.role if procedure.caller_rights else procedure.owner,
        warehouse=caller.warehouse,
        database=name.database,
        schema=name.schema,
        procedure=None if procedure.caller_rights else name.name,
        caller=caller,
        autocommit=caller.autocommit,
        rows_per_resultset=caller.rows_per_resultset,
    )
    runner: Runner = account.runner
    value = runner.run(procedure, session, values)
    if procedure.columns:
        return _rows(procedure, value)
    kind = procedure.returns
    shown_value = _returned(value, kind)
    owners_rights.check_values([shown_value])
    column = (
        SnowType("VARIANT") if kind.base in ("VARIANT", "ARRAY", "OBJECT") else TEXT
    )
    return made({name.name: column}, [(shown_value,)], statement_type=SELECT_TYPE)


def _table(scanner: Scanner) -> tuple[Argument, ...]:
    """The columns of RETURNS TABLE (name TYPE, ...), texts alone."""
    columns = read_arguments(scanner)
    if not columns or any(column.type.base != "VARCHAR" for column in columns):
        raise unsupported("RETURNS TABLE without columns, or of other types than text")
    return columns


def _rows(procedure: Procedure, value: Any) -> Result:
    """The rows of the DataFrame that a handler returns: as many columns as declared."""
    names = [column.name for column in procedure.columns]
    if any(len(row) != len(names) for row in value):
        raise compilation("The DataFrame has other columns than RETURNS TABLE says.")
    kinds = {column.name: TEXT for column in procedure.columns}
    return made(kinds, [tuple(row) for row in value], statement_type=SELECT_TYPE)


def _returned(value: Any, kind: SnowType) -> str | None:
    if value is None:
        return None
    if kind.base in ("VARIANT", "ARRAY", "OBJECT"):
        return pretty(json.dumps(value, ensure_ascii=False, default=_plain_json))
    return str(value)


def _plain_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} cannot become a VARIANT")


def _arguments(
    account: Account, statement: Statement, procedure: Procedure, given: str
) -> list[Any]:
    parsed = parse(f"SELECT PLACEHOLDER{given}")
    node = parsed.find(exp.Anonymous)
    if node is None or node.name.upper() != "PLACEHOLDER":
        raise syntax("CALL needs a list of arguments in parentheses.")
    wanted = procedure.arguments
    placed: dict[str, exp.Expr] = {}
    named = [isinstance(argument, exp.Kwarg) for argument in node.expressions]
    if any(named) and not all(named):
        # sql-reference/sql/call: all arguments by name, or all by position.
        raise _wrong_arguments(procedure, node)
    for at, argument in enumerate(node.expressions):
        if isinstance(argument, exp.Kwarg):
            key = argument.this.name.upper()
            placed[key] = argument.expression
        elif at < len(wanted):
            placed[wanted[at].name] = argument
        else:
            raise _wrong_arguments(procedure, node)
    unknown = set(placed) - {a.name for a in wanted}
    lacking = {a.name for a in wanted if not a.optional} - set(placed)
    if unknown or lacking:
        raise _wrong_arguments(procedure, node)
    chosen = [(a, placed.get(a.name, a.default)) for a in wanted]
    return _evaluated(account, statement, chosen)


def _wrong_arguments(procedure: Procedure, node: exp.Anonymous) -> SnowflakeError:
    wanted = ", ".join(a.type.base for a in procedure.arguments)
    return compilation(
        f"Unknown function {procedure.name.name}: invalid argument types. It takes "
        f"({wanted}), {len(node.expressions)} given.",
        code=2140,
        state="42601",
    )


def _evaluated(
    account: Account,
    statement: Statement,
    chosen: list[tuple[Argument, exp.Expr | None]],
) -> list[Any]:
    if not chosen:
        return []
    columns = [
        exp.alias_(_typed(value, argument.type), f"A{at}")
        for at, (argument, value) in enumerate(chosen)
    ]
    found = account.translator(statement.session).finish(exp.select(*columns))
    account.permit(statement.session, found)
    sql, beside = put_binds(found.parts, statement.values)

    def work(connection: duckdb.DuckDBPyConnection) -> Any:
        return connection.execute(sql, beside).fetchall()[0]

    row = statement.session.scope.read(work)
    return [
        _as_argument(value, argument.type)
        for value, (argument, _) in zip(row, chosen, strict=True)
    ]


def _typed(value: exp.Expr | None, kind: SnowType) -> exp.Expr:
    """The argument cast to its declared type; a VARIANT has none of its own."""
    given = value.copy() if value is not None else exp.null()
    if kind.base == "VARIANT":
        return exp.func("TO_VARIANT", given)
    if kind.base in ("ARRAY", "OBJECT"):
        return given
    return exp.Cast(this=given, to=exp.DataType.build(str(kind), "snowflake"))


def _as_argument(value: Any, kind: SnowType) -> Any:
    """A value of the SELECT as Python gets it; casts have made it of its type."""
    if value is None:
        return None
    if kind.base in ("VARIANT", "ARRAY", "OBJECT"):
        return json.loads(value)
    if kind.base == "NUMBER" and kind.scale == 0:
        return int(value)
    return value
