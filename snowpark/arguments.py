"""PURE: what a call is given, checked in one place: a line for each argument."""

from decimal import Decimal

from snowpark.errors import UsageError

_TABLE = "Pass the name of a configured table."
_GROUP = "Pass the name of a configured group."
_MOST_NAMES = 1000
_SOURCE = "Pass the name of a configured source."


def table_name(value: object) -> str:
    """Returns the name of a table as it is stored.

    Raises:
        UsageError: "invalid_argument": no text, or an empty one.
    """
    return _name(value, "table", _TABLE)


def group_name(value: object) -> str:
    """Returns the name of a group as it is stored.

    Raises:
        UsageError: "invalid_argument": no text, or an empty one.
    """
    return _name(value, "group", _GROUP)


def source_name(value: object) -> str:
    """Returns the name of a source in lower case.

    Raises:
        UsageError: "invalid_argument": no text, or an empty one.
    """
    return _name(value, "source", _SOURCE)


def text_or_null(value: object, name: str, *, longest: int, hint: str) -> str | None:
    """Returns an optional text that has to say something if it is given.

    Args:
        name: As the call names it.
        longest: Characters that it may have.

    Raises:
        UsageError: "invalid_argument": no text, a blank or a too long one.
    """
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        raise UsageError(
            "invalid_argument", f'"{name}" is empty, too long or not a text.', hint=hint
        )
    return value


def names(value: object, what: str) -> tuple[str, ...]:
    """Returns one or several texts, none of them twice.

    Raises:
        UsageError: "invalid_argument": no text, none at all, or too many.
    """
    found = [value] if isinstance(value, str) else value
    if (
        not isinstance(found, list)
        or not 0 < len(found) <= _MOST_NAMES
        or not all(isinstance(one, str) and one.strip() for one in found)
    ):
        raise UsageError(
            "invalid_argument",
            f"The {what} are no list of 1 to {_MOST_NAMES} texts.",
            hint=f"Pass one text, or a list such as ['first', 'second'] of {what}.",
        )
    return tuple(dict.fromkeys(one.strip() for one in found))


def flag(value: object, name: str) -> bool:
    """Returns TRUE or FALSE.

    Raises:
        UsageError: "invalid_argument": neither of them.
    """
    if not isinstance(value, bool):
        raise UsageError(
            "invalid_argument",
            f'"{name}" is not TRUE or FALSE.',
            hint="Pass TRUE or FALSE.",
        )
    return value


def number(value: object, name: str) -> int:
    """Returns a whole number from 1.

    Args:
        name: As the call names it.

    Raises:
        UsageError: "invalid_argument": no such number.
    """
    # docs: Python data types: NUMBER arrives as int or Decimal.
    given = value if isinstance(value, int | Decimal) else None
    if given is not None and not isinstance(given, bool):
        if given >= 1 and given % 1 == 0:
            return int(given)
    raise UsageError(
        "invalid_argument",
        f'"{name}" is no whole number from 1.',
        hint="Pass a whole number.",
    )


def _name(value: object, kind: str, hint: str) -> str:
    name = " ".join(value.split()).lower() if isinstance(value, str) else ""
    if not name:
        raise UsageError(
            "invalid_argument", f"The {kind} name is empty or not a text.", hint=hint
        )
    return name
