"""Measures what a history costs: its transaction beside that of a plain target.

    scripts/run_history_benchmark.sh [--rows N] [--changed N] [--rounds N]

Two targets with the same rows, one of them a history. In each round the same changed
rows are staged for both and written by the product's own statements, one target after
the other; who is first takes turns. The local Snowflake runs in this process, so that
seconds say nothing of an account: their ratio is what is asked for. With each round the
history grows by the changed rows.
"""

import argparse
import dataclasses
import statistics
import sys
import tempfile
import time
from pathlib import Path

from lambda_extract.contract import Column
from snowpark import sql
from snowpark.columns import drift
from snowpark.columns.alignment import Alignment, Rules, Source
from snowpark.columns.column import load_columns
from snowpark.columns.shape import Shape
from snowpark.load import merge, statements
from snowpark.load import target as load_target
from snowpark.load.staging import Job
from snowpark.session import Snowflake
from snowpark.settings.table import TableSettings
from snowpark.sync.statements import shared_keys
from tests.history.account import LocalSession, opened

COLUMNS = load_columns(
    (
        Column("id", "bigint", "NUMBER(19,0)", nullable=False, attnum=1),
        Column("customer", "integer", "NUMBER(10,0)", attnum=2),
        Column("amount", "numeric(12,2)", "NUMBER(12,2)", attnum=3),
        Column("note", "text", "VARCHAR(100)", attnum=4),
        Column("updated_at", "timestamp with time zone", "TIMESTAMP_TZ(6)", attnum=5),
    )
)
HISTORY_DAYS = 365
KINDS = ("plain", "history")


@dataclasses.dataclass
class Side:
    """One of the two targets, and what its rounds have cost.

    Attributes:
        seconds: Of each round, from BEGIN to COMMIT.
        sent: Statements of the last round in between.
    """

    kind: str
    aligned: Alignment
    job: Job
    seconds: list[float] = dataclasses.field(default_factory=list)
    sent: int = 0


@dataclasses.dataclass(frozen=True)
class Figures:
    """What was measured.

    Attributes:
        seconds: Medians by kind.
        sent: Statements of a transaction by kind.
        versions: Rows of the history at the end.
    """

    seconds: dict[str, float]
    sent: dict[str, int]
    versions: int

    @property
    def ratio(self) -> float:
        """How many times as long the history takes."""
        return self.seconds["history"] / self.seconds["plain"]

    @property
    def more(self) -> int:
        """How many statements more the history takes."""
        return self.sent["history"] - self.sent["plain"]


def measure(session: LocalSession, *, rows: int, changed: int, rounds: int) -> Figures:
    """Fills both targets and writes the rounds."""
    snowflake = Snowflake(session)
    sides = [_created(snowflake, kind) for kind in KINDS]
    for side in sides:
        _stage(session, side, rows=rows, step=1, day=0)
        _write(snowflake, session, side, day=0)
        side.seconds.clear()
    for day in range(1, rounds + 1):
        for side in sides if day % 2 else reversed(sides):
            _stage(session, side, rows=changed, step=rows // changed, day=day)
            _write(snowflake, session, side, day=day)
    history = sides[1].job.settings.target
    (row,) = session.query(f"SELECT COUNT(*) AS N FROM {history}")
    found = int(row["N"])
    if found != rows + rounds * changed:
        raise AssertionError(f"{found} versions")
    return Figures(
        {side.kind: statistics.median(side.seconds) for side in sides},
        {side.kind: side.sent for side in sides},
        found,
    )


def _created(snowflake: Snowflake, kind: str) -> Side:
    settings = TableSettings(
        name=kind,
        source="shop",
        schema="public",
        relation=kind,
        target_schema="shop",
        target_table=kind,
        mode="incremental",
        cursor="updated_at",
        history=kind == "history",
        history_days=HISTORY_DAYS if kind == "history" else None,
    )
    job = Job(settings, "run", reload=True)
    source = Source(COLUMNS, ("id",), 1)
    rules = Rules.of(settings, reload=True)
    aligned = drift.align(source, None, Shape().of(settings.route), rules)
    done = load_target.apply(snowflake, job.target, source, aligned)
    return Side(kind, done, job)


def _stage(
    session: LocalSession, side: Side, *, rows: int, step: int, day: int
) -> None:
    """Stages every so many rows as they were changed on a day."""
    session.sql(statements.create_staging(side.job.staging, COLUMNS).text)
    values = (
        f"(SEQ4() + 1) * {step}",
        "MOD(SEQ4(), 10000)",
        f"MOD(SEQ4(), 100000) / 100 + {day}",
        f"'row ' || SEQ4() || ' of day {day}'",
        f"'{_moment(day)}'",
    )
    cast = ", ".join(
        f"CAST({value} AS {column.staging_type})"
        for value, column in zip(values, COLUMNS, strict=True)
    )
    session.sql(
        f"INSERT INTO {side.job.staging} SELECT {cast}"
        f" FROM TABLE(GENERATOR(ROWCOUNT => {rows}))"
    )


def _write(snowflake: Snowflake, session: LocalSession, side: Side, day: int) -> None:
    """Writes the staged rows in one transaction, as a sync does at its end."""
    rows = merge.batch(side.job, side.aligned, ("id",), _moment(day, hour=1))
    if rows.history is not None:
        days = side.job.settings.history_days
        versions = dataclasses.replace(rows.history, forget_days=days)
        rows = dataclasses.replace(rows, history=versions)
    before, started = len(session.sent), time.monotonic()
    snowflake.run(sql.BEGIN)
    merge.merge_rows(snowflake, rows)
    if rows.history is not None:
        # A plain MERGE tells by its own counts whether keys are shared.
        snowflake.run(shared_keys(rows), tell_only=())
    snowflake.run(sql.COMMIT)
    side.seconds.append(time.monotonic() - started)
    side.sent = len(session.sent) - before


def _moment(day: int, hour: int = 0) -> str:
    return f"{2026 + day // 28}-01-{day % 28 + 1:02d} {hour:02d}:00:00.000000+00"


def main(arguments: list[str] | None = None) -> int:
    """Measures and prints; fails if a history takes more than two statements more."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--changed", type=int, default=0, help="default: a third")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    changed = options.changed or max(options.rows // 3, 1)
    with tempfile.TemporaryDirectory() as home, opened(Path(home)) as session:
        figures = measure(
            session, rows=options.rows, changed=changed, rounds=options.rounds
        )
    for kind in KINDS:
        print(
            f"{kind}: {figures.seconds[kind]:.2f} s, {figures.sent[kind]} statements"
            f" (median of {options.rounds})"
        )
    print(
        f"{changed} changed of {options.rows} rows: a history takes"
        f" {figures.ratio:.2f} times as long as a plain target, with {figures.more}"
        f" statements more; it has {figures.versions} versions at the end."
    )
    return 0 if figures.more <= 2 else 1


if __name__ == "__main__":
    sys.exit(main())
