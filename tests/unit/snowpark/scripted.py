"""A scripted warehouse: what answers the procedures in unit tests, without a stack.

It stands behind the one module that touches a Snowpark session (snowpark/session.py):

    session = Scripted(read_state=[state_row(STATE)], extract=replies(reply()))
    sync.sync_table(Snowflake(session), "orders")
    session.in_order("begin", "merge", "insert_watermark", "read_fence", "commit")

Every statement has a name (statement_names.py); a text without one is refused. An
answer is a list of rows, or a function from the statement to rows. Writes that nobody
scripts change one row; reads that nobody scripts are refused, but for those of
`HEALTHY`. Transactions are kept as Snowflake keeps them: what is not committed is not
in `kept`, a refused statement leaves its transaction open, DDL inside of one is refused
(it would commit in silence).

`Stop` refuses one statement, or kills the process before or after it; `stops` plays a
scenario once for each place that it can stop at.
"""

import dataclasses
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from snowflake.connector.errors import ProgrammingError
from snowflake.snowpark import Row

from lambda_extract.contract import (
    DigestReply,
    ErrorDetail,
    ErrorReply,
    ExtractReply,
    ExtractRequest,
    GroupReply,
    GroupRequest,
    KeysRequest,
    PartReply,
    PlanReply,
    Reply,
    Request,
    decode_request,
    encode,
    place_of,
)
from lambda_extract.contract_parts import part_request
from snowpark.columns import column as columns
from snowpark.columns import drift
from snowpark.columns.alignment import Alignment, Rules
from snowpark.columns.shape import Shape
from snowpark.ledger.records import TableState, identity_text
from snowpark.ledger.statements import DATES_READ_RIGHT
from snowpark.load import target
from snowpark.session import Snowflake
from tests.unit.snowpark.samples import COLUMNS, RUN_ID, reply, state
from tests.unit.snowpark.statement_names import NAMES, name_of

_READS = re.compile(r"(SELECT|SHOW|DESCRIBE)\b")
_DDL = re.compile(r"(CREATE|ALTER|DROP)\b")
_PATH = re.compile(r"'((?:data|pipe)/[^']+)'")

How = Literal["refused", "killed before", "killed after"]
Rows = list[Any]
Answer = Rows | Callable[["Sent"], Rows]


class Killed(BaseException):
    """The process ends here: nothing that it still wants to send arrives."""


@dataclass(frozen=True)
class Sent:
    """One statement: its name, and the values bound to it in order."""

    name: str
    values: tuple[Any, ...]
    text: str


@dataclass(frozen=True)
class Stop:
    """The place at which something happens.

    Attributes:
        at: Name of the statement, or its number from 0.
        nth: Which of that name, from 1.
        number: Snowflake's error number.
    """

    at: str | int
    how: How = "refused"
    nth: int = 1
    number: int = 604


class Scripted:
    """A Snowpark session that follows a script.

    Attributes:
        sent: What arrived, the refused ones included.
        kept: What had an effect that stays: outside of transactions, or committed.
        requests: What was asked of the Lambda.
        commits: Transactions that were committed.
        is_open: True inside a transaction.
    """

    def __init__(self, stop: Stop | None = None, **answers: Answer) -> None:
        unknown = answers.keys() - NAMES.keys()
        assert not unknown, f"no statement has the name {unknown}"
        self.stop = stop
        self.answers: dict[str, Answer] = {**HEALTHY, **answers}
        self.sent: list[Sent] = []
        self.kept: list[Sent] = []
        self.requests: list[Request] = []
        self.commits = 0
        self._open: list[Sent] | None = None
        self._dead = False
        self._found: Rows = []

    # --- what a session does ----------------------------------------------------------

    def sql(self, text: str, params: Sequence[Any] | None = None) -> "Scripted":
        """Takes a statement; see `collect`."""
        if self._dead:
            raise Killed
        one = Sent(name_of(text), tuple(params or ()), text)
        ended = one.name == "insert_end"
        pieces = pieces_of(one) if ended else [one]
        hows = []
        for piece in pieces:
            self.sent.append(piece)
            hows.append(self._stops_at(piece))
        how = next((h for h in hows if h), None)
        if how == "refused":
            assert self.stop is not None
            raise ProgrammingError("refused by the script", errno=self.stop.number)
        if how != "killed before":
            self._found = self._end(pieces) if ended else self._take(one)
        if how is not None:
            self._dead, self._open = True, None
            raise Killed
        return self

    def collect(self) -> Rows:
        """Returns the rows of the statement that was taken last."""
        return self._found

    # --- what tests ask ---------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """True if a transaction was begun and not ended."""
        return self._open is not None

    @property
    def names(self) -> list[str]:
        """The names of what arrived, in order."""
        return [one.name for one in self.sent]

    @property
    def stays(self) -> list[str]:
        """The names of what stays, in order."""
        return [one.name for one in self.kept]

    def values(self, name: str) -> list[tuple[Any, ...]]:
        """Returns the bound values of each statement of that name."""
        return [one.values for one in self.sent if one.name == name]

    def only(self, name: str) -> Sent:
        """Returns the one statement of that name."""
        (one,) = [one for one in self.sent if one.name == name]
        return one

    def in_order(self, *names: str) -> None:
        """Asserts that these came one after the other, whatever else in between."""
        rest = iter(self.names)
        for name in names:
            assert name in rest, f"{name} is not where {names} want it: {self.names}"

    def together(self, *names: str) -> None:
        """Asserts that these stay together or not at all, and as often."""
        counts = {name: self.stays.count(name) for name in names}
        assert len(set(counts.values())) == 1, f"not together: {counts}"

    # --- how it is done ---------------------------------------------------------------

    def _stops_at(self, one: Sent) -> How | None:
        stop = self.stop
        if stop is None:
            return None
        if isinstance(stop.at, int):
            return stop.how if len(self.sent) - 1 == stop.at else None
        here = one.name == stop.at and self.names.count(one.name) == stop.nth
        return stop.how if here else None

    def _keep(self, one: Sent) -> None:
        if one.name == "begin":
            assert self._open is None, "a transaction inside another"
            self._open = []
        elif one.name in ("commit", "rollback"):
            assert self._open is not None, f"{one.name} without a transaction"
            if one.name == "commit":
                self.kept += self._open
                self.commits += 1
            self._open = None
        elif self._open is not None:
            assert not _DDL.match(one.text), f"{one.name} ends the transaction"
            self._open.append(one)
        else:
            self.kept.append(one)

    def _take(self, one: Sent) -> Rows:
        self._keep(one)
        return self._answer(one)

    def _end(self, pieces: list[Sent]) -> Rows:
        """Answers what appends run and watermark if the fence lets them pass."""
        for piece in pieces:
            self._keep(piece)
        if "insert_end" in self.answers:
            return self._answer(Sent("insert_end", (), pieces[0].text))
        (row,) = self._answer(pieces[-1])
        owner = pieces[0].values[0]
        if int(row["NEWER"]) == 1 and row["OWNER"] == owner:
            return [Row(1, 1)]
        assert self._open is not None, "an end outside of a transaction"
        del self._open[-len(pieces) :]
        return [Row(0, 0)]

    def _fence(self, one: Sent) -> Rows:
        """Answers the fence: what the transaction has appended, and the own lease."""
        at = {"insert_watermark": 1, "insert_touch": 0}
        seen = [*self.kept, *(self._open or [])]
        versions = [s.values[at[s.name]] for s in self._open or [] if s.name in at]
        taken = {"take_lease": 0, "take_leases": 0, "hold_lease": 2}
        owners = [s.values[taken[s.name]] for s in seen if s.name in taken]
        newer = sum(int(version) > int(one.values[1]) for version in versions)
        return [Row(NEWER=newer, OWNER=owners[-1] if owners else RUN_ID)]

    def _answer(self, one: Sent) -> Rows:
        answer = self.answers.get(one.name)
        if answer is None and one.name == "read_fence":
            return self._fence(one)
        if answer is None:
            read = _READS.match(one.text.lstrip())
            assert not read, f"the script has no answer to {one.name}"
            return [Row(1)]
        if one.name == "extract":
            texts = one.values if len(one.values) == 1 else one.values[1::2]
            for request in (decode_request(str(text)) for text in texts):
                self.requests += requests_in(request)
        return answer(one) if callable(answer) else answer


def pieces_of(one: Sent) -> list[Sent]:
    """Returns what an `insert_end` stands for: a run, a watermark, and the fence."""
    runs, _, rest = one.text.partition(" AS mark_table_name")
    select = runs.rindex("SELECT")
    # The mark of the first column of the watermark stands in front of its alias.
    of_run = runs.count("?", select) - 1
    of_mark = 1 + rest.partition("FROM control.sync_leases")[0].count("?")
    mark = one.values[of_run : of_run + of_mark]
    table, _, _, version = one.values[-4:]
    return [
        Sent("insert_run", one.values[:of_run], one.text),
        Sent("insert_watermark", mark, one.text),
        Sent("read_fence", (table, version, table), one.text),
    ]


# --- answers --------------------------------------------------------------------------


def loaded(one: Sent, rows_per_file: int = 2) -> Rows:
    """Answers a COPY: as many rows of each file as `samples.reply` says."""
    paths = _PATH.findall(one.text)
    return [
        Row(file=path, status="LOADED", rows_loaded=rows_per_file) for path in paths
    ]


def merged(inserted: int = 2, updated: int = 0, deleted: int = 0) -> Rows:
    """Answers a MERGE."""
    numbers = {"inserted": inserted, "updated": updated, "deleted": deleted}
    return [Row(**{f"number of rows {what}": n for what, n in numbers.items()})]


def described(*without: str, **others: str) -> Rows:
    """Answers DESCRIBE TABLE: the target of `samples.COLUMNS`, and what others say."""
    columns = {c.name.upper(): c.snowflake_type for c in COLUMNS}
    columns |= {"_SYNC_RUN_ID": "VARCHAR(64)", "_SYNC_EXTRACTED_AT": "TIMESTAMP_TZ(6)"}
    columns |= {"_SYNC_DELETED_AT": "TIMESTAMP_TZ(6)"} | others
    return [Row(name=n, type=t) for n, t in columns.items() if n not in without]


def replies(*answers: Reply | Callable[[Request], Reply]) -> Callable[[Sent], Rows]:
    """Answers extractions one after the other; the last answers all that follow.

    A reply is made that of its request: run, part, and the paths of its files.
    """
    left = list(answers)

    def answer(one: Sent) -> Rows:
        # Positions count through the statements that a long list is cut into.
        alone = len(one.values) == 1
        texts = one.values if alone else one.values[1::2]
        positions = [0] if alone else one.values[0::2]
        rows = []
        for position, text in zip(positions, texts, strict=True):
            request = decode_request(str(text))
            if isinstance(request, GroupRequest):
                told = [next_one(part) for part in requests_in(request)]
                rows.append(Row(position, encode(of_group(request, told))))
            else:
                rows.append(Row(position, encode(next_one(request))))
        return rows

    def next_one(request: Request) -> Reply:
        chosen = left.pop(0) if len(left) > 1 else left[0]
        return fitting(request, chosen(request) if callable(chosen) else chosen)

    return answer


def requests_in(request: Request) -> list[Request]:
    """Returns the requests that the parts of a group stand for; itself if it is one."""
    if not isinstance(request, GroupRequest):
        return [request]
    return [part_request(request.run_id, part) for part in request.parts]


def of_group(request: GroupRequest, told: Sequence[Reply]) -> GroupReply:
    """Returns the reply of a group with these replies of its parts."""
    parts = []
    for number, found in enumerate(told):
        if isinstance(found, ErrorReply):
            parts.append(PartReply(number, error=found.error))
        else:
            assert isinstance(found, ExtractReply), "a group has windows alone"
            parts.append(PartReply(number, found))
    return GroupReply(request.run_id, tuple(parts))


def fitting(request: Request, found: Reply) -> Reply:
    """Returns the reply as one to this request."""
    if isinstance(found, ExtractReply):
        assert isinstance(request, ExtractRequest | KeysRequest), "rows of a plan"
        folder = place_of(request).folder(len(found.columns))
        files = tuple(
            dataclasses.replace(f, path=f"{folder}{i:05d}.csv.zst")
            for i, f in enumerate(found.files)
        )
        part = request.part
        return dataclasses.replace(found, run_id=request.run_id, part=part, files=files)
    if isinstance(found, PlanReply | DigestReply | ErrorReply):
        return dataclasses.replace(found, run_id=request.run_id)
    return found


def refusal(code: str, retryable: bool = False) -> ErrorReply:
    """Returns a refusal of the Lambda."""
    return ErrorReply("r", ErrorDetail(code, f"{code}.", retryable, "Wait."))


def state_row(found: TableState, run_id: str | None = None, **changes: Any) -> Row:
    """Returns the row that `read_state` reads of a table."""
    ledger = found.ledger
    mark = ledger.watermark if ledger else None
    pending = ledger.pending_bound if ledger else None
    overlap = ledger.overlap if ledger else None
    values = {
        "DATES_READ_AS": DATES_READ_RIGHT,
        "OPEN_TRANSACTION": None,
        "TABLE_NAME": found.settings.name,
        "SETTINGS": found.settings.to_json(),
        "PAUSED": found.paused,
        "LEASE_RUN_ID": run_id,
        "PREVIOUS_RUN_ID": found.previous_run_id,
        "VERSION": ledger.version if ledger else None,
        "ORIGIN": ledger.origin if ledger else None,
        "WATERMARK": mark.value if mark else None,
        "WATERMARK_TYPE": mark.type if mark else None,
        "PENDING_VALUE": pending.value if pending else None,
        "PENDING_SEEN_AT": pending.seen_at if pending else None,
        "OVERLAP_ROWS": overlap.rows if overlap else None,
        "OVERLAP_DIGEST": overlap.digest if overlap else None,
        "COLUMNS_SHA256": ledger.columns_sha256 if ledger else None,
        "SOURCE_IDENTITY": identity_text(ledger.source_identity) if ledger else None,
        "REFINED_AT": ledger.refined_at if ledger else None,
        "CAPTURE_VERSION": ledger.capture_version if ledger else None,
        "TARGET_ROWS": ledger.target_rows if ledger else None,
        "LOG_IDENTITY": identity_text(ledger.log_identity) if ledger else None,
        "MINUTES_SINCE_KEY_CHECK": found.minutes_since_key_check,
        "OWN_DATABASE": "AURORA_SYNC",
        "ALLOWED_TARGETS": "*.*",
        "SHAPE": found.shape.to_json() if found.shape.generation else None,
    }
    return Row(**(values | changes))


def uncut(one: Sent) -> Rows:
    """Answers how many rows a result may have: as many as are asked for."""
    return [Row(1)] * int(one.text.split("=>")[1].strip(" )"))


HEALTHY: dict[str, Answer] = {
    "copy_files": loaded,
    "merge": merged(),
    "overwrite": [Row(2)],
    "key_bounds": [Row("1", "2", 5)],
    "read_transaction": [Row(None)],
    "longest_list": uncut,
    "describe_target": described(),
}


# --- a table as a run finds it --------------------------------------------------------


def settled(day: int = 1, **changes: Any) -> TableState:
    """Returns the state of a table whose target is that of `described()`.

    Its columns are those of `samples.reply`, so that nothing has to be aligned.
    """
    found = state(day, **changes)
    source = target.source_of(reply())
    rules = Rules.of(found.settings, reload=True)
    shape = drift.align(source, None, Shape().of(found.settings.route), rules).shape
    digest = columns.digest(COLUMNS, ("id",), 0, found.settings)
    assert found.ledger is not None
    ledger = dataclasses.replace(found.ledger, columns_sha256=digest)
    return dataclasses.replace(found, ledger=ledger, shape=shape)


def aligned(found: TableState) -> Alignment:
    """Returns that nothing has to happen to the target of such a table."""
    return Alignment(target.source_of(reply()).columns, found.shape)


# --- stops ----------------------------------------------------------------------------


def stops(
    make: Callable[[], Scripted],
    play: Callable[[Snowflake], object],
    *hows: How,
) -> Iterator[tuple[Stop, Scripted, BaseException | None]]:
    """Plays a scenario once for each statement of it that something can happen to.

    Yields:
        Place, session after it, and what the scenario raised.
    """
    whole = make()
    play(Snowflake(whole))
    assert not whole.is_open
    for at in range(len(whole.sent)):
        for how in hows or ("refused", "killed before", "killed after"):
            session = make()
            session.stop = Stop(at, how)
            yield session.stop, session, caught(play, session)


def caught(
    play: Callable[[Snowflake], object], session: Scripted
) -> BaseException | None:
    """Returns what the scenario raised; an assertion of the script goes on."""
    try:
        play(Snowflake(session))
    except AssertionError:
        raise
    except (Exception, Killed) as error:
        return error
    return None
