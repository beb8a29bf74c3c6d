"""PURE: the parts of a group and the requests that they stand for."""

from lambda_extract.contract import ExtractRequest, GroupPart, KnownColumns


def part_request(run_id: str, part: GroupPart) -> ExtractRequest:
    """Returns the request that a part of a group stands for."""
    return ExtractRequest(
        run_id=run_id,
        table=part.table,
        part=part.part,
        limits=part.limits,
        cursor=part.cursor,
        window=part.window,
        partition=part.partition,
        load_method=part.load_method,
        changes=part.changes,
    )


def group_part(request: ExtractRequest, known: KnownColumns | None) -> GroupPart:
    """Returns the part of a group that stands for a request."""
    return GroupPart(
        table=request.table,
        part=request.part,
        limits=request.limits,
        cursor=request.cursor,
        window=request.window,
        partition=request.partition,
        load_method=request.load_method,
        known=known,
        changes=request.changes,
    )
