"""Hostile names and bounds against a real PostgreSQL, prefixes and log lines."""

import dataclasses
import json

import psycopg2.extensions
import pytest

from lambda_extract import contract, log
from lambda_extract.errors import ExtractError
from lambda_extract.landing.stores import FolderStore
from lambda_extract.rows.copy import copy_target

from tests.unit.lambda_extract.conftest import MakeTable

HOSTILE = [
    "'; DROP TABLE {table}; --",
    '"; DROP TABLE {table}; --',
    "$$; DROP TABLE {table}; $$",
    "x\n; DROP TABLE {table};",
    "%s %(a)s %",
    "\\'; DROP TABLE {table}; --",
    "id) FROM {table}; DROP TABLE {table}; --",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_and_bounds_run_nothing(
    make_table: MakeTable, owner: psycopg2.extensions.connection, text: str
) -> None:
    reader = make_table("id int PRIMARY KEY", "INSERT INTO {table} VALUES (1)")
    relation = reader.spec.relation
    hostile = text.replace("{table}", relation)
    plain = reader.spec

    def attempt(**fields: object) -> None:
        with pytest.raises(ExtractError) as refused:
            reader.run(**fields)  # type: ignore[arg-type]
        assert refused.value.code != "internal_error"

    whole = contract.Partition("p")
    cursor = contract.CursorSpec("id")
    window = contract.Window(contract.CursorValue(hostile, "integer"))
    attempt(cursor=cursor, window=window)
    attempt(cursor=contract.CursorSpec(hostile), window=contract.Window())
    attempt(partition=contract.Partition("p", ("id",), lower=(hostile,)))
    for change in ({"relation": hostile}, {"schema": hostile}, {"key": (hostile,)}):
        reader.spec = contract.TableSpec(
            **(contract.to_object(plain) | {"columns": ()} | change)
        )
        attempt(partition=whole)
    with owner.cursor() as check:
        check.execute(f"SELECT count(*) FROM {relation}")
        assert check.fetchone() == (1,)


@pytest.mark.parametrize("value", ["..", "../x", "a/b", "", ".", "a\n", "a\0", "ä"])
def test_no_request_leaves_its_prefix(value: str, tmp_path: object) -> None:
    store = FolderStore(tmp_path)  # type: ignore[arg-type]
    table = contract.TableSpec("../../jobs", "shop", "public", "t")
    whole = contract.Partition("p")
    for run_id, part in ((value, "p"), ("r", value)):
        request = contract.ExtractRequest(run_id, table, part, partition=whole)
        with pytest.raises(ExtractError):
            copy_target(store, request)
    good = contract.ExtractRequest("r", table, "p", partition=whole)
    folder = copy_target(store, good).place.folder(3)
    assert folder.startswith("data/") and ".." not in folder.split("/")
    assert folder.count("/") == 4
    piped = dataclasses.replace(good, load_method="snowpipe")
    folder = copy_target(store, piped).place.folder(3)
    assert folder.startswith("pipe/") and ".." not in folder.split("/")
    assert folder.split("/")[2:] == ["3", "r", "p", ""]


def test_a_name_cannot_forge_a_log_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.emit("claimed", table='x"}\n{"event": "forged"}\r\u2028\x1b[31m')
    told = capsys.readouterr().out
    assert told.count("\n") == 1 and told.isascii() and "\x1b" not in told
    assert json.loads(told)["event"] == "claimed"
