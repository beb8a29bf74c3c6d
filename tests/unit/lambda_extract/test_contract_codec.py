"""Numbers of a request that Python reads and nothing else could hold."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from lambda_extract import contract

TABLE = contract.TableSpec("orders", "shop", "public", "orders")
REQUEST = contract.PlanRequest("r1", TABLE, cursor=contract.CursorSpec("updated_at"))


def request(margin: Any) -> str:
    data = contract.to_object(REQUEST)
    data["cursor"]["margin_seconds"] = margin
    return json.dumps(data)


def test_an_integer_is_a_number_of_seconds() -> None:
    decoded = contract.decode_request(request(5))
    assert isinstance(decoded, contract.PlanRequest) and decoded.cursor is not None
    assert decoded.cursor.margin_seconds == 5.0
    assert isinstance(decoded.cursor.margin_seconds, float)


@pytest.mark.parametrize("margin", [10**400, -(10**400), True, "5", float("inf")])
def test_what_is_no_number_of_seconds_is_refused_by_name(margin: Any) -> None:
    with pytest.raises(contract.ContractError, match="/cursor/margin_seconds"):
        contract.decode_request(request(margin))


def test_a_number_that_is_read_as_infinity_is_refused() -> None:
    text = request(5).replace(": 5", ": 1e999")
    with pytest.raises(contract.ContractError, match="is no finite number"):
        contract.decode_request(text)


@pytest.mark.parametrize(
    ("message", "pointer", "missing"),
    [
        ({"op": "plan"}, "", "run_id, table"),
        ({"op": "plan", "run_id": "r1"}, "", "table"),
        # Neither what is there nor what may be left out.
        (
            {"op": "plan", "run_id": "r1", "table": {"source": "s", "relation": "t"}},
            "/table",
            "name, schema",
        ),
    ],
)
def test_of_missing_fields_those_that_must_be_sent_are_named(
    message: dict[str, Any], pointer: str, missing: str
) -> None:
    with pytest.raises(contract.ContractError) as caught:
        contract.decode_request(message | {"version": contract.VERSION})
    assert caught.value.pointer == pointer
    assert caught.value.reason == f"missing field: {missing}"


def test_the_release_is_the_projects_and_tells_other_shapes() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    assert contract.RELEASE == project["project"]["version"]
    before = contract.release()
    assert re.fullmatch(rf"{re.escape(contract.RELEASE)}-[0-9a-f]{{8}}", before)
    contract.REPLIES["other"] = contract.SourceIdentity
    try:
        assert contract.release() != before
    finally:
        del contract.REPLIES["other"]
