"""A session of one client: what USE and ALTER SESSION change, and its transaction."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from local.snowflake_server.core.errors import SnowflakeError, forbidden_in_procedure
from local.snowflake_server.core.names import Name
from local.snowflake_server.core.transactions import Scope

_IDS = itertools.count(1001)


@dataclass
class Session:
    """A session of a client, or the one that a procedure's handler works with.

    Attributes:
        scope: Where its statements run; a procedure shares its caller's until it says
            BEGIN itself.
        procedure: Name of the procedure whose handler sends the statements.
        rows_per_resultset: Queries answer no more rows than this; 0: all of them.
        killed: Set by a fault: nothing runs in it any more.
        formats: Output formats that ALTER SESSION has set.
    """

    scope: Scope
    user: str
    role: str
    warehouse: str | None = None
    database: str | None = None
    schema: str | None = None
    procedure: str | None = None
    caller: Session | None = None
    autocommit: bool = True
    rows_per_resultset: int = 0
    killed: bool = False
    id: int = field(default_factory=lambda: next(_IDS))
    lock: threading.RLock = field(default_factory=threading.RLock)
    temporary: dict[Name, Name] = field(default_factory=dict)
    formats: dict[str, str] = field(default_factory=dict)

    @property
    def output_formats(self) -> dict[str, str]:
        """Parameter -> strftime's format; a procedure has its caller's."""
        return self.formats if self.caller is None else self.caller.output_formats

    def forbid_in_procedure(self, what: str) -> None:
        """Fail if owner's rights do not allow the statement."""
        if self.procedure is not None:
            raise forbidden_in_procedure(what)

    def begin(self) -> None:
        """BEGIN: in a procedure it opens a scope of its own."""
        if self.caller is not None and self.scope is self.caller.scope:
            self.scope = Scope(
                connection=self.scope.connection,
                lock=self.scope.lock,
                outer=self.scope,
            )
        self.scope.begin()

    def end_transaction(self, *, commit: bool) -> None:
        """COMMIT or ROLLBACK.

        Raises:
            SnowflakeError: A procedure would end its caller's transaction.
        """
        shared = self.caller is not None and self.scope is self.caller.scope
        if shared and self.scope.explicit:
            raise SnowflakeError(
                90232,
                "0A000",
                "Modifying a transaction that has started at a different scope is not "
                "allowed.",
            )
        if commit:
            self.scope.commit()
        else:
            self.scope.rollback()

    def close_procedure(self) -> bool:
        """End the handler's session; True if it left a transaction open."""
        if self.caller is None or self.scope is self.caller.scope:
            return False
        left_open = self.scope.explicit
        self.scope.close()
        return left_open

    def values(self, query: str) -> dict[str, object]:
        """What the context functions give during one statement."""
        return {
            "wctx_now__": datetime.now(UTC),
            "wctx_query__": query,
            "wctx_user__": self.user,
            "wctx_role__": self.role,
            "wctx_session__": str(self.id),
            "wctx_database__": self.database,
            "wctx_schema__": self.schema,
            "wctx_warehouse__": self.warehouse,
            "wctx_account__": "LOCAL",
            "wctx_region__": "LOCAL",
            "wctx_version__": "10.0.0",
            "wctx_transaction__": self.scope.transaction,
        }


def new_query_id() -> str:
    """A query id in Snowflake's form."""
    return str(uuid4())
