"""The columns of the files: what COPY selects, and what it had to leave out.

Values that Snowflake cannot hold become NULL, and must be counted with sample keys.
They are rare, so the first try sends the columns as they are, under a guard: one
condition over all such columns ends the COPY at the first special value, and the
extraction begins again with the careful wire, on a new connection. Measured for 3 M
lineitem rows with three dates: a COPY with the guard takes as long as one without any
test, while a CASE for each date cost 11% more, because rows had to be projected.

The careful wire does not scan twice either: the COPY itself keeps the books. The CASE
around such a column calls set_config() on transaction-local settings, and only for the
rows concerned. An ordinary row pays one comparison; the books are read in the same
transaction afterwards. set_config() is allowed in READ ONLY transactions, to every
role, and CASE evaluates nothing that it does not choose.
"""

from dataclasses import dataclass

from psycopg2 import sql

from lambda_extract import types
from lambda_extract.catalog import SourceColumn, SourceTable
from lambda_extract.contract import AlteredValue, Column
from lambda_extract.errors import SourceError
from lambda_extract.postgres import GUARD_TEXT, Database

SAMPLE_KEYS = 10
# A sample names the row to a person; a key longer than this does not.
MAX_KEY_CHARACTERS = 1000
FILLER = Column(
    name="_SYNC_FILLER",
    type="",
    snowflake_type="VARCHAR(1)",
    nullable=False,
    role="filler",
)
FILLER_WIRE = sql.SQL("'f'")


@dataclass(frozen=True)
class Wire:
    """The columns of an extraction.

    Attributes:
        columns: As the reply tells them, in file order.
        expressions: What COPY selects for each.
        noted: Names of the columns whose values may have been left out, with attnum.
        guard: Condition that every row fulfils. PostgreSQL ends the COPY at the first
            row with a special value: the wire has to be built carefully then.
        watch_for: Texts that must not occur in the files: where one does, the wire has
            to be built carefully.
    """

    columns: tuple[Column, ...]
    expressions: tuple[sql.Composable, ...]
    noted: tuple[tuple[str, int], ...]
    watch_for: tuple[bytes, ...] = ()
    guard: sql.Composable | None = None


def build_wire(table: SourceTable, *, careful: bool = False) -> Wire:
    """Returns the columns of a table's files.

    Args:
        careful: Test every value that may be special, the very rare ones too.
    """
    key = _key_text(table)
    columns: list[Column] = []
    expressions: list[sql.Composable] = []
    noted: list[tuple[str, int]] = []
    watch_for: set[bytes] = set()
    guarded: list[sql.Composable] = []
    for source in table.columns:
        mapping = types.mapping(source.base)
        if mapping.rare_text and not careful:
            watch_for.add(_as_field(mapping.rare_text, first=not columns))
            mapping = types.Mapping(mapping.snowflake_type)
        if mapping.special and not mapping.too_wide and not careful:
            name = sql.Identifier(source.name)
            guarded.append(sql.SQL(mapping.special).format(c=name))
            mapping = types.Mapping(mapping.snowflake_type, mapping.wire)
        columns.append(
            Column(
                name=source.name,
                type=source.type,
                snowflake_type=mapping.snowflake_type,
                nullable=not source.not_null,
                attnum=source.attnum,
            )
        )
        expressions.append(_expression(source, mapping, key))
        if mapping.special:
            noted.append((source.name, source.attnum))
    if len(columns) == 1:
        columns.append(FILLER)
        expressions.append(FILLER_WIRE)
    return Wire(
        tuple(columns),
        tuple(expressions),
        tuple(noted),
        tuple(sorted(watch_for)),
        _guard(guarded),
    )


def _guard(conditions: list[sql.Composable]) -> sql.Composable | None:
    """Returns a condition that ends the statement where one of `conditions` holds.

    The text cannot be cast, and PostgreSQL says so with the text in its message.
    random() keeps the planner from trying the cast itself.
    """
    if not conditions:
        return None
    text = sql.SQL("{} || pg_catalog.left(pg_catalog.random()::text, 0)").format(
        sql.Literal(GUARD_TEXT)
    )
    return sql.SQL("CASE WHEN {} THEN ({})::boolean ELSE TRUE END").format(
        sql.SQL(" OR ").join(conditions), text
    )


def read_altered(
    database: Database, table: SourceTable, wire: Wire
) -> tuple[AlteredValue, ...]:
    """Reads the books of a COPY in the same transaction.

    Raises:
        SourceError: value_refused for a numeric with more than 38 digits,
            special_value_refused where the policy is "fail".
    """
    if not wire.noted:
        return ()
    settings = [
        _setting(kind, attnum)
        for _, attnum in wire.noted
        for kind in ("special", "special_keys", "wide", "wide_keys")
    ]
    read = sql.SQL("pg_catalog.current_setting({}, true)")
    row = database.row(
        sql.SQL("SELECT {}").format(
            sql.SQL(", ").join(read.format(setting) for setting in settings)
        )
    )
    altered = []
    for place, (name, _) in enumerate(wire.noted):
        special, special_keys, wide, wide_keys = row[place * 4 : place * 4 + 4]
        if wide:
            raise _refused(table, "value_refused", name, int(wide), _keys(wide_keys))
        if special and table.spec.special_values == "fail":
            raise _refused(
                table,
                "special_value_refused",
                name,
                int(special),
                _keys(special_keys),
            )
        if special:
            altered.append(AlteredValue(name, int(special), _keys(special_keys)))
    return tuple(altered)


def _as_field(text: bytes, *, first: bool) -> bytes:
    """Returns an unquoted field with its comma: a line has two fields at least."""
    return text + b"," if first else b"," + text


def _expression(
    source: SourceColumn, mapping: types.Mapping, key: sql.Composable
) -> sql.Composable:
    column = sql.Identifier(source.name)
    plain = sql.SQL(mapping.wire).format(c=column)
    if not mapping.special:
        return plain
    cases = [_note("special", mapping.special, source, key)]
    if mapping.too_wide:
        cases.append(_note("wide", mapping.too_wide, source, key))
    return sql.SQL("CASE {} ELSE {} END").format(sql.SQL(" ").join(cases), plain)


def _note(
    kind: str, condition: str, source: SourceColumn, key: sql.Composable
) -> sql.Composable:
    """WHEN the value cannot travel THEN NULL, counting it on the way.

    The inner CASE counts first, and keeps the key of the first ten rows; NULL is what
    it gives in any case (set_config never returns NULL), of the column's own type.
    """
    column = sql.Identifier(source.name)
    return sql.SQL("""WHEN {condition} THEN CASE
        WHEN pg_catalog.set_config({count}, (COALESCE(NULLIF(
            pg_catalog.current_setting({count}, true), ''), '0')::bigint + 1)::text,
            true)::bigint > {limit} THEN NULL
        WHEN pg_catalog.set_config({keys},
            COALESCE(pg_catalog.current_setting({keys}, true), '') || {key}, true)
            IS NULL THEN {column} END""").format(
        condition=sql.SQL(condition).format(c=column),
        count=_setting(kind, source.attnum),
        keys=_setting(f"{kind}_keys", source.attnum),
        limit=sql.Literal(SAMPLE_KEYS),
        key=key,
        column=column,
    )


def _setting(kind: str, attnum: int) -> sql.Literal:
    return sql.Literal(f"aurora_sync.{kind}_{attnum}")


def _key_text(table: SourceTable) -> sql.Composable:
    """The row's key as one line of JSON text; a line end never appears inside."""
    if not table.key:
        return sql.SQL("''")
    pairs = [
        item for name in table.key for item in (sql.Literal(name), sql.Identifier(name))
    ]
    line = sql.SQL("pg_catalog.jsonb_build_object({})::text").format(
        sql.SQL(", ").join(pairs)
    )
    return sql.SQL(
        "CASE WHEN pg_catalog.length({line}) <= {limit}"
        " THEN {line} || pg_catalog.chr(10) ELSE '' END"
    ).format(line=line, limit=sql.Literal(MAX_KEY_CHARACTERS))


def _keys(text: str | None) -> tuple[str, ...]:
    return tuple(line for line in (text or "").split("\n") if line)


def _refused(
    table: SourceTable, code: str, column: str, rows: int, keys: tuple[str, ...]
) -> SourceError:
    what = {
        "value_refused": "more than 38 significant digits",
        "special_value_refused": "a value that Snowflake has no place for",
    }[code]
    where = f" The first key is {keys[0]}." if keys else ""
    return SourceError(
        code,
        f"Column {column!r} of table {table.spec.name!r} has {what} in {rows} row(s)."
        + where,
    )
