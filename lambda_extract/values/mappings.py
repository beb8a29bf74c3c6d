"""How each PostgreSQL type travels and what it becomes in Snowflake. Pure.

`MAPPINGS` is the one table; docs/TYPES.md is printed from it. A mapping's `wire` is the
SQL expression that COPY writes, with `{c}` for the column; if it is just `{c}`,
PostgreSQL's own text travels byte for byte. `special` is true for values that Snowflake
has no place for, `too_wide` for values that it could hold only by altering them.
"""

import dataclasses
import re
from dataclasses import dataclass

from lambda_extract.values import exact_json, protect
from lambda_extract.values.watch import LARGEST_TEXT_BYTES, Watch

TEXT = f"VARCHAR({LARGEST_TEXT_BYTES})"
LARGEST_BINARY_BYTES = 67_108_864
BINARY = f"BINARY({LARGEST_BINARY_BYTES})"
PLAIN = "{c}"
AS_TEXT = "{c}::text"
AS_JSON = "pg_catalog.to_json({c})"
AS_JSON_TEXT = f"{AS_JSON}::text"
# Snowflake names inf, -inf and NaN; PostgreSQL writes Infinity (P4).
FLOAT_TEXT = (
    "CASE {c} WHEN 'Infinity' THEN 'inf' WHEN '-Infinity' THEN '-inf'"
    " ELSE {c}::text END"
)

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
        modifier: Effective type modifier, -1 if there is none.
        may_hold_json: True for json, and for arrays and composites that may have json
            (not jsonb) somewhere inside.
    """

    name: str
    schema: str = "pg_catalog"
    kind: str = "b"
    category: str = "U"
    modifier: int = -1
    may_hold_json: bool = False


@dataclass(frozen=True)
class Mapping:
    """Wire expression and Snowflake type of one PostgreSQL type.

    Attributes:
        special: Condition; such values become NULL and are recorded, or are refused.
        special_reason: What they are: "... has <reason> in 3 row(s)".
        too_wide: Condition; such values are refused.
        reason: What they are, likewise.
        quick: Condition under which the quick wire ends and the tests have to be made;
            None: `special` or `too_wide` themselves. If a test is expensive and what it
            finds is rare, the files are watched instead.
        watch: What the files are watched for. For values that are too large they
            always are.
        rare_fields: Whole unquoted fields that the files are watched for.
    """

    snowflake_type: str
    wire: str = PLAIN
    special: str = ""
    special_reason: str = ""
    too_wide: str = ""
    reason: str = ""
    quick: str | None = None
    watch: Watch = Watch()
    rare_fields: tuple[bytes, ...] = ()

    @property
    def guard(self) -> str:
        """Condition under which the quick wire must not go on; may be empty."""
        if self.quick is not None:
            return self.quick
        return " OR ".join(test for test in (self.special, self.too_wide) if test)

    @property
    def noted(self) -> bool:
        """True if a value may be left out."""
        return bool(self.special or self.too_wide)


OTHER_YEARS = "infinity, a year before 1 or one after 9999"
NO_NUMBER = "NaN or infinity"
LONG_TEXT = Mapping(
    TEXT,
    too_wide=f"pg_catalog.octet_length({AS_TEXT}) > {LARGEST_TEXT_BYTES}",
    reason=f"a text of more than {LARGEST_TEXT_BYTES} bytes",
    quick="",
)
LONG_NUMBER = (
    f"a number of more than 38 digits, or more than {LARGEST_TEXT_BYTES} bytes"
)
NOT_EXACT = "JSON that a VARIANT would alter (see docs/TYPES.md)"
MAPPINGS: dict[str, Mapping] = {
    "int2": Mapping("NUMBER(5,0)"),
    "int4": Mapping("NUMBER(10,0)"),
    "int8": Mapping("NUMBER(19,0)"),
    "oid": Mapping("NUMBER(10,0)"),
    "float4": Mapping("FLOAT", FLOAT_TEXT),
    "float8": Mapping("FLOAT", FLOAT_TEXT),
    # money prints a currency sign; its numeric value is exact. Some locales have no two
    # digits after the point.
    "money": Mapping(
        "NUMBER(19,2)",
        "{c}::numeric(19,2)",
        too_wide="{c}::numeric <> {c}::numeric(19,2)",
        reason="more than two digits after the point",
    ),
    "bool": Mapping("BOOLEAN"),
    "uuid": Mapping("VARCHAR(36)"),
    "bytea": Mapping(
        BINARY,
        "pg_catalog.encode({c}, 'hex')",
        too_wide=f"pg_catalog.octet_length({{c}}) > {LARGEST_BINARY_BYTES}",
        reason=f"more than {LARGEST_BINARY_BYTES} bytes",
        quick="",
    ),
    "jsonb": Mapping(
        "VARIANT",
        too_wide=exact_json.long_number(AS_TEXT),
        reason=LONG_NUMBER,
        quick="",
        watch=Watch(digits=True),
    ),
    "date": Mapping("DATE", special=NOT_A_DATE, special_reason=OTHER_YEARS),
    "time": Mapping(
        "TIME(6)", special="{c} = '24:00:00'::time", special_reason="24:00:00"
    ),
    "timestamp": Mapping(
        "TIMESTAMP_NTZ(6)", special=NOT_A_TIMESTAMP, special_reason=OTHER_YEARS
    ),
    "timestamptz": Mapping(
        "TIMESTAMP_TZ(6)", special=NOT_A_TIMESTAMPTZ, special_reason=OTHER_YEARS
    ),
}
DECFLOAT = Mapping(
    "DECFLOAT",
    special=NOT_FINITE,
    special_reason=NO_NUMBER,
    too_wide=OVER_38_DIGITS,
    reason="more than 38 significant digits",
    quick="",
    watch=Watch(digits=True),
    rare_fields=(b"NaN", b"Infinity", b"-Infinity"),
)
# Pairs of text, which JSON holds as they are.
HSTORE = Mapping("OBJECT", AS_JSON)
# Arrays by category that are vectors of the catalog: their text has no braces, and they
# count from 0.
VECTORS = ("int2vector", "oidvector")
# JSON counts from the first element; PostgreSQL may be told to begin elsewhere.
OTHER_BOUNDS = r"pg_catalog.array_dims({c}) ~ '\[(?!1:)'"

# Cursor types and the family in which their watermarks are compared.
CURSOR_TYPES: dict[str, str] = {
    "int2": "bigint",
    "int4": "bigint",
    "int8": "bigint",
    "date": "date",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
}


def mapping(source: SourceType, server_version: int = 0) -> Mapping:
    """Returns the mapping of a type; what is not known travels as PostgreSQL's text.

    Args:
        source: The type, domains resolved.
        server_version: As PostgreSQL counts it; newer ones have quicker tests.
    """
    if source.name in VECTORS and source.schema == "pg_catalog":
        return LONG_TEXT
    if source.category == "A" and source.kind == "b":
        return _array(source, server_version)
    if source.kind == "c":
        return _any_json("OBJECT", AS_JSON, AS_JSON_TEXT, server_version)
    if source.name == "hstore" and source.kind == "b":
        return HSTORE
    if source.schema != "pg_catalog":
        return LONG_TEXT
    if source.name == "json":
        return _any_json("VARIANT", PLAIN, AS_TEXT, server_version)
    if source.name == "numeric":
        return _numeric(source.modifier)
    if source.name in ("varchar", "bpchar"):
        return _sized_text(source.modifier)
    return MAPPINGS.get(source.name, LONG_TEXT)


def cursor_family(source: SourceType) -> str | None:
    """Returns the type in which a cursor of this type is compared; None: it is unfit.

    A numeric without a fraction counts like an integer, and further.
    """
    if source.schema != "pg_catalog":
        return None
    if source.name == "numeric" and source.modifier >= 4:
        return "numeric" if _scale(source.modifier) <= 0 else None
    return CURSOR_TYPES.get(source.name)


def _scale(modifier: int) -> int:
    """Digits after the point of a numeric(p,s): 11 bits with a sign."""
    return (((modifier - 4) & 0x7FF) ^ 0x400) - 0x400


def protected(protection: str) -> Mapping:
    """Returns the mapping of a column of any type that is protected: "hash", "mask"."""
    if protection == "hash":
        return Mapping(protect.HASHED, protect.HASH_WIRE)
    return Mapping(protect.MASKED, protect.MASK_WIRE)


def of_a_key(usual: Mapping) -> Mapping:
    """Returns the mapping of a key column, whose special values are refused.

    As NULL they would match no row of the target, and all of them would be one key.
    """
    if not usual.special:
        return usual
    tests = [usual.special, *([usual.too_wide] if usual.too_wide else [])]
    reasons = [usual.special_reason, *([usual.reason] if usual.reason else [])]
    return dataclasses.replace(
        usual,
        special="",
        special_reason="",
        too_wide=" OR ".join(f"({test})" for test in tests),
        reason=f"a key of {' or '.join(reasons)}",
    )


def overridden(source: SourceType, wanted: str, usual: Mapping) -> Mapping | None:
    """Returns the mapping of a column whose Snowflake type is configured.

    Args:
        source: The type, domains resolved.
        wanted: "VARCHAR", "VARCHAR(n)" or "NUMBER(p,s)".
        usual: The mapping of the type itself.

    Returns:
        None if such values cannot become `wanted`.
    """
    family, *sizes = re.findall(r"[A-Z]+|[0-9]+", wanted)
    if wanted == usual.snowflake_type:
        return usual
    if family == "VARCHAR" and sizes:
        return _shorter_text(int(sizes[0]))
    if family == "VARCHAR":
        return LONG_TEXT
    return _number(source, int(sizes[0]), int(sizes[1]), wanted)


def trimmed(usual: Mapping) -> Mapping:
    """Returns the mapping of a char(n) whose trailing blanks do not travel.

    PostgreSQL takes no notice of them when it compares, so no two keys become one. Its
    cast to text leaves them out.
    """
    inner = f"({AS_TEXT})"
    return dataclasses.replace(
        usual,
        wire=usual.wire.replace(PLAIN, inner),
        too_wide=usual.too_wide.replace(PLAIN, inner),
    )


def _array(source: SourceType, server_version: int) -> Mapping:
    if source.may_hold_json:
        usual = _any_json("ARRAY", AS_JSON, AS_JSON_TEXT, server_version)
    else:
        usual = Mapping(
            "ARRAY",
            AS_JSON,
            too_wide=exact_json.long_number(AS_JSON_TEXT),
            reason=LONG_NUMBER,
            quick="",
            watch=Watch(digits=True),
        )
    return dataclasses.replace(
        usual,
        too_wide=f"({usual.too_wide}) OR {OTHER_BOUNDS}",
        reason=f"subscripts that do not begin with 1, or {usual.reason}",
        quick=" OR ".join(test for test in (usual.quick, OTHER_BOUNDS) if test),
    )


def _any_json(
    snowflake_type: str, wire: str, text: str, server_version: int
) -> Mapping:
    """JSON that may have been written by anybody, and is kept as it was written."""
    return Mapping(
        snowflake_type,
        wire,
        too_wide=exact_json.inexact(text, server_version),
        reason=NOT_EXACT,
        quick=exact_json.key_twice(text, server_version),
        watch=Watch(digits=True, json=True),
    )


def _shorter_text(length: int) -> Mapping:
    # concat() gives the text that COPY writes; a cast would strip a char(n).
    return Mapping(
        f"VARCHAR({length})",
        too_wide=f"pg_catalog.length(pg_catalog.concat({{c}})) > {length}",
        reason=f"a text of more than {length} characters",
    )


def _number(
    source: SourceType, precision: int, scale: int, wanted: str
) -> Mapping | None:
    exact = ("int2", "int4", "int8", "oid", "numeric", "money")
    if source.schema != "pg_catalog" or source.name not in exact:
        return None
    value = PLAIN if source.name == "numeric" else "{c}::numeric"
    return Mapping(
        wanted,
        PLAIN if source.name != "money" else value,
        special=NOT_FINITE if source.name == "numeric" else "",
        special_reason=NO_NUMBER,
        too_wide=f"{value} <> pg_catalog.round({value}, {scale})"
        f" OR pg_catalog.abs({value}) >= '1e{precision - scale}'::numeric",
        reason=f"a number that {wanted} cannot hold exactly",
    )


def _sized_text(modifier: int) -> Mapping:
    # The modifier holds the length in characters plus a header of 4.
    if modifier < 4:
        return LONG_TEXT
    return Mapping(f"VARCHAR({modifier - 4})")


def _numeric(modifier: int) -> Mapping:
    """numeric(p,s) if Snowflake's NUMBER holds it exactly, otherwise DECFLOAT."""
    if modifier < 4:
        return DECFLOAT
    precision = ((modifier - 4) >> 16) & 0xFFFF
    scale = _scale(modifier)
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
        f"NUMBER({precision},{scale})",
        special=NOT_A_NUMBER,
        special_reason="NaN",
        quick="",
        rare_fields=(b"NaN",),
    )
