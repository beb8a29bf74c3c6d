"""PURE: which tasks a group needs, and how they hang together.

    EXTRACT_<group> ─┬─ LOAD_<group>_1
      (scheduled)    ├─ LOAD_<group>_2
                     └─ ...              FINISH_<group> (finalizer)

The root extracts all tables and returns how many lanes have work; a lane without work
does not run. No task is about one table, so a new table changes no task.

The log of a source may be captured by the clock, between the runs of its groups: a
graph of one task, CAPTURE_<source>, whose "group" is the source's name behind a "#".
"""

from dataclasses import dataclass

from snowpark.settings.groups import CAPTURES, GroupSettings
from snowpark.sql import literal


@dataclass(frozen=True)
class Task:
    """A task as it should be.

    Attributes:
        call: The statement it runs, or its block.
        purpose: For people, in its comment.
        after: The task that it follows; None for root and finalizer.
        finalizes: The root whose finalizer it is.
        condition: It runs only if that holds; empty: always.
    """

    name: str
    settings: GroupSettings
    call: str
    purpose: str
    after: str | None = None
    finalizes: str | None = None
    condition: str = ""

    @property
    def is_root(self) -> bool:
        """Whether it is the one with the schedule."""
        return self.after is None and self.finalizes is None


def root_name(group: str) -> str:
    """Returns the name of a group's root."""
    if group.startswith(CAPTURES):
        return f"CAPTURE_{group.removeprefix(CAPTURES).upper()}"
    return f"EXTRACT_{group.upper()}"


def lane_name(group: str, lane: int) -> str:
    """Returns the name of the task of a lane."""
    return f"LOAD_{group.upper()}_{lane}"


def finalizer_name(group: str) -> str:
    """Returns the name of a group's finalizer."""
    return f"FINISH_{group.upper()}"


def build(settings: GroupSettings) -> list[Task]:
    """Returns the tasks of a group, every one behind the one that it follows."""
    if settings.name.startswith(CAPTURES):
        return [_capture(settings)]
    group = literal(settings.name)
    root = Task(
        root_name(settings.name),
        settings,
        _extract(settings),
        "extracts what is new in all tables",
    )
    lanes = [
        Task(
            lane_name(settings.name, lane),
            settings,
            f"CALL control.load_lane({group}, {lane})",
            f"loads and merges the tables of lane {lane}",
            after=root.name,
            # Its only predecessor: a name would have to be that of the root.
            condition=f"SYSTEM$GET_PREDECESSOR_RETURN_VALUE()::NUMBER >= {lane}",
        )
        for lane in range(1, settings.lanes + 1)
    ]
    last = Task(
        finalizer_name(settings.name),
        settings,
        f"CALL control.finish_group({group})",
        "closes the run and raises alerts",
        finalizes=root.name,
    )
    return [root, *lanes, last]


def _capture(settings: GroupSettings) -> Task:
    source = settings.name.removeprefix(CAPTURES)
    return Task(
        root_name(settings.name),
        settings,
        f"CALL control.capture_log({literal(source)})",
        "captures the log of a source",
    )


def _extract(settings: GroupSettings) -> str:
    """Returns the block of the root.

    A procedure with the rights of its owner may not set a return value, the task's own
    block may.
    """
    group = literal(settings.name)
    return f"""\
DECLARE
    report VARIANT;
    lanes VARCHAR;
BEGIN
    CALL control.extract_lanes({group}, {settings.lanes}) INTO :report;
    lanes := GET(report, 'lanes')::VARCHAR;
    CALL SYSTEM$SET_RETURN_VALUE(:lanes);
END"""
