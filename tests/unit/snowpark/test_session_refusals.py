"""Statements and refusals of Snowflake, as the one module that sends them tells."""

from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError
from snowflake.snowpark import Row
from snowflake.snowpark.exceptions import (
    SnowparkClientException,
    SnowparkSQLException,
)

from snowpark.errors import SnowflakeError
from snowpark.session import Snowflake
from snowpark.sql import Statement


class Session:
    """Answers each statement with rows, or raises."""

    def __init__(self, answer: list[Row] | Exception) -> None:
        self.answer = answer
        self.sent: list[tuple[str, Any]] = []

    def sql(self, text: str, params: Any = None) -> "Session":
        self.sent.append((text, params))
        return self

    def collect(self) -> list[Row]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def refused(error: Exception, **told: Any) -> SnowflakeError:
    with pytest.raises(SnowflakeError) as caught:
        Snowflake(Session(error)).run(Statement("SELECT 1"), **told)  # type: ignore
    assert caught.value.__cause__ is None
    return caught.value


def test_values_are_bound_and_statements_counted() -> None:
    session = Session([Row(3, 4)])
    snowflake = Snowflake(session)  # type: ignore[arg-type]
    assert snowflake.changed_rows(Statement("UPDATE t SET a = ?", (5,))) == 3
    snowflake.run(Statement("COMMIT"))
    assert session.sent == [("UPDATE t SET a = ?", [5]), ("COMMIT", None)]
    assert snowflake.statements == 2


@pytest.mark.parametrize(
    ("number", "code"), [(2003, "target_missing"), (2002, "warehouse_error")]
)
@pytest.mark.parametrize("kind", ["connector", "snowpark"])
def test_a_refusal_has_its_number_text_and_query(
    kind: str, number: int, code: str
) -> None:
    error: Exception
    if kind == "connector":
        error = ProgrammingError("It is\n  gone.", errno=number, sfqid="q1")
    else:
        error = SnowparkSQLException(
            "It is\n  gone.",
            sfqid="q1",
            sql_error_code=number,
            raw_message="It is\n  gone.",
        )
    found = refused(error)
    assert (found.code, found.number, found.query_id) == (code, number, "q1")
    assert found.message == "Snowflake answered: It is gone. (query q1)."


def test_an_error_that_never_was_snowflakes_has_no_number_and_no_query() -> None:
    """A session that is closed, say."""
    found = refused(SnowparkClientException("It is closed.", error_code="1404"))
    assert (found.code, found.number, found.query_id) == ("warehouse_error", None, None)
    assert "It is closed." in found.message


def test_a_long_text_is_cut() -> None:
    found = refused(ProgrammingError("x" * 3000, errno=1))
    assert f": {'x' * 2000} (query" in found.message


def test_of_a_statement_on_rows_nothing_is_told_but_what_is_known() -> None:
    error = ProgrammingError("Numeric value 'secret' is bad", errno=100038)
    assert "secret" in refused(error).message
    found = refused(error, tell_only=["ORDERS"])
    assert "secret" not in found.message and found.number == 100038
