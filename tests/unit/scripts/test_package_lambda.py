"""The package of the function: how it is built, and what it is refused for."""

import functools
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scripts import package_lambda as packaging
from scripts.archives import write_archive
from scripts.bill_of_materials import bill_path
from scripts.package_lambda import PackageError, Runtime, lambda_runtime, own_files
from tests.certificates import Authority
from tests.locks import read_lock

# Each makes packages.
pytestmark = pytest.mark.large

ROOT = Path(__file__).resolve().parents[3]

# Stands in for Docker: keeps each command, and reads the folder that is mounted.
# DOCKER_FAIL names what goes wrong.
FAKE_DOCKER = """#!{python}
import json, os, sys
arguments = sys.argv[1:]
with open(os.environ["DOCKER_LOG"], "a") as log:
    log.write(json.dumps(arguments) + "\\n")
step = "info" if arguments == ["info"] else "import"
if os.environ.get("DOCKER_FAIL") == step:
    sys.exit(f"{{step}} failed")
mounts = dict(
    reversed(arguments[i + 1].removesuffix(":ro").rsplit(":", 1))
    for i, word in enumerate(arguments)
    if word == "--volume"
)
if step == "import":
    assert os.path.exists(os.path.join(mounts["/var/task"], "library.bin"))
"""


@pytest.fixture
def docker_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Docker on the PATH; returns the file that keeps its commands."""
    folder = tmp_path / "bin"
    folder.mkdir()
    fake = folder / "docker"
    fake.write_text(FAKE_DOCKER.format(python=sys.executable))
    fake.chmod(0o755)
    log = tmp_path / "docker.log"
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_LOG", str(log))
    return log


def imitated(folder: Path, runtime: Runtime) -> None:
    """Fetches nothing but a file of 2,000 random bytes, and what pip writes."""
    for name in ("library.bin", "bin/normalizer", "hvac-2.dist-info/RECORD"):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(os.urandom(2000))
    told = "Metadata-Version: 2.4\nName: hvac\nVersion: 2\n"
    (folder / "hvac-2.dist-info" / "METADATA").write_text(told)


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scripts.package_lambda", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_docker_imports_in_lambdas_own_image_and_builds_nothing(
    docker_log: Path, tmp_path: Path
) -> None:
    runtime = lambda_runtime()
    path = packaging.package_lambda(tmp_path, runtime=runtime, fetch=imitated)
    told = packaging.check_imports(path, runtime, docker=True)
    (imported,) = map(json.loads, docker_log.read_text().splitlines())
    assert told == f"imported in {runtime.image}"
    assert imported[:4] == ["run", "--rm", "--platform", "linux/amd64"]
    assert imported[imported.index("--user") + 1] == f"{os.getuid()}:{os.getgid()}"
    # It is imported without a network, and cannot change what was built.
    assert imported[imported.index("--network") + 1] == "none"
    assert imported[imported.index("--volume") + 1].endswith(":/var/task:ro")
    place = imported.index(runtime.image)
    assert imported[place + 1 :] == ["-c", packaging.IMPORTS]
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
    assert {"library.bin", "lambda_extract/handler.py", packaging.RDS_CA} <= names
    # Scripts, and what pip writes about this moment, would change the bytes.
    assert not {"bin/normalizer", "hvac-2.dist-info/RECORD"} & names


def test_the_image_is_the_runtimes_and_can_be_no_other() -> None:
    """A tag can be moved to another image, a digest cannot."""
    runtime = lambda_runtime()
    assert re.fullmatch(
        rf"[a-z0-9./-]+/python:{re.escape(runtime.python)}@sha256:[0-9a-f]{{64}}",
        runtime.image,
    )


def test_a_failure_in_the_container_is_told(
    docker_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_FAIL", "import")
    path = write_archive(tmp_path / "own.zip", own_files(), compress=True)
    with pytest.raises(PackageError, match="(?s)cannot be imported.*import failed"):
        packaging.check_imports(path, lambda_runtime(), docker=True)


def test_a_client_without_a_daemon_is_no_docker(
    docker_log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert packaging.docker_runs()
    monkeypatch.setenv("DOCKER_FAIL", "info")
    assert not packaging.docker_runs()
    monkeypatch.setenv("PATH", "")
    assert not packaging.docker_runs()


def test_ca_certificates_of_ones_own_are_packaged(tmp_path: Path) -> None:
    ca = Authority(tmp_path / "ca").ca
    told = packaging._describe_certificates(ca)
    assert "1 are not in the repository's (tests)" in told
    path = packaging.package_lambda(
        tmp_path, runtime=lambda_runtime(), fetch=imitated, rds_ca=ca
    )
    with zipfile.ZipFile(path) as archive:
        assert archive.read(packaging.RDS_CA) == ca.read_bytes()


def test_an_unusable_bundle_is_refused_before_anything_is_fetched(
    docker_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # pip would have nowhere to fetch from.
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    page = tmp_path / "page.pem"
    page.write_text("<html>")
    result = run("--import-with", "docker", "--rds-ca", str(page))
    assert result.returncode == 1
    assert "page.pem is no PEM file" in result.stderr
    assert not docker_log.exists()


@pytest.mark.parametrize("limit", ["ZIPPED_LIMIT", "UNPACKED_LIMIT"])
def test_a_package_too_large_for_lambda_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(packaging, limit, 2000)
    with pytest.raises(PackageError, match="Lambda takes"):
        packaging.package_lambda(tmp_path, runtime=lambda_runtime(), fetch=imitated)
    assert not (tmp_path / packaging.NAME).exists()


def here() -> Runtime:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return Runtime(python, f"manylinux2014_{os.uname().machine}")


def test_a_package_without_its_libraries_is_noticed(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "own.zip", own_files(), compress=True)
    with pytest.raises(PackageError, match="No module named 'boto3'"):
        packaging.check_imports(archive, here(), docker=False)


def test_what_cannot_be_imported_here_is_said(tmp_path: Path) -> None:
    told = packaging.check_imports(
        tmp_path / "unread.zip", Runtime("3.99", "manylinux2014_x86_64"), docker=False
    )
    assert told.startswith("not imported: neither Docker nor Python 3.99")


@pytest.mark.large
def test_the_package_is_complete_and_its_bytes_are_repeated(tmp_path: Path) -> None:
    """With real wheels, for this machine's Python so that it can be imported."""
    first, second = (
        packaging.package_lambda(tmp_path / name, runtime=here())
        for name in ("first", "second")
    )
    assert first.read_bytes() == second.read_bytes()
    assert bill_path(first).read_bytes() == bill_path(second).read_bytes()
    components = json.loads(bill_path(first).read_text("utf-8"))["components"]
    locked = read_lock(packaging.LOCK)
    assert {one["name"]: one["version"] for one in components} == locked
    assert "imported by Python" in packaging.check_imports(first, here(), docker=False)


def test_a_file_that_the_lock_does_not_know_is_not_packaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The release is right, its bytes are not: as if the index had been broken into."""
    lock = tmp_path / "lambda.txt"
    lock.write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    monkeypatch.setattr(packaging, "LOCK", lock)
    with pytest.raises(PackageError, match="(?i)hashes|match"):
        packaging.package_lambda(tmp_path, runtime=here())
    assert not (tmp_path / packaging.NAME).exists()


@pytest.mark.large
def test_the_package_for_lambda_is_small_enough(tmp_path: Path) -> None:
    path = packaging.package_lambda(tmp_path, runtime=lambda_runtime())
    assert 5_000_000 < path.stat().st_size < packaging.ZIPPED_LIMIT
    with zipfile.ZipFile(path) as archive:
        libraries = [name for name in archive.namelist() if name.endswith(".so")]
    tag = f"cpython-{lambda_runtime().python.replace('.', '')}-x86_64-linux-gnu.so"
    assert any(f"_psycopg.{tag}" in name for name in libraries)


def test_terraform_runs_the_same_python() -> None:
    """Terraform reads the line of pyproject.toml by a pattern of its own."""
    main = (ROOT / "terraform/main.tf").read_text(encoding="utf-8")
    (pattern,) = re.findall(r'lambda_python = regex\("(.+?)", file\(', main)
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (version,) = re.findall(pattern.replace(r"\"", '"'), text)
    text = (ROOT / "terraform/modules/compute/lambda.tf").read_text(encoding="utf-8")
    (machine,) = set(
        re.findall(r'^\s*architectures\s*=\s*\["(\w+)"\]', text, re.MULTILINE)
    )
    runtime = lambda_runtime()
    assert version == runtime.python
    assert runtime.platform.endswith(machine.replace("arm64", "aarch64"))


def test_the_ca_of_vault_is_packaged(
    docker_log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A10: a Vault with a private CA; a file that is none is refused before a build."""
    (tmp_path / "ca").mkdir(exist_ok=True)
    pem = Authority(tmp_path / "ca").ca
    without_pip = functools.partial(packaging.package_lambda, fetch=imitated)
    monkeypatch.setattr(packaging, "package_lambda", without_pip)
    arguments = ["--folder", str(tmp_path / "out"), "--vault-ca", str(pem)]
    told = CliRunner().invoke(packaging.app, arguments)
    assert told.exit_code == 0, told.output
    assert f"of Vault, in {packaging.VAULT_CA}" in told.stdout
    with zipfile.ZipFile(tmp_path / "out" / packaging.NAME) as archive:
        assert archive.read(packaging.VAULT_CA) == pem.read_bytes()
        assert archive.read(packaging.RDS_CA) == (ROOT / packaging.RDS_CA).read_bytes()
    pem.write_text("none")
    result = run("--folder", str(tmp_path / "none"), "--vault-ca", str(pem))
    assert (result.returncode, (tmp_path / "none").exists()) == (1, False)
