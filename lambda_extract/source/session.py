"""PURE: what holds in a session, whatever the code of a relation's owner does to it.

A plain SELECT runs code of others: functions of expression indexes at planning time, of
views and generated columns, output functions and casts. Such code runs as the reader
role. `default_transaction_read_only` and session settings do not bind it, because it
may change them. An explicit READ ONLY transaction cannot be made writable again (SET
TRANSACTION: not after the first query), SET LOCAL at its start takes back whatever an
earlier statement left in the session, and the end of a snapshot looks whether all of it
still holds.
"""

import functools
from collections.abc import Sequence

from lambda_extract.values import protect

READ_ONLY = "BEGIN READ ONLY"
SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

# As PostgreSQL itself writes them, so that they can be compared.
# row_security = off makes PostgreSQL refuse to read a table whose policies would hide
# rows from this role; the default would leave them out silently.
SETTINGS = {
    "lock_timeout": "10s",
    "datestyle": "ISO, MDY",
    "timezone": "UTC",
    "intervalstyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "xmlbinary": "base64",
    "row_security": "off",
    "search_path": "pg_catalog",
    # Conditions hold regular expressions, whose backslashes are meant.
    "standard_conforming_strings": "on",
    # A long scan would spend 0.1-0.5 s on compiling for nothing measurable.
    "jit": "off",
}


def login_options(budget_seconds: float, hash_key: str) -> str:
    """Returns the settings that are sent with the login: they cost no round trip.

    Args:
        hash_key: Hashes columns in this session; empty if none is hashed.
    """
    settings = SETTINGS | _limits(budget_seconds)
    if hash_key:
        settings |= protect.session_settings(hash_key)
    # A blank ends an option.
    return " ".join(
        f"-c {name}={value.replace(' ', '')}" for name, value in settings.items()
    )


def settings_again(left_seconds: float) -> str:
    """Returns the statements that make every setting hold in this transaction.

    Args:
        left_seconds: What is left of the budget; a statement ends within it.
    """
    # The role of the login, should a function have chosen another one.
    return f"RESET ROLE; {_always()}; {_local(_limits(left_seconds))}"


def time_limit(left_seconds: float) -> str:
    """Returns the statement that ends the next one within what is left."""
    limit = _limits(left_seconds)["statement_timeout"]
    return f"SET LOCAL statement_timeout = {limit}"


def read_settings() -> str:
    """Returns the query of all settings, for `changed_settings`."""
    values = ", ".join(f"pg_catalog.current_setting('{name}')" for name in SETTINGS)
    return f"SELECT {values}"


def changed_settings(values: Sequence[str]) -> tuple[str, ...]:
    """Returns the names of settings that are not what they were set to."""
    return tuple(
        name
        for (name, expected), value in zip(SETTINGS.items(), values, strict=True)
        if value != expected
    )


def _limits(seconds: float) -> dict[str, str]:
    milliseconds = str(int(seconds * 1000) or 1)
    return {
        "statement_timeout": milliseconds,
        "idle_in_transaction_session_timeout": milliseconds,
    }


@functools.cache
def _always() -> str:
    """Returns what is the same for every transaction."""
    return _local(SETTINGS)


def _local(settings: dict[str, str]) -> str:
    return "; ".join(
        f"SET LOCAL {name} = {value}" for name, value in _literals(settings)
    )


def _literals(settings: dict[str, str]) -> list[tuple[str, str]]:
    """A list (datestyle) has a literal for each item."""
    return [
        (name, ", ".join(f"'{item}'" for item in value.split(", ")))
        for name, value in settings.items()
    ]
