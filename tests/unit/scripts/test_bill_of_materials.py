"""Bills of materials: valid, complete, and the same for the same package."""

import json
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from scripts.bill_of_materials import bill_path, installed_libraries, write_bill
from scripts.package_snowpark import package_snowpark


def install(folder: Path, name: str, version: str, license_line: str) -> None:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{license_line}\n"
    )


def test_a_bill_names_the_libraries_of_the_package(tmp_path: Path) -> None:
    install(tmp_path / "libraries", "Second_Name", "2.0", "License-Expression: MIT")
    install(tmp_path / "libraries", "first", "1.0", "Summary: no license")
    package = tmp_path / "p.zip"
    package.write_bytes(b"zip")
    texts = set()
    for _ in range(2):
        path = write_bill(package, installed_libraries(tmp_path / "libraries"))
        texts.add(path.read_text("utf-8"))
    (text,) = texts
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    assert [one["purl"] for one in bill["components"]] == [
        "pkg:pypi/first@1.0",
        "pkg:pypi/second-name@2.0",
    ]
    assert bill["components"][1]["licenses"] == [{"license": {"id": "MIT"}}]
    assert "timestamp" not in bill["metadata"]
    package.write_bytes(b"another")
    assert json.loads(write_bill(package, []).read_text("utf-8"))["serialNumber"] != (
        bill["serialNumber"]
    )


def test_the_procedures_bill_says_what_snowflake_provides(tmp_path: Path) -> None:
    text = bill_path(package_snowpark(tmp_path)).read_text("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    found = {one["name"]: one for one in json.loads(text)["components"]}
    assert set(found) == {"snowflake-snowpark-python", "jsonschema", "pyyaml"}
    assert all(one["scope"] == "excluded" for one in found.values())
