"""Columns and batches of rows that the tests of statements start from."""

import dataclasses

from lambda_extract.contract import Column
from lambda_extract.values.mappings import mapping, protected
from scripts.print_types import SOURCES
from snowpark.columns import column as columns
from snowpark.load.statements import Batch
from tests.unit.snowpark.samples import COLUMNS, RUN_ID

LOADED = columns.load_columns(COLUMNS)
# One column of each Snowflake type that a PostgreSQL type, or protection, becomes.
EVERY_TYPE = columns.load_columns(
    (
        COLUMNS[0],
        *(
            Column(f"c{number}", "any", kind)
            for number, kind in enumerate(
                dict.fromkeys(
                    [mapping(source).snowflake_type for _, source in SOURCES]
                    + [protected(way).snowflake_type for way in ("hash", "mask")]
                )
            )
        ),
    )
)
TARGET = '"SHOP"."ORDERS"'
STAGING = '"STAGING"."ORDERS__RUN"'
BATCH = Batch(
    target=TARGET,
    staging=STAGING,
    columns=LOADED,
    key=LOADED[:1],
    cursors=LOADED[-1:],
    deleted=None,
    soft_deletes=False,
    run_id=RUN_ID,
    extracted_at="2026-01-02 03:04:05+00",
)
SOFT = dataclasses.replace(BATCH, soft_deletes=True)
