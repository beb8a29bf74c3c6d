"""Steps of the product that can be taken out: schedules have to find each of them."""

import contextlib
from collections.abc import Iterator
from typing import Any

from psycopg2 import sql

from lambda_extract import contract
from lambda_extract.changes import pgoutput, published, reread, settle, slots
from lambda_extract.source.database import Database

# Steps that can be taken out of the product; see `mutated`.
MUTANTS = (
    "no_identity",
    "old_key_only",
    "no_visibility_check",
    "confirm_early",
    "no_settle",
)
# What these hide are changes behind the log's back: they are part of the schedule.
RELOADING = ("no_identity", "no_settle")


@contextlib.contextmanager
def mutated(mutant: str) -> Iterator[None]:
    """Takes a step out of the product for the length of a `with` block."""
    places: dict[str, tuple[Any, str, Any]] = {
        "no_identity": (reread, "difference", lambda *_, **__: published.Difference()),
        "old_key_only": (
            pgoutput,
            "_both",
            lambda old, new: () if old is None else (old,),
        ),
        "no_visibility_check": (slots, "wait_until_visible", lambda *_, **__: None),
        "confirm_early": (slots, "peek", _peek_and_confirm(slots.peek)),
        "no_settle": (settle, "_has_ended", lambda *_: True),
    }
    if not mutant:
        yield
        return
    module, name, wrong = places[mutant]
    kept = getattr(module, name)
    setattr(module, name, wrong)
    try:
        yield
    finally:
        setattr(module, name, kept)


def _peek_and_confirm(peek: Any) -> Any:
    def wrong(database: Database, log: contract.LogSpec, upto: int, take: Any) -> None:
        peek(database, log, upto, take)
        database.rows_committed(
            sql.SQL("SELECT pg_replication_slot_advance({}, {}::pg_lsn)").format(
                sql.Literal(log.slot), sql.Literal(slots.lsn_text(upto))
            )
        )

    return wrong
