"""DBT_SOURCES: the targets as the sources of a dbt project."""

from collections.abc import Iterator

from snowpark.columns.shape import Shape
from snowpark.ledger import statements as ledger_statements
from snowpark.session import Snowflake
from snowpark.settings import groups as settings_groups
from snowpark.settings.table import TableSettings
from snowpark.settings.targets import Declared
from snowpark.worksheet import dbt_text, statements
from snowpark.worksheet.dbt_text import Source


def dbt_sources(snowflake: Snowflake) -> str:
    """Returns the text of a sources.yml; changes nothing.

    Raises:
        SnowflakeError: Snowflake refused a statement.
    """
    (row,) = snowflake.run(ledger_statements.read_declared_targets())
    own = Declared.of(row["OWN_DATABASE"], row["ALLOWED_TARGETS"]).database
    config = snowflake.run(ledger_statements.read_config_text())
    groups = settings_groups.scheduled_groups(str(config[0][0])) if config else ()
    rows = snowflake.run_list(statements.read_tables_and_shapes())
    found = [
        (TableSettings.from_json(str(one["SETTINGS"])), one["SHAPE"]) for one in rows
    ]
    return dbt_text.text(list(_sources(snowflake, found, own)), groups, own)


def _sources(
    snowflake: Snowflake, found: list[tuple[TableSettings, str | None]], own: str
) -> Iterator[Source]:
    places = [Source(settings).place(own) for settings, _ in found]
    comments: dict[tuple[str, ...], str] = {}
    for database in sorted({place[0] for place in places}):
        schemas = sorted({place[1] for place in places if place[0] == database})
        for row in snowflake.run_list(statements.read_comments(database, schemas)):
            at = (database, row["TABLE_SCHEMA"], row["TABLE_NAME"], row["COLUMN_NAME"])
            comments[at] = str(row["COMMENT"])
    of_columns: dict[tuple[str, ...], dict[str, str]] = {}
    for (*target, column), said in comments.items():
        of_columns.setdefault(tuple(target), {})[column] = said
    for (settings, shape), place in zip(found, places, strict=True):
        columns = dict(of_columns.get(place, {}))
        yield Source(
            settings=settings,
            key=_key(settings, shape),
            comment=columns.pop("", ""),
            comments=columns,
        )


def _key(settings: TableSettings, shape: str | None) -> tuple[str, ...]:
    """Returns the key of the last sync; of another target it says nothing."""
    return Shape.from_json(shape).of(settings.route).key_targets if shape else ()
