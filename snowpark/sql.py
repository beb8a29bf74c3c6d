"""PURE: SQL text: a statement with its values, and the one place that quotes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Statement:
    """SQL text and the values bound to its question marks."""

    text: str
    params: tuple[str | int | float | bool | None, ...] = ()


def quote(name: str) -> str:
    """Returns the name as a quoted identifier, exactly as it is.

    Raises:
        ValueError: Empty, longer than 255 characters, or with a NUL character.
    """
    if not 0 < len(name) <= 255 or "\0" in name:
        raise ValueError("an identifier has 1 to 255 characters and no NUL")
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Returns the text as a string literal, for statements that take no bound values.

    Raises:
        ValueError: It has a NUL character.
    """
    if "\0" in text:
        raise ValueError("a literal has no NUL")
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def qualified(*names: str | None) -> str:
    """Returns the quoted names joined by dots; None is left out."""
    return ".".join(quote(name) for name in names if name is not None)


BEGIN = Statement("BEGIN")


COMMIT = Statement("COMMIT")


ROLLBACK = Statement("ROLLBACK")
