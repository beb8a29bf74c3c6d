"""Builds lambda_extract.zip: the function and its dependencies for Lambda's platform.

pip fetches wheels for Lambda's Python and platform, whatever this machine is; nothing
is compiled, and a file whose hash is not in locks/lambda.txt is refused. If Docker
runs, the finished package is imported in Lambda's own image, which can read it and no
more: no byte of the package comes from an image. The zip carries the CA certificates of
Amazon RDS, by which the function tells Aurora from somebody else
(lambda_extract/settings.py). Beside it lies its bill of materials (CycloneDX).
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from scripts.archives import write_archive
from scripts.bill_of_materials import installed_libraries, write_bill
from scripts.certificates import CertificateError, read_bundle

ROOT = Path(__file__).resolve().parents[1]
NAME = "lambda_extract.zip"
RDS_CA = "lambda_extract/rds_ca.pem"
# Lambda unpacks to /var/task: what `vault.ca_bundle` of terraform/ names.
VAULT_CA = "lambda_extract/vault_ca.pem"
LOCK = ROOT / "locks" / "lambda.txt"
# Lambda refuses more: 50 MB zipped, 250 MiB unpacked (gettingstarted-limits).
ZIPPED_LIMIT = 50_000_000
UNPACKED_LIMIT = 250 * 1024 * 1024
# All that the function imports, also what it imports late.
IMPORTS = (
    "import boto3, hvac, psycopg2, zstandard, lambda_extract.handler,"
    " lambda_extract.credentials.vault"
)
DOCKER_PLATFORMS = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}
Importer = Literal["auto", "docker", "python"]
app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


class PackageError(RuntimeError):
    """The dependencies cannot be fetched, or the package is of no use to Lambda."""


@dataclass(frozen=True)
class Runtime:
    """What the function runs on.

    Attributes:
        python: Such as "3.12".
        platform: A wheel's platform tag, such as "manylinux2014_x86_64".
        image: Amazon's image of it, by digest.
    """

    python: str
    platform: str
    image: str = ""

    @property
    def is_here(self) -> bool:
        """True if this interpreter can import what is built for the runtime."""
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        machine = self.platform.split("_", 1)[1]
        here = os.uname()
        return (version, here.sysname, here.machine) == (self.python, "Linux", machine)


def lambda_runtime() -> Runtime:
    """Returns the runtime that pyproject.toml names, the one place for it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    settings = project["tool"]["aurora_sync"]
    return Runtime(
        settings["lambda_python"],
        settings["lambda_platform"],
        settings["lambda_image"],
    )


def own_files(
    rds_ca: Path | None = None, vault_ca: Path | None = None
) -> dict[str, Path]:
    """Returns name in the zip -> file, for the function's own code.

    Args:
        rds_ca: CA certificates to trust instead of the repository's.
        vault_ca: CA certificates of a Vault that has a CA of its own.
    """
    own = sorted((ROOT / "lambda_extract").rglob("*.py"))
    named = {path.relative_to(ROOT).as_posix(): path for path in own}
    of_vault = {VAULT_CA: vault_ca} if vault_ca else {}
    return {**named, RDS_CA: rds_ca or ROOT / RDS_CA, **of_vault}


def docker_runs() -> bool:
    """True if there is a Docker that can run something, not its client alone."""
    if shutil.which("docker") is None:
        return False
    found = subprocess.run(["docker", "info"], capture_output=True, check=False)
    return found.returncode == 0


def fetch_with_pip(folder: Path, runtime: Runtime) -> None:
    """Installs the dependencies into the folder with this machine's pip.

    Raises:
        PackageError: pip failed, or a file is not the one of the lock.
    """
    pip = [
        *("-m", "pip", "install", "--quiet", "--no-compile"),
        *("--disable-pip-version-check", "--only-binary=:all:", "--no-deps"),
        *("--require-hashes", "--requirement", str(LOCK), "--target", str(folder)),
        *("--implementation", "cp", "--python-version", runtime.python),
        *("--platform", runtime.platform),
    ]
    _run([sys.executable, *pip], "pip could not fetch the dependencies")


def _in_container(runtime: Runtime, folder: str) -> list[str]:
    """Returns the command that starts Python in a container; its arguments follow.

    The container reads the folder as Lambda would find it, and has no network.
    """
    machine = DOCKER_PLATFORMS[runtime.platform.split("_", 1)[1]]
    command = ["docker", "run", "--rm", "--platform", machine, "--network", "none"]
    command += ["--user", f"{os.getuid()}:{os.getgid()}", "--env", "HOME=/tmp"]
    command += ["--volume", f"{folder}:/var/task:ro"]
    return [*command, "--entrypoint", "python", runtime.image]


def _run(command: Sequence[str], failure: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise PackageError(f"{failure}:\n{result.stderr}")


def _belongs(path: Path) -> bool:
    """Leaves out scripts and what pip writes about this machine or this moment."""
    written_by_pip = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
    return (
        path.parts[0] != "bin"
        and "__pycache__" not in path.parts
        and not (path.parts[0].endswith(".dist-info") and path.name in written_by_pip)
    )


def package_lambda(
    folder: Path,
    *,
    runtime: Runtime,
    fetch: Callable[[Path, Runtime], None] = fetch_with_pip,
    rds_ca: Path | None = None,
    vault_ca: Path | None = None,
) -> Path:
    """Writes the zip, its bill of materials beside it, and returns the zip's path.

    Args:
        fetch: Puts the dependencies into a folder.
        rds_ca: CA certificates to trust instead of the repository's.
        vault_ca: CA certificates of a Vault that has a CA of its own.

    Raises:
        PackageError: The dependencies could not be had, or the package is larger than
            Lambda takes.
    """
    with tempfile.TemporaryDirectory() as name:
        dependencies = Path(name)
        fetch(dependencies, runtime)
        fetched = {
            path.relative_to(dependencies).as_posix(): path
            for path in sorted(dependencies.rglob("*"))
            if path.is_file() and _belongs(path.relative_to(dependencies))
        }
        files = fetched | own_files(rds_ca, vault_ca)
        unpacked = sum(path.stat().st_size for path in files.values())
        path = write_archive(folder / NAME, files, compress=True)
        libraries = installed_libraries(dependencies)
    zipped = path.stat().st_size
    if unpacked > UNPACKED_LIMIT or zipped > ZIPPED_LIMIT:
        path.unlink()
        raise PackageError(
            f"{zipped} bytes zipped and {unpacked} unpacked; Lambda takes"
            f" {ZIPPED_LIMIT} and {UNPACKED_LIMIT}"
        )
    write_bill(path, libraries)
    return path


def check_imports(archive: Path, runtime: Runtime, *, docker: bool) -> str:
    """Imports the package alone, if Lambda's Python is at hand; says what was done.

    Raises:
        PackageError: It cannot be imported.
    """
    if not docker and not runtime.is_here:
        return (
            f"not imported: neither Docker nor Python {runtime.python} for"
            f" {runtime.platform} is here"
        )
    with tempfile.TemporaryDirectory() as folder:
        # Lambda unpacks it as well: Python loads no shared library from a zip.
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(folder)
        failure = "the package cannot be imported by itself"
        if docker:
            _run([*_in_container(runtime, folder), "-c", IMPORTS], failure)
            return f"imported in {runtime.image}"
        # -I and -S: nothing else that is installed here lends a module.
        text = f"import sys; sys.path.insert(0, sys.argv[1]); {IMPORTS}"
        _run([sys.executable, "-I", "-S", "-c", text, folder], failure)
        return f"imported by Python {runtime.python}"


def _describe_certificates(rds_ca: Path | None) -> str:
    """Says which CA certificates go into the package.

    Raises:
        CertificateError: None that is valid.
    """
    known = read_bundle(ROOT / RDS_CA)
    if rds_ca is None:
        return (
            f"the repository's {len(known.roots)} of Amazon RDS, the first one until"
            f" {known.until}"
        )
    return read_bundle(rds_ca).compared_with(known)


@app.command()
def _main(
    folder: Annotated[Path, typer.Option(help="Where the zip goes.")] = ROOT / "build",
    rds_ca: Annotated[
        Path | None,
        typer.Option(help="CA certificates (PEM) instead of the repository's."),
    ] = None,
    vault_ca: Annotated[
        Path | None,
        typer.Option(help="CA certificates (PEM) of a Vault with a CA of its own."),
    ] = None,
    importer: Annotated[
        Importer,
        typer.Option(
            "--import-with", help="auto: Docker if it runs, this Python otherwise."
        ),
    ] = "auto",
) -> None:
    """Builds the zip of the Lambda function."""
    runtime = lambda_runtime()
    docker = docker_runs() if importer == "auto" else importer == "docker"
    try:
        certificates = _describe_certificates(rds_ca)
        of_vault = read_bundle(vault_ca) if vault_ca else None
        path = package_lambda(folder, runtime=runtime, rds_ca=rds_ca, vault_ca=vault_ca)
        imported = check_imports(path, runtime, docker=docker)
    except (CertificateError, PackageError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"{path} {path.stat().st_size / 1e6:.1f} MB, sha256 {digest}")
    print(f"  runtime: Python {runtime.python}, {runtime.platform}; {imported}")
    print(f"  CA certificates: {certificates}")
    if of_vault:
        names = ", ".join(sorted(of_vault.roots.values()))
        print(f"  of Vault, in {VAULT_CA}: {names}, until {of_vault.until}")


if __name__ == "__main__":
    app()
