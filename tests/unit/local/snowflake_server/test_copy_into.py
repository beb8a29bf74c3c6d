"""COPY INTO: files from S3, byte for byte, or an error."""

import csv
import io
from typing import Any

import pytest
import zstandard

from .conftest import Client

FORMAT = """
CREATE FILE FORMAT f TYPE = CSV COMPRESSION = ZSTD FIELD_OPTIONALLY_ENCLOSED_BY = '"'
ESCAPE_UNENCLOSED_FIELD = NONE EMPTY_FIELD_AS_NULL = TRUE NULL_IF = ()
BINARY_FORMAT = HEX REPLACE_INVALID_CHARACTERS = FALSE
"""


@pytest.fixture
def landing(client: Client, s3: Any, database: str) -> Any:
    """Puts a compressed file below the stage @landing."""
    url = f"s3://landing/{database}/"
    client.run(
        "CREATE OR REPLACE STORAGE INTEGRATION si TYPE = EXTERNAL_STAGE "
        "STORAGE_PROVIDER = 'S3' ENABLED = TRUE STORAGE_AWS_ROLE_ARN = 'arn:x' "
        f"STORAGE_ALLOWED_LOCATIONS = ('{url}')"
    )
    client.run(f"CREATE STAGE landing URL = '{url}' STORAGE_INTEGRATION = si")
    client.run(FORMAT)

    def put(name: str, content: str | bytes) -> None:
        raw = content.encode() if isinstance(content, str) else content
        body = zstandard.compress(raw)
        s3.put_object(Bucket="landing", Key=f"{database}/{name}", Body=body)

    return put


def copy(table: str, *files: str, tail: str = "") -> str:
    listed = ", ".join(f"'{f}'" for f in files)
    return (
        f"COPY INTO {table} FROM @landing/data/ FILES = ({listed}) "
        f"FILE_FORMAT = (FORMAT_NAME = 'f') ON_ERROR = ABORT_STATEMENT {tail}"
    )


def test_text_arrives_byte_for_byte(client: Client, landing: Any) -> None:
    texts = [
        "",
        None,
        "a,b",
        'say "x"',
        "\r",
        "a\r\nb\nc",
        "\\N",
        "\\",
        "é🙂",
        " x ",
        "\t",
    ]
    client.run("CREATE TABLE t (i INT, a VARCHAR)")
    lines = [
        f"{at}," + ("" if t is None else '"' + t.replace('"', '""') + '"')
        for at, t in enumerate(texts)
    ]
    landing("data/1.csv.zst", "\n".join(lines) + "\n")
    result = client.run(copy("t", "1.csv.zst"))
    assert result[0][0].endswith("/data/1.csv.zst")
    assert result[0][1:5] == ("LOADED", 11, 11, 1)
    assert [a for (a,) in client.run("SELECT a FROM t ORDER BY i")] == texts


def test_every_type(client: Client, landing: Any) -> None:
    client.run(
        "CREATE TABLE t (n NUMBER(10,2), f FLOAT, d DATE, ts TIMESTAMP_NTZ(6), "
        "tz TIMESTAMP_TZ(6), b BOOLEAN, x BINARY, v VARIANT, df DECFLOAT, t TIME(6))"
    )
    row = (
        "-1.25,NaN,0001-01-01,9999-12-31 23:59:59.999999,2024-01-02 03:04:05+00,t,00ff,"
        '"{""a"": null}",12345678901234567890123456789012345678.0,23:59:59.999999\n'
    )
    landing("data/1", row + ",,,,,,,,,\n")
    client.run(copy("t", "1"))
    found, empty = client.run("SELECT * FROM t ORDER BY n NULLS LAST")
    assert [str(value) for value in found] == [
        "-1.25",
        "nan",
        "0001-01-01",
        "9999-12-31 23:59:59.999999",
        "2024-01-02 03:04:05+00:00",
        "True",
        "bytearray(b'\\x00\\xff')",
        '{\n  "a": null\n}',
        "12345678901234567890123456789012345678",
        "23:59:59.999999",
    ]
    assert empty == (None,) * 10


def test_large_values(client: Client, landing: Any) -> None:
    client.run("CREATE TABLE t (a VARCHAR, i INT)")
    text = ("x" * 999 + '"\n') * 5000
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows((text, number) for number in range(3))
    landing("data/big", file.getvalue())
    client.run(copy("t", "big"))
    assert client.run("SELECT a FROM t") == [(text,)] * 3


@pytest.mark.parametrize(
    ("content", "number"),
    [
        ("a,1,2\n", 100080),
        ("a\n", 100080),
        ('"a,1\n', 100080),
        ("a,1\n\nb,2\n", 100080),
        ("abcd,1\n", 100078),
        ("a,x\n", 100038),
        ("a,1000\n", 100038),
        (b"\xff,1\n", 100144),
        ("a,1\r\n", 100070),
    ],
)
def test_what_does_not_fit_loads_nothing(
    client: Client, landing: Any, content: str | bytes, number: int
) -> None:
    client.run("CREATE TABLE t (a VARCHAR(3), i NUMBER(3,0))")
    landing("data/good", "a,1\n")
    landing("data/bad", content)
    assert client.fails(copy("t", "good", "bad")).errno == number
    assert client.one("SELECT COUNT(*) FROM t") == 0
    client.run(copy("t", "good"))
    assert client.one("SELECT COUNT(*) FROM t") == 1


def test_special_dates_are_refused(client: Client, landing: Any) -> None:
    client.run("CREATE TABLE t (a DATE, b INT)")
    for text in ("infinity", "0044-03-15 BC", "2024-1-1", "20240101"):
        landing("data/date", f"{text},1\n")
        assert client.fails(copy("t", "date")).errno == 100038


def test_a_missing_file_aborts(client: Client, landing: Any) -> None:
    client.run("CREATE TABLE t (a INT)")
    landing("data/1", "1\n")
    assert client.fails(copy("t", "1", "2")).errno == 100016
    assert client.one("SELECT COUNT(*) FROM t") == 0


def test_a_file_is_loaded_once_until_the_table_is_emptied(
    client: Client, landing: Any
) -> None:
    client.run("CREATE TABLE t (a INT)")
    landing("data/1", "1\n")
    client.run("BEGIN")
    client.run(copy("t", "1"))
    client.run("ROLLBACK")
    client.run(copy("t", "1"))
    assert client.one(copy("t", "1")) == "Copy executed with 0 files processed."
    client.run(copy("t", "1", tail="FORCE = TRUE"))
    assert client.one("SELECT COUNT(*) FROM t") == 2
    client.run("TRUNCATE TABLE t")
    client.run(copy("t", "1"))
    assert client.one("SELECT COUNT(*) FROM t") == 1


@pytest.mark.parametrize(
    "text",
    [
        copy("t", "1", tail="NONSENSE = 1"),
        copy("t", "1").replace("ABORT_STATEMENT", "CONTINUE"),
        copy("t", "1").replace("FORMAT_NAME = 'f'", "TYPE = CSV"),
        copy("t", *[str(n) for n in range(1001)]),
        copy("t (nothing)", "1"),
        "CREATE STAGE s URL = 's3://other/' STORAGE_INTEGRATION = si",
        "COPY INTO t FROM (SELECT $1 FROM @landing)",
    ],
)
def test_unknown_options_are_refused(client: Client, landing: Any, text: str) -> None:
    client.run("CREATE TABLE t (a INT)")
    client.fails(text)


def test_list_shows_the_files(client: Client, landing: Any) -> None:
    landing("data/1", "1\n")
    ((name, size, *_),) = client.run("LIST @landing/data/")
    assert name.endswith("/data/1") and size > 0


@pytest.mark.parametrize(
    ("option", "loaded"),
    [("", "A1"), ("= TRUE", "A1"), ("= FALSE", "\ufeffA1")],
)
def test_a_byte_order_mark_is_skipped_unless_the_format_says_no(
    client: Client, landing: Any, option: str, loaded: str
) -> None:
    """C1: SKIP_BYTE_ORDER_MARK is TRUE by default."""
    client.run("CREATE TABLE t (a VARCHAR)")
    if option:
        client.run(f"ALTER FILE FORMAT f SET SKIP_BYTE_ORDER_MARK {option}")
    landing("data/1.csv.zst", "\ufeffA1\n")
    client.run(copy("t", "1.csv.zst"))
    assert client.run("SELECT a FROM t") == [(loaded,)]
