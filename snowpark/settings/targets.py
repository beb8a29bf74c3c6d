"""PURE: which targets the deployment declares; a configuration names no other ones.

The declaration is a view that SYNC_ADMIN owns: whoever applies configurations or
operates cannot change it (S5).
"""

import fnmatch
from dataclasses import dataclass

# Of the sync itself, or no place for tables in any database.
OWN_SCHEMAS = frozenset({"CONTROL", "STAGING", "INFORMATION_SCHEMA"})


@dataclass(frozen=True)
class Declared:
    """Where tables may be written.

    Attributes:
        database: The sync's own; upper case.
        patterns: DATABASE.SCHEMA each, upper case; `*` stands for any characters.
    """

    database: str
    patterns: tuple[str, ...]

    @classmethod
    def of(cls, database: object, patterns: object) -> "Declared":
        """Returns what the columns of SYNC_ALLOWED_TARGETS say."""
        listed = str(patterns or "").upper().split(",")
        return cls(str(database).upper(), tuple(p for p in listed if p))

    def refusal(self, database: str | None, schema: str) -> str:
        """Returns why a table may not be written there; empty: it may."""
        place = (database or self.database).upper()
        inside = schema.upper()
        if inside == "INFORMATION_SCHEMA" or (
            place == self.database and inside in OWN_SCHEMAS
        ):
            return f"Schema {inside} belongs to the sync itself."
        if any(_matches(pattern, place, inside) for pattern in self.patterns):
            return ""
        return (
            f"Schema {place}.{inside} is not among the targets that the deployment"
            f" declares ({', '.join(self.patterns) or 'none'})."
        )


def _matches(pattern: str, database: str, schema: str) -> bool:
    of_database, _, of_schema = pattern.partition(".")
    return fnmatch.fnmatchcase(database, of_database) and fnmatch.fnmatchcase(
        schema, of_schema
    )
