"""Files are still what the worker wrote, once they are loaded.

S3 gives each write of an object an ETag. The worker's are in its signed manifest, and
LIST shows those of now. The order is what counts: first the COPY, then the look. With
SSE-KMS (which the bucket demands) nobody can write an object that has the ETag of
another one, and the bucket keeps no versions that could come back: an object that has
the worker's ETag after the COPY had it during the COPY.
"""

from collections.abc import Iterable, Mapping, Sequence

from lambda_extract.contract import File
from snowpark.errors import LoadError
from snowpark.load import statements
from snowpark.session import Snowflake


def check_files(snowflake: Snowflake, files: Sequence[File]) -> None:
    """Makes sure that nobody has replaced a file; call it after the COPY.

    A worker of an older release tells no ETags: then nothing is compared.

    Raises:
        LoadError: "file_replaced".
    """
    told = [file for file in files if file.etag]
    seen: list[tuple[str, int, str]] = []
    for folder in folders(file.path for file in told):
        for row in snowflake.run(statements.list_files(folder)):
            seen.append((str(row["name"]), int(row["size"]), str(row["md5"])))
    bad = replaced({file.path: file for file in told}, seen)
    if bad:
        raise LoadError(
            "file_replaced",
            f"{len(bad)} of {len(files)} files are not what the worker wrote, the first"
            f" is {bad[0]}.",
        )


def folders(paths: Iterable[str]) -> list[str]:
    """Returns the folders to be listed: of one part, or of all parts of a run. PURE."""
    parts: dict[str, set[str]] = {}
    for path in paths:
        folder = path.rpartition("/")[0]
        parts.setdefault(folder.rpartition("/")[0], set()).add(folder)
    return [
        f"{found.pop() if len(found) == 1 else run}/"
        for run, found in sorted(parts.items())
    ]


def replaced(
    files: Mapping[str, File], seen: Iterable[tuple[str, int, str]]
) -> list[str]:
    """Returns the paths that are gone, or not what the worker wrote. PURE.

    Args:
        files: By path.
        seen: Name, size and ETag of what is there. Names have the bucket before them;
            what only ends like a path of ours has to be right as well.
    """
    found: dict[str, bool] = dict.fromkeys(files, False)
    wrong: set[str] = set()
    for name, size, etag in seen:
        parts = name.split("/")
        for path in {"/".join(parts[-n:]) for n in (5, 6)} & files.keys():
            found[path] = True
            if (size, etag) != (files[path].bytes, files[path].etag):
                wrong.add(path)
    return sorted(wrong | {path for path, there in found.items() if not there})
