"""The local stack over each PostgreSQL major, read by the role of the documentation."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from local.stack import READER_PASSWORD, Stack, running_stack
from local.versions import NEWEST, OLDER, VersionError, programs
from scripts.deploy_local import deploy_local
from tests.end_to_end.conftest import faults, lab, source, target

__all__ = ["faults", "lab", "source", "target", "stack"]

DOCUMENT = Path(__file__).parents[2] / "docs" / "DEPLOYMENT.md"
MAJORS = [
    *(pytest.param(major, marks=pytest.mark.versions) for major in OLDER),
    # The whole suite runs on it; here with the role of the documentation.
    pytest.param(NEWEST, marks=pytest.mark.large),
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


@pytest.fixture(scope="session", params=MAJORS, ids=lambda major: f"postgresql{major}")
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A deployed stack over one major."""
    found = programs_or_skip(request.param, os.environ)
    folder = tmp_path_factory.mktemp(f"stack{request.param}")
    with running_stack(folder, programs=found, reader_sql=reader_sql()) as running:
        deploy_local(running.endpoints)
        yield running
