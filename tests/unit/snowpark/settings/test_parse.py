"""The configuration: every problem at once, each with its place and a sentence."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_extract.contract import ColumnSpec
from snowpark.errors import ConfigError
from snowpark.settings import parse
from snowpark.settings.table import TableSettings

SMALL: dict[str, Any] = {
    "version": 1,
    "defaults": {"source": "shop", "target_schema": "sales"},
    "sources": {"shop": {}},
    "tables": {"orders": {"cursor": "updated_at"}},
}


def problems(data: Any) -> dict[str, str]:
    """Returns pointer -> sentences of a configuration that must be refused."""
    text = data if isinstance(data, str) else json.dumps(data)
    with pytest.raises(ConfigError) as caught:
        parse.parse(text)
    found: dict[str, str] = {}
    for problem in caught.value.problems:
        found[problem.pointer] = found.get(problem.pointer, "") + problem.message
    return found


def with_table(**table: Any) -> dict[str, Any]:
    return {**SMALL, "tables": {"orders": table}}


def test_the_shipped_configuration_is_valid() -> None:
    text = Path("config/sync_config.json").read_text(encoding="utf-8")
    assert [t.name for t in parse.parse(text)] == [
        "customers",
        "order_items",
        "orders",
        "products",
    ]


def test_defaults_are_filled_in() -> None:
    (table,) = parse.parse(json.dumps(SMALL))
    assert table.mode == "incremental"
    assert table.relation == "orders"
    assert table.schema == "public"
    assert table.target == '"SALES"."ORDERS"'


def test_settings_survive_their_json() -> None:
    (table,) = parse.parse(
        json.dumps(with_table(cursor="c", key=["a", "b"], exclude=["x"]))
    )
    assert TableSettings.from_json(table.to_json()) == table


def test_all_problems_are_reported_together() -> None:
    found = problems(
        {
            "version": 2,
            "sources": {"a/b": {"max_paralel": 3}},
            "tables": {
                "orders": {"cursr": "x", "chunk_rows": 0, "mode": "sometimes"},
                "a b": {},
            },
        }
    )
    assert found["/version"] == "Must be 1."
    assert "max_parallel" in found["/sources/a~1b/max_paralel"]
    assert 'Did you mean "cursor"?' in found["/tables/orders/cursr"]
    assert found["/tables/orders/chunk_rows"] == "Must be at least 1."
    assert found["/tables/orders/mode"] == "Must be one of: incremental, full, log."
    assert "cannot be used" in found["/tables/a b"]


def test_references_to_nothing_are_named() -> None:
    found = problems(with_table(source="shopp", group="hourly", cursor="c"))
    assert 'Did you mean "shop"?' in found["/tables/orders/source"]
    assert "/tables/orders/group" in found


def test_two_tables_with_one_target_are_refused() -> None:
    both = {"a": {"target_table": "t"}, "b": {"target_table": "T"}}
    assert '"a"' in problems({**SMALL, "tables": both})["/tables/b"]


def test_names_that_differ_in_case_are_refused() -> None:
    both = {"a": {}, "A": {"target_table": "t"}}
    assert "case" in problems({**SMALL, "tables": both})["/tables/A"]


@pytest.mark.parametrize("schema", ["control", "Staging", "INFORMATION_SCHEMA"])
def test_the_schemas_of_the_sync_are_no_targets(schema: str) -> None:
    found = problems(with_table(target_schema=schema))
    assert "belongs to the sync" in found["/tables/orders/target_schema"]


def test_settings_that_contradict_each_other_are_refused() -> None:
    assert "/tables/orders" in problems(with_table(mode="incremental"))
    found = problems(with_table(mode="full", cursor="c"))
    assert "/tables/orders/cursor" in found
    found = problems(with_table(cursor="c", exclude=["c"]))
    assert "/tables/orders/exclude" in found
    found = problems(with_table(key=["k"], exclude=["k"]))
    assert "/tables/orders/exclude" in found
    found = problems(with_table(cursor="c", lookback_seconds=1, lookback_values=1))
    assert "/tables/orders/lookback_values" in found


@pytest.mark.parametrize(
    ("cursor", "said"),
    [
        ([], "at least 1 item"),
        (["a", "a"], "must not name anything twice"),
        (["a", ""], "must not be empty"),
        (["a", 1], "must be a string"),
        (list("abcdefghi"), "at most 8 items"),
        (7, "must be a string or an array"),
        ({"a": "b"}, "must be a string or an array"),
    ],
)
def test_a_cursor_is_a_column_or_a_list_of_them(cursor: Any, said: str) -> None:
    (found,) = problems(with_table(cursor=cursor)).values()
    assert said in found.lower()


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_each_cursor_column_travels_as_it_is(name: str) -> None:
    cursor = ["a", "b", "c"]
    found = problems(with_table(cursor=cursor, exclude=[name]))
    assert list(found) == ["/tables/orders/exclude"]
    for setting in ({"protect": "mask"}, {"protect": "hash"}, {"type": "VARCHAR"}):
        found = problems(with_table(cursor=cursor, columns={name: setting}))
        assert list(found) == [f"/tables/orders/columns/{name}/{next(iter(setting))}"]


@pytest.mark.parametrize("letter", ["x", "\u00e9", "\u20ac"])
def test_k4_a_text_is_bounded_by_its_bytes(letter: str) -> None:
    """Values of 16 MB are unreliable in procedures, whatever their characters are."""
    said = problems(letter * (10_000_000 // len(letter.encode()) + 1))
    assert said == {"": "The text is longer than 10 MB."}


def test_a_name_that_stands_twice_is_refused() -> None:
    text = '{"version": 1, "sources": {"a": {}}, "tables": {}, "tables": {}}'
    assert '"tables"' in problems(text)[""]


@pytest.mark.parametrize("text", ["", "  ", "{", "[]", "null", "1", "[" * 100_000])
def test_texts_that_are_no_configuration_are_refused_plainly(text: str) -> None:
    assert list(problems(text)) == [""]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["version", "tables", "sources", "defaults", "cursor", "a"])
        | st.text(max_size=5),
        inner,
        max_size=4,
    ),
    max_leaves=20,
)


@given(json_values)
def test_no_input_makes_the_parser_fail_in_another_way(value: Any) -> None:
    try:
        parse.parse(json.dumps(value))
    except ConfigError as error:
        assert error.problems


def test_columns_reach_the_wire() -> None:
    columns = {
        "b": {"rename": "other", "type": "NUMBER(12, 2)"},
        "a": {"protect": "hash"},
    }
    (table,) = parse.parse(json.dumps(with_table(mode="full", columns=columns)))
    assert table.table_spec.columns == (
        ColumnSpec("a", protect="hash"),
        ColumnSpec("b", rename="OTHER", type="NUMBER(12,2)"),
    )
    assert TableSettings.from_json(table.to_json()) == table


WRONG_COLUMNS: list[tuple[dict[str, Any], str]] = [
    ({"a": {}}, "/a"),
    ({"a": {"protct": "hash"}}, "/a/protct"),
    ({"a": {"protect": "md5"}}, "/a/protect"),
    ({"a": {"type": "FLOAT"}}, "/a/type"),
    ({"a": {"type": "NUMBER(39,0)"}}, "/a/type"),
    ({"a": {"type": "NUMBER(5,6)"}}, "/a/type"),
    ({"a": {"type": "NUMBER(38,38)"}}, "/a/type"),
    ({"a": {"type": "VARCHAR(134217729)"}}, "/a/type"),
    ({"a": {"type": 'VARCHAR); DROP TABLE "x"'}}, "/a/type"),
    ({"a": {"type": "VARCHAR", "protect": "mask"}}, "/a/type"),
    ({"a": {"rename": "_sync_run_id"}}, "/a/rename"),
    ({"a": {"rename": "current_date"}}, "/a/rename"),
    ({"a": {"rename": "x"}, "b": {"rename": "X"}}, "/b/rename"),
    ({"c": {"type": "VARCHAR"}}, "/c/type"),
    ({"c": {"protect": "hash"}}, "/c/protect"),
    ({"k": {"protect": "mask"}}, "/k/protect"),
    ({"out": {"rename": "y"}}, "/out"),
    ({"gone": {"protect": "mask"}}, "/gone/protect"),
    ({"x" * 64: {"rename": "y"}}, "/" + "x" * 64),
]


@pytest.mark.parametrize(("columns", "place"), WRONG_COLUMNS)
def test_columns_that_cannot_be_are_refused(
    columns: dict[str, Any], place: str
) -> None:
    table = with_table(
        cursor="c",
        key=["k"],
        exclude=["out"],
        deletes="soft_column",
        delete_column="gone",
        columns=columns,
    )
    assert list(problems(table)) == [f"/tables/orders/columns{place}"]


def test_a_protected_column_is_another_origin_and_a_renamed_one_is_not() -> None:
    def origin(columns: dict[str, Any]) -> str:
        return parse.parse(json.dumps(with_table(columns=columns)))[0].origin

    plain = origin({})
    others = [{"protect": "hash"}, {"protect": "mask"}]
    assert len({plain, *(origin({"a": column}) for column in others)}) == 3
    assert origin({"a": {"type": "VARCHAR"}}) == plain
    # The target's column is renamed instead: no row has to be read again.
    assert origin({"a": {"rename": "x"}}) == plain


def test_s9_nan_switches_no_limit_off() -> None:
    """NaN is above no maximum; the breaker of deletes compares with it, too."""
    for name in ("NaN", "Infinity", "-Infinity"):
        text = json.dumps(with_table(deletes="key_compare", max_delete_percent=0))
        assert "is not JSON" in problems(text.replace(": 0}", f": {name}}}"))[""]
    text = json.dumps(with_table(deletes="key_compare", max_delete_percent=0))
    assert problems(text.replace(": 0}", ": 1e999}")) == {
        "/tables/orders/max_delete_percent": "Must be at most 100."
    }


def test_s9_a_whole_number_may_be_written_with_a_point() -> None:
    """JSON Schema calls 5.0 an integer; the wire refused it, sync after sync."""
    text = json.dumps(with_table(chunk_rows=7000)).replace("7000", "7e3")
    (table,) = parse.parse(text)
    assert type(table.limits.chunk_rows) is int
    assert table.limits.chunk_rows == 7000


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ({**SMALL, "tables": {"orders\n": {}}}, "/tables/orders\n"),
        (with_table(columns={"a": {"type": "VARCHAR\n"}}), None),
        ({**SMALL, "sources": {"shop": {"time_zone": "UTC\n"}}}, None),
    ],
)
def test_s9_a_line_feed_is_no_end_of_a_pattern(data: Any, pointer: str | None) -> None:
    (found,) = problems(data)
    assert pointer in (None, found)


@pytest.mark.parametrize(
    "settings",
    [
        {"target_schema": "ß" * 255},
        {"target_table": "ß" * 128},
        {"target_database": "ß" * 128},
        {"columns": {"a": {"rename": "ß" * 128}}},
    ],
)
def test_s9_names_are_measured_as_they_are_stored(settings: dict[str, Any]) -> None:
    """Their upper case is longer: a ValueError without a place before."""
    (sentence,) = problems(with_table(**settings)).values()
    assert sentence == "Must have at most 255 characters in upper case."
    assert parse.parse(json.dumps(with_table(target_table="ß" * 127)))


def test_s9_a_large_text_is_refused_in_time() -> None:
    """Both took hours for 10 MB: repeated names, and items of several types."""
    names = ",".join(f'"a{number % 99_999}": 1' for number in range(100_000))
    assert problems(f"{{{names}}}") == {"": 'These names stand twice: "a0".'}
    items = [[number] if number % 2 else number for number in range(20_000)]
    found = problems(with_table(exclude=items))
    assert found["/tables/orders/exclude"] == "Must have at most 1600 items."


def test_every_pattern_of_the_schema_means_the_whole_text() -> None:
    def patterns(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if isinstance(node.get("pattern"), str):
                yield node["pattern"]
            for value in node.values():
                yield from patterns(value)

    schema = json.loads(Path("config/sync_config.schema.json").read_text())
    found = list(patterns(schema))
    assert found and all(p[0] == "^" and p[-1] == "$" for p in found)


def test_u1_the_time_zone_of_a_source_exists() -> None:
    """U1: a slip in its name was found by the first sync, or by nobody."""
    for zone in ("Europe/Berln", "europe/berlin", "Europe", "+02"):
        data = {**SMALL, "sources": {"shop": {"time_zone": zone}}}
        assert set(problems(data)) == {"/sources/shop/time_zone"}
    for zone in ("UTC", "Europe/Berlin", "America/Argentina/Salta", "Etc/GMT+5"):
        parse.parse(json.dumps({**SMALL, "sources": {"shop": {"time_zone": zone}}}))


@pytest.mark.parametrize(("mode", "percent"), [("full", 50.0), ("incremental", 10.0)])
def test_how_many_rows_may_be_gone_if_nobody_says_so(mode: str, percent: float) -> None:
    cursor = {"cursor": "c"} if mode == "incremental" else {}
    (table,) = parse.parse(json.dumps(with_table(mode=mode, **cursor)))
    assert table.max_delete_percent == percent
    said = with_table(mode="full", max_delete_percent=3)
    (table,) = parse.parse(json.dumps(said))
    assert table.max_delete_percent == 3


@pytest.mark.parametrize("text", ["[]", "1", '"a"', "null"])
def test_a_text_that_is_no_object_is_refused(text: str) -> None:
    assert problems(text) == {"": "The text must be a JSON object, or YAML of one."}


def test_long_names_are_shown_in_part() -> None:
    name = "x" * 150
    said = problems(with_table(cursor="c", **{name: 1}))
    assert "x" * 101 not in json.dumps(said)
    twice = f'{{"{name}": 1, "{name}": 2}}'
    assert problems(twice)[""] == f'These names stand twice: "{"x" * 100}".'


@pytest.mark.parametrize(
    ("kind", "fits"),
    [
        ("NUMBER(38,37)", True),
        ("NUMBER(38,38)", False),
        ("NUMBER(39,0)", False),
        ("NUMBER(5,5)", True),
        ("NUMBER(5,6)", False),
        ("VARCHAR(134217728)", True),
        ("VARCHAR(134217729)", False),
    ],
)
def test_the_largest_types_that_snowflake_has(kind: str, fits: bool) -> None:
    config = with_table(cursor="c", columns={"a": {"type": kind}})
    if fits:
        (table,) = parse.parse(json.dumps(config))
        assert table.columns == (ColumnSpec("a", type=kind),)
    else:
        assert "/tables/orders/columns/a/type" in problems(config)


def test_u4_schema_rules_and_schedules_are_told_of_at_once() -> None:
    data = {
        "version": 1,
        "defaults": {"source": "shop", "target_schema": "sales"},
        "sources": {"shop": {"time_zone": "Europe/Berln"}},
        "groups": {"hourly": {"schedule": {"cron": "99 * * * *"}}},
        "tables": {
            "orders": {"cursor": "c", "curser": "d"},
            "items": {"mode": "incremental"},
            "people": {"mode": "full", "group": "hurly"},
        },
    }
    assert set(problems(data)) == {
        "/tables/orders/curser",
        "/sources/shop/time_zone",
        "/groups/hourly/schedule/cron",
        "/tables/items",
        "/tables/people/group",
    }


def test_u4_what_was_refused_is_not_called_missing() -> None:
    found = problems({**SMALL, "tables": {"orders": {"mode": "incremental"}}})
    assert set(found) == {"/tables/orders"}
    found = problems(with_table(mode="incremental", cursor=5))
    assert set(found) == {"/tables/orders/cursor"}
    found = problems({**SMALL, "defaults": {"source": 5, "target_schema": "s"}})
    assert set(found) == {"/defaults/source"}


def test_u10_a_schema_may_be_named_for_editors() -> None:
    named = {"$schema": "./sync_config.schema.json", **SMALL}
    assert parse.parse(json.dumps(named)) == parse.parse(json.dumps(SMALL))
