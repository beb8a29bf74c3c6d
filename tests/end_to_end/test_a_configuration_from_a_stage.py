"""A configuration lies on a stage; APPLY_CONFIG reads what its caller may read."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector
import yaml

from tests.end_to_end.lab import Lab

SSE = "ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')"


@pytest.fixture
def caller(lab: Lab) -> Iterator[Lab]:
    """A person who may apply configurations, and nothing else."""
    user = lab.name("configurator")
    lab.query(f"CREATE USER {user} PASSWORD = 'any' DEFAULT_ROLE = SYNC_CONFIGURATOR")
    lab.query(f"GRANT ROLE SYNC_CONFIGURATOR TO USER {user}")
    parameters: dict[str, Any] = {
        **lab.stack.endpoints.snowflake.parameters,
        "user": user,
        "password": "any",
        "role": "SYNC_CONFIGURATOR",
        "warehouse": "AURORA_SYNC",
    }
    with contextlib.closing(snowflake.connector.connect(**parameters)) as connection:
        yield Lab(lab.stack, lab.source, connection)
    lab.query(f"DROP USER {user}")


def refused(lab: Lab, text: str) -> str:
    with pytest.raises(snowflake.connector.errors.ProgrammingError) as caught:
        lab.query(text)
    return str(caught.value)


def version(lab: Lab) -> int:
    ((found,),) = [
        row.values()
        for row in lab.query("SELECT MAX(version) AS v FROM control.sync_config")
    ]
    return int(found or 0)


def test_a_file_is_applied_by_a_scoped_url_and_by_nothing_else(
    lab: Lab, caller: Lab, tmp_path: Path
) -> None:
    table = lab.name("orders")
    lab.orders_table(table, 3)
    path = tmp_path / "sync.yaml"
    path.write_text(yaml.safe_dump(lab.config({table: {"cursor": "updated_at"}})))
    schema = lab.name("files")
    lab.query(f"CREATE SCHEMA {schema}")
    lab.query("USE SCHEMA AURORA_SYNC.CONTROL")
    stage = f"AURORA_SYNC.{schema}.config".upper()
    lab.query(f"CREATE STAGE {stage} {SSE}")
    lab.query(f"PUT file://{path} @{stage}/dev AUTO_COMPRESS = FALSE")
    lab.query(f"PUT file://{path} @{stage}/packed")
    call = f"CALL APPLY_CONFIG(BUILD_SCOPED_FILE_URL(@{stage}, 'dev/sync.yaml')"
    before = version(lab)

    # The procedure's owner may read any stage of the sync; its caller may not.
    own = "BUILD_SCOPED_FILE_URL(@AURORA_SYNC.CONTROL.CODE, 'snowpark.zip')"
    assert "does not exist or not authorized" in refused(
        caller, f"CALL APPLY_CONFIG({own}, TRUE)"
    )
    assert "does not exist or not authorized" in refused(caller, f"{call}, TRUE)")
    ((url,),) = [
        row.values()
        for row in lab.query(
            f"SELECT BUILD_SCOPED_FILE_URL(@{stage}, 'dev/sync.yaml') AS url"
        )
    ]
    assert "cannot be read" in refused(caller, f"CALL APPLY_CONFIG('{url}', TRUE)")
    said = refused(lab, f"CALL APPLY_CONFIG('@{stage}/dev/sync.yaml')")
    assert f"{call});" in said
    packed = f"BUILD_SCOPED_FILE_URL(@{stage}, 'packed/sync.yaml.gz')"
    assert "AUTO_COMPRESS" in refused(lab, f"CALL APPLY_CONFIG({packed})")
    assert version(lab) == before

    lab.query(f"GRANT USAGE ON SCHEMA {schema} TO ROLE SYNC_CONFIGURATOR")
    lab.query(f"GRANT READ ON STAGE {stage} TO ROLE SYNC_CONFIGURATOR")
    (row,) = caller.query(f"{call}, TRUE)")
    told = json.loads(next(iter(row.values())))
    assert told["tables"] == [table] and told["version"] is None
    (row,) = caller.query(f"{call}, FALSE, TRUE)")
    report = json.loads(next(iter(row.values())))
    assert report["tables"] == [table] and version(lab) == before + 1
    assert lab.sync(table)["rows_inserted"] == 3
    lab.query(f"DROP SCHEMA {schema}")
