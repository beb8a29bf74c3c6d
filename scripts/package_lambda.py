"""Builds lambda_extract.zip: the function and its dependencies for Lambda's platform.

pip fetches wheels for Lambda's Python and platform, whatever this machine is; nothing
is compiled, so Docker is not needed. The same sources and wheels give the same bytes.
"""

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Annotated

import typer

from scripts.archives import write_archive

ROOT = Path(__file__).resolve().parents[1]
NAME = "lambda_extract.zip"
# Lambda refuses more, unpacked: 250 MiB.
UNPACKED_LIMIT = 250 * 1024 * 1024
app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


class PackageError(RuntimeError):
    """The dependencies cannot be fetched, or the package is too large for Lambda."""


def own_files() -> dict[str, Path]:
    """Returns name in the zip -> file, for the function's own code."""
    own = sorted((ROOT / "lambda_extract").rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): path for path in own}


def dependency_files(folder: Path) -> dict[str, Path]:
    """Installs the dependencies into the folder and returns name in the zip -> file.

    Raises:
        PackageError: pip failed.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    runtime = project["tool"]["aurora_sync"]
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-compile"),
        *(
            "--disable-pip-version-check",
            "--only-binary=:all:",
            "--target",
            str(folder),
        ),
        *("--implementation", "cp", "--python-version", runtime["lambda_python"]),
        *("--platform", runtime["lambda_platform"]),
        *("--requirement", str(ROOT / "lambda_extract" / "requirements.txt")),
        *("--constraint", str(ROOT / "constraints.txt")),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise PackageError(f"pip could not fetch the dependencies:\n{result.stderr}")
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and _belongs(path.relative_to(folder))
    }


def _belongs(path: Path) -> bool:
    """Leaves out scripts and what pip writes about this machine or this moment."""
    written_by_pip = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
    return path.parts[0] != "bin" and not (
        path.parts[0].endswith(".dist-info") and path.name in written_by_pip
    )


def package_lambda(folder: Path) -> Path:
    """Writes the zip into the folder and returns its path.

    Raises:
        PackageError: pip failed, or the package is larger than Lambda takes.
    """
    with tempfile.TemporaryDirectory() as dependencies:
        files = dependency_files(Path(dependencies)) | own_files()
        unpacked = sum(path.stat().st_size for path in files.values())
        if unpacked > UNPACKED_LIMIT:
            raise PackageError(
                f"{unpacked} bytes unpacked; Lambda takes {UNPACKED_LIMIT}"
            )
        return write_archive(folder / NAME, files, compress=True)


@app.command()
def _main(
    folder: Annotated[Path, typer.Option(help="Where the zip goes.")] = ROOT / "build",
) -> None:
    """Builds the zip of the Lambda function."""
    try:
        path = package_lambda(folder)
    except PackageError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    print(f"{path} {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    app()
