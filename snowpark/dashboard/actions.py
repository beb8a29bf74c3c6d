"""What the buttons do: each is one worksheet call for each table, made once."""

import threading
from dataclasses import dataclass, field
from typing import Any

from snowpark.dashboard import session, statements
from snowpark.dashboard.buttons import ACTIONS
from snowpark.dashboard.shaping import Failure


@dataclass
class Call:
    """One confirmed click: a call for each subject, one after the other.

    A click anywhere starts another run of the script while a call is still waiting in
    the thread of the run before; that run then waits for the same calls.

    Attributes:
        label: Button.
        subjects: Configured names, or none for a call about everything.
        values: What the person wrote; an empty text is NULL.
        outcomes: The report or the failure of each call that was made.
    """

    label: str
    subjects: tuple[str, ...]
    values: tuple[str, ...] = ()
    outcomes: dict[str, dict[str, Any] | Failure] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_done(self) -> bool:
        """Whether every call was made."""
        return len(self.outcomes) == max(1, len(self.subjects))

    @property
    def texts(self) -> list[str]:
        """The calls as a person writes them."""
        procedure = ACTIONS[self.label].procedure
        return [
            statements.shown_call(procedure, *a) for a in self._arguments().values()
        ]

    def make(self) -> None:
        """Makes the calls, once however often it is asked for; waits for their end."""
        procedure = ACTIONS[self.label].procedure
        with self.lock:
            for subject, arguments in self._arguments().items():
                if subject in self.outcomes:
                    continue
                try:
                    report = session.call(statements.call(procedure, *arguments))
                except session.CallFailed as error:
                    self.outcomes[subject] = error.failure
                else:
                    self.outcomes[subject] = report

    def _arguments(self) -> dict[str, tuple[str | bool | None, ...]]:
        more = (*(value or None for value in self.values), *ACTIONS[self.label].fixed)
        if not self.subjects:
            return {"": more}
        return {subject: (subject, *more) for subject in self.subjects}
