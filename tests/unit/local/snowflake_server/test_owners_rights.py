"""What the connector inside a procedure refuses (PLATFORM R1, R2, R5, K3)."""

from typing import Any, cast

import pyarrow
import pytest

from local.snowflake_server.code import owners_rights
from local.snowflake_server.core.errors import SnowflakeError
from local.snowflake_server.core.session import Session
from local.snowflake_server.core.statement import Statement


class FakeSession:
    """As much of a session as the checks look at."""

    def __init__(self, procedure: str | None) -> None:
        self.procedure = procedure


def statement(text: str, *binds: object, procedure: str | None = "P") -> Statement:
    session: Any = FakeSession(procedure)
    values = {f"wbind_{i}__": value for i, value in enumerate(binds, 1)}
    return Statement(text=text, session=session, binds=values)


@pytest.mark.parametrize(
    "refused",
    [
        statement("INSERT INTO t SELECT ?, ?", 1, None),
        statement("CALL other(?)", "x"),
        statement("SELECT SYSTEM$TASK_DEPENDENTS_ENABLE('root')"),
        statement("select 1, system$set_return_value ( 'x' )"),
    ],
    ids=["None", "CALL", "task", "return value"],
)
def test_a_procedure_is_refused_what_the_platform_refuses(refused: Statement) -> None:
    with pytest.raises(SnowflakeError):
        owners_rights.check(refused)


@pytest.mark.parametrize(
    "allowed",
    [
        statement("INSERT INTO t SELECT ?, NULL", 1),
        statement("CALL other('x')"),
        statement("SELECT SYSTEM$PIPE_STATUS('p')"),
        statement("SELECT 'SYSTEM$WAIT(1)' -- SYSTEM$WAIT(1)"),
        statement("INSERT INTO t SELECT ?", None, procedure=None),
        statement("SELECT SYSTEM$TASK_DEPENDENTS_ENABLE('root')", procedure=None),
    ],
)
def test_a_worksheet_and_other_statements_are_not(allowed: Statement) -> None:
    owners_rights.check(allowed)


def test_k3_text_and_values_together_have_a_limit() -> None:
    owners_rights.check_size(statement("SELECT ?", "x" * 1_000_000, procedure=None))
    with pytest.raises(SnowflakeError, match="exceeds the limit"):
        owners_rights.check_size(
            statement("SELECT ?", "\u00fc" * 600_000, procedure=None)
        )


def test_k4_a_value_of_more_than_16_mb_is_none_of_a_procedure() -> None:
    large, fits = "x" * ((1 << 24) + 1), "\u00e9" * (1 << 23)
    owners_rights.check_values([fits, None, 1, {"a": 1}])
    with pytest.raises(SnowflakeError, match="16777217"):
        owners_rights.check_values([1, large])
    table = pyarrow.table({"a": [1, 2], "b": ["y", large], "c": [None, None]})
    owners_rights.check_result(cast(Session, FakeSession(None)), table)
    session = cast(Session, FakeSession("P"))
    owners_rights.check_result(session, table.select(["a", "c"]))
    with pytest.raises(SnowflakeError, match="16777217"):
        owners_rights.check_result(session, table)
