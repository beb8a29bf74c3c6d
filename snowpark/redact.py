"""PURE: what an error may repeat of Snowflake's text, which may quote a row.

Snowflake quotes what it could not load, and in many ways: "Numeric value 'x' is not
recognized", "Error parsing JSON: unknown keyword "x"", "Duplicate row detected during
DML action Row Values: [1, "x"]". A value may hold any quote itself, so nothing is cut
out of the text: of statements that touch rows, only what was known before is repeated.
That is the kind of the error in words of our own, its number, and where it happened.
"""

import re
from collections.abc import Collection

# Phrase of Snowflake, in lower case -> what is said. The first one found counts; a
# value that holds a phrase makes the words wrong, but is not repeated.
_KINDS = {
    "duplicate row detected": "several rows have the same key",
    "error parsing json": "a value is no JSON that Snowflake can hold",
    "failed to cast variant": "a value is not of its column's type",
    "is not recognized": "a value is not of its column's type",
    "too long and would be truncated": "a text is longer than its column",
    "length limit": "a text is longer than its column",
    "is out of range": "a number is out of its column's range",
    "out of representable range": "a number is out of its column's range",
    "non-nullable column": "a column that takes no NULL would get one",
    "number of columns in file": "a row has another number of columns",
    "invalid utf8": "a text is not UTF-8",
    "was not found": "a file of the manifest is not in the bucket any more",
    "access denied": "the bucket denied reading: check the storage integration's role",
}
_OTHER = "the query history has the reason"
# Errors that come from no row: of rights, names, warehouses and time. Their own words
# are told: missing object (2003, 2043), rights (3001), name (904), syntax (1003: values
# are bound), cancelled (604), no warehouse (606), locks (625), time-out (630).
_ROWLESS = frozenset({604, 606, 625, 630, 904, 1003, 2003, 2043, 3001})

# Snowflake's numbers of errors in data begin here.
_FIRST_OF_DATA = 100000

_FILE = re.compile(r"File '([^']+)'(?:, line (\d{1,15}), character (\d{1,15}))?")
_COLUMN = re.compile(r'Row (\d{1,15}), column ".*?"\["(.+?)":\d+\]')


def describe(number: int | None, text: str, known: Collection[str]) -> str:
    """Returns what an error says of a refused statement that touches rows.

    Args:
        number: Snowflake's error number.
        text: Snowflake's own words.
        known: Names of files and columns that may be repeated if the text has them.
    """
    if number in _ROWLESS:
        return text
    lowered = text.lower()
    kind = next((told for part, told in _KINDS.items() if part in lowered), _OTHER)
    return "; ".join([f"{kind} (error {number})", *_place(text, known)])


def is_about_rows(number: int | None) -> bool:
    """True if the same rows would be refused again."""
    return number is not None and number >= _FIRST_OF_DATA


def _place(text: str, known: Collection[str]) -> list[str]:
    """Where it happened. The last match counts: a quoted value stands before it."""
    place = []
    for path, line, character in _FILE.findall(text)[-1:]:
        # Snowflake names a file from the bucket's root, the manifest from the stage's.
        for name in known:
            if path == name or path.endswith(f"/{name}"):
                place.append(f"file {name}")
                if line:
                    place.append(f"line {line}, character {character}")
    for row, column in _COLUMN.findall(text)[-1:]:
        if column in known:
            place.append(f"row {row}, column {column}")
    return place
