"""What a target has beside its columns and rows is brought up to date.

Nothing is sent if it is what was applied last. What Snowflake refuses stops no rows: it
is a warning of the run, and tried again by the next one.
"""

import dataclasses
from collections.abc import Callable, Iterator

from lambda_extract.contract import Described
from snowpark.columns import extras
from snowpark.columns.alignment import Alignment
from snowpark.columns.extras import Extras, Part
from snowpark.errors import SnowflakeError
from snowpark.ledger.run import Run
from snowpark.load import extras_statements as statements
from snowpark.load.staging import Job
from snowpark.session import Snowflake
from snowpark.sql import Statement

_PARTS: tuple[Part, ...] = ("comments", "key", "tags", "readers", "cluster_by")
_FIELDS: dict[Part, tuple[str, ...]] = {
    "comments": ("comment", "comments"),
    "key": ("key",),
    "tags": ("tag", "tags"),
    "readers": ("readers",),
    "cluster_by": ("cluster_by",),
}


@dataclasses.dataclass(frozen=True)
class Difference:
    """What a target has and what it shall have.

    Attributes:
        columns: That the target has: nothing is taken away from others.
        keyed: Columns of the primary key that the target has, whoever declared it.
    """

    job: Job
    aligned: Alignment
    before: Extras
    after: Extras
    columns: frozenset[str]
    keyed: frozenset[str]

    @property
    def target(self) -> str:
        """Quoted name of the target."""
        return self.job.settings.target


def apply(
    snowflake: Snowflake,
    run: Run,
    job: Job,
    described: Described | None,
    key: tuple[str, ...],
    aligned: Alignment,
) -> Alignment:
    """Gives the target what it shall have; returns the alignment that says so.

    It runs before the transaction: DDL commits by itself.

    Args:
        key: Source columns.
        aligned: As it was carried out.
    """
    known = aligned.shape.extras
    anew = aligned.create or job.rebuild
    before = Extras(key=known.key) if anew else known
    after = extras.wanted(job.settings, described, aligned.columns, key, known)
    keyed = _renamed(aligned)
    columns = frozenset(c.target for c in aligned.shape.columns if c.target)
    difference = Difference(job, aligned, before, after, columns, keyed)
    failed: list[Part] = []
    for part in _PARTS:
        try:
            if not _apply_part(snowflake, run, part, difference):
                failed.append(part)
        except SnowflakeError as error:
            failed.append(part)
            _warn(run, part, error)
    old = {f: getattr(before, f) for part in failed for f in _FIELDS[part]}
    done = dataclasses.replace(after, **old, failed=tuple(failed))
    others = keyed - frozenset(before.key)
    now = others if "key" in failed else frozenset(done.key) or others
    return dataclasses.replace(
        aligned, shape=aligned.shape.with_extras(done), keyed=now
    )


def _renamed(aligned: Alignment) -> frozenset[str]:
    """Returns the columns of the target's key under their present names."""
    names = set() if aligned.create else set(aligned.keyed)
    for old, new in aligned.renames:
        if old in names:
            names = (names - {old}) | {new}
    return frozenset(names)


def _apply_part(snowflake: Snowflake, run: Run, part: Part, found: Difference) -> bool:
    """Brings one part up to date; False: the next sync has to come back to it."""
    if part == "key":
        return _apply_key(snowflake, run, found)
    fields = _FIELDS[part]
    if all(getattr(found.before, f) == getattr(found.after, f) for f in fields):
        return True
    named = [*found.after.readers, *found.before.readers, found.after.tag]
    for statement in _STEPS[part](found):
        snowflake.run(statement, tell_only=[name for name in named if name])
    return True


def _comments(found: Difference) -> Iterator[Statement]:
    before, after = dict(found.before.comments), dict(found.after.comments)
    if found.before.comment != found.after.comment:
        yield statements.comment_on_table(found.target, found.after.comment)
    texts = {
        name: after.get(name, "")
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name) and name in found.columns
    }
    yield from statements.comment_on_columns(found.target, texts)


def _tags(found: Difference) -> Iterator[Statement]:
    before, after = dict(found.before.tags), dict(found.after.tags)
    other = found.before.tag != found.after.tag
    for name in sorted(before):
        if name in found.columns and (other or name not in after):
            yield statements.unset_tag(found.target, name, found.before.tag)
    for name, value in sorted(after.items()):
        if other or before.get(name) != value:
            yield statements.set_tag(found.target, name, found.after.tag, value)


def _readers(found: Difference) -> Iterator[Statement]:
    settings = found.job.settings
    places = [("TABLE", settings.target)]
    if settings.history and settings.current_view:
        places.append(("VIEW", settings.current_view_name))
    for kind, name in places:
        for role in found.before.readers:
            if role not in found.after.readers:
                yield statements.revoke_select(kind, name, role)
        for role in found.after.readers:
            if role not in found.before.readers:
                yield statements.grant_select(kind, name, role)


def _clustering(found: Difference) -> Iterator[Statement]:
    if found.after.cluster_by:
        yield statements.cluster_by(found.target, found.after.cluster_by)
    else:
        yield statements.drop_clustering(found.target)


_STEPS: dict[Part, Callable[[Difference], Iterator[Statement]]] = {
    "comments": _comments,
    "tags": _tags,
    "readers": _readers,
    "cluster_by": _clustering,
}


def _apply_key(snowflake: Snowflake, run: Run, found: Difference) -> bool:
    """Declares a proven key, and takes away what is proven no longer.

    Rows that are there already were perhaps loaded before PostgreSQL enforced the key,
    so they are counted once. If all rows are about to be replaced by rows with another
    key, neither is true of all that readers see: the next sync declares the new one.
    A key that somebody else declared stays as it is.
    """
    wanted, ours = frozenset(found.after.key), frozenset(found.before.key)
    if found.keyed == wanted:
        return True
    dropped = bool(found.keyed) and found.keyed == ours
    if found.keyed and not dropped:
        return not wanted
    if dropped:
        snowflake.run(statements.drop_key(found.target), tell_only=())
        columns = sorted(found.keyed & found.columns)
        snowflake.run(statements.allow_nulls(found.target, columns), tell_only=())
    if not wanted:
        return True
    if dropped and found.job.reload:
        return False
    if not found.aligned.create and _is_shared(snowflake, found):
        run.warn(
            "target_keys_shared",
            f"Rows of {found.target} share their key, though PostgreSQL enforces it.",
            f"CALL RESYNC_TABLE('{found.job.settings.name}'); until then the target"
            " has no PRIMARY KEY.",
        )
        return False
    snowflake.run(statements.add_key(found.target, found.after.key), tell_only=())
    return True


def _is_shared(snowflake: Snowflake, found: Difference) -> bool:
    statement = statements.count_shared_keys(found.target, found.after.key)
    (row,) = snowflake.run(statement, tell_only=())
    return int(row[0]) > 0


_WHAT: dict[Part, str] = {
    "comments": "its comments",
    "key": "its PRIMARY KEY",
    "tags": "the tags of its protected columns",
    "readers": "the SELECT of its readers",
    "cluster_by": "its clustering",
}
_HINTS: dict[Part, str] = {
    "tags": "GRANT APPLY ON TAG ... TO ROLE of the sync; the tag has to exist.",
    "readers": "The roles have to exist; in a schema with managed access its owner has"
    " to grant.",
}


def _warn(run: Run, part: Part, error: SnowflakeError) -> None:
    run.warn(
        "extras_not_applied",
        f"The rows are right, but the target lacks {_WHAT[part]}: {error.message}",
        f"{_HINTS.get(part, 'See the message.')} The next sync tries it again.",
    )
