"""What a run learns of its table, and what it refuses to begin with."""

from typing import Any

import pytest

from snowpark.errors import UsageError
from snowpark.ledger import read
from snowpark.ledger import statements as ledger_statements
from snowpark.ledger.records import TableState
from snowpark.session import Snowflake
from tests.unit.snowpark.samples import settings
from tests.unit.snowpark.scripted import state_row


class Session:
    """Answers the statements of a lease; keeps their texts."""

    def __init__(self, dates: str | None) -> None:
        self.dates, self.texts = dates, list[str]()

    def sql(self, text: str, params: Any = None) -> "Session":
        self.texts.append(text)
        return self

    def collect(self, **_: Any) -> list[Any]:
        if "dates_read_as" in self.texts[-1]:
            state = {"LEASE_RUN_ID": "r1", "DATES_READ_AS": self.dates}
            return [state | {"OPEN_TRANSACTION": None}]
        return [[1]]


@pytest.mark.parametrize(
    "dates",
    [
        None,
        ledger_statements.DATES_READ_RIGHT.replace("02-03", "03-02"),
        ledger_statements.DATES_READ_RIGHT.replace(" 03:05", " 04:05"),
    ],
    ids=["not at all", "month and day", "offset"],
)
def test_a_session_that_reads_dates_otherwise_loads_nothing(dates: str | None) -> None:
    session: Any = Session(dates)
    with pytest.raises(UsageError) as refused:
        read.take_lease(Snowflake(session), "orders", "r1")
    assert refused.value.code == "date_input_formats"
    assert "INPUT_FORMAT" in refused.value.hint
    release = ledger_statements.release_lease("orders", "r1").text
    assert session.texts[-1] == release


class Found(Session):
    """Answers with the state of a table whose target is declared, or not."""

    def __init__(self, state: Any) -> None:
        super().__init__(None)
        self.state = state

    def collect(self, **_: Any) -> list[Any]:
        return [self.state] if "dates_read_as" in self.texts[-1] else [[1]]


def test_s5_a_target_that_is_no_longer_declared_is_not_written() -> None:
    state = TableState(settings(target_schema="shop"), None, None)
    allowed = state_row(state, "r1", ALLOWED_TARGETS="AURORA_SYNC.SHOP")
    refused = state_row(state, "r1", ALLOWED_TARGETS="AURORA_SYNC.OTHER")
    session: Any = Found(allowed)
    read.take_lease(Snowflake(session), "orders", "r1")
    session = Found(refused)
    with pytest.raises(UsageError, match="AURORA_SYNC.SHOP is not among") as raised:
        read.take_lease(Snowflake(session), "orders", "r1")
    assert raised.value.code == "target_not_allowed"
    assert session.texts[-1] == ledger_statements.release_lease("orders", "r1").text
