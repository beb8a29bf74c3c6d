"""Which settings of a history go together."""

from typing import Any

import pytest

from snowpark.settings import history


def told(table: dict[str, Any], **defaults: Any) -> list[str]:
    found = history.problems(table, {**defaults, **table}, "/tables/t")
    return [problem.pointer for problem in found]


@pytest.mark.parametrize(
    ("table", "pointers"),
    [
        ({}, []),
        ({"drop_history": True}, []),
        ({"history": False, "drop_history": True}, []),
        ({"history": True, "history_columns": ["a"], "history_days": 7}, []),
        ({"history": True, "history_time": "extracted", "current_view": True}, []),
        ({"history": True, "drop_history": False}, []),
        ({"history": True, "deletes": "key_compare", "delete_action": "soft"}, []),
        ({"history": True, "cursor": ["a", "b"]}, ["history_time"]),
        ({"history": True, "cursor": ["a"]}, []),
        ({"history": True, "cursor": ["a", "b"], "history_time": "extracted"}, []),
        # The cursor may be one of the defaults.
        ({"history": True, "mode": "log", "cursor": ["a", "b"]}, []),
        ({"history": True, "mode": "full", "cursor": ["a", "b"]}, []),
        (
            {"history": True, "mode": "incremental", "cursor": ["a", "b"]},
            ["history_time"],
        ),
        ({"history_columns": ["a"]}, ["history_columns"]),
        ({"history": False, "history_days": 7}, ["history_days"]),
        ({"current_view": True, "history_time": "cursor"}, None),
        ({"history": True, "drop_history": True}, ["drop_history"]),
        ({"history": True, "delete_action": "hard"}, ["delete_action"]),
        (
            {"history": True, "history_columns": ["a", "b"], "exclude": ["b"]},
            ["exclude"],
        ),
    ],
)
def test_each_problem_is_told(
    table: dict[str, Any], pointers: list[str] | None
) -> None:
    expected = ["history_time", "current_view"] if pointers is None else pointers
    assert told(table) == [f"/tables/t/{name}" for name in expected]
