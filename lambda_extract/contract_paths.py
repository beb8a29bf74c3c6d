"""PURE: where the files of an extraction lie; the rule that both sides share.

    data/<table>/<run id>/<part>/<job>-00000.csv.zst            loaded by COPY
    pipe/<table>/<columns>/<run id>/<part>/<job>-00000.csv.zst  loaded by a pipe
    changes/<source>/<run id>/<part>/<job>-<table>-00000.keys.gz  read by Lambda again

Whoever asks names the run and the part; the job is the worker's own, so that two jobs
of one request never write the same file.

A pipe takes every file below its own folder, so a table that is loaded by pipes has one
folder for each number of columns: a file can never reach a pipe of another width.
Standard library alone, as in `contract`.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

# Who loads the files of an extraction, and the folder in which they lie for it.
LoadMethod = Literal["copy", "snowpipe"]
_FOLDERS: dict[LoadMethod, str] = {
    "copy": "data/{table}/",
    "snowpipe": "pipe/{table}/{width}/",
}

# What run ids and parts may consist of; neither a slash nor a leading dot is in it.
COMPONENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_NAME = r"(?:[0-9a-f]{16}-)?[0-9]{5,}\.csv\.zst"
_PIPED = re.compile(
    r"pipe/(?P<table>[^/]+)/(?P<width>[1-9][0-9]{0,3})"
    rf"/(?P<run_id>{COMPONENT.pattern})/(?P<part>{COMPONENT.pattern})"
    rf"/(?P<name>{_NAME})"
)

_KEY_FILE = re.compile(
    rf"(?:{COMPONENT.pattern}/{COMPONENT.pattern}/)?[A-Za-z0-9_.-]+[0-9]{{5}}\.keys\.gz"
)


@dataclass(frozen=True)
class Place:
    """Where one extraction writes.

    Attributes:
        table: Configured name.
        run_id: A component of the path, as is `part`.
        part: New for every attempt.
        load_method: Who loads the files.
        job: What tells the files of one job from those of another; may be empty.
    """

    table: str
    run_id: str
    part: str
    load_method: LoadMethod = "copy"
    job: str = ""

    def folder(self, width: int) -> str:
        """Returns the prefix of the files, for so many columns."""
        folder = folder_of(self.load_method, self.table, width)
        return f"{folder}{self.run_id}/{self.part}/"

    def prefix(self, width: int) -> str:
        """Returns what the paths of the files begin with, for so many columns."""
        return self.folder(width) + (f"{self.job}-" if self.job else "")

    def holds(self, path: str, width: int) -> bool:
        """Returns whether a path is one of a file of this place, of whatever job."""
        folder, name = self.folder(width), path.rpartition("/")[2]
        return path == folder + name and re.fullmatch(_NAME, name) is not None


@dataclass(frozen=True)
class PipedFile:
    """A path below a table's folder for pipes, taken apart.

    Attributes:
        width: Number of columns.
        run_id: Run that asked for the extraction; run ids sort by time.
        tail: `<run id>/<part>/<file>`, which no other file of the table has.
    """

    width: int
    run_id: str
    tail: str


def folder_of(load_method: LoadMethod, table: str, width: int) -> str:
    """Returns the folder of a table's files with so many columns."""
    return _FOLDERS[load_method].format(table=path_safe(table), width=width)


def is_loaded_by(load_method: LoadMethod, path: str) -> bool:
    """Returns whether a path claims to lie in the folder of a load method."""
    return path.startswith(_FOLDERS[load_method].partition("/")[0] + "/")


def piped_file(path: str, table: str) -> PipedFile | None:
    """Returns what a path says; None if it is not one of this table's for pipes."""
    match = _PIPED.fullmatch(path)
    if match is None or match["table"] != path_safe(table):
        return None
    tail = f"{match['run_id']}/{match['part']}/{match['name']}"
    return PipedFile(int(match["width"]), match["run_id"], tail)


def changes_folder(source: str) -> str:
    """Returns the folder of all files of changed keys of a source."""
    return f"changes/{path_safe(source)}/"


def capture_folder(source: str, run_id: str, part: str) -> str:
    """Returns the folder of one capture's files of changed keys."""
    return f"{changes_folder(source)}{run_id}/{part}/"


def is_key_file(path: str, folder: str) -> bool:
    """Returns whether a path is one of a file of changed keys below a folder."""
    rest = path.removeprefix(folder)
    return path == folder + rest and _KEY_FILE.fullmatch(rest) is not None


def path_safe(name: str) -> str:
    """Returns a name that can be a path component; different names stay different."""
    safe = _UNSAFE.sub("_", name)
    if safe == name and len(name) <= 100:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{safe[:100]}.{digest}"
