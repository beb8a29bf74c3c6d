"""What a target has beside its columns: applied once, kept in step, in no way."""

import dataclasses
from typing import Any

import pytest
from snowflake.snowpark import Row

from lambda_extract.contract import Bound, Column, ColumnComment
from lambda_extract.contract import Described, ExtractReply
from snowpark.columns import column as columns
from snowpark.columns import extras
from snowpark.columns.extras import Extras
from snowpark.columns.shape import Shape
from snowpark.groups import quiet
from snowpark.ledger.records import TableState
from snowpark.ledger.run import Run
from snowpark.load import extras as load_extras
from snowpark.load import extras_statements
from snowpark.load.extras import Difference
from snowpark.load.staging import Job
from snowpark.session import Snowflake
from snowpark.sync import increment
from tests.unit.snowpark.samples import COLUMNS, ID, NOTE, RUN_ID, UPDATED_AT
from tests.unit.snowpark.samples import cursor_value, reply, settings
from tests.unit.snowpark.scripted import (
    Scripted,
    Stop,
    aligned,
    described,
    replies,
    settled,
)

SAID = Described("Orders", (ColumnComment("note", "free text"),), key_enforced=True)
SENT = {"comment_on_table", "comment_on_columns", "count_shared_keys", "add_key"}
SENT |= {"drop_key", "allow_nulls", "set_tag", "unset_tag", "grant_select"}
SENT |= {"revoke_select", "cluster_by", "drop_clustering"}


def synced(found: TableState, said: Described | None, **answers: Any) -> Scripted:
    """Syncs a window with rows."""
    answers.setdefault("count_shared_keys", [Row(0)])
    return run(Scripted(extract=replies(window(said)), **answers), found)[0]


def run(session: Scripted, found: TableState) -> tuple[Scripted, Run]:
    """Runs an increment."""
    made = Run(RUN_ID, "orders", "2026-01-02T03:04:05+00:00")
    increment.run_increment(Snowflake(session), found, made)
    return session, made


def window(said: Described | None, **changes: Any) -> ExtractReply:
    """A window that moves the watermark."""
    bound = Bound(watermark=cursor_value(2))
    return reply(bound, described=said, position=cursor_value(2), **changes)


def sent(session: Scripted) -> list[str]:
    """The texts of what makes the target what it shall be."""
    return [" ".join(one.text.split()) for one in session.sent if one.name in SENT]


def after(found: TableState, session: Scripted, said: Described | None) -> TableState:
    """The table as the sync left it."""
    assert found.ledger is not None
    shape = found.shape
    for values in session.values("insert_shape"):
        shape = Shape.from_json(values[3])
    digest = columns.digest(COLUMNS, ("id",), 0, found.settings, said)
    ledger = dataclasses.replace(found.ledger, columns_sha256=digest)
    return dataclasses.replace(found, shape=shape, ledger=ledger)


def keyed(*names: str) -> list[Row]:
    """DESCRIBE TABLE of a target with a primary key."""
    return [
        Row(**(row.as_dict() | {"primary key": "Y" if row["name"] in names else "N"}))
        for row in described()
    ]


def test_comments_and_key_are_applied_once_and_then_nothing_is_sent() -> None:
    first = settled()
    session = synced(first, SAID)
    assert sent(session) == [
        'ALTER TABLE "SHOP"."ORDERS" SET COMMENT = \'Orders\'',
        'ALTER TABLE "SHOP"."ORDERS" ALTER COLUMN "NOTE" COMMENT \'free text\'',
        'SELECT COUNT(*) FROM ( SELECT 1 FROM "SHOP"."ORDERS" GROUP BY "ID"'
        " HAVING COUNT(*) > 1 LIMIT 1 )",
        'ALTER TABLE "SHOP"."ORDERS" ADD PRIMARY KEY ("ID") RELY',
    ]
    session.in_order("add_key", "begin", "merge", "insert_shape", "commit")
    known = after(first, session, SAID)
    assert known.shape.extras.key == ("ID",)
    again = synced(known, SAID, describe_target=keyed("ID"))
    assert sent(again) == [] and "insert_shape" not in again.names


def test_what_changes_in_the_source_changes_in_the_target() -> None:
    known = after(settled(), synced(settled(), SAID), SAID)
    other = Described("", (ColumnComment("id", "number"),), key_enforced=True)
    session = synced(known, other, describe_target=keyed("ID"))
    assert sent(session) == [
        'ALTER TABLE "SHOP"."ORDERS" SET COMMENT = \'\'',
        'ALTER TABLE "SHOP"."ORDERS" ALTER COLUMN "ID" COMMENT \'number\','
        ' COLUMN "NOTE" UNSET COMMENT',
    ]


def test_a_key_that_is_enforced_no_longer_is_relied_on_no_longer() -> None:
    known = after(settled(), synced(settled(), SAID), SAID)
    loose = dataclasses.replace(SAID, key_enforced=False)
    session = synced(known, loose, describe_target=keyed("ID"))
    assert sent(session) == [
        'ALTER TABLE "SHOP"."ORDERS" DROP PRIMARY KEY',
        'ALTER TABLE "SHOP"."ORDERS" ALTER COLUMN "ID" DROP NOT NULL',
    ]
    session.in_order("drop_key", "allow_nulls", "begin", "merge")
    assert after(known, session, loose).shape.extras.key == ()


def test_keys_that_rows_of_the_target_share_are_no_key() -> None:
    script = Scripted(extract=replies(window(SAID)), count_shared_keys=[Row(1)])
    session, made = run(script, settled())
    assert "add_key" not in session.names
    ((code, _, hint),) = made.tally.warnings
    assert code == "target_keys_shared" and "RESYNC_TABLE('orders')" in hint
    assert after(settled(), session, SAID).shape.unsettled


def test_somebody_elses_key_stays() -> None:
    session = synced(settled(), SAID, describe_target=keyed("NOTE"))
    assert not {"drop_key", "add_key"} & set(session.names)
    loose = dataclasses.replace(SAID, key_enforced=False)
    session = synced(settled(), loose, describe_target=keyed("ID"))
    assert "drop_key" not in session.names


def test_an_older_function_says_nothing_and_what_was_applied_stays() -> None:
    known = after(settled(), synced(settled(), SAID), SAID)
    session = synced(known, None, describe_target=keyed("ID"))
    assert sent(session) == []
    assert after(known, session, None).shape.extras == known.shape.extras


def test_readers_come_and_go() -> None:
    first = settled(readers=("ANALYST", "BOARD"))
    session = synced(first, None)
    assert sent(session) == [
        'GRANT SELECT ON TABLE "SHOP"."ORDERS" TO ROLE "ANALYST"',
        'GRANT SELECT ON TABLE "SHOP"."ORDERS" TO ROLE "BOARD"',
    ]
    known = after(first, session, None)
    fewer = dataclasses.replace(known, settings=settings(readers=("BOARD",)))
    assert sent(synced(fewer, None)) == [
        'REVOKE SELECT ON TABLE "SHOP"."ORDERS" FROM ROLE "ANALYST"'
    ]


def test_other_readers_are_granted_by_an_idle_sync() -> None:
    """Its digest is another one, so that even a group's run looks at the table."""
    known = after(settled(), synced(settled(), SAID), SAID)
    more = dataclasses.replace(known, settings=settings(readers=("ANALYST",)))
    idle = window(SAID, files=(), rows=0, bytes=0)
    session = Scripted(extract=replies(idle), describe_target=keyed("ID"))
    run(session, more)
    assert sent(session) == ['GRANT SELECT ON TABLE "SHOP"."ORDERS" TO ROLE "ANALYST"']
    before, now = quiet.known_columns(known), quiet.known_columns(more)
    assert before and now and before.target != now.target


def test_a_refusal_is_a_warning_and_the_next_sync_tries_again() -> None:
    first = settled(readers=("NOBODY",))
    stop = Stop("grant_select", number=2003)
    script = Scripted(stop, extract=replies(window(SAID)), count_shared_keys=[Row(0)])
    session, made = run(script, first)
    session.in_order("grant_select", "begin", "merge", "insert_watermark", "commit")
    ((code, message, _),) = made.tally.warnings
    assert code == "extras_not_applied" and "readers" in message
    known = after(first, session, SAID)
    assert known.shape.extras.failed == ("readers",) and known.shape.unsettled
    assert quiet.known_columns(known) is None
    again = synced(known, SAID, describe_target=keyed("ID"))
    assert sent(again) == ['GRANT SELECT ON TABLE "SHOP"."ORDERS" TO ROLE "NOBODY"']
    assert not after(known, again, SAID).shape.unsettled


def of(said: Described, *found: Column, key: str = "id", **changes: Any) -> Extras:
    """What a target of such columns shall have."""
    loaded = columns.load_columns(found or COLUMNS)
    return extras.wanted(settings(**changes), said, loaded, (key,), Extras())


@pytest.mark.parametrize(
    ("column", "changes", "arrives"),
    [
        (ID, {}, True),
        (ID, {"primary_key": False}, False),
        (ID, {"history": True}, False),
        (Column("id", "uuid", "VARCHAR(36)"), {}, True),
        (Column("id", "bytea", "BINARY(67108864)"), {}, True),
        # NaN and infinity become NULL.
        (Column("id", "numeric(10,0)", "NUMBER(10,0)"), {}, False),
        (Column("id", "date", "DATE"), {}, False),
        (Column("id", "date", "DATE"), {"special_values": "fail"}, True),
        (Column("id", "double precision", "FLOAT"), {"special_values": "fail"}, False),
        (Column("id", "jsonb", "VARIANT"), {"special_values": "fail"}, False),
        (Column("id", "text", "VARCHAR(64)", protection="hash:ab"), {}, True),
    ],
)
def test_which_keys_are_proven(
    column: Column, changes: dict[str, Any], arrives: bool
) -> None:
    assert of(SAID, column, UPDATED_AT, **changes).key == (("ID",) if arrives else ())


def test_a_protected_column_is_tagged_and_untagged() -> None:
    email = Column("email", "text", "VARCHAR(64)", protection="hash:c0ffee")
    card = Column("card", "text", "VARCHAR(64)", protection="mask")
    found = of(SAID, ID, email, card, protected_tag="GOV.TAGS.PII")
    assert found.tag == '"GOV"."TAGS"."PII"'
    assert found.tags == (("EMAIL", "hash"), ("CARD", "mask"))
    assert of(SAID, ID, email).tags == ()


def test_clustering_follows_a_renamed_column() -> None:
    note = Column("note", "text", "VARCHAR", target_name="REMARK")
    assert of(SAID, ID, note, cluster_by=("note", "gone")).cluster_by == ("REMARK",)


def test_what_was_applied_is_stored_and_older_shapes_are_read() -> None:
    shape = Shape(generation=3, route="r")
    assert "extras" not in shape.to_json()
    full = shape.with_extras(of(SAID, readers=("A",), protected_tag="A.B.C"))
    assert full.generation == 4 and full.with_extras(full.extras) is full
    assert Shape.from_json(full.to_json()) == full
    assert Shape.from_json(shape.to_json()).extras == Extras()


@pytest.mark.parametrize(
    ("said", "texts"),
    [
        (
            dataclasses.replace(SAID, comment="Other"),
            ["SET COMMENT = 'Other'"],
        ),
        (
            dataclasses.replace(SAID, columns=(ColumnComment("note", "other"),)),
            ["ALTER COLUMN \"NOTE\" COMMENT 'other'"],
        ),
    ],
)
def test_one_comment_that_changes_is_sent_alone(
    said: Described, texts: list[str]
) -> None:
    known = after(settled(), synced(settled(), SAID), SAID)
    session = synced(known, said, describe_target=keyed("ID"))
    assert sent(session) == [f'ALTER TABLE "SHOP"."ORDERS" {text}' for text in texts]


@pytest.mark.parametrize("history", [True, False])
@pytest.mark.parametrize("view", ["orders_now", None])
def test_readers_of_a_history_read_its_current_versions_as_well(
    history: bool, view: str | None
) -> None:
    found = settled(history=history, current_view=view, readers=("ANALYST",))
    job = Job(found.settings, RUN_ID)
    difference = Difference(
        job,
        aligned(found),
        Extras(readers=("BOARD",)),
        Extras(readers=("ANALYST",)),
        frozenset(),
        frozenset(),
    )
    texts = [statement.text for statement in load_extras._readers(difference)]
    places = [f"TABLE {found.settings.target}"]
    if history and view:
        places.append(f"VIEW {found.settings.current_view_name}")
    assert texts == [
        text
        for place in places
        for text in (
            f'REVOKE SELECT ON {place} FROM ROLE "BOARD"',
            f'GRANT SELECT ON {place} TO ROLE "ANALYST"',
        )
    ]


def test_a_target_that_is_clustered_no_longer_loses_its_clustering() -> None:
    first = settled(cluster_by=("note",))
    session = synced(first, None)
    assert sent(session) == ['ALTER TABLE "SHOP"."ORDERS" CLUSTER BY ("NOTE")']
    known = after(first, session, None)
    loose = dataclasses.replace(known, settings=settings())
    assert sent(synced(loose, None)) == [
        'ALTER TABLE "SHOP"."ORDERS" DROP CLUSTERING KEY'
    ]


@pytest.mark.parametrize(
    ("renames", "keyed_now"),
    [
        ((), {"ID"}),
        ((("ID", "NUMBER"),), {"NUMBER"}),
        ((("NOTE", "REMARK"),), {"ID"}),
        ((("ID", "TMP"), ("TMP", "ORDER_ID")), {"ORDER_ID"}),
    ],
)
def test_a_key_follows_its_column_to_another_name(
    renames: tuple[tuple[str, str], ...], keyed_now: set[str]
) -> None:
    found = dataclasses.replace(
        aligned(settled()), renames=renames, keyed=frozenset({"ID"})
    )
    assert load_extras._renamed(found) == keyed_now
    assert load_extras._renamed(dataclasses.replace(found, create=True)) == set()


@pytest.mark.parametrize(("number", "sizes"), [(200, [200]), (201, [200, 1])])
def test_many_comments_are_sent_some_at_a_time(number: int, sizes: list[int]) -> None:
    texts = {f"C{i}": "x" for i in range(number)}
    sent_now = list(extras_statements.comment_on_columns("T", texts))
    assert [one.text.count("COMMENT") for one in sent_now] == sizes


def test_a_key_is_proven_only_if_each_of_its_columns_is() -> None:
    """A half of it, relied on, would let an optimizer drop rows that differ."""
    loose = Column("at", "double precision", "FLOAT", nullable=False)
    loaded = columns.load_columns((ID, NOTE, loose))

    def key_of(*names: str) -> tuple[str, ...]:
        return extras.wanted(settings(), SAID, loaded, names, Extras()).key

    assert key_of("id", "note") == ("ID", "NOTE")
    assert key_of("id", "at") == key_of("at", "id") == ()
    assert key_of("id", "not_loaded") == ()


@pytest.mark.parametrize("comments", [True, False])
def test_comments_are_those_of_the_source_if_they_are_wanted(comments: bool) -> None:
    found = of(SAID, comments=comments)
    assert found.comment == ("Orders" if comments else "")
    assert found.comments == ((("NOTE", "free text"),) if comments else ())


def test_columns_without_a_comment_or_of_others_get_none() -> None:
    empty = dataclasses.replace(
        SAID, columns=(ColumnComment("note", ""), ColumnComment("id", "number"))
    )
    assert of(empty).comments == (("ID", "number"),)
    # A column that left the target since: nothing is taken away from nobody.
    before = Extras(comments=(("GONE", "x"), ("ID", "number"), ("NOTE", "y")))
    found = Difference(
        Job(settings(), RUN_ID),
        aligned(settled()),
        before,
        of(empty),
        frozenset({"ID", "NOTE"}),
        frozenset(),
    )
    *_, one = load_extras._comments(found)
    assert one.text.count("COLUMN") == 1 and '"NOTE" UNSET COMMENT' in one.text
