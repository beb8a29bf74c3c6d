"""What a data team has: psql, the Snowflake connector, and the worksheet calls."""

import contextlib
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import psycopg2
import psycopg2.extensions
import pytest
import snowflake.connector
import zstandard

from local.aws import server as aws
from local.compare import compare_table
from local.stack import Stack
from tests.end_to_end.faults import Switchboard

TARGET_SCHEMA = "LAB"


class Lab:
    """One test's own tables, and short names for what a person does with them."""

    def __init__(
        self,
        stack: Stack,
        source: psycopg2.extensions.connection,
        target: Any,
    ) -> None:
        self.stack = stack
        self.source = source
        self.target = target
        self.suffix = uuid.uuid4().hex[:8]
        self.s3 = boto3.client(
            "s3",
            endpoint_url=stack.endpoints.landing.endpoint_url,
            aws_access_key_id=aws.ACCESS_KEY,
            aws_secret_access_key=aws.SECRET_KEY,
            region_name=aws.REGION,
        )

    def name(self, table: str) -> str:
        """Returns a table name that no other test uses."""
        return f"{table}_{self.suffix}"

    def psql(self, text: str, *params: Any) -> list[Any]:
        """Runs a statement in PostgreSQL and returns its rows."""
        with self.source.cursor() as cursor:
            cursor.execute(text, params or None)
            return cursor.fetchall() if cursor.description else []

    def query(self, text: str, *params: Any) -> list[dict[str, Any]]:
        """Runs a statement in Snowflake and returns its rows by column name."""
        cursor = self.target.cursor(snowflake.connector.DictCursor)
        cursor.execute(text, params or None)
        return list(cursor.fetchall())

    def call(self, procedure: str, argument: Any) -> dict[str, Any]:
        """Calls a procedure and returns its report."""
        # Each test has tables of its own and forgets those of the one before.
        more = ", FALSE, TRUE" if procedure == "APPLY_CONFIG" else ""
        (row,) = self.query(f"CALL {procedure}(%s{more})", argument)
        (value,) = row.values()
        report: dict[str, Any] = json.loads(value)
        return report

    def apply(self, tables: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """Applies a configuration of these tables, with a margin of zero seconds."""
        return self.call("APPLY_CONFIG", json.dumps(self.config(tables)))

    def config(self, tables: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """Returns a configuration of these tables, with a margin of zero seconds."""
        return {
            "version": 1,
            # Each test has tables of its own and forgets those of the one before.
            "max_removed_tables": 100_000,
            "defaults": {
                "source": "shop",
                "target_schema": TARGET_SCHEMA,
                "keys_in_messages": True,
                "margin_seconds": 0,
            },
            "sources": {"shop": {"time_zone": "UTC"}},
            "tables": tables,
        }

    def sync(self, table: str) -> dict[str, Any]:
        """Syncs a table."""
        return self.call("SYNC_TABLE", table)

    def fail(self, procedure: str, argument: Any) -> str:
        """Calls a procedure that must fail; returns the error's text."""
        with pytest.raises(snowflake.connector.errors.ProgrammingError) as caught:
            self.call(procedure, argument)
        return str(caught.value)

    def fail_with(self, procedure: str, *arguments: Any) -> str:
        """Calls a procedure of several arguments that must fail; returns the text."""
        marks = ", ".join(["%s"] * len(arguments))
        with pytest.raises(snowflake.connector.errors.ProgrammingError) as caught:
            self.query(f"CALL {procedure}({marks})", *arguments)
        return str(caught.value)

    def assert_equal(self, table: str, **options: Any) -> None:
        """Compares source and target row by row."""
        with contextlib.closing(
            psycopg2.connect(self.stack.endpoints.aurora_dsn)
        ) as source:
            comparison = compare_table(
                source=source,
                target=self.target,
                source_table=("public", table),
                target_table=f"{TARGET_SCHEMA}.{table.upper()}",
                **options,
            )
        assert comparison.equal, comparison.explain()

    def watermark(self, table: str) -> str | None:
        """Returns the committed watermark of a table."""
        rows = self.query(
            "SELECT watermark FROM control.sync_current_watermarks"
            " WHERE table_name = %s",
            table,
        )
        return rows[0]["WATERMARK"] if rows else None

    def lease_owner(self, table: str) -> str | None:
        """Returns the run that owns the table now."""
        (row,) = self.query(
            "SELECT run_id FROM control.sync_leases WHERE table_name = %s", table
        )
        owner: str | None = row["RUN_ID"]
        return owner

    def expire_lease(self, table: str) -> None:
        """Lets the lease of a run that vanished end now."""
        self.query(
            "UPDATE control.sync_leases SET expires_at = DATEADD('hour', -1,"
            " CURRENT_TIMESTAMP()) WHERE table_name = %s",
            table,
        )

    def last_run(self, table: str) -> dict[str, Any]:
        """Returns the status row of a table."""
        (row,) = self.query(
            "SELECT * FROM control.sync_status WHERE table_name = %s", table
        )
        return row

    def statements(self) -> list[dict[str, Any]]:
        """Returns the query history so far."""
        lines = Path(self.stack.endpoints.queries).read_text(encoding="utf-8")
        # Not splitlines: a name may hold U+2028, which ends a line there.
        return [json.loads(line) for line in lines.split("\n") if line]

    @contextlib.contextmanager
    def before_statement(
        self, match: str, action: Callable[["Lab"], object], nth: int = 1
    ) -> Iterator[None]:
        """Does something while the next statement that matches is held back.

        Args:
            match: Regular expression over the text of a procedure's statement.
            action: Called with a lab that has a Snowflake connection of its own.
            nth: Which of the statements that match.
        """
        faults = Switchboard(self.stack.endpoints)
        faults.snowflake({"match": match, "action": "hold", "nth": nth})
        failures: list[BaseException] = []

        def act() -> None:
            try:
                faults.wait_for_held_statement()
                parameters = self.stack.endpoints.snowflake.parameters
                with snowflake.connector.connect(**parameters) as connection:
                    action(Lab(self.stack, self.source, connection))
            except BaseException as error:
                failures.append(error)
            finally:
                faults.clear()

        thread = threading.Thread(target=act)
        thread.start()
        try:
            yield
        finally:
            thread.join()
        assert not failures, failures

    def landing_files(self, table: str) -> set[str]:
        """Returns the keys of a table's data files in the landing bucket."""
        landing = self.stack.endpoints.landing
        prefix = f"{landing.prefix}data/{table}/"
        listed = self.s3.list_objects_v2(Bucket=landing.bucket, Prefix=prefix)
        return {entry["Key"] for entry in listed.get("Contents", [])}

    def shorten_file(self, key: str) -> None:
        """Takes the last row out of a landing file."""
        target = {"Bucket": self.stack.endpoints.landing.bucket, "Key": key}
        packed = self.s3.get_object(**target)["Body"].read()
        rows = zstandard.decompress(packed, max_output_size=1 << 24).splitlines(True)
        self.s3.put_object(**target, Body=zstandard.compress(b"".join(rows[:-1])))

    def forge_file(self, key: str, *, forged: bool) -> None:
        """Writes a landing file again: as is, or with as many other letters."""
        target = {"Bucket": self.stack.endpoints.landing.bucket, "Key": key}
        packed = self.s3.get_object(**target)["Body"].read()
        if forged:
            rows = zstandard.decompress(packed, max_output_size=1 << 24)
            rows = rows.translate(bytes.maketrans(b"aeiou", b"uoiea"))
            packed = zstandard.compress(rows)
        self.s3.put_object(**target, Body=packed)

    def orders_table(self, name: str, rows: int) -> None:
        """Creates a table with a key, an indexed updated_at, and some rows."""
        self.psql(f"""
            CREATE TABLE {name} (
                id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
                note text,
                amount numeric(12, 2),
                updated_at timestamptz NOT NULL DEFAULT now()
            );
            CREATE INDEX ON {name} (updated_at);
            INSERT INTO {name} (note, amount, updated_at)
            SELECT 'row ' || i, i / 100.0, now() - (10000 - i) * interval '1 second'
            FROM generate_series(1, {rows}) AS i
            """)
