"""PURE: the buttons: each is a worksheet call, asked for and confirmed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """A button.

    Attributes:
        procedure: What it calls.
        question: What the person is asked to confirm.
        many: Whether it may be asked for several tables at once.
        inputs: What the person writes beside the table's name: label, first text.
        fixed: Arguments behind the table's name.
    """

    procedure: str
    question: str
    many: bool = False
    inputs: tuple[tuple[str, str], ...] = ()
    fixed: tuple[bool, ...] = ()


ACTIONS = {
    "Sync now": Action(
        "SYNC_TABLE", "Read what is new in the source and merge it?", many=True
    ),
    "Resync": Action(
        "RESYNC_TABLE",
        "Read the whole table again? Readers see the old rows until the new ones are"
        " there.",
    ),
    "Confirm deletes": Action(
        "CONFIRM_DELETES",
        "Sync the table, and delete in the target whatever is gone from the source,"
        " however much it is?",
    ),
    "Resume": Action("RESUME_TABLE", "Let the table be synced again?", many=True),
    "Validate": Action(
        "VALIDATE_TABLE",
        "Sync the table, then compare all its rows with the source?"
        " Nothing is repaired.",
    ),
    "Validate and repair": Action(
        "VALIDATE_TABLE",
        "Compare all rows with the source, and put right in the target what differs?",
        fixed=(True,),
    ),
    "Backfill": Action(
        "BACKFILL_TABLE",
        "Read the rows of a range of cursor values again? An empty end is open.",
        inputs=(("From (cursor value)", ""), ("To (cursor value)", "")),
    ),
    "Pause": Action(
        "PAUSE_TABLE",
        "Stop syncing the table until it is resumed?",
        many=True,
        inputs=(("Why", "paused in the dashboard"),),
    ),
    "Start schedules": Action(
        "APPLY_TASKS", "Make every task as the configuration says, and start it?"
    ),
    "Capture log": Action("CAPTURE_LOG", "Record what the source's log tells now?"),
    "Resync source": Action(
        "RESYNC_SOURCE",
        "Begin the log of the source anew? Each of its tables is read as a whole.",
    ),
}

# The buttons that a hint names, by its words.
BY_PROCEDURE = {
    action.procedure: label for label, action in ACTIONS.items() if not action.fixed
}
