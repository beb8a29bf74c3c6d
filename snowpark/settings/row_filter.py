"""PURE: the setting "where", checked and as the wire has it.

The structure is checked here and not in the schema, because it nests: the depth is
looked at before anything descends.
"""

from collections.abc import Iterator
from typing import Any

from lambda_extract.contract import FilterTerm

DEEPEST = 8
MOST_CONDITIONS = 100
MOST_VALUES = 1_000
LONGEST_VALUE = 1_000
LONGEST_NAME = 63
# Above it, JSON readers differ in what a number is.
_LARGEST_NUMBER = 2**53
ONE_VALUE = ("=", "!=", "<", "<=", ">", ">=")
MANY_VALUES = ("in", "not in")
NO_VALUE = ("is null", "is not null")
_OPERATORS = (*ONE_VALUE, *MANY_VALUES, *NO_VALUE)

# A place below "where", and a plain sentence.
Found = tuple[tuple[str | int, ...], str]


def problems(where: Any) -> Iterator[Found]:
    """Finds what is wrong with a table's "where"."""
    found = list(_problems(where, (), 1))
    yield from found
    if found:
        return
    wire = terms(where)
    if len(wire) > MOST_CONDITIONS:
        yield (), f"Has more than {MOST_CONDITIONS} conditions."
    if sum(len(term.values) for term in wire) > MOST_VALUES:
        yield (), f"Has more than {MOST_VALUES} values."


def columns(where: Any) -> set[str]:
    """Returns the columns that a correct "where" compares."""
    return {term.column for term in terms(where) if term.column}


def terms(where: Any) -> tuple[FilterTerm, ...]:
    """Returns a correct "where" as the wire has it: operands before their operator."""
    if "column" in where:
        return (_comparison(where),)
    ((joint, inner),) = where.items()
    if joint == "not":
        return (*terms(inner), FilterTerm("not"))
    operands = [term for each in inner for term in terms(each)]
    return (*operands, FilterTerm(joint, operands=len(inner)))


def _comparison(where: dict[str, Any]) -> FilterTerm:
    values = where.get("values", [where["value"]] if "value" in where else [])
    return FilterTerm(where["operator"], where["column"], tuple(map(_text, values)))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _problems(where: Any, place: tuple[str | int, ...], depth: int) -> Iterator[Found]:
    if depth > DEEPEST:
        yield place, f"Is nested more than {DEEPEST} deep."
    elif not isinstance(where, dict):
        yield place, "Must be an object."
    elif "column" in where or "operator" in where:
        yield from _comparison_problems(where, place)
    elif len(where) != 1 or not set(where) <= {"and", "or", "not"}:
        yield place, (
            'Must be a comparison ("column", "operator", "value"), or one of "and",'
            ' "or", "not".'
        )
    elif "not" in where:
        yield from _problems(where["not"], (*place, "not"), depth + 1)
    else:
        ((joint, inner),) = where.items()
        if not isinstance(inner, list) or not 1 <= len(inner) <= MOST_CONDITIONS:
            yield (*place, joint), f"Must be a list of 1 to {MOST_CONDITIONS} items."
            return
        for number, each in enumerate(inner):
            yield from _problems(each, (*place, joint, number), depth + 1)


def _comparison_problems(
    where: dict[str, Any], place: tuple[str | int, ...]
) -> Iterator[Found]:
    column, operator = where.get("column"), where.get("operator")
    if not isinstance(column, str) or not 1 <= len(column) <= LONGEST_NAME:
        yield (*place, "column"), "Must be the name of a PostgreSQL column."
    if operator not in _OPERATORS:
        yield (*place, "operator"), f"Must be one of: {', '.join(_OPERATORS)}."
        return
    wanted = None
    if operator in ONE_VALUE:
        wanted = "value"
    elif operator in MANY_VALUES:
        wanted = "values"
    allowed = {"column", "operator", *([wanted] if wanted else [])}
    for name in sorted(set(where) - allowed):
        yield place, f'"{name[:60]}" has no meaning for "{operator}".'
    if wanted and wanted not in where:
        yield place, f'"{operator}" needs "{wanted}".'
    elif wanted == "value":
        yield from _value_problems(where["value"], (*place, "value"))
    elif wanted:
        yield from _list_problems(where["values"], (*place, "values"))


def _list_problems(values: Any, place: tuple[str | int, ...]) -> Iterator[Found]:
    if not isinstance(values, list) or not 1 <= len(values) <= MOST_VALUES:
        yield place, f"Must be a list of 1 to {MOST_VALUES} values."
        return
    for number, value in enumerate(values):
        yield from _value_problems(value, (*place, number))


def _value_problems(value: Any, place: tuple[str | int, ...]) -> Iterator[Found]:
    if value is None:
        yield place, 'Is never equal to anything: use "is null" or "is not null".'
    elif isinstance(value, str):
        if len(value) > LONGEST_VALUE:
            yield place, f"Must have at most {LONGEST_VALUE} characters."
        elif "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
            yield place, "Holds a character that no PostgreSQL text has."
    elif isinstance(value, float) or (
        isinstance(value, int) and abs(value) > _LARGEST_NUMBER
    ):
        yield place, "Write a fraction, or a number above 2^53, as text."
    elif not isinstance(value, int):
        yield place, "Must be a text, a whole number, true or false."
