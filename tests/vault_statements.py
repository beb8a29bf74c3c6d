"""What Terraform tells Vault's database engine to run, run as Vault runs it."""

import contextlib
import re
from pathlib import Path

import psycopg2

FILE = Path(__file__).parents[1] / "terraform" / "modules" / "vault" / "database.tf"


def statements(kind: str, name: str, reader: str) -> list[str]:
    """Returns the "creation" or "revocation" statements for one lease."""
    text = FILE.read_text(encoding="utf-8")
    (block,) = re.findall(rf"{kind}_statements = \[\n(.*?)\n  \]", text, re.DOTALL)
    found = [line.strip().rstrip(",")[1:-1] for line in block.splitlines()]
    places = {
        "{{name}}": name,
        "{{password}}": "leased-hidden",
        "{{expiration}}": "2100-01-01 00:00:00+0000",
        "${each.value.reader_role}": reader,
        '\\"': '"',
    }
    for place, value in places.items():
        found = [statement.replace(place, value) for statement in found]
    assert found and not any("{{" in statement for statement in found)
    return found


def run(dsn: str, kind: str, name: str, reader: str) -> None:
    """Runs all statements in ONE transaction, as Vault does."""
    with contextlib.closing(psycopg2.connect(dsn)) as connection:
        with connection, connection.cursor() as cursor:
            for statement in statements(kind, name, reader):
                cursor.execute(statement)
