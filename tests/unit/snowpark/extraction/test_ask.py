"""Replies are those of their requests, or an error that says why not."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from snowflake.snowpark import Row

from lambda_extract.contract import (
    CaptureReply,
    ErrorReply,
    ExtractReply,
    Partition,
    PlanReply,
    TableChanges,
    encode,
)
from snowpark.errors import LambdaError, SyncError
from snowpark.extraction import ask, requests
from snowpark.session import Snowflake
from tests.unit.snowpark.captures.samples import SOURCE, captured
from tests.unit.snowpark.samples import RUN_ID, planned, reply, settings
from tests.unit.snowpark.scripted import Scripted, Stop, caught, refusal, replies

TABLE = settings()
WHOLE = Partition("w00001")
PART = requests.part_request(TABLE, WHOLE, RUN_ID, "a1")
OTHER = requests.part_request(TABLE, WHOLE, RUN_ID, "a2")
PLAN = requests.snapshot_request(TABLE, RUN_ID)


def rows(*texts: str | None, first: int = 0) -> list[Row]:
    return [Row(first + position, text) for position, text in enumerate(texts)]


def own(**changes: Any) -> str:
    """The text of a reply to PART, with changes."""
    (file,) = reply().files
    place = f"data/orders/{RUN_ID}/{PART.part}/00000.csv.zst"
    files = (dataclasses.replace(file, path=place),)
    return encode(reply(part=PART.part, files=files, **changes))


def invalid(session: Scripted, play: Callable[[Snowflake], object]) -> str:
    error = caught(play, session)
    assert isinstance(error, LambdaError) and error.code == "reply_invalid"
    return error.message


def test_a_reply_is_handed_over() -> None:
    session = Scripted(extract=replies(reply()))
    found = ask.ask(Snowflake(session), PART, ExtractReply)
    assert found.part == PART.part and found.rows == 2
    assert session.requests == [PART]


def test_replies_come_in_the_order_of_their_requests() -> None:
    both = [Row(*row) for row in replies(reply(rows=1), reply(rows=2))(_sent())]
    session = Scripted(extract=lambda _: list(reversed(both)))
    found = ask.ask_all(Snowflake(session), [PART, OTHER])
    assert [one.rows for one in found if isinstance(one, ExtractReply)] == [1, 2]


def _sent() -> Any:
    session = Scripted(extract=replies(reply()))
    ask.ask_all(Snowflake(session), [PART, OTHER])
    return session.only("extract")


@pytest.mark.parametrize(
    "answer",
    [[], rows(own()), rows(own(), own(), own()), rows(own(), own(), first=1)],
    ids=["none", "one of two", "three", "of other positions"],
)
def test_each_request_has_one_reply(answer: list[Row]) -> None:
    session = Scripted(extract=answer)
    said = invalid(session, lambda s: ask.ask_all(s, [PART, OTHER]))
    assert said == "A request has no reply, or two."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "The reply is NULL."),
        ("{", "The reply: "),
        (encode(reply(part="other")), "The reply names files"),
        (encode(reply(part=PART.part)), "The reply names files"),
        (encode(planned()), "The reply belongs to another request."),
    ],
)
def test_a_reply_to_something_else_is_refused(text: str | None, said: str) -> None:
    session = Scripted(extract=rows(text))
    assert invalid(session, lambda s: ask.ask(s, PART, ExtractReply)).startswith(said)


def test_one_foreign_file_among_others_is_refused() -> None:
    (file,) = reply().files
    place = f"data/orders/{RUN_ID}/{PART.part}/"
    names = [f"{place}00000.csv.zst", "data/items/r/p/00001.csv.zst"]
    files = tuple(dataclasses.replace(file, path=name) for name in names)
    session = Scripted(extract=rows(encode(reply(part=PART.part, files=files))))
    said = invalid(session, lambda s: ask.ask(s, PART, ExtractReply))
    assert said.startswith("The reply names files")


def test_a_file_that_is_named_twice_is_refused() -> None:
    (file,) = reply().files
    place = f"data/orders/{RUN_ID}/{PART.part}/00000.csv.zst"
    files = (dataclasses.replace(file, path=place),) * 2
    session = Scripted(extract=rows(encode(reply(part=PART.part, files=files))))
    said = invalid(session, lambda s: ask.ask(s, PART, ExtractReply))
    assert said == "The reply names a file twice."


def test_a_manifest_is_no_answer_to_a_plan() -> None:
    session = Scripted(extract=rows(encode(reply())))
    said = invalid(session, lambda s: ask.ask(s, PLAN, PlanReply))
    assert said == "The reply belongs to another request."


def test_the_reply_of_another_run_is_refused() -> None:
    other = dataclasses.replace(planned(), run_id="another")
    session = Scripted(extract=rows(encode(other)))
    said = invalid(session, lambda s: ask.ask(s, PLAN, PlanReply))
    assert said == "The reply belongs to another request."


@pytest.mark.parametrize("retryable", [True, False])
def test_a_refusal_is_told_in_the_lambdas_words(retryable: bool) -> None:
    session = Scripted(extract=rows(encode(refusal("source_busy", retryable))))
    error = caught(lambda s: ask.ask(s, PART, ExtractReply), session)
    assert isinstance(error, LambdaError)
    assert (error.code, error.message) == ("source_busy", "source_busy.")
    assert (error.retryable, error.hint) == (retryable, "Wait.")


def test_of_several_replies_a_refusal_comes_back() -> None:
    session = Scripted(extract=replies(refusal("source_busy"), reply()))
    first, second = ask.ask_all(Snowflake(session), [PART, OTHER])
    assert isinstance(first, ErrorReply) and isinstance(second, ExtractReply)


def test_a_call_that_fails_says_so() -> None:
    session = Scripted(Stop("extract"), extract=[])
    error = caught(lambda s: ask.ask(s, PART, ExtractReply), session)
    assert isinstance(error, SyncError)
    assert error.code == "extract_call_failed"
    assert error.message.startswith("Snowflake answered: ")


def test_a_capture_may_tell_of_each_table_that_was_asked_for_and_of_no_other() -> None:
    wanted = SOURCE.tables
    request = requests.capture_request(
        "shop",
        SOURCE.log,
        wanted,
        RUN_ID,
        part="c1",
        from_lsn="0/100",
        server="",
        max_wal_bytes=1,
    )
    for told, fits in (((), True), (("orders",), True), (("items", "orders"), True)):
        found = captured(*(TableChanges(name) for name in told))
        session = Scripted(extract=rows(encode(found)))
        answer = ask.ask(Snowflake(session), request, CaptureReply)
        assert (answer.tables == found.tables) is fits
    other = encode(captured(part="c2"))
    session = Scripted(extract=rows(other))
    said = invalid(session, lambda s: ask.ask(s, request, CaptureReply))
    assert said == "The reply belongs to another request."
    for told in (("orders", "lines"), ("orders", "orders")):
        found = captured(*(TableChanges(name) for name in told))
        session = Scripted(extract=rows(encode(found)))
        said = invalid(session, lambda s: ask.ask(s, request, CaptureReply))
        assert said.startswith("The reply names files")
