"""Every object of snowflake/ says what it is for: SHOW reads well."""

import re
from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parents[2] / "snowflake").glob("*/*.sql"))
# Schemas, databases, tables, ... all take COMMENT = '...'; a view takes it before AS.
CREATES = re.compile(
    r"^CREATE (?:OR REPLACE |OR ALTER )?(?:TRANSIENT )?(?!.*\bTEMPORARY\b)"
)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f"{f.parent.name}/{f.name}")
def test_every_created_object_has_a_comment(file: Path) -> None:
    text = re.sub(r"^--.*$", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for statement in re.split(r";\s*(?:\n|\Z)", text):
        statement = statement.strip()
        if CREATES.match(statement):
            assert re.search(r"COMMENT = '[^']", statement), statement.split("\n")[0]
