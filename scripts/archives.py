"""Zip files whose bytes depend on nothing but the files in them."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
_MODE = 0o100644 << 16


def write_archive(path: Path, files: Mapping[str, Path], *, compress: bool) -> Path:
    """Writes a reproducible zip: sorted names, one fixed time, one mode.

    Args:
        path: Zip to write; replaced.
        files: Name in the zip -> file.
        compress: Without it the bytes do not depend on the version of zlib either.
    """
    kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = _MODE
            entry.create_system = 3  # Unix, wherever it is built
            entry.compress_type = kind
            archive.writestr(entry, files[name].read_bytes())
    return path
