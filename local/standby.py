"""A streaming standby of an embedded server: the reader that follows a writer."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from local.aurora import (
    OWNER,
    SERVER_SETTINGS,
    Aurora,
    AuroraError,
    _identity,
    _launch,
    _reachable_folder,
    _server_user,
    _wait_until_ready,
    free_port,
)

# Queries lose against the log at once: a conflict is what a test waits for.
STANDBY_SETTINGS = {"hot_standby": "on", "max_standby_streaming_delay": "0"}


def start_standby(writer: Aurora, folder: Path) -> Aurora:
    """Clones a running server by pg_basebackup and follows it from then on.

    Raises:
        AuroraError: It could not be cloned, or did not start.
    """
    user = _server_user()
    scratch: list[Path] = []
    data = _reachable_folder(folder, user, scratch) / "pgdata"
    command = [str(writer.bin_path / "pg_basebackup"), "-h", writer.host]
    command += ["-p", str(writer.port), "-U", OWNER, "-D", str(data)]
    command += ["--wal-method=stream", "--write-recovery-conf"]
    command += ["--checkpoint=fast", "--no-sync"]
    made = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=data.parent,
        **_identity(user),  # type: ignore[call-overload]
    )
    if made.returncode != 0:
        raise AuroraError(f"pg_basebackup failed: {made.stderr.strip()}")
    port = free_port()
    settings = SERVER_SETTINGS | STANDBY_SETTINGS | {"port": str(port)}
    process = _launch(data, bin_path=writer.bin_path, user=user, settings=settings)
    standby = Aurora(port, writer.bin_path, data, "", process, tuple(scratch))
    try:
        _wait_until_ready(standby)
    except BaseException:
        standby.stop()
        raise
    return standby


@contextlib.contextmanager
def running_standby(writer: Aurora, folder: Path) -> Iterator[Aurora]:
    """Follows a server for the length of a `with` block."""
    standby = start_standby(writer, folder)
    try:
        yield standby
    finally:
        standby.stop()
