"""A part of a group is the request that it stands for, field by field."""

import dataclasses
from typing import Any

import pytest

from lambda_extract.contract import ExtractRequest, GroupPart
from lambda_extract.contract_parts import group_part, part_request

SHARED = sorted(
    {f.name for f in dataclasses.fields(GroupPart)}
    & {f.name for f in dataclasses.fields(ExtractRequest)}
)
# Each field has a value of its own: two that change places are seen.
VALUES: dict[str, Any] = {name: f"the {name}" for name in SHARED}
REQUEST = ExtractRequest(run_id="r1", **VALUES)


def test_a_part_has_every_field_of_its_request() -> None:
    known: Any = "the known columns"
    part = group_part(REQUEST, known)
    assert {name: getattr(part, name) for name in SHARED} == VALUES
    assert part.known == known
    assert group_part(REQUEST, None).known is None


def test_a_part_stands_for_its_request() -> None:
    assert part_request("r1", group_part(REQUEST, None)) == REQUEST
    assert part_request("r2", group_part(REQUEST, None)).run_id == "r2"


@pytest.mark.parametrize("name", ["cursor", "window", "partition", "changes"])
def test_what_a_request_does_not_have_its_part_has_not(name: str) -> None:
    request = dataclasses.replace(REQUEST, **{name: None})
    assert getattr(group_part(request, None), name) is None
