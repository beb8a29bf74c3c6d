"""SQL of sync: texts and bound values to the letter (golden.py)."""

import dataclasses
import re

import pytest

from snowpark.load import history_statements
from snowpark.load import statements as load_statements
from snowpark.load.statements import Versions
from snowpark.sql import Statement
from snowpark.sync import statements as sync_statements
from snowpark.sync.statements import SnapshotPart
from tests.unit.snowpark import golden
from tests.unit.snowpark.batches import BATCH, EVERY_TYPE, LOADED, SOFT
from tests.unit.snowpark.samples import RUN_ID

PART = SnapshotPart("snapshot", "p00001", "c0ffee", "{}")
# The first column of its key is never NULL, the second may be.
TWO = dataclasses.replace(SOFT, key=LOADED[:2])
TWO_VERSIONS = dataclasses.replace(TWO, history=Versions(tracked=LOADED[2:]))
_BY_BOTH = re.compile(
    r'target."ID" = source."ID" AND EQUAL_NULL\(target."NOTE", source."NOTE"\)'
)

CASES: dict[str, Statement] = {
    "read_open_parts": sync_statements.read_open_parts("orders", "c0ffee", 24),
    "insert_part": sync_statements.insert_part("orders", RUN_ID, PART),
    "count_gone_soft": sync_statements.count_gone(SOFT),
    "count_gone_hard": sync_statements.count_gone(BATCH),
    "count_gone_every_type": sync_statements.count_gone(
        dataclasses.replace(BATCH, key=EVERY_TYPE)
    ),
    "shared_keys": sync_statements.shared_keys(BATCH),
    "missing_keys_soft": sync_statements.missing_keys(SOFT, 20_001),
    "flag_gone": sync_statements.flag_gone(SOFT),
    "revive": sync_statements.revive(SOFT),
    "remove_gone": sync_statements.remove_gone(BATCH),
    "remove_gone_composite_key": sync_statements.remove_gone(TWO),
    "flag_gone_composite_key": sync_statements.flag_gone(TWO),
}


@pytest.mark.parametrize("name", CASES)
def test_the_statement_is_the_golden_one(name: str) -> None:
    golden.check("sync", name, CASES[name])


@pytest.mark.parametrize("name", CASES)
def test_an_independent_parser_understands_the_text(name: str) -> None:
    golden.check_by_parser(CASES[name])


def test_no_golden_file_is_left_over() -> None:
    golden.check_left_over("sync", CASES)


@pytest.mark.parametrize("name", ["IN_SOURCE", "IN_TARGET", "_SYNC_KEY_HASH"])
def test_no_value_is_called_like_a_key_column(name: str) -> None:
    """Snowflake refuses such a name as ambiguous, or takes the column's value."""
    key = (dataclasses.replace(SOFT.key[0], name=name),)
    named = dataclasses.replace(SOFT, key=key)
    for statement in (
        sync_statements.count_gone(named),
        sync_statements.missing_keys(named, 9),
        sync_statements.flag_gone(named),
        sync_statements.revive(named),
        sync_statements.remove_gone(named),
    ):
        assert f'TRUE AS "{name}"' not in statement.text
        assert f') AS "{name}"' not in statement.text


def test_the_end_of_a_snapshot_has_no_message() -> None:
    end = SnapshotPart("snapshot", "#closed", "c0ffee")
    values = sync_statements.insert_part("orders", RUN_ID, end).params
    assert values == ("orders", RUN_ID, "snapshot", "#closed", "c0ffee", None)


def test_a_count_is_not_called_like_a_key_column() -> None:
    key = (dataclasses.replace(BATCH.key[0], name="ROW_COUNT"),)
    named = dataclasses.replace(BATCH, key=key, columns=key)
    assert 'COUNT(*) AS "ROW_COUNT_"' in sync_statements.shared_keys(named).text


@pytest.mark.parametrize(
    "statement",
    [
        sync_statements.count_gone(TWO),
        sync_statements.missing_keys(TWO, 9),
        sync_statements.flag_gone(TWO),
        sync_statements.revive(TWO),
        sync_statements.remove_gone(TWO),
        history_statements.close_gone(TWO_VERSIONS),
        load_statements.merge(TWO, None),
        load_statements.lock_target(TWO),
    ],
    ids=lambda one: one.text.split()[0] if isinstance(one, Statement) else "",
)
def test_rows_are_found_by_all_columns_of_their_key(statement: Statement) -> None:
    """By one of two, a row would be removed, or flagged, for another one."""
    text = " ".join(statement.text.split())
    assert _BY_BOTH.search(text)
    assert text.count('."ID" = ') == text.count('EQUAL_NULL(target."NOTE", ')
    assert not re.search(r'"ID" = \S+ OR|OR EQUAL_NULL', text)
