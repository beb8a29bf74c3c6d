"""A source as companies have them: schemas with tables of every kind, good and bad."""

import random
from dataclasses import dataclass

from psycopg2 import sql

SCHEMAS = ("erp", "crm", "billing", "Legacy Data", "stock", "hr")
_READER = "aurora_sync"
_ODD = ("Order Items", "größe", "9lives", "select", "UPPER", "a.b", "with'quote")
_TOUCH = """
CREATE FUNCTION {schema}.touch() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$
"""


@dataclass(frozen=True)
class Kind:
    """What a table has.

    Attributes:
        keyed: A primary key.
        cursor: A column updated_at, of this type; empty: none.
        readable: The reader role may read it.
    """

    name: str
    keyed: bool = True
    cursor: str = "timestamptz"
    indexed: bool = True
    trigger: bool = False
    readable: bool = True
    email: bool = False
    comment: bool = False


# Of ten tables six are as they should be.
KINDS = (
    Kind("good", trigger=True, comment=True),
    Kind("good", trigger=True),
    Kind("good"),
    Kind("good", comment=True),
    Kind("good"),
    Kind("personal", email=True, trigger=True),
    Kind("no index", indexed=False),
    Kind("no cursor", cursor=""),
    Kind("no key", keyed=False),
    Kind("no zone", cursor="timestamp"),
)
DENIED = Kind("denied", readable=False)


@dataclass(frozen=True)
class Made:
    """A table that was made."""

    schema: str
    name: str
    kind: Kind


def tables(number: int, seed: int) -> list[Made]:
    """Returns what to make: every tenth name is odd, every fiftieth table is denied."""
    chance = random.Random(seed)
    made = []
    for i in range(number):
        schema = SCHEMAS[i % len(SCHEMAS)]
        kind = DENIED if i % 50 == 49 else KINDS[i % len(KINDS)]
        name = f"{chance.choice(('order', 'item', 'invoice', 'visit'))}_{i:03d}"
        if i % 10 == 3:
            name = f"{_ODD[i // 10 % len(_ODD)]} {i}"
        made.append(Made(schema, name, kind))
    return made


def create(made: list[Made], rows: int) -> list[sql.Composable]:
    """Returns the statements that make them."""
    statements: list[sql.Composable] = []
    for schema in dict.fromkeys(one.schema for one in made):
        name = sql.Identifier(schema)
        statements.append(sql.SQL("CREATE SCHEMA {}").format(name))
        statements.append(sql.SQL(_TOUCH).format(schema=name))
        grant = sql.SQL("GRANT USAGE ON SCHEMA {} TO {}")
        statements.append(grant.format(name, sql.Identifier(_READER)))
    for one in made:
        statements += _table(one, rows)
    return statements


def _table(one: Made, rows: int) -> list[sql.Composable]:
    kind = one.kind
    name = sql.Identifier(one.schema, one.name)
    columns = ["id bigint" + (" PRIMARY KEY" if kind.keyed else ""), "note text"]
    columns += ["email text"] if kind.email else []
    if kind.cursor:
        columns.append(f"updated_at {kind.cursor} NOT NULL DEFAULT now()")
    statements = [
        sql.SQL("CREATE TABLE {} ({})").format(name, sql.SQL(", ".join(columns))),
        sql.SQL(
            "INSERT INTO {} (id, note) SELECT i, 'row ' || i"
            " FROM generate_series(1, {}) AS i"
        ).format(name, sql.Literal(rows)),
    ]
    if kind.cursor and kind.indexed:
        statements.append(sql.SQL("CREATE INDEX ON {} (updated_at)").format(name))
    if kind.trigger:
        touch = sql.Identifier(one.schema, "touch")
        text = (
            "CREATE TRIGGER touched BEFORE UPDATE ON {} FOR EACH ROW"
            " EXECUTE FUNCTION {}()"
        )
        statements.append(sql.SQL(text).format(name, touch))
    if kind.comment:
        comment = sql.Literal(f"Rows of kind {kind.name}")
        statements.append(sql.SQL("COMMENT ON TABLE {} IS {}").format(name, comment))
    if kind.readable:
        reader = sql.Identifier(_READER)
        statements.append(sql.SQL("GRANT SELECT ON {} TO {}").format(name, reader))
    return statements
