"""What a platform answered to a probe, as text, and whether that was expected. Pure."""

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from scripts.probes.files import Ask, Probe

AS_EXPECTED = "as expected"
DIFFERENT = "different"
REFUSED = "refused"
NOT_RUN = "not run"
# State of a run on the local stack -> what the probe's file must say.
LOCAL_MARKS = {
    AS_EXPECTED: "same",
    DIFFERENT: "wrong_locally",
    REFUSED: "refused",
    NOT_RUN: "not_imitated",
}
MOST_SHOWN = 400


@dataclass(frozen=True)
class Seen:
    """What was answered to one question.

    Attributes:
        text: The answer or the error.
        state: AS_EXPECTED, DIFFERENT or REFUSED.
    """

    text: str
    state: str


@dataclass(frozen=True)
class Outcome:
    """What became of one probe.

    Attributes:
        probe: The probe.
        state: AS_EXPECTED, DIFFERENT, REFUSED or NOT_RUN.
        seen: The answers, or why it was not run.
        seconds: How long it took.
    """

    probe: Probe
    state: str
    seen: str
    seconds: float = 0.0

    @property
    def as_marked(self) -> bool:
        """True if the local stack did what the probe's file says of it."""
        return LOCAL_MARKS[self.state] == self.probe.local


def judge_rows(ask: Ask, rows: Sequence[Sequence[Any]]) -> Seen:
    """Compares an answer with what is expected."""
    if ask.document is not None:
        return _judge_document(ask.document, rows)
    text = shown_rows(rows)
    if ask.accepted:
        return Seen(shortened(text) or "accepted", AS_EXPECTED)
    same = ask.answer is not None and text == shown_rows(ask.answer)
    return Seen(shortened(text) or "no rows", AS_EXPECTED if same else DIFFERENT)


def _judge_document(expected: str, rows: Sequence[Sequence[Any]]) -> Seen:
    text = shown_rows(rows)
    if len(rows) != 1 or len(rows[0]) != 1:
        return Seen(text, DIFFERENT)
    try:
        document = json.dumps(json.loads(rows[0][0]), sort_keys=True)
    except (TypeError, ValueError):
        return Seen(text, DIFFERENT)
    return Seen(document, AS_EXPECTED if document == expected else DIFFERENT)


def judge_error(ask: Ask, number: int | str, message: str) -> Seen:
    """Compares an error with what is expected."""
    text = shortened(f"error {number}: {' '.join(message.split())}")
    if ask.error is None:
        return Seen(text, REFUSED)
    found = re.search(ask.error, text, re.IGNORECASE)
    return Seen(text, AS_EXPECTED if found else DIFFERENT)


def shortened(text: str) -> str:
    """A long text without its middle: a traceback says at its end what happened."""
    if len(text) <= MOST_SHOWN:
        return text
    return f"{text[: MOST_SHOWN // 4]} ... {text[-3 * MOST_SHOWN // 4 :]}"


def worst(states: Iterable[str]) -> str:
    """The state of a probe whose questions had these."""
    found = set(states)
    return next((s for s in (REFUSED, DIFFERENT) if s in found), AS_EXPECTED)


def expected_text(probe: Probe) -> str:
    """What a probe expects, as one line."""
    if probe.by_hand:
        return "asked by hand"
    texts = (_expected(ask) for ask in probe.asks)
    return "; ".join(text for text in texts if text) or "accepted"


def _expected(ask: Ask) -> str:
    if ask.document is not None:
        return ask.document
    if ask.error is not None:
        return "an error" if ask.error == "." else f"error {ask.error}"
    if ask.answer is not None:
        return shown_rows(ask.answer) or "no rows"
    return ""


def shown_rows(rows: Sequence[Sequence[Any]]) -> str:
    """Rows as text in which NULL, '' and numbers are not the same."""
    return "; ".join(", ".join(shown(value) for value in row) for row in rows)


def shown(value: Any) -> str:
    """One value: numbers without idle zeros, texts in quotes, moments in UTC."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, Decimal, float)):
        return _number(value)
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value).hex().upper()
    if isinstance(value, datetime):
        value = value.astimezone(UTC) if value.tzinfo else value
        value = value.isoformat(sep=" ")
    return json.dumps(str(value), ensure_ascii=False)


def _number(value: int | float | Decimal) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return json.dumps(str(value))
    plain = format(Decimal(str(value)), "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


_PRIVATE = (
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.I), "<id>"),
    (re.compile(r"\barn:[^\s'\",)]+"), "<arn>"),
    (re.compile(r"\b(?:https?|s3|postgresql)://[^\s'\",)]+"), "<url>"),
    (re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.-]+\b"), "<mail>"),
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b"), "<host>"),
    (re.compile(r"\b[\w.-]+\.(?:snowflakecomputing|amazonaws)\.\w+"), "<host>"),
    (re.compile(r"\b\d{12}\b"), "<account>"),
)  # fmt: skip


def without_names(text: str, names: Iterable[str]) -> str:
    """Takes out what tells whose account it is: hosts, ids, ARNs and the given names.

    Args:
        text: What a platform answered.
        names: Account, user, role, warehouse and the like; shorter ones than three
            characters are no name to anybody and stay.
    """
    for pattern, instead in _PRIVATE:
        text = pattern.sub(instead, text)
    for name in sorted({n for n in names if len(n) >= 3}, key=len, reverse=True):
        text = re.sub(
            rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])",
            "<name>",
            text,
            flags=re.IGNORECASE,
        )
    return text
