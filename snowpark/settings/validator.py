"""PURE: how Python checks the configuration's JSON Schema, where it has to be stricter.

The schema is written for all of its readers, editors too. Here is what the library does
otherwise than ECMA-262 or slowly, and one keyword of our own.
"""

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, ValidationError, validators

_PATTERN = Draft202012Validator.VALIDATORS["pattern"]
_UNIQUE_ITEMS = Draft202012Validator.VALIDATORS["uniqueItems"]

# What a check finds; for annotations elsewhere.
Violation = ValidationError
Errors = Iterator[ValidationError]


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Errors:
    """In ECMA-262 `$` is the end of a text; in Python a line feed may follow it."""
    if pattern.endswith("$"):
        pattern = pattern[:-1] + r"\Z"
    yield from _PATTERN(validator, pattern, value, schema) or ()


def _unique_items(validator: Any, unique: bool, value: Any, schema: Any) -> Errors:
    """Compares items of several types with each other, so no more than are allowed."""
    if isinstance(value, list) and len(value) <= schema.get("maxItems", len(value)):
        yield from _UNIQUE_ITEMS(validator, unique, value, schema) or ()


def _longest_in_upper_case(
    validator: Any, limit: int, value: Any, schema: Any
) -> Errors:
    """Names are stored in upper case, in which some letters are two or three."""
    too_long = isinstance(value, str) and len(value.upper()) > limit
    if too_long and len(value) <= schema.get("maxLength", limit):
        yield ValidationError(f"longer than {limit} characters in upper case")


VALIDATOR = validators.extend(
    Draft202012Validator,
    {
        "pattern": _pattern,
        "uniqueItems": _unique_items,
        "maxLengthInUpperCase": _longest_in_upper_case,
    },
)
