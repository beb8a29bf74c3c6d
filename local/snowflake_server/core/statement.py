"""One statement: its text, the values beside it, and the session that sent it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from local.snowflake_server.core.session import Session, new_query_id


@dataclass
class Statement:
    """One statement on its way: its text, its values, its session."""

    text: str
    session: Session
    binds: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] | None = None
    query_id: str = field(default_factory=new_query_id)

    @property
    def values(self) -> dict[str, Any]:
        """Everything that may stand in the text: binds and context functions."""
        return self.session.values(self.query_id) | self.binds
