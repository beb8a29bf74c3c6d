"""What PostgreSQL's catalog says about a table: columns, key, indexes, sequence."""

import dataclasses
import difflib
from dataclasses import dataclass

from psycopg2 import sql

from lambda_extract.contract import ColumnSpec, TableSpec
from lambda_extract.errors import RequestError, SourceError
from lambda_extract.source import row_filter, trust
from lambda_extract.source.database import Database
from lambda_extract.values.mappings import SourceType

TABLE, PARTITIONED, MATERIALIZED = "r", "p", "m"
# A column with a cast, as PostgreSQL writes it: (a)::bigint.
_CAST = r'\(("(?:[^"]|"")+"|[a-z0-9_$]+)\)::[a-z ]+'


@dataclass(frozen=True)
class SourceColumn:
    """A column of the source.

    Attributes:
        type: PostgreSQL's format_type() text, as declared.
        base_type: The same with domains resolved; what a literal is cast to.
        base: The resolved type.
    """

    name: str
    attnum: int
    not_null: bool
    type: str
    base_type: str
    base: SourceType


@dataclass(frozen=True)
class SourceTable:
    """A relation that may be read.

    Attributes:
        oid: pg_class.oid.
        kind: pg_class.relkind.
        columns: Without the excluded ones, in attribute order.
        key: Key columns; empty if there is none.
        granted: SELECT was granted on the table, not on some of its columns alone.
        shows_versions: The role may read ctid, xmin and tableoid of the rows.
        server_version: As PostgreSQL counts it, e.g. 180004.
        hash_key_id: Fingerprint of the key that hashes columns.
        filter: Condition of the rows that are meant; None: all.
        names_keys: Messages may name keys: the request says so, and PostgreSQL enforces
            the key (S2: any column could be named as one that it does not).
    """

    spec: TableSpec
    oid: int
    kind: str
    columns: tuple[SourceColumn, ...]
    key: tuple[str, ...]
    granted: bool = True
    shows_versions: bool = True
    server_version: int = 0
    hash_key_id: str = ""
    filter: sql.Composable | None = None
    names_keys: bool = False

    @property
    def name(self) -> sql.Identifier:
        """The quoted, schema-qualified name."""
        return sql.Identifier(self.spec.schema, self.spec.relation)

    @property
    def rows(self) -> sql.Composable:
        """What a SELECT reads rows from: the table, or those that are meant, AS t.

        PostgreSQL plans such a subquery as if its condition stood beside the others.
        """
        if self.filter is None:
            return sql.SQL("{} AS t").format(self.name)
        hidden = ("tableoid", "ctid", "xmin") if self.has_row_identity else ()
        names = dict.fromkeys((*(c.name for c in self.columns), *hidden))
        return sql.SQL("(SELECT {} FROM {} WHERE {}) AS t").format(
            sql.SQL(", ").join(sql.Identifier(name) for name in names),
            self.name,
            self.filter,
        )

    @property
    def has_row_identity(self) -> bool:
        """True if rows have ctid and xmin, and the role may read them."""
        return self.kind in (TABLE, PARTITIONED, MATERIALIZED) and self.shows_versions

    def column(self, name: str) -> SourceColumn | None:
        """Returns a column by its name, None if there is none."""
        return next((c for c in self.columns if c.name == name), None)

    def column_spec(self, name: str) -> ColumnSpec:
        """Returns what is configured for a column; nothing if nothing is."""
        configured = (c for c in self.spec.columns if c.name == name)
        return next(configured, ColumnSpec(name))


@dataclass(frozen=True)
class Sequence:
    """The sequence that feeds a column.

    `last_value` is None if it was never used, or may not be read.
    """

    cache: int
    increment: int
    cycles: bool
    last_value: int | None = None
    oid: int = 0


def read_table(
    database: Database, spec: TableSpec, *, owners_later: bool = False
) -> SourceTable:
    """Reads the description of a table and checks that it may be read.

    Args:
        owners_later: The owners are checked when the snapshot reads it again; until
            then the caller sends no query that names the relation.

    Raises:
        SourceError: table_not_found, permission_denied, owner_not_trusted,
            protection_required, column_not_found, key_masked.
        RequestError: bad_request, if nothing is left to read.
    """
    oid, kind, granted, shows_versions = _find(database, spec)
    # To try a filter is a query of the relation.
    if spec.where or not owners_later:
        trust.check_owners(database, oid)
    columns, primary_key = _columns(database, spec, oid)
    found = {c.name for c in columns}
    trust.check_protection(
        database.source.required_protection, spec, tuple(c.name for c in columns)
    )
    _check_names(spec, "excluded", spec.exclude, found)
    _check_names(spec, "key", spec.key, found)
    _check_names(spec, "configured", tuple(c.name for c in spec.columns), found)
    if set(spec.key) & set(spec.exclude):
        raise RequestError(
            "bad_request", f"Table {spec.name!r} excludes a column of its key."
        )
    kept = tuple(c for c in columns if c.name not in spec.exclude)
    if not kept:
        raise _nothing_to_read(spec, columns)
    key = spec.key or primary_key
    if not set(key) <= {c.name for c in kept}:
        # The primary key is excluded: as good as none.
        key = ()
    _check_masks(spec, key)
    chosen = row_filter.condition(spec, kept)
    if chosen is not None:
        _check_filter(database, spec, kept, chosen)
    table = SourceTable(
        spec=spec,
        oid=oid,
        kind=kind,
        columns=kept,
        key=key,
        granted=granted,
        shows_versions=shows_versions,
        server_version=database.server_version,
        hash_key_id=database.hash_key_id,
        filter=chosen,
    )
    if spec.keys_in_messages and key and has_index_of(database, table):
        return dataclasses.replace(table, names_keys=True)
    return table


def has_index(database: Database, table: SourceTable, names: tuple[str, ...]) -> bool:
    """True if a complete btree index begins with exactly these columns."""
    numbers = [str(c.attnum) for n in names if (c := table.column(n)) is not None]
    statement = sql.SQL("""
        SELECT EXISTS (
            SELECT 1
            FROM pg_catalog.pg_index AS i
            JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
            JOIN pg_catalog.pg_am AS a ON a.oid = c.relam
            WHERE i.indrelid = {oid}
                AND i.indisvalid
                AND i.indpred IS NULL
                AND a.amname = 'btree'
                AND i.indkey::text || ' ' LIKE {prefix}
        )
        """)
    return bool(
        database.row(
            statement.format(
                oid=sql.Literal(table.oid), prefix=sql.Literal(" ".join(numbers) + " %")
            )
        )[0]
    )


def has_index_on_greatest(
    database: Database, table: SourceTable, names: tuple[str, ...]
) -> bool:
    """True if a complete btree index begins with GREATEST of exactly these columns.

    PostgreSQL uses it for this very expression, with the columns in this order. If
    their types are of several sizes, its text shows casts.
    """
    statement = sql.SQL("""
        SELECT EXISTS (
            SELECT 1
            FROM pg_catalog.pg_index AS i
            JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
            JOIN pg_catalog.pg_am AS a ON a.oid = c.relam
            WHERE i.indrelid = {oid}
                AND i.indisvalid
                AND i.indpred IS NULL
                AND a.amname = 'btree'
                AND i.indkey[0] = 0
                AND pg_catalog.regexp_replace(
                    pg_catalog.pg_get_indexdef(i.indexrelid, 1, FALSE),
                    {cast},
                    {column},
                    'g'
                ) = (
                    SELECT 'GREATEST(' || pg_catalog.string_agg(
                        pg_catalog.quote_ident(n.name), ', ' ORDER BY n.place
                    ) || ')'
                    FROM pg_catalog.unnest({names}::text[])
                        WITH ORDINALITY AS n (name, place)
                )
        )
        """)
    values = {
        "oid": sql.Literal(table.oid),
        "names": sql.Literal(list(names)),
        "cast": sql.Literal(_CAST),
        "column": sql.Literal(r"\1"),
    }
    return bool(database.row(statement.format(**values))[0])


def enforces_key(database: Database, table: SourceTable) -> bool:
    """True if no two rows that a SELECT reads can have the same key."""
    statement = sql.SQL("SELECT {}").format(key_is_enforced(table))
    return bool(database.row(statement)[0])


def key_is_enforced(table: SourceTable) -> sql.Composable:
    """Returns a condition: no two rows that a SELECT reads can have the same key.

    A unique index says so if it is valid, complete and immediate, and its columns are
    in the key and never NULL; and if there is no inheritance: an index covers the rows
    of its own table only. Partitions are no such children.
    """
    numbers = [c.attnum for n in table.key if (c := table.column(n)) is not None]
    condition = sql.SQL("""EXISTS (
            SELECT 1
            FROM pg_catalog.pg_index AS i
            WHERE i.indrelid = {oid}
                AND i.indisunique
                AND i.indisvalid
                AND i.indimmediate
                AND i.indpred IS NULL
                AND NOT EXISTS (
                    SELECT 1
                    FROM pg_catalog.unnest(i.indkey)
                        WITH ORDINALITY AS k (attnum, place)
                    LEFT JOIN pg_catalog.pg_attribute AS a
                        ON a.attrelid = i.indrelid AND a.attnum = k.attnum
                    WHERE k.place <= i.indnkeyatts
                        AND NOT (
                            k.attnum = ANY ({numbers}::int2[])
                            AND coalesce(a.attnotnull, false)
                        )
                )
        ) AND NOT EXISTS (
            SELECT 1
            FROM pg_catalog.pg_inherits AS h
            JOIN pg_catalog.pg_class AS c ON c.oid = h.inhrelid
            WHERE h.inhparent = {oid} AND NOT c.relispartition
        )
        """)
    return condition.format(oid=sql.Literal(table.oid), numbers=sql.Literal(numbers))


def has_index_of(database: Database, table: SourceTable) -> bool:
    """True if a unique index has exactly the key's columns, none of which may be NULL.

    Of more columns no index would say that they name a row: whoever asks could add all.
    """
    numbers = [c.attnum for n in table.key if (c := table.column(n)) is not None]
    statement = sql.SQL("""
        SELECT EXISTS (
            SELECT 1
            FROM pg_catalog.pg_index AS i
            WHERE i.indrelid = {oid}
                AND i.indnkeyatts = {count}
                AND (
                    SELECT pg_catalog.array_agg(k.attnum ORDER BY k.attnum)
                    FROM pg_catalog.unnest(i.indkey)
                        WITH ORDINALITY AS k (attnum, place)
                    WHERE k.place <= i.indnkeyatts
                ) = {numbers}::int2[]
                AND i.indisunique
        )
        """)
    found = statement.format(
        oid=sql.Literal(table.oid),
        count=sql.Literal(len(numbers)),
        numbers=sql.Literal(sorted(numbers)),
    )
    return enforces_key(database, table) and bool(database.row(found)[0])


def read_sequence(
    database: Database, table: SourceTable, column: SourceColumn
) -> Sequence | None:
    """Returns the sequence behind an identity, serial or nextval() default column."""
    statement = sql.SQL("""
        SELECT s.seqcache, s.seqincrement, s.seqcycle,
            CASE WHEN pg_catalog.has_sequence_privilege(s.seqrelid, 'USAGE, SELECT')
                THEN pg_catalog.pg_sequence_last_value(s.seqrelid)
            END,
            s.seqrelid::bigint
        FROM pg_catalog.pg_sequence AS s
        WHERE s.seqrelid IN (
            SELECT d.objid
            FROM pg_catalog.pg_depend AS d
            WHERE d.classid = 'pg_catalog.pg_class'::regclass
                AND d.refclassid = 'pg_catalog.pg_class'::regclass
                AND d.refobjid = {oid}
                AND d.refobjsubid = {attnum}
                AND d.deptype IN ('a', 'i')
            UNION ALL
            SELECT d.refobjid
            FROM pg_catalog.pg_attrdef AS e
            JOIN pg_catalog.pg_depend AS d
                ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = e.oid
            WHERE e.adrelid = {oid}
                AND e.adnum = {attnum}
                AND d.refclassid = 'pg_catalog.pg_class'::regclass
        )
        ORDER BY s.seqcache DESC
        LIMIT 1
        """)
    rows = database.rows(
        statement.format(oid=sql.Literal(table.oid), attnum=sql.Literal(column.attnum))
    )
    return Sequence(*rows[0]) if rows else None


def _find(database: Database, spec: TableSpec) -> tuple[int, str, bool, bool]:
    statement = sql.SQL("""
        SELECT
            c.oid::bigint,
            c.relkind::text,
            pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
            pg_catalog.has_any_column_privilege(c.oid, 'SELECT'),
            current_user::text,
            pg_catalog.has_table_privilege(c.oid, 'SELECT'),
            c.relkind IN ('v', 'f') OR (
                SELECT pg_catalog.bool_and(
                    pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
                )
                FROM pg_catalog.pg_attribute AS a
                WHERE a.attrelid = c.oid AND a.attname IN ('ctid', 'xmin', 'tableoid')
            )
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = {schema}
            AND c.relname = {relation}
            AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        """)
    rows = database.rows(
        statement.format(
            schema=sql.Literal(spec.schema), relation=sql.Literal(spec.relation)
        )
    )
    if not rows:
        raise _not_found(database, spec)
    oid, kind, schema_allowed, table_allowed, role, *granted = rows[0]
    if not schema_allowed:
        raise SourceError(
            "permission_denied",
            f"Role {role!r} may not use schema {spec.schema!r}.",
            hint=f"GRANT USAGE ON SCHEMA {quoted(spec.schema)} TO {quoted(role)};",
        )
    if not table_allowed:
        raise SourceError(
            "permission_denied",
            f"Role {role!r} may not read {spec.schema}.{spec.relation}.",
            hint=f"GRANT SELECT ON {quoted(spec.schema)}.{quoted(spec.relation)}"
            f" TO {quoted(role)};",
        )
    return oid, kind, *granted


def _nothing_to_read(
    spec: TableSpec, columns: tuple[SourceColumn, ...]
) -> SourceError | RequestError:
    if not columns:
        return SourceError(
            "column_not_found",
            f"{spec.schema}.{spec.relation} has no columns at all.",
            hint="Take the table out of the configuration until it has some.",
        )
    return RequestError(
        "bad_request",
        f'Table {spec.name!r} has no column to read: "exclude" names all of them.',
        hint='Take at least one column out of "exclude".',
    )


def quoted(name: str) -> str:
    """Returns a name quoted for a hint that a person may paste into psql."""
    return '"' + name.replace('"', '""') + '"'


def _not_found(database: Database, spec: TableSpec) -> SourceError:
    statement = sql.SQL("""
        SELECT c.relname::text
        FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = {schema} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
        ORDER BY c.relname
        LIMIT 1000
        """)
    rows = database.rows(statement.format(schema=sql.Literal(spec.schema)))
    names = [row[0] for row in rows]
    same = [name for name in names if name.lower() == spec.relation.lower()]
    near = same or difflib.get_close_matches(spec.relation, names, n=3, cutoff=0.5)
    hint = "Check schema and table in the configuration (case matters)."
    if near:
        hint += f" Schema {spec.schema!r} has: {', '.join(near)}."
    elif not names:
        hint += f" Schema {spec.schema!r} does not exist or has no tables."
    return SourceError(
        "table_not_found",
        f"PostgreSQL has no table {spec.schema}.{spec.relation}.",
        hint=hint,
    )


def _columns(
    database: Database, spec: TableSpec, oid: int
) -> tuple[tuple[SourceColumn, ...], tuple[str, ...]]:
    """Returns the columns, and those of the primary key in its order."""
    # The modifier of a domain's base type is kept by the domain, at whatever depth.
    statement = sql.SQL("""
        WITH RECURSIVE resolved AS (
            SELECT a.attnum, t.oid, t.typtype, t.typbasetype, a.atttypmod AS modifier,
                t.typtypmod
            FROM pg_catalog.pg_attribute AS a
            JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
            WHERE a.attrelid = {oid} AND a.attnum > 0 AND NOT a.attisdropped
            UNION ALL
            SELECT r.attnum, t.oid, t.typtype, t.typbasetype,
                CASE WHEN r.modifier >= 0 THEN r.modifier ELSE r.typtypmod END,
                t.typtypmod
            FROM resolved AS r
            JOIN pg_catalog.pg_type AS t ON t.oid = r.typbasetype
            WHERE r.typtype = 'd'
        )
        SELECT
            a.attname::text,
            a.attnum::int,
            a.attnotnull,
            pg_catalog.format_type(a.atttypid, a.atttypmod),
            pg_catalog.format_type(r.oid, NULLIF(r.modifier, -1)),
            t.typname::text,
            n.nspname::text,
            t.typtype::text,
            t.typcategory::text,
            r.modifier,
            t.typname = 'json' OR t.typtype = 'c' OR COALESCE(
                e.typname = 'json' OR e.typtype IN ('c', 'd'), FALSE
            ),
            pg_catalog.has_column_privilege({oid}::oid, a.attnum, 'SELECT'),
            current_user::text,
            -- From 0. Behind the key's own columns stand those of INCLUDE.
            CASE
                WHEN pg_catalog.array_position(k.indkey::int2[], a.attnum)
                    < k.indnkeyatts
                    THEN pg_catalog.array_position(k.indkey::int2[], a.attnum)
            END
        FROM pg_catalog.pg_attribute AS a
        JOIN resolved AS r ON r.attnum = a.attnum AND r.typtype <> 'd'
        JOIN pg_catalog.pg_type AS t ON t.oid = r.oid
        JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
        LEFT JOIN pg_catalog.pg_type AS e ON e.oid = t.typelem
        LEFT JOIN pg_catalog.pg_index AS k
            ON k.indrelid = a.attrelid AND k.indisprimary
        WHERE a.attrelid = {oid}
        ORDER BY a.attnum
        """)
    columns = []
    places: dict[int, str] = {}
    for row in database.rows(statement.format(oid=sql.Literal(oid))):
        name, attnum, not_null, declared, base_type, *rest = row
        type_name, schema, kind, category, modifier, may_hold_json = rest[:6]
        allowed, role, place = rest[6:]
        if place is not None:
            places[place] = name
        if not allowed and name not in spec.exclude:
            raise SourceError(
                "permission_denied",
                f"Role {role!r} may not read column {name!r} of"
                f" {spec.schema}.{spec.relation}.",
                hint=f"GRANT SELECT ({quoted(name)}) ON {quoted(spec.schema)}."
                f'{quoted(spec.relation)} TO {quoted(role)}; or add it to "exclude".',
            )
        base = SourceType(type_name, schema, kind, category, modifier, may_hold_json)
        columns.append(SourceColumn(name, attnum, not_null, declared, base_type, base))
    return tuple(columns), tuple(places[place] for place in sorted(places))


def _check_masks(spec: TableSpec, key: tuple[str, ...]) -> None:
    masked = [c.name for c in spec.columns if c.protect == "mask" and c.name in key]
    if masked:
        raise SourceError(
            "key_masked",
            f"Column {masked[0]!r} of table {spec.name!r} is part of the key and would"
            " be the same in every row.",
        )


def _check_filter(
    database: Database,
    spec: TableSpec,
    columns: tuple[SourceColumn, ...],
    chosen: sql.Composable,
) -> None:
    """Lets PostgreSQL read the filter's values, and no row.

    Its own error would quote the value, or name no column: so each comparison is tried
    alone then.

    Raises:
        SourceError: filter_invalid.
    """
    if _is_readable(database, spec, chosen):
        return
    for term in row_filter.comparisons(spec):
        alone = row_filter.condition(dataclasses.replace(spec, where=(term,)), columns)
        if alone is not None and not _is_readable(database, spec, alone):
            named = next(c for c in columns if c.name == term.column)
            raise row_filter.misfit(spec, term, named.type)


def _is_readable(database: Database, spec: TableSpec, chosen: sql.Composable) -> bool:
    relation = sql.Identifier(spec.schema, spec.relation)
    statement = sql.SQL("SELECT 1 FROM {} WHERE {} LIMIT 0")
    try:
        database.rows(statement.format(relation, chosen))
    except SourceError as error:
        if error.retryable and error.code != "source_error":
            raise
        return False
    return True


def _check_names(
    spec: TableSpec, what: str, names: tuple[str, ...], found: set[str]
) -> None:
    missing = [name for name in names if name not in found]
    if missing:
        raise SourceError(
            "column_not_found",
            f"{spec.schema}.{spec.relation} has no {what} column"
            f" {', '.join(map(repr, missing))}.",
        )
