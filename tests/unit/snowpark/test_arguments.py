"""What a call is given is checked in one place."""

from typing import Any

import pytest

from snowpark import arguments
from snowpark.errors import UsageError


@pytest.mark.parametrize("check", [arguments.table_name, arguments.group_name])
@pytest.mark.parametrize("value", [None, "", " \t\n", 5, True, ["orders"], b"orders"])
def test_a_name_is_a_text_that_says_something(check: Any, value: object) -> None:
    with pytest.raises(UsageError) as raised:
        check(value)
    assert raised.value.code == "invalid_argument"


def test_names_are_stored_in_one_form() -> None:
    assert arguments.table_name("  Order \n Lines ") == "order lines"
    assert arguments.group_name("HOURLY") == "hourly"


@pytest.mark.parametrize("value", ["", "  ", "x" * 11, 7, False])
def test_an_optional_text_is_null_or_says_something(value: object) -> None:
    with pytest.raises(UsageError, match="reason"):
        arguments.text_or_null(value, "reason", longest=10, hint="h")


def test_an_optional_text_is_taken_as_it_is() -> None:
    assert arguments.text_or_null(None, "from", longest=10, hint="h") is None
    assert arguments.text_or_null(" x ", "from", longest=10, hint="h") == " x "


@pytest.mark.parametrize("value", [None, 0, 1, "true", "false"])
def test_a_flag_is_true_or_false(value: object) -> None:
    with pytest.raises(UsageError, match="TRUE or FALSE"):
        arguments.flag(value, "repair")
