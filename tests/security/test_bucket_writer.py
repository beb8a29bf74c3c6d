"""Attacker: who can write to the landing bucket.

The bucket's policy refuses everybody but the functions (terraform/tests). Should
somebody be able to write all the same, what lies there is not believed.
"""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import pytest

from lambda_extract.contract import (
    Column,
    ContractError,
    ExtractRequest,
    File,
    KeysRequest,
    Partition,
    Reply,
    TableSpec,
    Window,
    decode_reply,
    encode,
    to_object,
)
from snowpark.errors import LambdaError
from snowpark.extraction import ask
from snowpark.session import Snowflake
from tests.unit.snowpark.samples import RUN_ID, reply

TABLE = TableSpec("orders", "shop", "public", "orders")
REQUEST = ExtractRequest(RUN_ID, TABLE, "w00001", partition=Partition("p"))
JOB = "0123456789abcdef"
FOLDER = f"data/orders/{RUN_ID}/w00001/"


class Answers:
    """A session whose external function answers what the attacker wrote."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self._rows = [(number, encode(reply)) for number, reply in enumerate(replies)]

    def sql(self, text: str, params: list[Any] | None = None) -> "Answers":
        return self

    def collect(self) -> list[Any]:
        return self._rows


def asked(answer: Reply, request: Any = REQUEST) -> Reply:
    (found,) = ask.ask_all(Snowflake(Answers([answer])), [request])
    return found


def naming(*paths: str, **changes: Any) -> Reply:
    files = tuple(File(path, 1, 100, "ab" * 32) for path in paths)
    return reply(files=files, **changes)


def test_the_workers_own_files_are_taken() -> None:
    answer = naming(f"{FOLDER}{JOB}-00000.csv.zst", f"{FOLDER}{JOB}-00001.csv.zst")
    assert asked(answer) == answer


@pytest.mark.parametrize(
    "path",
    [
        f"data/salaries/{RUN_ID}/w00001/{JOB}-00000.csv.zst",
        f"data/orders/another-run/w00001/{JOB}-00000.csv.zst",
        f"data/orders/{RUN_ID}/w00002/{JOB}-00000.csv.zst",
        f"pipe/orders/2/{RUN_ID}/w00001/{JOB}-00000.csv.zst",
        f"{FOLDER}../../salaries/{JOB}-00000.csv.zst",
        f"{FOLDER}deeper/{JOB}-00000.csv.zst",
        f"{FOLDER}{JOB}-00000.csv.zst\n",
        f"{FOLDER}x.csv.zst",
        f"{FOLDER}{JOB}-00000.csv",
        f"/{FOLDER}{JOB}-00000.csv.zst",
        f"{FOLDER}'); DROP TABLE orders; --.csv.zst",
        "",
    ],
)
def test_s3_a_forged_manifest_names_no_other_files(path: str) -> None:
    with pytest.raises(LambdaError, match="did not ask for") as raised:
        asked(naming(f"{FOLDER}{JOB}-00000.csv.zst", path))
    assert (raised.value.code, raised.value.retryable) == ("reply_invalid", False)


def test_s3_a_file_does_not_come_twice() -> None:
    with pytest.raises(LambdaError, match="twice"):
        asked(naming(*[f"{FOLDER}{JOB}-00000.csv.zst"] * 2))


def test_s3_the_reply_of_another_part_is_refused() -> None:
    with pytest.raises(LambdaError):
        asked(naming(part="w00002"))
    keys = KeysRequest(RUN_ID, TABLE, "k1", Partition("p"))
    with pytest.raises(LambdaError):
        asked(naming(f"{FOLDER}{JOB}-00000.csv.zst"), keys)


def test_s3_files_of_a_pipe_have_the_width_of_their_columns() -> None:
    request = dataclasses.replace(REQUEST, load_method="snowpipe", window=Window())
    width = len(reply().columns)
    path = f"pipe/orders/{width}/{RUN_ID}/w00001/{JOB}-00000.csv.zst"
    assert asked(naming(path), request)
    with pytest.raises(LambdaError):
        asked(naming(path.replace(f"/{width}/", f"/{width + 1}/", 1)), request)


@pytest.mark.parametrize(
    "type_name",
    [
        "VARCHAR); DROP TABLE control.sync_runs; --",
        "NUMBER(38,0) DEFAULT (SELECT MAX(salary) FROM hr.people)",
        "VARCHAR(16777216) COLLATE 'en-ci'",
        "NUMBER(38,0)\n",
        "number(38,0)",
        "VARCHAR (10)",
        "NUMBER(038,0)",
        "GEOGRAPHY",
        "",
    ],
)
def test_s3_a_forged_type_reaches_no_statement(type_name: str) -> None:
    columns = (Column("id", "integer", type_name),)
    answer = reply(columns=columns)
    with pytest.raises(ContractError, match="snowflake_type"):
        decode_reply(json.dumps(to_object(answer)))
    with pytest.raises(LambdaError):
        asked(answer)
