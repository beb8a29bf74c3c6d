"""Pipes: each file once, in its own time, with a history. Notifications: end to end."""

import json
import time
from typing import Any

import pytest

from .conftest import Client
from .test_copy_into import landing

__all__ = ["landing"]

PIPE = """
CREATE PIPE {name} AUTO_INGEST = TRUE AWS_SNS_TOPIC = 'arn:x' COMMENT = 'c' AS
COPY INTO t (a, b, more, file)
FROM (SELECT $1, $2, $3, METADATA$FILENAME FROM @landing/{path})
FILE_FORMAT = (FORMAT_NAME = 'f') ON_ERROR = {on_error}
"""
HISTORY = """
SELECT file_name, status, row_count, file_size, error_count
FROM TABLE(information_schema.copy_history(
    TABLE_NAME => 'PUBLIC.T', START_TIME => DATEADD('day', -1, CURRENT_TIMESTAMP())
))
ORDER BY file_name
"""


def pipe(name: str = "p", path: str = "in/2/", on_error: str = "SKIP_FILE") -> str:
    return PIPE.format(name=name, path=path, on_error=on_error)


@pytest.fixture
def table(client: Client, landing: Any) -> None:  # noqa: F811
    """The table that the pipes of these tests fill."""
    client.run("CREATE TABLE t (a VARCHAR, b VARCHAR, more VARCHAR, file VARCHAR)")


def history(client: Client, files: int) -> list[Any]:
    """Waits until the history has so many files, and returns it."""
    deadline = time.monotonic() + 30
    while len(rows := client.run(HISTORY)) < files:
        assert time.monotonic() < deadline, rows
        time.sleep(0.02)
    return rows


def idle(client: Client) -> None:
    """Waits until the pipe has looked at every file that it was notified of."""
    deadline = time.monotonic() + 30
    while True:
        (row,) = client.run("SELECT SYSTEM$PIPE_STATUS('p')")
        if json.loads(row[0])["pendingFileCount"] == 0:
            return
        assert time.monotonic() < deadline, row
        time.sleep(0.02)


@pytest.mark.usefixtures("table")
def test_a_refresh_loads_each_file_once(
    client: Client, landing: Any, database: str  # noqa: F811
) -> None:
    landing("in/2/r1/a", 'x,""\n,y\n')
    landing("in/2/r2/b", "z,z\n")
    landing("in/20/r1/c", "other,folder\n")
    client.run(pipe())
    assert client.run("ALTER PIPE p REFRESH PREFIX = 'r1/'") == [("r1/a", "SENT")]
    history(client, 1)
    client.run("ALTER PIPE p REFRESH")
    client.run("ALTER PIPE p REFRESH")
    idle(client)
    rows = history(client, 2)
    assert [(name, state, count, bad) for name, state, count, _, bad in rows] == [
        ("r1/a", "Loaded", 2, 0),
        ("r2/b", "Loaded", 1, 0),
    ]
    folder = f"{database}/in/2"
    assert sorted(client.run("SELECT * FROM t"), key=str) == [
        ("x", "", None, f"{folder}/r1/a"),
        ("z", "z", None, f"{folder}/r2/b"),
        (None, "y", None, f"{folder}/r1/a"),
    ]
    client.run("TRUNCATE TABLE t")
    assert client.run(HISTORY) == []


@pytest.mark.usefixtures("table")
def test_the_number_of_fields_is_ignored_and_a_bad_file_is_skipped(
    client: Client, landing: Any, s3: Any, database: str  # noqa: F811
) -> None:
    landing("in/2/a", "1,2,3,4\n")
    landing("in/2/b", "1\n")
    s3.put_object(Bucket="landing", Key=f"{database}/in/2/c", Body=b"no zstd")
    client.run(pipe())
    client.run("ALTER PIPE p REFRESH")
    rows = history(client, 3)
    assert [row[1] for row in rows] == ["Loaded", "Loaded", "Load failed"]
    found = client.run("SELECT a, b, more FROM t ORDER BY b NULLS LAST")
    assert found == [("1", "2", "3"), ("1", None, None)]


@pytest.mark.usefixtures("table")
def test_a_paused_pipe_keeps_its_files(
    client: Client, landing: Any  # noqa: F811
) -> None:
    landing("in/2/a", "1,2\n")
    client.run(pipe())
    client.run("ALTER PIPE p SET PIPE_EXECUTION_PAUSED = TRUE")
    client.run("ALTER PIPE p REFRESH")
    told = json.loads(client.one('SELECT SYSTEM$PIPE_STATUS(\'"PUBLIC"."P"\')'))
    assert told == {"executionState": "PAUSED", "pendingFileCount": 1}
    assert client.run(HISTORY) == []
    client.run("ALTER PIPE p SET PIPE_EXECUTION_PAUSED = FALSE")
    history(client, 1)


@pytest.mark.usefixtures("table")
def test_pipes_are_objects(client: Client) -> None:
    client.run(pipe())
    assert client.fails(pipe()).errno == 2002
    client.run(pipe("IF NOT EXISTS p"))
    ((_, name, *_),) = client.run("SHOW PIPES LIKE 'p%' IN SCHEMA public")
    assert name == "P"
    assert client.run("DESC PIPE p")[0][1] == "P"
    client.run("DROP PIPE p")
    assert client.fails("DROP PIPE p").errno == 2003
    assert client.fails("SELECT SYSTEM$PIPE_STATUS('P')").errno == 2003
    client.run("DROP PIPE IF EXISTS p")


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    "text",
    [
        pipe(on_error="CONTINUE"),
        pipe(on_error="ABORT_STATEMENT"),
        pipe(path="in"),
        pipe().replace("(a, b, more, file)", "(a, b, more)"),
        pipe().replace("INTO t", "INTO nothing"),
        pipe().replace("@landing", "@nothing"),
        pipe().replace("AUTO_INGEST", "AUTO"),
        pipe().replace("$3", "UPPER($3)"),
        HISTORY.replace("PUBLIC.T", "PUBLIC.NOTHING"),
        HISTORY.replace("START_TIME", "END_TIME"),
    ],
)
def test_what_is_not_known_is_refused(client: Client, text: str) -> None:
    client.fails(text)
