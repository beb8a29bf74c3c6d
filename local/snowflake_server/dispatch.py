"""Finds out what a statement is and who runs it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

from local.snowflake_server import privileges, show
from local.snowflake_server.code import external, procedures, python_functions
from local.snowflake_server.core.errors import SnowflakeError, syntax, unsupported
from local.snowflake_server.core.results import SELECT, TRANSACTION, Result, status
from local.snowflake_server.core.scan import Scanner
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account
from local.snowflake_server.objects import (
    accounts,
    alter,
    alter_extras,
    drops,
    grants,
    schemas,
    secrets,
    stages,
    streamlits,
    tables,
    views,
)
from local.snowflake_server.rows import copy_into, dml, insert_all, pipes
from local.snowflake_server.tasks import alerts, tasks

Run = Callable[[Account, Statement, Scanner], Result]

_START = re.compile(
    r"(?:\s+|--[^\n]*(?:\n|\Z)|//[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL
)
_WORD = re.compile(r"[A-Za-z_]+")


def execute(account: Account, statement: Statement) -> Result:
    """Run any statement.

    Raises:
        SnowflakeError: Snowflake would refuse it, or it failed.
    """
    result = _execute_whole(account, statement)
    most = statement.session.rows_per_resultset
    if most and result.statement_type == SELECT and result.affected is None:
        return dataclasses.replace(result, table=result.table.slice(0, most))
    return result


def _execute_whole(account: Account, statement: Statement) -> Result:
    text = statement.text = _START.sub("", statement.text, count=1)
    if not text.strip().strip(";"):
        raise SnowflakeError(
            900, "42601", "SQL compilation error:\nEmpty SQL statement."
        )
    if text[0] == "(":
        return dml.select(account, statement)
    found = _WORD.match(text)
    word = found.group().upper() if found else ""
    for asked in (tasks.enable_dependents, pipes.pipe_status):
        if (answer := asked(account, statement)) is not None:
            return answer
    if run_parsed := _PARSED.get(word):
        return run_parsed(account, statement)
    run = _SCANNED.get(word)
    if run is None:
        raise syntax(f"line 1 at position 0 unexpected '{word or text[:20]}'.")
    privileges.check(account, statement, word)
    # Without its first word: after some of them sqlglot's tokenizer reads no further.
    return run(account, statement, Scanner(text[found.end() :] if found else text))


def describe(account: Account, statement: Statement) -> Result:
    """The result columns of a statement, without running it."""
    text = statement.text = _START.sub("", statement.text, count=1)
    word = (_WORD.match(text) or [""])[0].upper()
    if word in ("SELECT", "WITH") or text[:1] == "(":
        return dml.describe(account, statement)
    if word in ("SHOW", "DESC", "DESCRIBE", "LIST", "LS"):
        return execute(account, statement)
    return status("")


def _begin(account: Account, statement: Statement, scanner: Scanner) -> Result:
    if not (scanner.take("TRANSACTION") or scanner.take("WORK")):
        scanner.end()
    if scanner.take("NAME"):
        scanner.identifier()
    scanner.end()
    statement.session.begin()
    return _done()


def _start(account: Account, statement: Statement, scanner: Scanner) -> Result:
    scanner.expect("TRANSACTION")
    scanner.end()
    statement.session.begin()
    return _done()


def _commit(account: Account, statement: Statement, scanner: Scanner) -> Result:
    scanner.take("WORK")
    scanner.end()
    statement.session.end_transaction(commit=True)
    return _done()


def _rollback(account: Account, statement: Statement, scanner: Scanner) -> Result:
    scanner.take("WORK")
    scanner.end()
    statement.session.end_transaction(commit=False)
    return _done()


def _done() -> Result:
    return status("Statement executed successfully.", statement_type=TRANSACTION)


_OBJECTS: tuple[tuple[tuple[str, ...], Run], ...] = (
    (("DATABASE",), schemas.create_database),
    (("SCHEMA",), schemas.create_schema),
    (("STAGE",), stages.create_stage),
    (("FILE", "FORMAT"), stages.create_file_format),
    (("PROCEDURE",), procedures.create),
    (("EXTERNAL", "FUNCTION"), external.create),
    (("FUNCTION",), python_functions.create),
    (("STORAGE", "INTEGRATION"), accounts.create_integration),
    (("API", "INTEGRATION"), accounts.create_integration),
    (("NOTIFICATION", "INTEGRATION"), accounts.create_integration),
    (("TASK",), tasks.create),
    (("ALERT",), alerts.create),
    (("STREAMLIT",), streamlits.create),
    (("PIPE",), pipes.create),
    (("TAG",), alter_extras.create_tag),
    (("SECRET",), secrets.create),
    (("ROLE",), accounts.create_role),
    (("USER",), accounts.create_user),
    (("WAREHOUSE",), accounts.create_warehouse),
)


def _create(account: Account, statement: Statement, scanner: Scanner) -> Result:
    if not scanner.take("OR", "REPLACE"):
        scanner.take("OR", "ALTER")
    transient = scanner.take("TRANSIENT")
    scanner.take("SCOPED")
    temporary = scanner.take("TEMPORARY") or scanner.take("TEMP")
    if scanner.peek() == "TABLE":
        return tables.create(account, statement)
    if scanner.peek() in ("VIEW", "SECURE"):
        return views.create(account, statement)
    rest = statement.text[len("CREATE") :]
    for words, run in _OBJECTS:
        again = Scanner(rest)
        if not again.take("OR", "REPLACE") and words in (("TASK",), ("ALERT",)):
            again.take("OR", "ALTER")
        if words[0] in ("DATABASE", "SCHEMA"):
            again.take("TRANSIENT")
        elif transient or temporary:
            continue
        if again.take(*words):
            return run(account, statement, Scanner(rest))
    raise unsupported(f"CREATE {scanner.peek()}")


def _alter(account: Account, statement: Statement, scanner: Scanner) -> Result:
    kind = scanner.peek()
    if kind == "TABLE":
        return alter.alter_table(account, statement, scanner)
    run = _ALTERS.get(kind)
    if run is None:
        raise unsupported(f"ALTER {kind}")
    return run(account, statement, scanner)


_ALTERS: dict[str, Run] = {
    "SESSION": accounts.alter_session,
    "TASK": tasks.alter,
    "STREAMLIT": streamlits.alter,
    "PIPE": pipes.alter,
    "ALERT": alerts.alter,
    "DATABASE": schemas.alter_database,
    "SCHEMA": schemas.alter_schema,
    "STAGE": stages.alter_stage,
    "FILE": stages.alter_file_format,
    "WAREHOUSE": accounts.alter,
    "STORAGE": accounts.alter,
    "API": accounts.alter,
}


_DROPS: tuple[tuple[tuple[str, ...], Run], ...] = (
    (("TABLE",), tables.drop),
    (("VIEW",), views.drop),
    (("DATABASE",), schemas.drop_database),
    (("SCHEMA",), schemas.drop_schema),
    (("PROCEDURE",), procedures.drop),
    (("FUNCTION",), external.drop),
    (("STAGE",), drops.drop),
    (("FILE", "FORMAT"), drops.drop),
    (("INTEGRATION",), accounts.drop),
    (("STORAGE", "INTEGRATION"), accounts.drop),
    (("API", "INTEGRATION"), accounts.drop),
    (("NOTIFICATION", "INTEGRATION"), accounts.drop),
    (("TASK",), tasks.drop),
    (("ALERT",), alerts.drop),
    (("STREAMLIT",), streamlits.drop),
    (("PIPE",), pipes.drop),
    (("TAG",), drops.drop),
    (("SECRET",), drops.drop),
    (("ROLE",), accounts.drop),
    (("USER",), accounts.drop),
    (("WAREHOUSE",), accounts.drop),
)


def _drop(account: Account, statement: Statement, scanner: Scanner) -> Result:
    rest = statement.text[len("DROP") :]
    for words, run in _DROPS:
        if Scanner(rest).take(*words):
            return run(account, statement, Scanner(rest))
    raise unsupported(f"DROP {scanner.peek()}")


def _copy(account: Account, statement: Statement, scanner: Scanner) -> Result:
    files = scanner.peek() == "FILES"
    run = streamlits.copy_files if files else copy_into.copy_into
    return run(account, statement, scanner)


def _execute(account: Account, statement: Statement, scanner: Scanner) -> Result:
    run = alerts.execute if scanner.peek() == "ALERT" else tasks.execute
    return run(account, statement, scanner)


_PARSED: dict[str, Callable[[Account, Statement], Result]] = {
    "SELECT": dml.select,
    "WITH": dml.select,
    "INSERT": insert_all.insert,
    "UPDATE": dml.update,
    "DELETE": dml.delete,
    "MERGE": dml.merge,
    "TRUNCATE": dml.truncate,
}
_SCANNED: dict[str, Run] = {
    "BEGIN": _begin,
    "START": _start,
    "COMMIT": _commit,
    "ROLLBACK": _rollback,
    "CREATE": _create,
    "ALTER": _alter,
    "DROP": _drop,
    "USE": schemas.use,
    "SHOW": show.show,
    "DESC": show.describe,
    "DESCRIBE": show.describe,
    "LIST": stages.list_files,
    "LS": stages.list_files,
    "PUT": stages.put,
    "REMOVE": stages.remove,
    "RM": stages.remove,
    "COPY": _copy,
    "CALL": procedures.call,
    "EXECUTE": _execute,
    "GRANT": grants.grant,
    "REVOKE": grants.grant,
}
