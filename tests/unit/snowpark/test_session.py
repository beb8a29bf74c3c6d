"""The one module that touches a session: what is repeated, and what is whole."""

from typing import Any

import pytest
from snowflake.connector.errors import ProgrammingError

from snowpark import session
from snowpark.errors import SnowflakeError, UsageError
from snowpark.session import Snowflake
from snowpark.sql import Statement

LOCKED = ProgrammingError("waiters", errno=625, sqlstate="57014")
OTHER = ProgrammingError("other", errno=604, sqlstate="57014")
ASK = Statement("SELECT a FROM t")


class Session:
    """Answers errors and rows one after another; cuts results as a parameter says."""

    def __init__(self, *answers: Any, most: int = 0) -> None:
        self.answers = list(answers)
        self.most = most
        self.texts: list[str] = []
        self.params: list[Any] = []

    def sql(self, text: str, params: Any = None) -> "Session":
        self.texts.append(text)
        self.params.append(params)
        return self

    def collect(self) -> list[Any]:
        text = self.texts[-1]
        if "GENERATOR" in text:
            rows = [1] * int(text.split("=> ")[1].split(")")[0])
        else:
            rows = self.answers.pop(0)
        if isinstance(rows, Exception):
            raise rows
        return rows[: self.most] if self.most else rows


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds: list[float] = []
    monkeypatch.setattr(session.time, "sleep", seconds.append)
    return seconds


def test_r1_a_session_is_never_given_none_to_bind() -> None:
    """Inside a procedure it would be refused wherever the column is no text."""
    own = Session([], [])
    Snowflake(own).run(Statement("INSERT INTO t SELECT ?, ?", (None, 2)))
    Snowflake(own).run(Statement("DELETE FROM t WHERE a = ?", (None,)))
    assert own.texts == ["INSERT INTO t SELECT NULL, ?", "DELETE FROM t WHERE a = NULL"]
    assert own.params == [[2], None]


def test_r3_a_statement_that_was_refused_for_a_lock_is_sent_again(
    pauses: list[float],
) -> None:
    snowflake = Snowflake(Session(LOCKED, LOCKED, [(7,)]))
    assert snowflake.run(ASK) == [(7,)]
    assert (snowflake.statements, len(pauses)) == (3, 2)
    assert all(0.1 <= pause <= 1.0 for pause in pauses)


def test_r3_pauses_differ_and_end(pauses: list[float]) -> None:
    for _ in range(5):
        with pytest.raises(SnowflakeError) as raised:
            Snowflake(Session(*[LOCKED] * 8)).run(ASK)
        assert raised.value.number == 625
    assert len(pauses) == 35 and len(set(pauses)) > 30
    assert max(pauses) <= 4.0


def test_other_errors_are_not_repeated(pauses: list[float]) -> None:
    with pytest.raises(SnowflakeError):
        Snowflake(Session(OTHER, [])).run(ASK)
    assert pauses == []


@pytest.mark.parametrize("most", [1, 2, 5, 40])
def test_p3_a_list_that_the_session_cuts_is_refused(most: int) -> None:
    snowflake = Snowflake(Session([1] * 40, most=most))
    with pytest.raises(UsageError) as raised:
        snowflake.run_list(ASK)
    assert (raised.value.code, raised.value.retryable) == ("rows_per_resultset", False)
    assert str(most) in raised.value.message


@pytest.mark.parametrize("most", [0, 41, 10_000])
def test_p3_a_whole_list_passes_and_is_asked_about_once(most: int) -> None:
    made = Session([1] * 40, [1] * 30, [1], [], most=most)
    snowflake = Snowflake(made)
    assert [len(snowflake.run_list(ASK)) for _ in range(4)] == [40, 30, 1, 0]
    assert sum("GENERATOR" in text for text in made.texts) == 1


def test_p3_a_longer_list_is_asked_about_again() -> None:
    made = Session([1] * 2, [1] * 3000, most=5000)
    snowflake = Snowflake(made)
    assert len(snowflake.run_list(ASK)) == 2
    assert len(snowflake.run_list(ASK)) == 3000
    assert sum("GENERATOR" in text for text in made.texts) == 2
    cut = Snowflake(Session([1] * 2, [1] * 9000, most=5000))
    cut.run_list(ASK)
    with pytest.raises(UsageError):
        cut.run_list(ASK)


def test_an_empty_list_costs_no_question() -> None:
    made = Session([], most=1)
    assert Snowflake(made).run_list(ASK) == [] and len(made.texts) == 1


def test_p3_a_list_as_long_as_the_longest_one_known_is_asked_about() -> None:
    """A session that cuts at a thousand rows lets a first, shorter list pass."""
    made = Session([1] * 400, [1] * 5000, most=1000)
    snowflake = Snowflake(made)
    assert len(snowflake.run_list(ASK)) == 400
    with pytest.raises(UsageError) as raised:
        snowflake.run_list(ASK)
    assert raised.value.code == "rows_per_resultset"
