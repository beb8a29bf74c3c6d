"""The bill of materials (CycloneDX 1.6, JSON) that lies beside each package.

It depends on the package and its libraries alone: no time, no name of a machine, and a
serial number that is made from the package's hash.
"""

import hashlib
import re
import uuid
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

SERIAL_NUMBERS = uuid.uuid5(uuid.NAMESPACE_OID, "aurora-sync")


def bill_path(package: Path) -> Path:
    """Returns where the bill of a package lies."""
    return package.with_suffix(".cdx.json")


def installed_libraries(folder: Path) -> list[Component]:
    """Returns the libraries that pip installed into a folder, by name."""
    found = metadata.distributions(path=[str(folder)])
    return sorted((_library(one) for one in found), key=lambda one: one.name)


def _library(distribution: metadata.Distribution) -> Component:
    told = distribution.metadata
    named = [told[key] for key in ("License-Expression", "License") if key in told]
    license_text = named[0] if named else ""
    licenses = []
    # Some put the whole text of the license there.
    if license_text and "\n" not in license_text:
        licenses = [LicenseFactory().make_from_string(license_text)]
    name = _canonical(told["Name"])
    return Component(
        name=name,
        version=distribution.version,
        bom_ref=f"{name}@{distribution.version}",
        purl=PackageURL("pypi", name=name, version=distribution.version),
        scope=ComponentScope.REQUIRED,
        licenses=licenses,
    )


def required_libraries(requirements: Path) -> list[Component]:
    """Returns the libraries of a requirements file, which another side provides.

    Raises:
        ValueError: A line is no name with bounds.
    """
    found = []
    for line in requirements.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(r"([A-Za-z0-9._-]+)([<>=!~].*)", line)
        if match is None:
            raise ValueError(f"{requirements.name}: {line!r} is no name with bounds")
        name = _canonical(match[1])
        found.append(
            Component(
                name=name,
                bom_ref=name,
                purl=PackageURL("pypi", name=name),
                scope=ComponentScope.EXCLUDED,
                properties=[Property(name="aurora_sync:versions", value=match[2])],
            )
        )
    return found


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def write_bill(package: Path, libraries: Iterable[Component]) -> Path:
    """Writes the bill of a finished package beside it and returns its path."""
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    bill = Bom(
        components=libraries,
        serial_number=uuid.uuid5(SERIAL_NUMBERS, digest),
        version=1,
    )
    # The library puts the present moment there, unless there is none.
    bill.metadata.timestamp = None  # type: ignore[assignment]
    bill.metadata.component = Component(
        name=package.stem,
        type=ComponentType.APPLICATION,
        bom_ref=package.stem,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
    )
    bill.register_dependency(bill.metadata.component, bill.components)
    path = bill_path(package)
    path.write_text(JsonV1Dot6(bill).output_as_string(indent=2) + "\n", "utf-8")
    return path
