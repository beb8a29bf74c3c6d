"""Prints the table of docs/TYPES.md from lambda_extract/values/mappings.py."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from lambda_extract.values import mappings
from lambda_extract.values.mappings import Mapping, SourceType

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "TYPES.md"
BEGIN = "<!-- printed by scripts/print_types.sh -->"
END = "<!-- end of what is printed -->"
# What is tested without a cost differs from version to version, what is refused not.
SERVER_VERSION = 180_000


def _base(*names: str) -> Iterator[tuple[str, SourceType]]:
    yield from ((name, SourceType(name)) for name in names)


def _numeric(precision: int, scale: int) -> tuple[str, SourceType]:
    modifier = ((precision << 16) | (scale & 0x7FF)) + 4
    source = SourceType("numeric", modifier=modifier)
    return f"numeric({precision},{scale})", source


# As people declare them -> as the catalog knows them; what becomes the same way stands
# in one line.
SOURCES: tuple[tuple[str, SourceType], ...] = (
    ("smallint", SourceType("int2")),
    ("integer", SourceType("int4")),
    ("bigint", SourceType("int8")),
    ("oid", SourceType("oid")),
    _numeric(12, 2),
    _numeric(38, 37),
    _numeric(5, -2),
    _numeric(2, 5),
    _numeric(39, 0),
    ("numeric", SourceType("numeric")),
    ("real", SourceType("float4")),
    ("double precision", SourceType("float8")),
    ("money", SourceType("money")),
    ("boolean", SourceType("bool")),
    ("text", SourceType("text")),
    ("varchar(40)", SourceType("varchar", modifier=44)),
    ("varchar", SourceType("varchar")),
    ("char(3)", SourceType("bpchar", modifier=7)),
    *_base("name", '"char"'),
    ("bytea", SourceType("bytea")),
    ("uuid", SourceType("uuid")),
    ("date", SourceType("date")),
    ("time", SourceType("time")),
    ("timestamp", SourceType("timestamp")),
    ("timestamptz", SourceType("timestamptz")),
    *_base("timetz", "interval"),
    ("jsonb", SourceType("jsonb")),
    ("json", SourceType("json", may_hold_json=True)),
    ("array of any type", SourceType("_text", category="A")),
    (
        "array of json, of composites, of domains",
        SourceType("_json", category="A", may_hold_json=True),
    ),
    (
        "composite",
        SourceType("address", "public", "c", "C", may_hold_json=True),
    ),
    ("hstore", SourceType("hstore", "public")),
    ("enum", SourceType("mood", "public", "e", "E")),
    ("citext", SourceType("citext", "public", category="S")),
    ("range, multirange", SourceType("int4range", kind="r", category="R")),
    *_base("xml", "inet", "cidr", "macaddr", "macaddr8", "bit", "varbit"),
    *_base("tsvector", "tsquery", "jsonpath", "point", "line", "lseg", "box", "path"),
    *_base("polygon", "circle", "pg_lsn", "xid", "xid8", "tid", "regclass"),
    *_base("int2vector", "oidvector", "pg_snapshot", "aclitem", "refcursor"),
    ("anything else, of any extension", SourceType("geometry", "public")),
)


def table() -> str:
    """Returns the table as Markdown."""
    lines = [
        "| PostgreSQL | Snowflake | what is sent | becomes NULL, recorded | refused |",
        "|---|---|---|---|---|",
    ]
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, source in SOURCES:
        shown = name if " " in name and name != "double precision" else f"`{name}`"
        cells = _cells(mappings.mapping(source, SERVER_VERSION))
        groups.setdefault(cells, []).append(shown)
    lines += [
        f"| {', '.join(names)} | {' | '.join(cells)} |"
        for cells, names in groups.items()
    ]
    return "\n".join(lines)


def _cells(mapping: Mapping) -> tuple[str, ...]:
    wire = mapping.wire.replace("pg_catalog.", "").replace("{c}", "value")
    return (
        f"`{mapping.snowflake_type}`",
        "PostgreSQL's text" if mapping.wire == mappings.PLAIN else f"`{wire}`",
        mapping.special_reason,
        mapping.reason,
    )


def written(document: str) -> str:
    """Returns the document with the table in its place."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def main() -> int:
    """Prints the table, or writes it into the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--write", action="store_true", help="write it into docs/TYPES.md"
    )
    if parser.parse_args().write:
        DOCUMENT.write_text(
            written(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8"
        )
    else:
        print(table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
