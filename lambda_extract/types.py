"""How each PostgreSQL type travels and what it becomes in Snowflake. Pure.

`MAPPINGS` is the one table. A mapping's `wire` is the SQL expression that COPY writes,
with `{c}` for the column; where it is just `{c}`, PostgreSQL's own text travels byte
for byte. `special` is true for values that Snowflake has no place for, `too_wide` for
values that it could hold only by losing digits.
"""

from dataclasses import dataclass

TEXT = "VARCHAR(134217728)"
BINARY = "BINARY(67108864)"
PLAIN = "{c}"
AS_JSON = "pg_catalog.to_json({c})"

# BETWEEN is false for infinities and BC as well; each costs two integer comparisons.
NOT_A_DATE = "{c} NOT BETWEEN '0001-01-01'::date AND '9999-12-31'::date"
NOT_A_TIMESTAMP = (
    "{c} NOT BETWEEN '0001-01-01 00:00:00'::timestamp"
    " AND '9999-12-31 23:59:59.999999'::timestamp"
)
NOT_A_TIMESTAMPTZ = (
    "{c} NOT BETWEEN '0001-01-01 00:00:00+00'::timestamptz"
    " AND '9999-12-31 23:59:59.999999+00'::timestamptz"
)
# numeric(p,s) can hold NaN but no infinity; plain numeric both (PostgreSQL 14 and
# later). x - x is NaN for all of them, which no PostgreSQL version misunderstands.
NOT_A_NUMBER = "{c} = 'NaN'::numeric"
NOT_FINITE = "({c} - {c}) = 'NaN'::numeric"
# Significant digits: without sign and point, zeros at both ends do not count.
OVER_38_DIGITS = (
    "pg_catalog.length(pg_catalog.btrim(pg_catalog.translate("
    "{c}::text, '-.', ''), '0')) > 38 OR pg_catalog.length({c}::text) > 16000"
)


@dataclass(frozen=True)
class SourceType:
    """A column's type as the catalog has it, domains resolved to their base.

    Attributes:
        name: pg_type.typname of the base type, e.g. "int4".
        schema: Its schema; only pg_catalog's names are looked up.
        kind: pg_type.typtype: b(ase), c(omposite), e(num), r(ange), m(ultirange).
        category: pg_type.typcategory; "A" for arrays.
        modifier: Effective type modifier, -1 where there is none.
    """

    name: str
    schema: str = "pg_catalog"
    kind: str = "b"
    category: str = "U"
    modifier: int = -1


@dataclass(frozen=True)
class Mapping:
    """Wire expression and Snowflake type of one PostgreSQL type.

    Attributes:
        rare_text: A special value is so rare, and its test so dear, that the files are
            watched for this text instead; only where it is seen, the test is made.
    """

    snowflake_type: str
    wire: str = PLAIN
    special: str = ""
    too_wide: str = ""
    rare_text: bytes = b""


MAPPINGS: dict[str, Mapping] = {
    "int2": Mapping("NUMBER(5,0)"),
    "int4": Mapping("NUMBER(10,0)"),
    "int8": Mapping("NUMBER(19,0)"),
    "oid": Mapping("NUMBER(10,0)"),
    "float4": Mapping("FLOAT"),
    "float8": Mapping("FLOAT"),
    # money prints a currency sign; its numeric value is exact.
    "money": Mapping("NUMBER(19,2)", "{c}::numeric(19,2)"),
    "bool": Mapping("BOOLEAN"),
    "uuid": Mapping("VARCHAR(36)"),
    "bytea": Mapping(BINARY, "pg_catalog.encode({c}, 'hex')"),
    "json": Mapping("VARIANT"),
    "jsonb": Mapping("VARIANT"),
    "date": Mapping("DATE", special=NOT_A_DATE),
    "time": Mapping("TIME(6)", special="{c} = '24:00:00'::time"),
    "timestamp": Mapping("TIMESTAMP_NTZ(6)", special=NOT_A_TIMESTAMP),
    "timestamptz": Mapping("TIMESTAMP_TZ(6)", special=NOT_A_TIMESTAMPTZ),
}
DECFLOAT = Mapping("DECFLOAT", special=NOT_FINITE, too_wide=OVER_38_DIGITS)
ARRAY = Mapping("ARRAY", AS_JSON)
OBJECT = Mapping("OBJECT", AS_JSON)

# Cursor types and the family in which their watermarks are compared.
CURSOR_TYPES: dict[str, str] = {
    "int2": "bigint",
    "int4": "bigint",
    "int8": "bigint",
    "date": "date",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
}


def mapping(source: SourceType) -> Mapping:
    """Returns the mapping of a type; what is not known travels as PostgreSQL's text."""
    if source.category == "A" and source.kind == "b":
        return ARRAY
    if source.kind == "c" or (source.name == "hstore" and source.kind == "b"):
        return OBJECT
    if source.schema != "pg_catalog":
        return Mapping(TEXT)
    if source.name == "numeric":
        return _numeric(source.modifier)
    if source.name in ("varchar", "bpchar"):
        return _sized_text(source.modifier)
    return MAPPINGS.get(source.name, Mapping(TEXT))


def _sized_text(modifier: int) -> Mapping:
    # The modifier holds the length in characters plus a header of 4.
    if modifier < 4:
        return Mapping(TEXT)
    return Mapping(f"VARCHAR({modifier - 4})")


def _numeric(modifier: int) -> Mapping:
    """numeric(p,s) where Snowflake's NUMBER holds it exactly, otherwise DECFLOAT."""
    if modifier < 4:
        return DECFLOAT
    packed = modifier - 4
    precision = (packed >> 16) & 0xFFFF
    scale = ((packed & 0x7FF) ^ 0x400) - 0x400  # 11 bits with a sign
    if scale < 0:
        # numeric(3,-2) holds up to 99900: p - s digits before the point.
        precision, scale = precision - scale, 0
    # numeric(2,5) holds 0.00099: PostgreSQL allows s > p, Snowflake does not.
    precision = max(precision, scale)
    if precision > 38 or scale > 37:
        return DECFLOAT
    # Comparing a numeric unpacks it first: four such columns took 0.3 s of the 3 s that
    # PostgreSQL needs for 3 M rows. Looking for the text in their 460 MB takes 0.1 s.
    return Mapping(
        f"NUMBER({precision},{scale})", special=NOT_A_NUMBER, rare_text=b"NaN"
    )
