"""PURE: the SQL texts of what a target has beside its columns and rows.

Tested against tests/golden/*/*.sql.
"""

from collections.abc import Iterator, Mapping, Sequence

from snowpark.sql import Statement, literal, quote

_COLUMNS_PER_STATEMENT = 200


def comment_on_table(target: str, text: str) -> Statement:
    """Gives a table a comment; an empty one takes it away."""
    return Statement(f"ALTER TABLE {target} SET COMMENT = {literal(text)}")


def comment_on_columns(target: str, texts: Mapping[str, str]) -> Iterator[Statement]:
    """Gives columns their comments, some hundred at a time; empty: takes it away."""
    actions = [
        (
            f"COLUMN {quote(name)} COMMENT {literal(text)}"
            if text
            else f"COLUMN {quote(name)} UNSET COMMENT"
        )
        for name, text in texts.items()
    ]
    for first in range(0, len(actions), _COLUMNS_PER_STATEMENT):
        listed = ",\n    ".join(actions[first : first + _COLUMNS_PER_STATEMENT])
        yield Statement(f"ALTER TABLE {target} ALTER\n    {listed}")


def count_shared_keys(target: str, key: Sequence[str]) -> Statement:
    """Says whether rows of a target share their key: 1 if they do."""
    names = ", ".join(quote(name) for name in key)
    return Statement(f"""\
SELECT COUNT(*)
FROM (
    SELECT 1
    FROM {target}
    GROUP BY {names}
    HAVING COUNT(*) > 1
    LIMIT 1
)""")


def add_key(target: str, key: Sequence[str]) -> Statement:
    """Declares the key, and that the optimizer may rely on it."""
    names = ", ".join(quote(name) for name in key)
    return Statement(f"ALTER TABLE {target} ADD PRIMARY KEY ({names}) RELY")


def drop_key(target: str) -> Statement:
    """Takes the declaration of the key away."""
    return Statement(f"ALTER TABLE {target} DROP PRIMARY KEY")


def allow_nulls(target: str, columns: Sequence[str]) -> Statement:
    """Lets columns be NULL again that were in the key: a key implies NOT NULL."""
    listed = ",\n    ".join(f"COLUMN {quote(name)} DROP NOT NULL" for name in columns)
    return Statement(f"ALTER TABLE {target} ALTER\n    {listed}")


def set_tag(target: str, column: str, tag: str, value: str) -> Statement:
    """Says by a tag how a column is protected."""
    return Statement(
        f"ALTER TABLE {target} MODIFY COLUMN {quote(column)}"
        f" SET TAG {tag} = {literal(value)}"
    )


def unset_tag(target: str, column: str, tag: str) -> Statement:
    """Takes the tag of a column away."""
    return Statement(
        f"ALTER TABLE {target} MODIFY COLUMN {quote(column)} UNSET TAG {tag}"
    )


def grant_select(kind: str, name: str, role: str) -> Statement:
    """Lets a role read a table or view."""
    return Statement(f"GRANT SELECT ON {kind} {name} TO ROLE {quote(role)}")


def revoke_select(kind: str, name: str, role: str) -> Statement:
    """Lets a role read a table or view no longer."""
    return Statement(f"REVOKE SELECT ON {kind} {name} FROM ROLE {quote(role)}")


def cluster_by(target: str, columns: Sequence[str]) -> Statement:
    """Keeps the rows of a target in this order."""
    names = ", ".join(quote(name) for name in columns)
    return Statement(f"ALTER TABLE {target} CLUSTER BY ({names})")


def drop_clustering(target: str) -> Statement:
    """Keeps the rows of a target in no order any more."""
    return Statement(f"ALTER TABLE {target} DROP CLUSTERING KEY")
