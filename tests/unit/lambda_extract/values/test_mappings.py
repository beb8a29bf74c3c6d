"""The table of types, without a server."""

import pytest

from lambda_extract.values.mappings import SourceType, mapping


def numeric(precision: int, scale: int) -> SourceType:
    modifier = ((precision << 16) | (scale & 0x7FF)) + 4
    return SourceType("numeric", modifier=modifier)


@pytest.mark.parametrize(
    ("source", "snowflake_type"),
    [
        (SourceType("int2"), "NUMBER(5,0)"),
        (SourceType("int4"), "NUMBER(10,0)"),
        (SourceType("int8"), "NUMBER(19,0)"),
        (SourceType("oid"), "NUMBER(10,0)"),
        (SourceType("float4"), "FLOAT"),
        (SourceType("money"), "NUMBER(19,2)"),
        (SourceType("bool"), "BOOLEAN"),
        (SourceType("text"), "VARCHAR(134217728)"),
        (SourceType("varchar", modifier=44), "VARCHAR(40)"),
        (SourceType("varchar"), "VARCHAR(134217728)"),
        (SourceType("bpchar", modifier=5), "VARCHAR(1)"),
        (SourceType("uuid"), "VARCHAR(36)"),
        (SourceType("bytea"), "BINARY(67108864)"),
        (SourceType("json"), "VARIANT"),
        (SourceType("jsonb"), "VARIANT"),
        (SourceType("_int4", category="A"), "ARRAY"),
        (SourceType("_mood", schema="public", category="A"), "ARRAY"),
        (SourceType("address", schema="public", kind="c"), "OBJECT"),
        (SourceType("hstore", schema="extensions"), "OBJECT"),
        (SourceType("mood", schema="public", kind="e"), "VARCHAR(134217728)"),
        (SourceType("int4range", kind="r"), "VARCHAR(134217728)"),
        (SourceType("date"), "DATE"),
        (SourceType("time"), "TIME(6)"),
        (SourceType("timetz"), "VARCHAR(134217728)"),
        (SourceType("timestamp"), "TIMESTAMP_NTZ(6)"),
        (SourceType("timestamptz"), "TIMESTAMP_TZ(6)"),
        (SourceType("interval"), "VARCHAR(134217728)"),
        (SourceType("tsvector"), "VARCHAR(134217728)"),
        # A type of the user's own that merely has the name of a known one.
        (SourceType("int8", schema="public"), "VARCHAR(134217728)"),
        (numeric(12, 2), "NUMBER(12,2)"),
        (numeric(38, 37), "NUMBER(38,37)"),
        (numeric(39, 0), "DECFLOAT"),
        (numeric(38, 38), "DECFLOAT"),
        (numeric(3, -2), "NUMBER(5,0)"),
        (numeric(38, -1), "DECFLOAT"),
        (numeric(2, 5), "NUMBER(5,5)"),
        (SourceType("numeric"), "DECFLOAT"),
    ],
)
def test_every_type_has_its_place(source: SourceType, snowflake_type: str) -> None:
    assert mapping(source).snowflake_type == snowflake_type
