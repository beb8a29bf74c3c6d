"""Questions to Snowflake that take more than one statement after the other."""

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

from snowflake.connector.errors import Error as SnowflakeError

Rows = list[list[Any]]
GetSession = Callable[[str], Any]
WAITERS = 25
REFUSED_WITHIN_SECONDS = 8
LOCKED_SECONDS = 2
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


def seen_after_waiting(get: GetSession, values: Mapping[str, str]) -> Rows:
    """What a MERGE that waits for another one's transaction knows afterwards.

    The other one writes a row as it is, which is all that a snapshot locks by.

    Returns:
        One row: whether it waited, and how many rows of the other transaction in
        another table it sees.
    """
    holder, waiter = get("first"), get("second")
    _send(holder, "BEGIN TRANSACTION")
    _send(
        holder,
        "MERGE INTO target USING (SELECT a FROM target LIMIT 1) AS source"
        " ON target.a = source.a WHEN MATCHED THEN UPDATE SET b = target.b",
    )
    _send(holder, "INSERT INTO ledger SELECT 2")
    _send(waiter, "BEGIN TRANSACTION")
    insert = (
        "MERGE INTO target USING (SELECT 9 AS a) AS source ON target.a = source.a"
        " WHEN NOT MATCHED THEN INSERT (a, b) VALUES (source.a, 0)"
    )
    with ThreadPoolExecutor(1) as pool:
        try:
            sent = pool.submit(_send, waiter, insert)
            done, _ = wait([sent], LOCKED_SECONDS)
        finally:
            _send(holder, "COMMIT")
        sent.result()
    with waiter.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM ledger WHERE a > 1")
        (row,) = cursor.fetchall()
    _send(waiter, "ROLLBACK")
    return [[not done, int(row[0])]]


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
    "seen_after_waiting": seen_after_waiting,
}
