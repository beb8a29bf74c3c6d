"""Scoped URLs of staged files, and the class with which a handler opens them.

sql-reference/functions/build_scoped_file_url; developer-guide/stored-procedure/python/
procedure-python-read-files; user-guide/unstructured-intro (a URL is its maker's alone).
"""

from __future__ import annotations

import base64
import contextlib
import io
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pyarrow
from snowflake.snowpark import files as snowpark_files

from local.snowflake_server.core.names import Name
from local.snowflake_server.core.scan import Scanner
from local.snowflake_server.core.session import Session
from local.snowflake_server.engine import Account
from local.snowflake_server.objects.stages import Stage

_HOST = "https://local.snowflakecomputing.com/api/files"
# Until the result of the query that made it expires.
_VALID = timedelta(hours=24)


@dataclass(frozen=True)
class Scoped:
    """What a scoped URL leads to, and for whom."""

    user: str
    stage: Name
    path: str
    made: datetime


def install(account: Account) -> None:
    """Teach DuckDB BUILD_SCOPED_FILE_URL, and Snowpark to open what it gives."""

    def column(
        queries: pyarrow.ChunkedArray,
        users: pyarrow.ChunkedArray,
        stages: pyarrow.ChunkedArray,
        paths: pyarrow.ChunkedArray,
    ) -> Any:
        given = (queries, users, stages, paths)
        rows = zip(*(one.to_pylist() for one in given), strict=True)
        return pyarrow.array([_made(account, *row) for row in rows], pyarrow.string())

    options: dict[str, Any] = {
        "type": "arrow",
        "null_handling": "special",
        "side_effects": True,
    }
    account.duck.create_function(
        "_scoped_url", column, ["VARCHAR"] * 4, "VARCHAR", **options
    )
    # Inside Snowflake this class is another one than the package's.
    snowpark_files.SnowflakeFile = SnowflakeFile


def _made(
    account: Account, query: str, user: str, stage: str, path: str | None
) -> str | None:
    if path is None:
        return None
    encoded = base64.urlsafe_b64encode(f"{stage}/{path}".encode()).decode().rstrip("=")
    url = f"{_HOST}/{query}/{encoded}"
    name = Name(*Scanner(stage).path())
    account.scoped_urls[url] = Scoped(user, name, path.lstrip("/"), datetime.now(UTC))
    return url


@contextlib.contextmanager
def opened_for(account: Account, session: Session) -> Iterator[None]:
    """While a handler runs, SnowflakeFile opens files for its session."""
    token = SnowflakeFile.at_work.set((account, session))
    try:
        yield
    finally:
        SnowflakeFile.at_work.reset(token)


class SnowflakeFile:
    """Stands in the place of snowflake.snowpark.files.SnowflakeFile."""

    at_work: ClassVar[ContextVar[tuple[Account, Session] | None]] = ContextVar(
        "at_work", default=None
    )

    @classmethod
    def open(
        cls,
        file_location: str,
        mode: str = "r",
        is_owner_file: bool = False,
        *,
        require_scoped_url: bool = True,
    ) -> io.IOBase:
        """Open a file by a scoped URL; no other place is imitated.

        Raises:
            ValueError: It is no scoped URL, or the mode is none to read with.
            OSError: The URL is not valid for who calls, or leads to nothing readable.
        """
        if mode not in ("r", "rb"):
            raise ValueError(f"Invalid mode '{mode}' for SnowflakeFile.open.")
        if is_owner_file or not require_scoped_url:
            raise NotImplementedError("Only scoped URLs are imitated here.")
        if not file_location.startswith("https://"):
            raise ValueError(f"'{file_location}' is not a scoped URL.")
        content = cls._content(file_location)
        if mode == "rb":
            return io.BytesIO(content)
        return io.StringIO(content.decode())

    @classmethod
    def _content(cls, url: str) -> bytes:
        working = cls.at_work.get()
        if working is None:
            raise RuntimeError("SnowflakeFile works inside of a procedure only.")
        account, session = working
        found = account.scoped_urls.get(url)
        if (
            found is None
            or found.user != session.user
            or datetime.now(UTC) - found.made > _VALID
        ):
            raise OSError("The scoped URL is not valid for this user, or has expired.")
        stage: Stage | None = account.catalog.in_schema["STAGE"].get(found.stage)
        if stage is None or stage.folder is None:
            raise OSError("The stage is gone, or is an external one.")
        if stage.encryption != "SNOWFLAKE_SSE":
            raise OSError(
                "The file cannot be read: its stage is not encrypted by SNOWFLAKE_SSE."
            )
        file = (stage.folder / found.path).resolve()
        inside = file.is_relative_to(stage.folder.resolve())
        if not inside or not file.is_file():
            raise FileNotFoundError(f"Remote file '{found.path}' was not found.")
        return file.read_bytes()
