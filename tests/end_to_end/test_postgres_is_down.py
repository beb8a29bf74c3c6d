"""The database server is stopped, and comes back."""

from pathlib import Path

import psycopg2
import pytest
import snowflake.connector

from local.aurora import start_aurora, stop_process
from local.stack import running_stack
from scripts.deploy_local import deploy_local
from tests.end_to_end.lab import Lab

pytestmark = pytest.mark.large


def test_the_sync_says_so_and_goes_on_afterwards(tmp_path: Path) -> None:
    with running_stack(tmp_path) as stack:
        deploy_local(stack.endpoints)
        assert stack.aurora is not None
        source = psycopg2.connect(stack.endpoints.aurora_dsn)
        source.autocommit = True
        parameters = stack.endpoints.snowflake.parameters
        with snowflake.connector.connect(**parameters) as target:
            lab = Lab(stack, source, target)
            table = lab.name("orders")
            lab.orders_table(table, 10)
            lab.apply({table: {"cursor": "updated_at"}})
            lab.sync(table)
            lab.psql(f"UPDATE {table} SET note = 'x', updated_at = now()")
            before = lab.watermark(table)
            stop_process(stack.aurora.process)
            error = lab.fail("SYNC_TABLE", table)
            assert "[source_unreachable]" in error
            assert "A retry may help." in error
            assert lab.watermark(table) == before
            assert lab.last_run(table)["STATE"] == "failed"
            aurora = start_aurora(stack.aurora.data.parent, port=stack.aurora.port)
            try:
                with pytest.raises(psycopg2.Error):
                    lab.psql("SELECT 1")
                lab.source = psycopg2.connect(stack.endpoints.aurora_dsn)
                assert lab.sync(table)["rows_updated"] == 10
                lab.assert_equal(table)
            finally:
                lab.source.close()
                aurora.stop()
