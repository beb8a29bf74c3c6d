"""Calls the external function: one reply per request, errors as exceptions."""

from collections.abc import Sequence
from typing import TypeVar

from lambda_extract.contract import (
    CaptureReply,
    CaptureRequest,
    ContractError,
    DigestReply,
    DiscoverReply,
    DropSlotReply,
    ErrorReply,
    ExtractReply,
    ExtractRequest,
    KeysRequest,
    PlanReply,
    Reply,
    Request,
    decode_reply,
    encode_request,
    place_of,
)
from lambda_extract.contract_paths import capture_folder, is_key_file
from snowpark import spans
from snowpark.errors import LambdaError, SnowflakeError, SyncError
from snowpark.extraction import requests as extraction_requests
from snowpark.session import Snowflake

ReplyType = TypeVar(
    "ReplyType",
    ExtractReply,
    PlanReply,
    DigestReply,
    DiscoverReply,
    CaptureReply,
    DropSlotReply,
)


def ask(snowflake: Snowflake, request: Request, kind: type[ReplyType]) -> ReplyType:
    """Sends one request and returns its reply.

    Raises:
        LambdaError: The Lambda side refused or failed, or could not be reached.
    """
    (reply,) = ask_all(snowflake, [request])
    return expect(reply, kind, request.run_id)


def ask_all(snowflake: Snowflake, requests: Sequence[Request]) -> list[Reply]:
    """Sends requests in parallel, by one SELECT; refusals come back as `ErrorReply`.

    Raises:
        LambdaError: The call itself failed, or a reply has not the agreed shape.
    """
    texts = [encode_request(request) for request in requests]
    first = requests[0] if requests else None
    with spans.span(
        "extract",
        requests=len(texts),
        op=str(getattr(first, "op", "")),
        run_id=str(getattr(first, "run_id", "")),
    ):
        try:
            rows = [
                row
                for statement in extraction_requests.call_extract(texts)
                for row in snowflake.run(statement)
            ]
        except SnowflakeError as error:
            raise LambdaError("extract_call_failed", error.message) from error
    by_position = {int(row[0]): row[1] for row in rows}
    if sorted(by_position) != list(range(len(requests))):
        raise LambdaError("reply_invalid", "A request has no reply, or two.")
    replies = [_decoded(by_position[i]) for i in range(len(requests))]
    for request, reply in zip(requests, replies, strict=True):
        check_files(request, reply)
    return replies


def check_files(request: Request, reply: Reply) -> None:
    """Refuses a manifest with files of anything else than its request.

    Whoever can write to the bucket could otherwise name another table's files (S3).

    Raises:
        LambdaError: reply_invalid.
    """
    if isinstance(reply, CaptureReply):
        _check_key_files(request, reply)
    if not isinstance(reply, ExtractReply):
        return
    if not isinstance(request, ExtractRequest | KeysRequest):
        raise LambdaError("reply_invalid", "The reply belongs to another request.")
    place, width = place_of(request), len(reply.columns)
    paths = [file.path for file in reply.files]
    if reply.part != request.part or not all(place.holds(p, width) for p in paths):
        raise LambdaError(
            "reply_invalid", "The reply names files that its request did not ask for."
        )
    if len(set(paths)) != len(paths):
        raise LambdaError("reply_invalid", "The reply names a file twice.")


def _check_key_files(request: Request, reply: CaptureReply) -> None:
    """Refuses a capture with files, or tables, that its request did not ask for.

    Raises:
        LambdaError: reply_invalid.
    """
    if not isinstance(request, CaptureRequest) or reply.part != request.part:
        raise LambdaError("reply_invalid", "The reply belongs to another request.")
    folder = capture_folder(request.source, request.run_id, request.part)
    paths = [file.path for table in reply.tables for file in table.files]
    names = [table.name for table in reply.tables]
    if (
        not all(is_key_file(path, folder) for path in paths)
        or len(set(paths)) != len(paths)
        or not set(names) <= {table.name for table in request.tables}
        or len(set(names)) != len(names)
    ):
        raise LambdaError(
            "reply_invalid", "The reply names files that its request did not ask for."
        )


def _decoded(text: str | None) -> Reply:
    if text is None:
        raise LambdaError("reply_invalid", "The reply is NULL.")
    try:
        return decode_reply(text)
    except ContractError as error:
        raise LambdaError("reply_invalid", f"The reply: {error}.") from error


def expect(reply: Reply, kind: type[ReplyType], run_id: str) -> ReplyType:
    """Returns the reply if it is of the right kind and belongs to this run.

    Raises:
        LambdaError: It is a refusal, or the answer to something else.
    """
    if isinstance(reply, ErrorReply):
        raise refusal(reply)
    if not isinstance(reply, kind) or reply.run_id != run_id:
        raise LambdaError("reply_invalid", "The reply belongs to another request.")
    return reply


def refusal(reply: ErrorReply) -> SyncError:
    """Returns the error that a refusal stands for, with the Lambda side's words."""
    return LambdaError(
        reply.error.code,
        reply.error.message,
        retryable=reply.error.retryable,
        hint=reply.error.hint,
    )
