"""One request for the tables of a source; what it leaves is asked for again."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from snowflake.snowpark import Row

from lambda_extract.contract import (
    CursorValue,
    ErrorDetail,
    ExtractReply,
    GroupReply,
    GroupRequest,
    KnownColumns,
    Member,
    Overlap,
    PartReply,
    Reply,
    SourceIdentity,
    Window,
    decode_request,
    encode,
    encode_request,
)
from snowpark.extraction import progress, requests
from snowpark.groups import asking
from snowpark.groups.asking import Asked, Extraction
from snowpark.session import Snowflake
from tests.unit.snowpark.samples import RUN_ID
from tests.unit.snowpark.scripted import Scripted, Sent, fitting, refusal, requests_in
from tests.unit.snowpark.sync.test_increment import known, nothing, window

KNOWN = KnownColumns("c0ffee", "t", "evolve", "fail", False)
Answerer = Callable[[GroupRequest], Reply]


def asked_of(*names: str, source: str = "shop", **more: Any) -> dict[str, Asked]:
    found = {}
    for name in names:
        state = known(name=name, source=source)
        request = requests.next_window(state.settings, progress.start(state), RUN_ID)
        found[name] = Asked(request, KNOWN, more.get("max_parallel", 8))
    return found


def parts(
    request: GroupRequest, numbers: Sequence[int], found: ExtractReply
) -> tuple[PartReply, ...]:
    """Returns the replies of these parts."""
    told = requests_in(request)
    replies = []
    for number in numbers:
        reply = fitting(told[number], found)
        assert isinstance(reply, ExtractReply)
        replies.append(PartReply(number, reply))
    return tuple(replies)


def all_done(request: GroupRequest) -> Reply:
    numbers = range(len(request.parts))
    return GroupReply(request.run_id, parts(request, numbers, nothing(1)))


class Lab:
    """Answers requests for groups one after the other; the last answers the rest."""

    def __init__(self, *answers: Answerer) -> None:
        self.left = list(answers)
        self.groups: list[GroupRequest] = []
        self.session = Scripted(extract=self.answer)
        self.between = 0

    def answer(self, one: Sent) -> list[Row]:
        texts = one.values if len(one.values) == 1 else one.values[1::2]
        rows = []
        for position, text in enumerate(texts):
            request = decode_request(str(text))
            if not isinstance(request, GroupRequest):
                rows.append(Row(position, encode(fitting(request, nothing(1)))))
                continue
            self.groups.append(request)
            answer = self.left.pop(0) if len(self.left) > 1 else self.left[0]
            rows.append(Row(position, encode(answer(request))))
        return rows

    def ask(self, asked: dict[str, Asked]) -> dict[str, asking.Answer]:
        def between() -> None:
            self.between += 1

        return asking.ask_for(Snowflake(self.session), asked, between)

    @property
    def tables(self) -> list[list[str]]:
        return [[part.table.name for part in group.parts] for group in self.groups]


def code(answer: asking.Answer) -> str:
    return getattr(answer, "code", "") if answer is not None else "alone"


def test_the_tables_of_a_source_are_one_request() -> None:
    lab = Lab(all_done)
    found = lab.ask(asked_of("a", "b", "c", max_parallel=5))
    assert lab.tables == [["a", "b", "c"]] and lab.between == 0
    (group,) = lab.groups
    assert group.max_parallel == 5 and group.parts[0].known == KNOWN
    assert all(isinstance(answer, Extraction) for answer in found.values())


def test_a_source_gets_no_more_sessions_than_any_of_its_tables_allows() -> None:
    lab = Lab(all_done)
    mixed = [asked_of(n, max_parallel=m) for n, m in (("a", 9), ("b", 2), ("c", 5))]
    lab.ask(mixed[0] | mixed[1] | mixed[2])
    assert [group.max_parallel for group in lab.groups] == [2]


def test_sources_are_asked_side_by_side_and_one_of_them_never_twice_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "GROUP_PARTS", 2)
    lab = Lab(all_done)
    asked = asked_of("a", "b", "c") | asked_of("d", source="crm")
    assert set(lab.ask(asked)) == {"a", "b", "c", "d"}
    assert lab.tables == [["a", "b"], ["d"], ["c"]]
    assert lab.session.names.count("extract") == 2 and lab.between == 1


def test_requests_are_cut_by_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asked_of("a", "b", "c", "d")
    most = 300 + int(2.5 * asking.part_bytes(asked["a"]))
    monkeypatch.setattr(asking, "_REQUEST_BYTES", most)
    lab = Lab(all_done)
    lab.ask(asked)
    assert [len(names) for names in lab.tables] == [2, 2]
    assert all(len(encode_request(group)) <= most for group in lab.groups)


def test_500_tables_of_20_columns_fit_into_one_request() -> None:
    """Each further one is a statement, and up to `max_parallel` more sessions."""
    columns = ",".join(f"{number}:0a1b" for number in range(1, 21))
    before = Window(
        lower=CursorValue("2026-01-01 00:00:00.123456+00", "timestamp with time zone"),
        overlap=Overlap(100, f"-{'9' * 20}:0123456789abcdef"),
        identity=SourceIdentity(
            relation_id=10**9,
            members=(Member(10**9, 10**9),),
            system="7" * 19,
            timeline=1,
            next_transaction=10**12,
            columns="0123456789abcdef",
            types=columns,
        ),
    )
    known = KnownColumns("0" * 64, '"SHOP"."A_TABLE_OF_A_SHOP"', "evolve", "fail", True)
    found = {
        name: dataclasses.replace(
            one,
            request=dataclasses.replace(one.request, window=before),
            known=known,
        )
        for name, one in asked_of(*(f"a_table_{i:05d}" for i in range(500))).items()
    }
    lab = Lab(all_done)
    lab.ask(found)
    assert [len(names) for names in lab.tables] == [500]
    assert len(encode_request(lab.groups[0])) < 450_000


def test_what_a_reply_has_left_is_asked_for_again() -> None:
    def some(request: GroupRequest) -> Reply:
        return GroupReply(request.run_id, parts(request, [1], nothing(1)), (0, 2))

    lab = Lab(some, all_done)
    found = lab.ask(asked_of("a", "b", "c"))
    assert lab.tables == [["a", "b", "c"], ["a", "c"]] and lab.between == 1
    assert all(isinstance(answer, Extraction) for answer in found.values())


def test_what_is_left_again_and_again_asks_for_itself() -> None:
    def none(request: GroupRequest) -> Reply:
        return GroupReply(request.run_id, (), tuple(range(len(request.parts))))

    lab = Lab(none)
    assert lab.ask(asked_of("a", "b")) == {"a": None, "b": None}
    assert len(lab.groups) == 1


def test_an_error_of_one_part_is_that_of_its_table() -> None:
    def one_bad(request: GroupRequest) -> Reply:
        bad = PartReply(0, error=ErrorDetail("table_not_found", "Gone.", False, "h"))
        large = PartReply(1, error=ErrorDetail("reply_too_large", "L.", False, "h"))
        good = parts(request, [2], window(2))
        return GroupReply(request.run_id, (bad, large, *good))

    found = Lab(one_bad).ask(asked_of("a", "b", "c"))
    assert [code(found[name]) for name in "abc"] == ["table_not_found", "alone", ""]


def test_an_error_of_the_job_is_that_of_each_table() -> None:
    lab = Lab(lambda _: refusal("landing_failed", True))
    found = lab.ask(asked_of("a", "b"))
    assert {code(answer) for answer in found.values()} == {"landing_failed"}


def test_an_older_release_of_the_lambda_is_asked_table_by_table() -> None:
    lab = Lab(lambda _: refusal("bad_request"))
    found = lab.ask(asked_of("a", "b"))
    assert lab.session.names.count("extract") == 3
    assert all(isinstance(answer, Extraction) for answer in found.values())


def other_run(request: GroupRequest) -> Reply:
    reply = all_done(request)
    assert isinstance(reply, GroupReply)
    return dataclasses.replace(reply, run_id="other")


def twice(request: GroupRequest) -> Reply:
    return GroupReply(request.run_id, parts(request, [0, 0, 1], nothing(1)))


def too_few(request: GroupRequest) -> Reply:
    return GroupReply(request.run_id, parts(request, [0], nothing(1)))


def too_many(request: GroupRequest) -> Reply:
    return GroupReply(request.run_id, parts(request, [0, 1], nothing(1)), (2,))


def empty(request: GroupRequest) -> Reply:
    return GroupReply(request.run_id, (PartReply(0), PartReply(1)))


def anothers_files(request: GroupRequest) -> Reply:
    first, second = parts(request, [0, 1], window(2))
    swapped = (
        dataclasses.replace(first, number=1),
        dataclasses.replace(second, number=0),
    )
    return GroupReply(request.run_id, swapped)


def of_another_kind(request: GroupRequest) -> Reply:
    return fitting(requests_in(request)[0], nothing(1))


def rows_without_columns(request: GroupRequest) -> Reply:
    told = parts(request, [0, 1], window(2))
    return GroupReply(
        request.run_id,
        tuple(dataclasses.replace(part, columns_known=True) for part in told),
    )


@pytest.mark.parametrize(
    "answer",
    [
        other_run,
        twice,
        too_few,
        too_many,
        empty,
        anothers_files,
        of_another_kind,
        rows_without_columns,
    ],
)
def test_s3_a_reply_that_does_not_fit_is_not_believed(answer: Answerer) -> None:
    found = Lab(answer).ask(asked_of("a", "b"))
    assert {code(a) for a in found.values()} == {"reply_invalid"}


def test_columns_that_nobody_knew_must_not_be_left_out() -> None:
    def short(request: GroupRequest) -> Reply:
        (part,) = parts(request, [0], nothing(1))
        return GroupReply(
            request.run_id, (dataclasses.replace(part, columns_known=True),)
        )

    asked = {n: dataclasses.replace(a, known=None) for n, a in asked_of("a").items()}
    assert code(Lab(short).ask(asked)["a"]) == "reply_invalid"
    extraction = Lab(short).ask(asked_of("a"))["a"]
    assert isinstance(extraction, Extraction) and extraction.columns_known
