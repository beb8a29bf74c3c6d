"""A second parser reads every SQL text: sqlparser-rs, by way of sqloxide.

sqlfluff and sqlglot read them, too (check_style.sh, the local Snowflake); each parser
lets something through that another one refuses. What sqlparser-rs does not know is
listed by its first words. The list may only shrink: a kind that it has learned, or that
nothing uses any more, has to go.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqloxide
from sqlfluff.dialects import dialect_snowflake_keywords

from scripts.deploy_variables import VARIABLES, resolve_variables
from scripts.sql_files import placeholders, read_files, statements
from snowpark.sql import BEGIN

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
ROLE = "arn:aws:iam::000000000000:role/any"
REQUIRED = {
    "landing_url": "s3://bucket/landing/",
    "storage_role_arn": ROLE,
    "api_role_arn": ROLE,
    "api_url": "http://127.0.0.1:1/extract",
}

# All of them are statements about objects. No gap is a query or changes rows.
GAPS = (
    r"CREATE ROLE IF NOT EXISTS \w+ COMMENT",
    r"(CREATE|ALTER) WAREHOUSE",
    r"(CREATE|ALTER) (STORAGE|API) INTEGRATION",
    r"ALTER DATABASE",
    r"CREATE SCHEMA IF NOT EXISTS \w+ WITH MANAGED ACCESS",
    r"CREATE TRANSIENT SCHEMA",
    r"ALTER SCHEMA",
    r"ALTER STAGE",
    r"ALTER TABLE \S+ SET COMMENT",
    r"ALTER TABLE \S+ ADD PRIMARY KEY .* RELY",
    r"ALTER TABLE \S+ ALTER COLUMN \S+ DROP NOT NULL",
    r"ALTER TABLE \S+ MODIFY COLUMN \S+ (SET|UNSET) TAG",
    r"(CREATE|ALTER) FILE FORMAT",
    r"CREATE OR REPLACE EXTERNAL FUNCTION",
    r"CREATE OR REPLACE FUNCTION",
    r"CREATE OR REPLACE PROCEDURE",
    r"(CREATE OR ALTER|ALTER|DROP) ALERT",
    r"GRANT [\w, ]+ ON (FUTURE|ALL) TASKS",
    r"GRANT READ ON STAGE",
    r"GRANT CREATE STREAMLIT",
    r"(CREATE|ALTER) STREAMLIT",
    r"COPY FILES",
    r"ALTER TABLE \S+ ADD COLUMN IF NOT EXISTS",
    r"ALTER TABLE \S+ ALTER COLUMN \S+ COMMENT",
    r"(CREATE OR ALTER|ALTER|DROP) TASK",
    r"(CREATE|ALTER|DROP) PIPE",
    r"DESCRIBE INTEGRATION",
)
# Clauses that it does not know in statements whose rest is worth reading: left out.
CLAUSES = (
    r"(?<=^CREATE OR REPLACE VIEW )(.*?)^COPY GRANTS\n",
    # Into which tables (docs: insert-multi-table); the query below it is read.
    r"()^INSERT ALL\n.*?(?=^SELECT$)",
)


@dataclass(frozen=True)
class Text:
    """One SQL text and where it stands."""

    place: str
    sql: str

    @property
    def start(self) -> str:
        """Its words in one line."""
        return " ".join(self.sql.split())

    @property
    def gap(self) -> str | None:
        """The known gap that it falls into."""
        return next((gap for gap in GAPS if re.match(rf"{gap}\b", self.start)), None)


def deployed() -> list[Text]:
    """Every statement of snowflake/, with its placeholders filled in."""
    files = read_files()
    values = resolve_variables(placeholders(files), REQUIRED)
    return [Text(s.place, s.text) for file in files for s in statements(file, values)]


def golden() -> list[Text]:
    """Every statement that the procedures and the dashboard send."""
    return [
        Text(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted(GOLDEN.rglob("*.sql"))
    ]


TEXTS = [*deployed(), *golden()]


def without_clauses(sql: str) -> str:
    """The text without the clauses that the parser does not know."""
    for clause in CLAUSES:
        sql = re.sub(clause, r"\1", sql, count=1, flags=re.M | re.S)
    return sql


def refusal(text: Text) -> str | None:
    """What the parser says against a text; None if it takes it."""
    try:
        sqloxide.parse_sql(without_clauses(text.sql), "snowflake")
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    "text", [t for t in TEXTS if t.gap is None], ids=lambda text: text.place
)
def test_the_second_parser_takes_every_text(text: Text) -> None:
    assert refusal(text) is None, text.sql


@pytest.mark.parametrize("gap", GAPS)
def test_a_known_gap_is_still_one(gap: str) -> None:
    inside = [text for text in TEXTS if text.gap == gap]
    assert inside, f"no statement falls into the gap {gap}: take it from the list"
    taken = [text.place for text in inside if refusal(text) is None]
    assert not taken, f"sqlparser-rs takes {taken}: narrow or remove the gap {gap}"


@pytest.mark.parametrize("clause", CLAUSES)
def test_a_clause_that_is_left_out_is_still_unknown(clause: str) -> None:
    inside = [t for t in TEXTS if re.search(clause, t.sql, re.M | re.S)]
    assert inside, f"no statement has the clause {clause}: take it from the list"
    for text in inside:
        with pytest.raises(ValueError):
            sqloxide.parse_sql(text.sql, "snowflake")


def test_no_gap_hides_a_query_or_a_change_of_rows() -> None:
    rows = (
        *("SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY INTO"),
        "TRUNCATE",
    )
    hidden = [t.place for t in TEXTS if t.gap and t.start.upper().startswith(rows)]
    assert not hidden


def test_the_texts_are_all_there() -> None:
    assert set(REQUIRED) <= set(VARIABLES)
    assert len(deployed()) > 150 and len(golden()) > 80


@pytest.mark.parametrize(
    "sql",
    [
        "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED SET a = 1",
        "SELECT a, FROM t WHERE",
        "INSERT INTO t (a b) SELECT 1, 2",
        "UPDATE t SET a = WHERE b = 1",
    ],
)
def test_it_is_a_parser_that_refuses(sql: str) -> None:
    assert refusal(Text("here", sql)) is not None


WORDS = frozenset(
    word.strip().lower()
    for words in (
        dialect_snowflake_keywords.snowflake_reserved_keywords,
        dialect_snowflake_keywords.snowflake_unreserved_keywords,
    )
    for word in words.split()
)


def test_no_query_is_named_by_a_word_of_the_language() -> None:
    """K8-K18: after FROM, CHANGES begins a clause, and others may follow."""
    assert {"changes", "select"} <= WORDS
    names = {
        name.lower(): text.place
        for text in TEXTS
        for name in re.findall(r"(?:^|\bWITH )(\w+) AS \($", text.sql, re.M)
    }
    assert len(names) > 15
    assert not {n: place for n, place in names.items() if n in WORDS}


def test_a_transaction_begins_with_both_words() -> None:
    """K8-K18: BEGIN alone may be read as the start of a block."""
    begins = {text.start for text in TEXTS if text.start.startswith("BEGIN")}
    assert {*begins, BEGIN.text} == {"BEGIN TRANSACTION"}


def test_no_copy_with_a_list_of_columns_has_a_query() -> None:
    """K8-K18, C21: but the one of a pipe, which names its columns, too."""
    copies = [t.sql for t in golden() if t.start.startswith("COPY INTO")]
    assert copies
    for sql in copies:
        assert re.match(r"COPY INTO \S+ \(", " ".join(sql.split())), sql
        assert "SELECT" not in sql, sql


def test_an_alert_is_not_suspended_by_failures() -> None:
    """K8-K18: ten failures in a row would silence it."""
    (created,) = [t for t in deployed() if "CREATE OR ALTER ALERT" in t.start]
    assert "SUSPEND_ALERT_AFTER_NUM_FAILURES = 0" in created.sql
