"""A switchboard for tests: chosen statements fail, wait, or kill their procedure."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.snowflake_server.core.errors import SnowflakeError, syntax
from local.snowflake_server.core.statement import Statement

# A test that forgets its rule must not hang for ever.
_LONGEST_HOLD_SECONDS = 60.0
_ACTIONS = ("error", "kill_procedure", "delay", "hold", "slip_in")

Slip = Callable[[str, Statement], object]


class ProcedureKilled(BaseException):
    """Ends a handler without giving it a chance to send anything more."""


@dataclass
class Rule:
    """What to do with the n-th statement that matches.

    Attributes:
        match: Regular expression, searched in the text without regard to case.
        nth: Which matching statement, from 1; 0 means every one.
        action: error, kill_procedure, delay, hold (wait until the rules change), or
            slip_in: what another session commits at that very moment.
        when: before or after the statement.
        seconds: Length of a delay.
        procedure: Only statements of this procedure's handler; None: any.
        code: Error number of an error.
        message: Its text.
        statement: What slips in. In Snowflake another session may write to another
            table while a transaction is open, and the transaction's next statement
            sees it. Here there is one writer, so the transaction itself runs it: it is
            seen the same, but goes if the transaction is rolled back.
    """

    match: str
    action: str
    nth: int = 1
    when: str = "before"
    seconds: float = 0.0
    procedure: str | None = None
    code: int = 604
    message: str = "Fault injected by a test"
    statement: str = ""
    seen: int = field(default=0, init=False)
    withdrawn: threading.Event = field(default_factory=threading.Event, init=False)

    def __post_init__(self) -> None:
        """Refuse what has no meaning.

        Raises:
            SnowflakeError: An unknown action, moment or a broken expression.
        """
        if self.action not in _ACTIONS:
            raise syntax(f"unknown action {self.action!r}")
        if (self.action == "slip_in") != bool(self.statement):
            raise syntax("slip_in takes a statement, and nothing else does")
        if self.when not in ("before", "after"):
            raise syntax(f"unknown moment {self.when!r}")
        try:
            re.compile(self.match)
        except re.error as error:
            raise syntax(f"broken expression {self.match!r}: {error}") from error


class Faults:
    """The rules in force."""

    def __init__(self) -> None:
        """Start without rules."""
        self._rules: list[Rule] = []
        self._lock = threading.Lock()

    def replace(self, rules: list[dict[str, Any]]) -> None:
        """Put new rules in the place of the old ones.

        Raises:
            SnowflakeError: A rule has no meaning.
        """
        try:
            made = [Rule(**rule) for rule in rules]
        except TypeError as error:
            raise syntax(f"invalid rule: {error}") from error
        with self._lock:
            old, self._rules = self._rules, made
        for rule in old:
            rule.withdrawn.set()

    def listed(self) -> list[dict[str, Any]]:
        """The rules and how often each has matched."""
        with self._lock:
            return [
                {**vars(rule), "seen": rule.seen, "withdrawn": rule.withdrawn.is_set()}
                for rule in self._rules
            ]

    def visit(self, when: str, statement: Statement, slip: Slip | None = None) -> None:
        """Do what the rules say about this statement.

        Args:
            slip: Runs the text of another statement at the place of this one.
        """
        if not self._rules:
            return
        for rule in self._hit(when, statement):
            if rule.action == "delay":
                time.sleep(rule.seconds)
            elif rule.action == "hold":
                rule.withdrawn.wait(_LONGEST_HOLD_SECONDS)
            elif rule.action == "error":
                raise SnowflakeError(rule.code, "57014", rule.message)
            elif rule.action == "slip_in":
                if slip is None:
                    raise syntax("nothing can slip in here")
                slip(rule.statement, statement)
            elif statement.session.procedure is not None:
                statement.session.killed = True
                raise ProcedureKilled(rule.message)

    def _hit(self, when: str, statement: Statement) -> list[Rule]:
        found = []
        with self._lock:
            for rule in self._rules:
                if rule.when != when:
                    continue
                if rule.procedure not in (None, statement.session.procedure):
                    continue
                if re.search(rule.match, statement.text, re.IGNORECASE):
                    rule.seen += 1
                    if rule.nth in (0, rule.seen):
                        found.append(rule)
        return found
