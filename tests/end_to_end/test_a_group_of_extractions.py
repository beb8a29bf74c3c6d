"""One job for many tables: its workers, and what becomes of those that are killed."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg2.extensions
import pytest

from lambda_extract import contract
from tests.end_to_end import test_extract_jobs
from tests.end_to_end.test_extract_jobs import BUCKET, PREFIX, Cloud, cloud, source

__all__ = ["cloud", "source"]

pytestmark = pytest.mark.large


@pytest.fixture
def group(
    cloud: Cloud, source: psycopg2.extensions.connection
) -> Iterator[contract.GroupRequest]:
    """Six tables of as many rows as their number says."""
    names = [f"t{i}_{uuid.uuid4().hex[:8]}" for i in range(6)]
    with source.cursor() as cursor:
        for rows, name in enumerate(names):
            cursor.execute(f"""
                CREATE TABLE {name} (
                    id bigint PRIMARY KEY, updated_at timestamptz NOT NULL
                );
                INSERT INTO {name} SELECT i, now() - interval '1 hour'
                FROM generate_series(1, {rows}) AS i
                """)
    yield contract.GroupRequest(
        run_id=uuid.uuid4().hex,
        parts=tuple(
            contract.GroupPart(
                contract.TableSpec(name, "shop", "public", name),
                "w1",
                cursor=contract.CursorSpec("updated_at"),
                window=contract.Window(),
            )
            for name in names
        ),
        max_parallel=3,
    )
    with source.cursor() as cursor:
        cursor.execute("DROP TABLE " + ", ".join(names))


def answered(reply: contract.Reply) -> contract.GroupReply:
    assert isinstance(reply, contract.GroupReply), reply
    for part in reply.parts:
        print(part.number, part.error)  # Why rows are missing, if they are.
    return reply


def rows(reply: contract.GroupReply) -> dict[int, int]:
    return {part.number: part.reply.rows for part in reply.parts if part.reply}


def events(
    cloud: Cloud, group: contract.GroupRequest, name: str
) -> list[dict[str, Any]]:
    return [
        event
        for event in cloud.events()
        if event["event"] == name and event.get("run_id") == group.run_id
    ]


def test_many_tables_are_one_job_of_few_workers(
    cloud: Cloud, group: contract.GroupRequest
) -> None:
    reply = answered(cloud.call(group))
    assert rows(reply) == {i: i for i in range(6)} and reply.left == ()
    for part in reply.parts:
        assert part.reply is not None
        for file in part.reply.files:
            cloud.s3.head_object(Bucket=BUCKET, Key=PREFIX + file.path)
    # Two may be done with everything before the third has begun: it comes all the same.
    end = time.monotonic() + 30
    while len(events(cloud, group, "worker_started")) < 3:
        assert time.monotonic() < end, "a worker was not started"
        time.sleep(0.05)
    assert len(events(cloud, group, "worker_started")) == 3
    assert len(events(cloud, group, "part_done")) == 6


def test_a_bad_table_of_a_group_fails_alone(
    cloud: Cloud, group: contract.GroupRequest, source: psycopg2.extensions.connection
) -> None:
    gone = replace(
        group.parts[2], table=replace(group.parts[2].table, relation="there_is_none")
    )
    parts = (*group.parts[:2], gone, *group.parts[3:])
    reply = answered(cloud.call(replace(group, parts=parts)))
    assert rows(reply) == {i: i for i in (0, 1, 3, 4, 5)}
    error = reply.parts[2].error
    assert error is not None and error.code == "table_not_found"


def test_events_that_are_delivered_twice_extract_each_table_once(
    cloud: Cloud, group: contract.GroupRequest
) -> None:
    cloud.faults(duplicate_events=3)
    assert rows(answered(cloud.call(group))) == {i: i for i in range(6)}
    assert len(events(cloud, group, "part_done")) == 6


def test_workers_that_never_start_leave_their_tables_to_the_others(
    cloud: Cloud, group: contract.GroupRequest
) -> None:
    cloud.faults(drop_events=2)
    assert rows(answered(cloud.call(group))) == {i: i for i in range(6)}


def test_a_killed_worker_loses_the_table_in_its_hands_and_no_other(
    cloud: Cloud, group: contract.GroupRequest
) -> None:
    lost: list[contract.PartReply] = []
    end = time.monotonic() + 60
    while not lost:
        # One that comes when the others have done everything has nothing to lose.
        assert time.monotonic() < end, "no worker was killed with a table in its hands"
        group = replace(group, run_id=uuid.uuid4().hex)
        cloud.faults(kill_worker=[{"at": "before_part_reply"}])
        reply = answered(cloud.call(group))
        lost = [part for part in reply.parts if part.error]
    (lost_part,) = lost
    assert lost_part.error is not None
    assert (lost_part.error.code, lost_part.error.retryable) == ("worker_lost", True)
    assert rows(reply) == {i: i for i in range(6) if i != lost_part.number}
    again = group.parts[lost_part.number]
    once_more = replace(group, parts=(replace(again, part="w2"),))
    assert rows(answered(cloud.call(once_more))) == {0: lost_part.number}


def test_a_worker_that_dies_with_the_reply_in_its_hands_is_made_good_by_a_poll(
    cloud: Cloud, group: contract.GroupRequest
) -> None:
    cloud.faults(kill_worker=[{"at": "before_reply"}] * 3)
    assert rows(answered(cloud.call(group))) == {i: i for i in range(6)}


def test_a_group_whose_source_is_down_says_so_for_each_table(
    cloud: Cloud, group: contract.GroupRequest
) -> None:
    parts = tuple(
        replace(p, table=replace(p.table, source="down")) for p in group.parts
    )
    reply = answered(cloud.call(replace(group, parts=parts)))
    codes = {part.error.code for part in reply.parts if part.error}
    assert len(reply.parts) == 6 and codes == {"source_unreachable"}


def test_workers_that_cannot_be_started_are_told_at_once(
    cloud: Cloud, group: contract.GroupRequest
) -> None:
    # boto3 itself tries three times for each.
    cloud.faults(fail_invokes=9)
    batch_id = uuid.uuid4().hex
    answer = cloud.post(contract.encode(group), batch_id)
    reply = answered(test_extract_jobs.reply_of(answer))
    assert {p.error.code for p in reply.parts if p.error} == {"worker_start_failed"}
