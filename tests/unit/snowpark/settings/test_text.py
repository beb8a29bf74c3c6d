"""A configuration may be written in JSON or in YAML, and says the same."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from snowpark.errors import ConfigError
from snowpark.settings import parse, text

YAML = """
version: 1  # of this format
defaults:
  source: shop
  target_schema: sales
sources:
  shop: {time_zone: UTC}
tables:
  orders:
    cursor: updated_at
    chunk_rows: 5000
    columns:
      "no": {rename: number}
      yes: {protect: mask}
  items: {mode: full}
"""


def refused(config: str) -> str:
    with pytest.raises(ConfigError) as caught:
        text.load(config)
    (problem,) = caught.value.problems
    return problem.message


def test_yaml_says_what_json_says() -> None:
    data = text.load(YAML)
    assert parse.parse(YAML) == parse.parse(json.dumps(data))
    assert data["tables"]["orders"]["chunk_rows"] == 5000
    assert set(data["tables"]["orders"]["columns"]) == {"no", "yes"}
    assert text.is_json(json.dumps(data)) and not text.is_json(YAML)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        ("0x1F", "0x1F"),
        ("true", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("7", 7),
        ("-7.5", -7.5),
        ("5.0", 5),
        ("'7'", "7"),
        ('"true"', "true"),
    ],
)
def test_only_what_json_has_is_no_text(written: str, meant: Any) -> None:
    found = text.load(f"a: {written}")["a"]
    assert found == meant and type(found) is type(meant)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("a: 1\na: 2", 'stand twice: "a"'),
        ("a: &x 1\nb: *x", "anchors"),
        ("a: [1", "line 1"),
        ("a: b: c", "neither JSON nor YAML"),
        ("just words", "must be a JSON object"),
        ("- a\n- b", "must be a JSON object"),
        ("a: 1\n---\nb: 2", "neither JSON nor YAML"),
        ("\ta: 1", "neither JSON nor YAML"),
        ("{", "is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("- " * 3_000, "nested too deeply"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(config: str, told: str) -> None:
    assert told in refused(config)


def test_no_tag_makes_an_object() -> None:
    found = text.load("a: !!python/object/apply:os.system ['true']")
    assert found == {"a": ["true"]}


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8),
        st.one_of(st.text(max_size=8), st.integers(), st.booleans(), st.none()),
        min_size=1,
        max_size=4,
    )
)
def test_what_a_program_writes_as_yaml_is_read_back(data: dict[str, Any]) -> None:
    assert text.load(yaml.safe_dump(data, default_flow_style=False)) == data


@pytest.mark.parametrize("broken", ["\ud800{}", '{"a": "\udfff"}', "a: \ud83d"])
def test_half_of_a_character_is_refused_in_words(broken: str) -> None:
    with pytest.raises(ConfigError, match="half of a character"):
        text.load(broken)


@pytest.mark.parametrize(
    "place, call",
    [
        (
            "@repo/branches/main/config/tables.json",
            "COPY FILES INTO @stage FROM @repo/branches/main/config/"
            " FILES = ('tables.json'); CALL APPLY_CONFIG(BUILD_SCOPED_FILE_URL(@stage,"
            " 'tables.json'));",
        ),
        (
            " @~/tables.yaml\n",
            "CALL APPLY_CONFIG(BUILD_SCOPED_FILE_URL(@stage, 'file.yaml'));",
        ),
        (
            "@a.b.c/d/e.yaml",
            "CALL APPLY_CONFIG(BUILD_SCOPED_FILE_URL(@a.b.c, 'd/e.yaml'));",
        ),
        (
            "@a/b'); DROP TABLE x; --",
            "CALL APPLY_CONFIG(BUILD_SCOPED_FILE_URL(@stage, 'file.yaml'));",
        ),
    ],
)
def test_for_the_place_of_a_file_the_call_that_reads_it_is_told(
    place: str, call: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        text.load(place)
    (problem,) = caught.value.problems
    assert problem.message.startswith("This is the place of a file")
    assert problem.message.endswith(f"only: {call}")
