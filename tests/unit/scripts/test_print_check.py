"""The end of a deployment: what CHECK_SYNC says."""

import io
import json
from typing import Any

from rich.console import Console
from snowflake.connector.errors import ProgrammingError

from scripts.print_check import print_check

ROWS = [
    {
        "check": "lambda",
        "subject": "shop",
        "state": "failed",
        "detail": "[extract_call_failed] [no] answer",
        "what_to_do": "Check the API integration",
    },
    {"check": "tls", "subject": "", "state": "ok", "detail": "on", "what_to_do": ""},
]


class Cursor:
    def __init__(self, error: bool) -> None:
        self.error = error
        self.sent = ""

    def __enter__(self) -> "Cursor":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def cursor(self) -> Any:
        return self

    def execute(self, text: str) -> None:
        self.sent = text
        if self.error:
            raise ProgrammingError("no such procedure")

    def fetchall(self) -> list[tuple[str]]:
        return [(json.dumps({"summary": "1 failed, 0 warnings.", "rows": ROWS}),)]


def printed(cursor: Cursor) -> str:
    console = Console(file=io.StringIO(), width=200)
    print_check(console, cursor, "OTHER")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_what_is_not_ok_is_shown_with_what_to_do() -> None:
    cursor = Cursor(error=False)
    text = printed(cursor)
    assert cursor.sent == "CALL OTHER.control.check_sync()"
    assert "lambda shop" in text and "Check the API integration" in text
    assert "[no] answer" in text and "tls" not in text
    assert "1 failed, 0 warnings." in text


def test_a_check_that_cannot_be_made_fails_no_deployment() -> None:
    assert "no such procedure" in printed(Cursor(error=True))
