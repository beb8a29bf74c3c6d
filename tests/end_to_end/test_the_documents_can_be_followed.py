"""Every SQL statement of the README and of docs/HOWTO.md runs, in order, as it is."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.lab import Lab

pytestmark = pytest.mark.large

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```sql\n(.*?)^```$", re.M | re.S)
SOURCE = """
    CREATE SCHEMA erp;
    GRANT USAGE ON SCHEMA erp TO aurora_sync;
    ALTER DEFAULT PRIVILEGES IN SCHEMA erp GRANT SELECT ON TABLES TO aurora_sync;
    CREATE TABLE erp.orders (
        id bigint PRIMARY KEY, email text, updated_at timestamptz DEFAULT now()
    );
    CREATE INDEX ON erp.orders (updated_at);
    CREATE TABLE erp.customers (id bigint PRIMARY KEY, note text);
    INSERT INTO erp.orders SELECT i, 'a@b' FROM generate_series(1, 9) AS i;
    INSERT INTO erp.customers SELECT i, 'n' FROM generate_series(1, 9) AS i;
"""


def statements(document: str) -> list[str]:
    """Returns the statements of a document; a semicolon inside $$ ends none."""
    text = (ROOT / document).read_text(encoding="utf-8")
    found = []
    for block in BLOCK.findall(text):
        for one in re.findall(r"(?:\$\$.*?\$\$|--[^\n]*|[^;$-]|-)+", block, re.S):
            plain = re.sub(r"(?m)--.*$", "", one).strip()
            if plain:
                found.append(plain)
    return found


@pytest.fixture
def erp(lab: Lab) -> Iterator[None]:
    lab.apply({})
    lab.psql(SOURCE)
    yield
    lab.apply({})
    lab.query("CALL APPLY_TASKS()")
    lab.psql("DROP SCHEMA erp CASCADE")


@pytest.mark.parametrize("document", ["README.md", "docs/HOWTO.md"])
def test_every_statement_runs(lab: Lab, erp: None, document: str) -> None:
    found = statements(document)
    assert len(found) >= 5
    with lab.target.cursor() as cursor:
        for text in found:
            cursor.execute(text)
    states = lab.query(
        "SELECT state FROM control.sync_overview WHERE group_name =" " 'shop'"
    )
    assert states and not {row["STATE"] for row in states} - {"ok", "warning"}
