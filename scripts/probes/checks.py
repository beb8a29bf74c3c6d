"""Questions to Snowflake that take more than one statement after the other."""

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

from snowflake.connector.errors import Error as SnowflakeError

Rows = list[list[Any]]
GetSession = Callable[[str], Any]
WAITERS = 25
REFUSED_WITHIN_SECONDS = 8
TOO_MANY_WAITERS = 625


def refused_waiters(get: GetSession, values: Mapping[str, str]) -> Rows:
    """How 25 UPDATEs fare that wait for a table while another transaction has it.

    Returns:
        One row: True if some were refused (error 000625) before the lock was free.
    """
    holder = get("first")
    waiters = [get(f"waiter {number}") for number in range(WAITERS)]
    _send(holder, "BEGIN")
    _send(holder, "UPDATE locked SET b = 1 WHERE a = 0")
    with ThreadPoolExecutor(WAITERS) as pool:
        try:
            sent = [
                pool.submit(_update, connection, row)
                for row, connection in enumerate(waiters, start=1)
            ]
            # Nobody can get the lock before the ROLLBACK: who is done was refused.
            done, _ = wait(sent, REFUSED_WITHIN_SECONDS, FIRST_COMPLETED)
        finally:
            _send(holder, "ROLLBACK")
    return [[TOO_MANY_WAITERS in {future.result() for future in done}]]


def _update(connection: Any, row: int) -> int:
    """Error number of an UPDATE; 0 if it went through."""
    try:
        _send(connection, f"UPDATE locked SET b = 1 WHERE a = {row}")
    except SnowflakeError as error:
        return error.errno or -1
    return 0


def _send(connection: Any, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text)


CHECKS: dict[str, Callable[[GetSession, Mapping[str, str]], Rows]] = {
    "refused_waiters": refused_waiters,
}
