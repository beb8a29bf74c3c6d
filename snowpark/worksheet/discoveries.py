"""PURE: what a look at a source has found."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Discovery:
    """Something that has changed in a source, or that it was looked at.

    Attributes:
        what: "new"; "blocked": new, and cannot be synced as it is (PROPOSE_CONFIG says
            why); "vanished"; "looked", which says when the last look was.
        policy: What the pattern says of new tables: add, tell.
    """

    what: Literal["new", "blocked", "vanished", "looked"]
    source: str = ""
    place: str = ""
    name: str = ""
    policy: str = ""
