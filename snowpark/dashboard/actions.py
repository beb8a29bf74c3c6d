"""What the buttons do: each is one worksheet call, made once."""

import threading
from dataclasses import dataclass, field

from snowpark.dashboard import session, statements
from snowpark.dashboard.shaping import Failure

# Button: (procedure, what the person is asked to confirm).
ACTIONS = {
    "Sync now": ("SYNC_TABLE", "Read what is new in the source and merge it?"),
    "Validate": (
        "VALIDATE_TABLE",
        "Sync the table, then compare all its rows with the source?"
        " Nothing is repaired.",
    ),
    "Pause": ("PAUSE_TABLE", "Stop syncing the table until it is resumed?"),
    "Resume": ("RESUME_TABLE", "Let the table be synced again?"),
}


@dataclass
class Call:
    """One confirmed click.

    A click anywhere starts another run of the script while the call is still waiting
    in the thread of the run before; that run then waits for the same call.

    Attributes:
        label: Button.
        table: Configured name.
        outcome: The report, or the failure; None while it runs.
    """

    label: str
    table: str
    outcome: dict[str, object] | Failure | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def make(self) -> None:
        """Makes the call, once however often it is asked for; waits for its end."""
        with self.lock:
            if self.outcome is not None:
                return
            procedure, _ = ACTIONS[self.label]
            try:
                self.outcome = session.call(statements.call(procedure, self.table))
            except session.CallFailed as error:
                self.outcome = error.failure
