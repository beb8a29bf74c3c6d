"""PURE: what a call is given, checked in one place: a line for each argument."""

from snowpark.errors import UsageError

_TABLE = "Pass the name of a configured table."
_GROUP = "Pass the name of a configured group."
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


def _name(value: object, kind: str, hint: str) -> str:
    name = " ".join(value.split()).lower() if isinstance(value, str) else ""
    if not name:
        raise UsageError(
            "invalid_argument", f"The {kind} name is empty or not a text.", hint=hint
        )
    return name
