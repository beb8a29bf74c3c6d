"""PURE: the SQL texts that compare a target with its source, and take out what is gone.

Values are bound with question marks. Tested against tests/golden/*/*.sql.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from snowpark.columns.column import LoadColumn
from snowpark.names import DELETED_AT, IS_CURRENT, RUN_ID
from snowpark.load import history_statements
from snowpark.sql import Statement, quote
from snowpark.columns import canonical, keys


@dataclass(frozen=True)
class Digested:
    """The rows of a target that are compared.

    Attributes:
        target: Quoted name.
        columns: What a row's digest covers, in the order of the request.
        key: What identifies a row, likewise.
        soft_deletes: True if flagged rows are none.
        names_keys: The texts of keys may be read, to name rows to a person.
        history: True if only current versions are rows.
    """

    target: str
    columns: tuple[LoadColumn, ...]
    key: tuple[LoadColumn, ...]
    soft_deletes: bool
    names_keys: bool = False
    history: bool = False


def buckets(
    digested: Digested,
    depth: int,
    within: Sequence[str],
    without: Sequence[str] = (),
) -> Statement:
    """Reads name, count and two sums of each bucket, as `contract.Bucket`.

    Args:
        without: Beginnings of the MD5 of keys whose rows are left out.
    """
    rows, params = _rows(digested, "", within, without)
    return Statement(
        f"""\
SELECT
    LEFT(key_hash, ?) AS bucket,
    COUNT(*) AS row_count,
    SUM(TO_NUMBER(SUBSTR(row_hash, 1, 12), 'XXXXXXXXXXXX')) AS low,
    SUM(TO_NUMBER(SUBSTR(row_hash, 13, 12), 'XXXXXXXXXXXX')) AS high
FROM ({rows}
)
GROUP BY 1""",
        (depth, *params),
    )


def rows(
    digested: Digested, within: Sequence[str], most: int, without: Sequence[str] = ()
) -> Statement:
    """Reads key_hash and row_hash of rows, as `contract.RowDigest`."""
    text, params = _rows(digested, "", within, without)
    return Statement(
        f"SELECT key_hash, row_hash\nFROM ({text}\n)\nLIMIT {most}", params
    )


_UNNAMED = "'?'"  # as the source's side gives it


def detail(digested: Digested, within: Sequence[str]) -> Statement:
    """Reads rows with a digest for each column, and their keys if they may be named."""
    names = [f"k{number}" for number in range(len(digested.key))]
    texts = [
        f"{keys.text(column, quote(column.name)) if digested.names_keys else _UNNAMED}"
        f" AS {name}"
        for column, name in zip(digested.key, names, strict=True)
    ]
    more = f"{canonical.short_hashes(digested.columns)} AS column_hashes"
    extra = ",\n        ".join(["", more, *texts])
    text, params = _rows(digested, extra, within, ())
    listed = ", ".join(names)
    return Statement(
        f"SELECT key_hash, row_hash, column_hashes, {listed}\nFROM ({text}\n)", params
    )


def _rows(
    digested: Digested, extra: str, within: Sequence[str], without: Sequence[str]
) -> tuple[str, tuple[str | int | float | bool | None, ...]]:
    alive = ""
    if digested.history:
        alive = f"\n    WHERE {quote(IS_CURRENT)}"
    elif digested.soft_deletes:
        alive = f"\n    WHERE {quote(DELETED_AT)} IS NULL"
    conditions: list[str] = []
    params: list[str | int | float | bool | None] = list(within)
    if within:
        marks = ", ".join("?" * len(within))
        conditions.append(f"LEFT(r.key_hash, {len(within[0])}) IN ({marks})")
    if without:
        # One bound text: there may be thousands of them.
        params.append(json.dumps(list(without)))
        conditions.append(f"""\
LEFT(r.key_hash, {len(without[0])}) NOT IN (
        SELECT CAST(f.value AS VARCHAR) FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) AS f
    )""")
    where = "\n    WHERE " + "\n    AND ".join(conditions) if conditions else ""
    own = "r.key_hash, MD5(r.key_hash || '|' || r.row_text) AS row_hash"
    if extra:
        own += ", r.column_hashes"
        own += "".join(f", r.k{number}" for number in range(len(digested.key)))
    return (
        f"""
    SELECT {own}
    FROM (
        SELECT
        {canonical.key_hash(digested.key)} AS key_hash,
        {canonical.row_text(digested.columns)} AS row_text{extra}
        FROM {digested.target}{alive}
    ) AS r{where}""",
        tuple(params),
    )


def remove_extra(
    digested: Digested, hashes: Sequence[str], run_id: str, extracted_at: str
) -> Statement:
    """Removes rows with these keys, or flags them if the target flags deletes.

    Of a history, their current versions end.
    """
    marks = ", ".join("?" * len(hashes))
    condition = f"{canonical.key_hash(digested.key)} IN ({marks})"
    if digested.history:
        return history_statements.close_where(
            digested.target, condition, tuple(hashes), run_id, extracted_at
        )
    where = f"WHERE {condition}"
    if not digested.soft_deletes:
        return Statement(f"DELETE FROM {digested.target}\n{where}", tuple(hashes))
    return Statement(
        f"""\
UPDATE {digested.target}
SET
    {quote(DELETED_AT)} = CURRENT_TIMESTAMP(),
    {quote(RUN_ID)} = ?
{where}""",
        (run_id, *hashes),
    )
