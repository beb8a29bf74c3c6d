"""The scripted warehouse keeps what Snowflake would keep, and knows each statement."""

import pytest
from snowflake.snowpark import Row

from snowpark import sql
from snowpark.errors import SnowflakeError
from snowpark.ledger import lease
from snowpark.ledger import statements as ledger_statements
from snowpark.load import statements
from snowpark.session import Snowflake
from tests.unit.snowpark.golden import GOLDEN
from tests.unit.snowpark.scripted import Killed, Scripted, Stop
from tests.unit.snowpark.statement_names import NAMES, name_of

ROOMS = ("ledger", "load", "history", "sync", "validate", "groups", "extraction")
ROOMS += ("alerts", "worksheet", "tidy", "captures", "extras")
OURS = {"begin", "commit", "rollback", "read_transaction", "longest_list"}
NOT_SENT = "list_tables_by_group"
GOLDEN_TEXTS = [
    path
    for room in ROOMS
    for path in sorted((GOLDEN / room).glob("*.sql"))
    if not path.stem.endswith(NOT_SENT)
]


def test_every_statement_of_the_product_has_a_name() -> None:
    """And the name is the beginning of the golden file's, if it is a builder's."""
    named = {
        path.stem: name_of(path.read_text().split(";\n")[0]) for path in GOLDEN_TEXTS
    }
    for stem, name in named.items():
        if stem.startswith(tuple(NAMES)):
            longest = max((n for n in NAMES if stem.startswith(n)), key=len)
            assert name == longest, stem
    assert set(NAMES) - set(named.values()) == OURS


def test_what_is_not_committed_is_not_kept() -> None:
    session = Scripted()
    snowflake = Snowflake(session)
    hold = ledger_statements.hold_lease("orders", "r", 1)
    for end in (sql.ROLLBACK, sql.COMMIT):
        snowflake.run(sql.BEGIN)
        snowflake.run(hold)
        assert session.is_open
        snowflake.run(end)
    assert session.names.count("hold_lease") == 2
    assert session.stays == ["hold_lease"]


@pytest.mark.parametrize(
    ("stop", "kept"),
    [
        (Stop("hold_lease", "refused"), []),
        (Stop("hold_lease", "killed before"), []),
        (Stop("hold_lease", "killed after"), ["hold_lease"]),
        (Stop("hold_lease", nth=2), ["hold_lease"]),
        (Stop(1), ["hold_lease"]),
    ],
)
def test_a_stop_is_at_one_place(stop: Stop, kept: list[str]) -> None:
    session = Scripted(stop)
    snowflake = Snowflake(session)
    expected = SnowflakeError if stop.how == "refused" else Killed
    with pytest.raises(expected):
        for _ in range(2):
            lease.hold_lease(snowflake, "orders", "r")
    assert session.stays == kept


def test_nothing_arrives_from_a_killed_process() -> None:
    session = Scripted(Stop("commit", "killed before"))
    snowflake = Snowflake(session)
    snowflake.run(sql.BEGIN)
    for statement in (sql.COMMIT, sql.ROLLBACK, ledger_statements.list_tables()):
        with pytest.raises(Killed):
            snowflake.run(statement)
    assert session.stays == [] and session.names == ["begin", "commit"]


def test_what_the_script_does_not_know_is_refused() -> None:
    snowflake = Snowflake(Scripted())
    for statement in (sql.Statement("SELECT 1"), ledger_statements.list_tables()):
        with pytest.raises(AssertionError):
            snowflake.run(statement)
    snowflake.run(sql.BEGIN)
    with pytest.raises(AssertionError, match="ends the transaction"):
        snowflake.run(statements.drop_staging('"STAGING"."X"'))


def test_answers_are_rows_or_made_of_the_statement() -> None:
    hold = ledger_statements.hold_lease("orders", "r", 7)
    one = Snowflake(Scripted(hold_lease=[Row(3)]))
    other = Snowflake(Scripted(hold_lease=lambda sent: [Row(sent.values[0])]))
    assert one.changed_rows(hold) == 3 and other.changed_rows(hold) == 7
