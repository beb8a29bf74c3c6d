"""Tables in which nothing is new, and what their replies may leave out."""

import dataclasses

import pytest

from lambda_extract.contract import KnownColumns
from snowpark.groups.asking import Extraction
from snowpark.groups.quiet import known_columns, quiet, usable
from snowpark.ledger.records import TableState
from tests.unit.snowpark.samples import COLUMNS, cursor_value, settings
from tests.unit.snowpark.sync.test_increment import known, new_run, nothing, window

FOUND = known()
SHORT = dataclasses.replace(nothing(1), columns=(), key=())


def test_columns_are_known_by_the_digest_of_the_last_commit() -> None:
    assert FOUND.ledger is not None
    assert known_columns(FOUND) == KnownColumns(
        FOUND.ledger.columns_sha256 or "",
        FOUND.settings.target,
        "evolve",
        "fail",
        False,
    )


def pending(found: TableState) -> TableState:
    column = dataclasses.replace(found.shape.columns[0], moving_to="X")
    columns = (column, *found.shape.columns[1:])
    return dataclasses.replace(
        found, shape=dataclasses.replace(found.shape, columns=columns)
    )


@pytest.mark.parametrize(
    "found",
    [
        TableState(settings(), None, None),
        dataclasses.replace(
            FOUND,
            ledger=dataclasses.replace(
                FOUND.ledger, columns_sha256=None  # type: ignore[type-var]
            ),
        ),
        pending(FOUND),
        known(deletes="key_compare"),
    ],
)
def test_columns_have_to_travel_if_somebody_will_look_at_them(
    found: TableState,
) -> None:
    assert known_columns(found) is None


def test_a_table_without_news_keeps_its_watermark() -> None:
    for extraction in (Extraction(nothing(1)), Extraction(SHORT, True)):
        run = new_run()
        found = quiet(FOUND, run, extraction)
        assert found is not None and found.commit is None
        assert run.tally.windows == 1
        assert run.tally.watermark == cursor_value(1).value


def test_a_watermark_that_moves_takes_no_version() -> None:
    """No row of the target has changed: docs/FENCING.md."""
    found = quiet(FOUND, new_run(), Extraction(nothing(2)))
    assert found is not None and found.commit is not None and FOUND.ledger is not None
    assert found.commit.version == FOUND.ledger.version
    assert found.commit.refined_at == nothing(2).extracted_at
    assert found.commit.bound is not None
    assert found.commit.bound.watermark == cursor_value(2)
    assert found.commit.columns_sha256 == FOUND.ledger.columns_sha256


@pytest.mark.parametrize(
    ("found", "extraction"),
    [
        (FOUND, Extraction(window(2))),
        (FOUND, Extraction(nothing(1, complete=False))),
        (FOUND, Extraction(nothing(1, source_changed="It went back."))),
        (FOUND, Extraction(nothing(1, columns=COLUMNS[:2]))),
        (FOUND, Extraction(nothing(1, key=("id", "note")))),
        (pending(FOUND), Extraction(nothing(1))),
        (known(deletes="key_compare"), Extraction(nothing(1))),
    ],
)
def test_more_than_nothing_is_work(found: TableState, extraction: Extraction) -> None:
    run = new_run()
    assert quiet(found, run, extraction) is None
    assert run.tally.windows == 0


def test_a_window_without_its_columns_is_no_beginning_of_a_load() -> None:
    more = dataclasses.replace(SHORT, complete=False)
    assert usable(Extraction(more, True)) is None
    back = dataclasses.replace(SHORT, source_changed="It went back.")
    assert usable(Extraction(back, True)) == back
    assert usable(Extraction(window(2))) == window(2)
