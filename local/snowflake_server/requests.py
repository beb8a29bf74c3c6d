"""One request of a client: values in, a result or an error out."""

from __future__ import annotations

import binascii
import threading
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

from local.snowflake_server import dispatch, information
from local.snowflake_server.code import (
    external,
    owners_rights,
    python_functions,
    staged_files,
)
from local.snowflake_server.code.archive import Code
from local.snowflake_server.code.procedures import Runner
from local.snowflake_server.code.sessions import Carriers
from local.snowflake_server.core.access import SYSTEM_ROLES
from local.snowflake_server.core.catalog import Thing
from local.snowflake_server.core.errors import SnowflakeError
from local.snowflake_server.core.faults import ProcedureKilled
from local.snowflake_server.core.results import reply
from local.snowflake_server.core.session import Session
from local.snowflake_server.core.statement import Statement
from local.snowflake_server.engine import Account, Settings
from local.snowflake_server.rows import copy_into, pipe_loads
from local.snowflake_server.tasks.task_runs import Scheduler

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def open_account(settings: Settings) -> Account:
    """An empty account: the system roles and a warehouse COMPUTE_WH."""
    account = Account(settings)
    copy_into.install(account)
    external.install(account)
    python_functions.install(account)
    staged_files.install(account)
    for role in SYSTEM_ROLES:
        account.catalog.in_account["ROLE"][role] = Thing(name=role, properties={})
    account.catalog.in_account["WAREHOUSE"]["COMPUTE_WH"] = Thing(
        name="COMPUTE_WH", properties={}, owner="SYSADMIN"
    )
    account.execute = dispatch.execute
    account.describe = dispatch.describe
    account.register_view = information.register
    account.scheduler = Scheduler(account)
    pipe_loads.install(account)
    return account


def add_runner(account: Account, carriers: Carriers) -> None:
    """Make CALL possible."""
    code = Code(account.settings.home / "code")
    account.runner = Runner(account, code, carriers)
    account.scheduler.start()


def answer(account: Account, session: Session, body: dict[str, Any]) -> dict[str, Any]:
    """Run the statement of a request; every error is a reply with success: false.

    An HTTP error would make the client repeat the statement for minutes.
    """
    statement = Statement(text=body.get("sqlText") or "", session=session)
    try:
        _bind(statement, body.get("bindings") or {})
        owners_rights.check(statement)
        owners_rights.check_size(statement)
        # A CALL holds no lock: its handler sends statements of its own.
        lock = threading.RLock() if _is_call(statement.text) else session.lock
        with lock:
            result = account.run(
                statement, describe_only=bool(body.get("describeOnly"))
            )
        owners_rights.check_result(session, result.table)
        data = reply(result)
    except SnowflakeError as error:
        return failure(error, statement.query_id)
    except ProcedureKilled:
        raise
    except Exception as error:  # a defect of this stand-in, shown as such
        message = f"Local Snowflake defect: {type(error).__name__}: {error}"
        return failure(SnowflakeError(370001, "XX000", message), statement.query_id)
    data |= {
        "queryId": statement.query_id,
        "parameters": [{"name": "TIMEZONE", "value": "Etc/UTC"}],
        "finalDatabaseName": session.database,
        "finalSchemaName": session.schema,
        "finalWarehouseName": session.warehouse,
        "finalRoleName": session.role,
        "numberOfBinds": len(body.get("bindings") or {}),
        "arrayBindSupported": statement.text[:6].upper() == "INSERT",
        "sqlState": "00000",
    }
    return {"data": data, "code": None, "message": None, "success": True}


def _is_call(text: str) -> bool:
    return text.lstrip()[:4].upper() == "CALL"


def failure(error: SnowflakeError, query_id: str | None = None) -> dict[str, Any]:
    """The reply for an error."""
    code = f"{error.code:06d}"
    return {
        "data": {
            "errorCode": code,
            "sqlState": error.state,
            "queryId": query_id,
            "internalError": False,
        },
        "code": code,
        "message": error.message,
        "success": False,
    }


def _bind(statement: Statement, bindings: dict[str, Any]) -> None:
    rows: int | None = None
    values: dict[str, Any] = {}
    for position, binding in bindings.items():
        key = f"wbind_{position}__"
        given = binding.get("value")
        if isinstance(given, list):
            rows = len(given)
            values[key] = [_value(binding["type"], v) for v in given]
        else:
            values[key] = _value(binding["type"], given)
    if rows is None:
        statement.binds = values
        return
    statement.rows = [{k: v[at] for k, v in values.items()} for at in range(rows)]
    statement.binds = statement.rows[0]


def _value(kind: str, text: str | None) -> Any:
    if text is None:
        return None
    convert = _VALUES.get(kind)
    return text if convert is None else convert(text)


def _fixed(text: str) -> int | Decimal:
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else number


def _moment(text: str) -> datetime:
    return _EPOCH + timedelta(microseconds=int(text) // 1000)


def _moment_with_zone(text: str) -> datetime:
    nanoseconds, _, minutes = text.partition(" ")
    zone = timezone(timedelta(minutes=int(minutes or 1440) - 1440))
    return _moment(nanoseconds).astimezone(zone)


def _time(text: str) -> time:
    return (_EPOCH + timedelta(microseconds=int(text) // 1000)).time()


def _date(text: str) -> date:
    return (_EPOCH + timedelta(milliseconds=int(text))).date()


_VALUES: dict[str, Any] = {
    "FIXED": _fixed,
    "REAL": float,
    "BOOLEAN": lambda text: text.lower() in ("true", "1"),
    "BINARY": binascii.unhexlify,
    "DATE": _date,
    "TIME": _time,
    "TIMESTAMP_NTZ": lambda text: _moment(text).replace(tzinfo=None),
    "TIMESTAMP_LTZ": _moment,
    "TIMESTAMP_TZ": _moment_with_zone,
}
