"""One request for the tables of a source, asked again for what it has left.

Snowflake's own fan-out, one row of a SELECT for each table, plays no part: the Lambda
function starts as many workers as the source allows, and each reads one table after the
other over one session.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from lambda_extract.contract import (
    GROUP_PARTS,
    ErrorReply,
    ExtractReply,
    ExtractRequest,
    GroupReply,
    GroupRequest,
    KnownColumns,
    PartReply,
    Reply,
)
from lambda_extract.contract_codec import without_defaults
from lambda_extract.contract_parts import group_part
from snowpark.errors import LambdaError, SyncError
from snowpark.extraction import ask
from snowpark.session import Snowflake

# Of one request: the statement that carries it stays below 500 kB.
_REQUEST_BYTES = 450_000
# Of what is no part: operation, version, run and sessions.
_FRAME_BYTES = 300


@dataclass(frozen=True)
class Asked:
    """What one table asks for.

    Attributes:
        known: Its columns need not travel again if they are these.
        max_parallel: Of its source.
    """

    request: ExtractRequest
    known: KnownColumns | None
    max_parallel: int


@dataclass(frozen=True)
class Extraction:
    """What came of it.

    Attributes:
        columns_known: The columns are those that were known, and are left out.
    """

    reply: ExtractReply
    columns_known: bool = False


# None: nothing came of it in a group; the table has to ask for itself.
Answer = Extraction | SyncError | None


def ask_for(
    snowflake: Snowflake, asked: Mapping[str, Asked], between: Callable[[], None]
) -> dict[str, Answer]:
    """Returns what came of each table's extraction, by its name.

    Args:
        between: Called before every statement but the first.
    """
    answers: dict[str, Answer] = {}
    open_tables = list(asked)
    first = True
    while open_tables:
        left: list[str] = []
        for wave in _waves(asked, open_tables):
            if not first:
                between()
            first = False
            for names, reply in zip(
                wave, _replies(snowflake, asked, wave), strict=True
            ):
                found, again = _told(snowflake, asked, names, reply)
                answers |= found
                left += again
        if len(left) == len(open_tables):
            # Nothing has moved: they ask for themselves, each with a whole worker.
            answers |= dict.fromkeys(left)
            break
        open_tables = left
    return answers


def _waves(
    asked: Mapping[str, Asked], names: Sequence[str]
) -> list[list[tuple[str, ...]]]:
    """Returns the tables of each request, those of different sources side by side.

    Two requests of one source follow each other: together they would have twice as many
    sessions as it allows.
    """
    by_source: dict[str, list[tuple[str, ...]]] = {}
    for source in dict.fromkeys(asked[name].request.table.source for name in names):
        own = [n for n in names if asked[n].request.table.source == source]
        by_source[source] = _chunks(asked, own)
    waves = zip_longest(*by_source.values())
    return [[chunk for chunk in wave if chunk] for wave in waves]


def _chunks(asked: Mapping[str, Asked], names: Sequence[str]) -> list[tuple[str, ...]]:
    chunks: list[list[str]] = [[]]
    room = _REQUEST_BYTES - _FRAME_BYTES
    for name in names:
        size = part_bytes(asked[name])
        if chunks[-1] and (size > room or len(chunks[-1]) == GROUP_PARTS):
            chunks.append([])
            room = _REQUEST_BYTES - _FRAME_BYTES
        chunks[-1].append(name)
        room -= size
    return [tuple(chunk) for chunk in chunks]


def part_bytes(one: Asked) -> int:
    """Returns how much longer a request is with a table in it. PURE."""
    part = without_defaults(group_part(one.request, one.known))
    return len(json.dumps(part, separators=(",", ":"))) + 1


def _request(asked: Mapping[str, Asked], names: Sequence[str]) -> GroupRequest:
    return GroupRequest(
        run_id=asked[names[0]].request.run_id,
        parts=tuple(group_part(asked[n].request, asked[n].known) for n in names),
        max_parallel=min(asked[n].max_parallel for n in names),
    )


def _replies(
    snowflake: Snowflake, asked: Mapping[str, Asked], wave: Sequence[tuple[str, ...]]
) -> list[Reply | SyncError]:
    """Sends a wave by one statement; each request alone if that fails as a whole.

    One HTTP error fails the whole statement, whoever it belongs to.
    """
    requests = [_request(asked, names) for names in wave]
    try:
        return list(ask.ask_all(snowflake, requests))
    except LambdaError:
        return [_alone(snowflake, request) for request in requests]


def _alone(snowflake: Snowflake, request: GroupRequest) -> Reply | SyncError:
    try:
        (reply,) = ask.ask_all(snowflake, [request])
        return reply
    except LambdaError as error:
        return error


def _told(
    snowflake: Snowflake,
    asked: Mapping[str, Asked],
    names: Sequence[str],
    reply: Reply | SyncError,
) -> tuple[dict[str, Answer], list[str]]:
    """Returns the answers in a reply, and the tables that it has left."""
    if isinstance(reply, ErrorReply):
        error = ask.refusal(reply)
        if reply.error.code == "bad_request":
            # The Lambda function is of an older release, which knows no groups.
            return _one_by_one(snowflake, asked, names), []
        return dict.fromkeys(names, error), []
    if isinstance(reply, SyncError):
        return dict.fromkeys(names, reply), []
    try:
        parts = _checked(asked, names, reply)
    except LambdaError as error:
        return dict.fromkeys(names, error), []
    found = {
        names[part.number]: _answer(asked[names[part.number]], part)
        for part in parts.parts
    }
    return found, [names[number] for number in parts.left]


def _checked(
    asked: Mapping[str, Asked], names: Sequence[str], reply: Reply
) -> GroupReply:
    """Returns the reply if it tells of each part once.

    Raises:
        LambdaError: reply_invalid.
    """
    run_id = asked[names[0]].request.run_id
    if not isinstance(reply, GroupReply) or reply.run_id != run_id:
        raise LambdaError("reply_invalid", "The reply belongs to another request.")
    told = [part.number for part in reply.parts] + list(reply.left)
    if sorted(told) != list(range(len(names))):
        raise LambdaError("reply_invalid", "A part has no reply, or two.")
    return reply


def _answer(asked: Asked, part: PartReply) -> Answer:
    if part.error is not None:
        if part.error.code == "reply_too_large":
            return None
        return ask.refusal(ErrorReply(asked.request.run_id, part.error))
    try:
        if part.reply is None:
            raise LambdaError("reply_invalid", "A part has neither reply nor error.")
        if part.columns_known and (asked.known is None or part.reply.files):
            raise LambdaError("reply_invalid", "A reply leaves out its columns.")
        ask.check_files(asked.request, part.reply)
        reply = ask.expect(part.reply, ExtractReply, asked.request.run_id)
    except SyncError as error:
        return error
    return Extraction(reply, part.columns_known)


def _one_by_one(
    snowflake: Snowflake, asked: Mapping[str, Asked], names: Sequence[str]
) -> dict[str, Answer]:
    found: dict[str, Answer] = {}
    for name in names:
        request = asked[name].request
        try:
            found[name] = Extraction(ask.ask(snowflake, request, ExtractReply))
        except LambdaError as error:
            found[name] = error
    return found
