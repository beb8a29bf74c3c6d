"""The columns of the files: what COPY selects, and what it had to leave out.

Values that Snowflake cannot hold become NULL, and must be counted with sample keys, or
are refused. They are rare, so the first try, the quick wire, sends the columns as they
are. One condition over all columns, the guard, ends the COPY at the first such value;
what is expensive to test in PostgreSQL is looked for in the files instead. Either way
the extraction begins again with the careful wire, on a new connection. Measured for 3 M
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

from lambda_extract.contract import AlteredValue, Column
from lambda_extract.errors import SourceError
from lambda_extract.source.catalog import SourceColumn, SourceTable
from lambda_extract.source.database import GUARD_TEXT, Database
from lambda_extract.values import mappings as values_mappings
from lambda_extract.values.watch import Watch

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
        columns: As the reply names them, in file order.
        expressions: What COPY selects for each.
        noted: The columns whose values may have been left out.
        guard: Condition that every row fulfils. PostgreSQL ends the COPY at the first
            row that does not: the wire has to be built carefully then.
        watch_for: What must not occur in the files: if it does, the wire has to be
            built carefully. None: it was.
    """

    columns: tuple[Column, ...]
    expressions: tuple[sql.Composable, ...]
    noted: tuple[tuple[SourceColumn, values_mappings.Mapping], ...] = ()
    watch_for: Watch | None = None
    guard: sql.Composable | None = None


def build_wire(table: SourceTable, *, careful: bool = False) -> Wire:
    """Returns the columns of a table's files.

    Args:
        careful: Test every value that may be special, the very rare ones too.

    Raises:
        SourceError: type_unsupported, if a column cannot have its configured type.
    """
    mappings = [(source, mapping_of(table, source)) for source in table.columns]
    columns = [_described(table, source, kind) for source, kind in mappings]
    filler, filler_wire = [], []
    if len(columns) == 1:
        filler, filler_wire = [FILLER], [FILLER_WIRE]
    if careful:
        key = _key_text(table)
        tested = [_tested(source, kind, key) for source, kind in mappings]
        noted = tuple((source, kind) for source, kind in mappings if kind.noted)
        return Wire((*columns, *filler), (*tested, *filler_wire), noted)
    plain = [_plain(source, kind) for source, kind in mappings]
    watch = Watch()
    for place, (_, kind) in enumerate(mappings):
        fields = (_as_field(text, first=place == 0) for text in kind.rare_fields)
        watch = watch | kind.watch | Watch(tuple(fields))
    guards = [
        sql.SQL(kind.guard).format(c=sql.Identifier(source.name))
        for source, kind in mappings
        if kind.guard
    ]
    return Wire(
        (*columns, *filler),
        (*plain, *filler_wire),
        watch_for=watch,
        guard=_guard(guards),
    )


def mapping_of(table: SourceTable, source: SourceColumn) -> values_mappings.Mapping:
    """Returns how a column of this table travels, its configuration included.

    Raises:
        SourceError: type_unsupported.
    """
    spec = table.column_spec(source.name)
    if spec.protect:
        return values_mappings.protected(spec.protect)
    mapping = values_mappings.mapping(source.base, table.server_version)
    if spec.type:
        mapping = _overridden(table, source, spec.type, mapping)
    if _is_trimmed(table, source):
        mapping = values_mappings.trimmed(mapping)
    return values_mappings.of_a_key(mapping) if source.name in table.key else mapping


def _is_trimmed(table: SourceTable, source: SourceColumn) -> bool:
    """True if the column is a char(n) whose blanks are not wanted.

    Raises:
        SourceError: type_unsupported, if they are not of a char(n).
    """
    asked = table.column_spec(source.name).trim_char
    has_blanks = (source.base.schema, source.base.name) == ("pg_catalog", "bpchar")
    if asked and not has_blanks:
        raise SourceError(
            "type_unsupported",
            f"Column {source.name!r} of table {table.spec.name!r} is {source.type} in"
            " PostgreSQL, which has no blanks to trim.",
            hint='Remove "trim_char" of the column: it is for char(n).',
        )
    return has_blanks and (table.spec.trim_char if asked is None else asked)


def _overridden(
    table: SourceTable,
    source: SourceColumn,
    wanted: str,
    usual: values_mappings.Mapping,
) -> values_mappings.Mapping:
    chosen = values_mappings.overridden(source.base, wanted, usual)
    if chosen is None:
        raise SourceError(
            "type_unsupported",
            f"Column {source.name!r} of table {table.spec.name!r} is {source.type} in"
            f" PostgreSQL and cannot become {wanted}.",
            hint='Set "type" to "VARCHAR", which is always possible, or remove it.',
        )
    return chosen


def value_expression(table: SourceTable, name: str) -> sql.Composable:
    """Returns a column as it may be shown to people: protected if it has to be.

    Raises:
        ValueError: There is no such column.
    """
    column = table.column(name)
    if column is None:
        raise ValueError("not a column of the table")
    if not (table.column_spec(name).protect or _is_trimmed(table, column)):
        return sql.Identifier(name)
    return _plain(column, mapping_of(table, column))


def _described(
    table: SourceTable, source: SourceColumn, mapping: values_mappings.Mapping
) -> Column:
    spec = table.column_spec(source.name)
    protection: str = spec.protect
    if protection == "hash":
        protection = f"hash:{table.hash_key_id}"
    return Column(
        name=source.name,
        type=source.type,
        snowflake_type=mapping.snowflake_type,
        nullable=not source.not_null,
        attnum=source.attnum,
        target_name=spec.rename,
        protection=protection,
    )


def _guard(conditions: list[sql.Composable]) -> sql.Composable | None:
    """Returns a condition that ends the statement if one of `conditions` holds.

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
            special_value_refused if the policy is "fail".
    """
    if not wire.noted:
        return ()
    settings = [
        _setting(kind, source.attnum)
        for source, _ in wire.noted
        for kind in ("special", "special_keys", "wide", "wide_keys")
    ]
    read = sql.SQL("pg_catalog.current_setting({}, true)")
    # One array: a SELECT returns 1,664 columns at most.
    (books,) = database.row(
        sql.SQL("SELECT ARRAY[{}]").format(
            sql.SQL(", ").join(read.format(setting) for setting in settings)
        )
    )
    altered = []
    for place, (source, mapping) in enumerate(wire.noted):
        special, special_keys, wide, wide_keys = books[place * 4 : place * 4 + 4]
        if wide:
            raise SourceError(
                "value_refused",
                _refusal(table, source, mapping.reason, wide, _keys(wide_keys)),
            )
        if not special:
            continue
        if table.spec.special_values == "fail":
            reason = (
                f"values that Snowflake has no place for ({mapping.special_reason})"
            )
            raise SourceError(
                "special_value_refused",
                _refusal(table, source, reason, special, _keys(special_keys)),
            )
        altered.append(AlteredValue(source.name, int(special), _keys(special_keys)))
    return tuple(altered)


def _as_field(text: bytes, *, first: bool) -> bytes:
    """Returns an unquoted field with its comma: a line has two fields at least."""
    return text + b"," if first else b"," + text


def _plain(source: SourceColumn, mapping: values_mappings.Mapping) -> sql.Composable:
    return sql.SQL(mapping.wire).format(c=sql.Identifier(source.name))


def _tested(
    source: SourceColumn, mapping: values_mappings.Mapping, key: sql.Composable
) -> sql.Composable:
    plain = _plain(source, mapping)
    cases = [
        _note(kind, condition, source, plain, key)
        for kind, condition in (
            ("special", mapping.special),
            ("wide", mapping.too_wide),
        )
        if condition
    ]
    if not cases:
        return plain
    return sql.SQL("CASE {} ELSE {} END").format(sql.SQL(" ").join(cases), plain)


def _note(
    kind: str,
    condition: str,
    source: SourceColumn,
    plain: sql.Composable,
    key: sql.Composable,
) -> sql.Composable:
    """WHEN the value cannot travel THEN NULL, counting it on the way.

    The inner CASE counts first, and keeps the key of the first ten rows; NULL is what
    it gives in any case (set_config never returns NULL), of the type of `plain`.
    """
    return sql.SQL("""WHEN {condition} THEN CASE
        WHEN pg_catalog.set_config({count}, (COALESCE(NULLIF(
            pg_catalog.current_setting({count}, true), ''), '0')::bigint + 1)::text,
            true)::bigint > {limit} THEN NULL
        WHEN pg_catalog.set_config({keys},
            COALESCE(pg_catalog.current_setting({keys}, true), '') || {key}, true)
            IS NULL THEN {plain} END""").format(
        condition=sql.SQL(condition).format(c=sql.Identifier(source.name)),
        count=_setting(kind, source.attnum),
        keys=_setting(f"{kind}_keys", source.attnum),
        limit=sql.Literal(SAMPLE_KEYS),
        key=key,
        plain=plain,
    )


def _setting(kind: str, attnum: int) -> sql.Literal:
    return sql.Literal(f"aurora_sync.{kind}_{attnum}")


def _key_text(table: SourceTable) -> sql.Composable:
    """The row's key as one line of JSON text; a line end never appears inside."""
    if not table.names_keys:
        return sql.SQL("''")
    pairs = [
        item
        for name in table.key
        for item in (sql.Literal(name), value_expression(table, name))
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


def _refusal(
    table: SourceTable,
    source: SourceColumn,
    reason: str,
    rows: str,
    keys: tuple[str, ...],
) -> str:
    where = f" The first key is {keys[0]}." if keys else ""
    return (
        f"Column {source.name!r} of table {table.spec.name!r} has {reason} in {rows}"
        f" row(s).{where}"
    )
