"""The local stack over each PostgreSQL major, read by the role of the documentation.

One stack serves all majors of a process: only the server of the source is another one.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from local.stack import READER_PASSWORD, Stack, another_server, running_stack
from local.versions import NEWEST, OLDER, VersionError, programs
from scripts.deploy_local import deploy_local
from tests.end_to_end.conftest import faults, lab, source, target

__all__ = ["faults", "lab", "source", "target", "stack"]

DOCUMENT = Path(__file__).parents[2] / "docs" / "DEPLOYMENT.md"


def _parameter(major: int, mark: pytest.MarkDecorator) -> Any:
    # With --dist=loadgroup a process has whole majors.
    name = f"postgresql{major}"
    return pytest.param(major, id=name, marks=[mark, pytest.mark.xdist_group(name)])


MAJORS = [
    *(_parameter(major, pytest.mark.versions) for major in OLDER),
    # The whole suite runs on it; here with the role of the documentation.
    _parameter(NEWEST, pytest.mark.large),
]


def reader_sql() -> str:
    """The SQL of the reader role as docs/DEPLOYMENT.md has it, with our password."""
    blocks = re.findall(r"^```sql\n(.*?)^```", DOCUMENT.read_text(), re.M | re.S)
    (text,) = (b for b in blocks if b.startswith("CREATE ROLE aurora_sync LOGIN"))
    return text.replace("choose-a-long-one", READER_PASSWORD)


def programs_or_skip(major: int, environment: Mapping[str, str]) -> Path | None:
    """Returns the programs of a major; without them a test is skipped, in CI it fails.

    Raises:
        VersionError: They are not there, in CI.
    """
    try:
        return programs(major)
    except VersionError as error:
        if environment.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A deployed stack, whose PostgreSQL is replaced."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        deploy_local(running.endpoints)
        yield running


@pytest.fixture(scope="session", params=MAJORS)
def major(request: pytest.FixtureRequest) -> int:
    """The major that a test runs on."""
    found: int = request.param
    return found


@pytest.fixture(scope="session")
def stack(
    major: int, deployed: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The deployed stack over one major."""
    programs = programs_or_skip(major, os.environ)
    folder = tmp_path_factory.mktemp(f"postgresql{major}")
    with another_server(deployed, folder, programs=programs, reader_sql=reader_sql()):
        yield deployed
