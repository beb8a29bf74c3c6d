"""PURE: source columns: their names and types in Snowflake, and which types fit."""

import dataclasses
from dataclasses import dataclass

from lambda_extract.contract import Column, Described
from lambda_extract.contract_group import columns_digest
from snowpark.columns.types import _parse
from snowpark.errors import DriftError
from snowpark.names import column_name
from snowpark.settings.table import TableSettings
from snowpark.sql import quote

_LONGEST_TEXT = "VARCHAR(134217728)"


@dataclass(frozen=True)
class LoadColumn:
    """One column of a file on its way into the target.

    Attributes:
        source: As the wire describes it.
        name: Column of the staging table and of the target, not quoted.
        staging_type: Type in the staging table.
        expression: SQL over the staging table that gives the target's value.
        ignored: True if the policy keeps the column out of the target.
    """

    source: Column
    name: str
    staging_type: str
    expression: str
    ignored: bool = False

    @property
    def loaded(self) -> bool:
        """False for what stays behind in the staging table."""
        return self.source.role == "source" and not self.ignored

    def renamed(self, name: str) -> "LoadColumn":
        """Returns the column under another name in staging table and target."""
        _, expression = _staged(name, self.source.snowflake_type)
        return dataclasses.replace(self, name=name, expression=expression)

    def held_by(self, target_type: str) -> "LoadColumn":
        """Returns the column with its value cast to the target's type, if need be."""
        family = _parse(target_type).family
        if family == _parse(self.source.snowflake_type).family:
            return self
        expression = f"{self.expression}::{family}"
        return dataclasses.replace(self, expression=expression)


def digest(
    columns: tuple[Column, ...],
    key: tuple[str, ...],
    relation_id: int,
    settings: TableSettings,
    described: Described | None = None,
) -> str:
    """Returns the SHA-256 hex digest of all that shapes the target."""
    rules = (settings.schema_drift, settings.type_change, settings.deletes_softly)
    return columns_digest(
        columns,
        key,
        relation_id,
        target=settings.shaped_target,
        rules=rules,
        described=described,
    )


def load_columns(columns: tuple[Column, ...]) -> tuple[LoadColumn, ...]:
    """Returns how each column of a file is staged and transformed.

    Raises:
        DriftError: Two columns differ only in case, or a name cannot be used.
    """
    seen: dict[str, str] = {}
    result = []
    for column in columns:
        wanted = column.target_name or column.name
        name = column_name(wanted) if column.role == "source" else wanted
        if name in seen:
            raise DriftError(
                "column_collision",
                f"Source columns {quote(seen[name])} and {quote(column.name)} are both"
                f" {quote(name)} in Snowflake.",
            )
        seen[name] = column.name
        staging_type, expression = _staged(name, column.snowflake_type)
        result.append(LoadColumn(column, name, staging_type, expression))
    return tuple(result)


def _staged(name: str, snowflake_type: str) -> tuple[str, str]:
    quoted = quote(name)
    if snowflake_type == "VARIANT":
        # 'd': PostgreSQL's json may hold a key twice; the last one counts, as in jsonb.
        return _LONGEST_TEXT, f"PARSE_JSON({quoted}, 'd')"
    if snowflake_type in ("ARRAY", "OBJECT"):
        return _LONGEST_TEXT, f"PARSE_JSON({quoted}, 'd')::{snowflake_type}"
    if snowflake_type == "DECFLOAT":
        return "VARCHAR(100000)", f"{quoted}::DECFLOAT"
    return snowflake_type, quoted
