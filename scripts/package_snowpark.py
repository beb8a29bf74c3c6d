"""Builds snowpark.zip, the procedures' code: the same bytes for the same sources."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.archives import write_archive
from scripts.bill_of_materials import required_libraries, write_bill

ROOT = Path(__file__).resolve().parents[1]
NAME = "snowpark.zip"
# Snowflake provides them, in a version of its own choice within these bounds.
REQUIREMENTS = ROOT / "snowpark" / "requirements.txt"
# Shared with the Lambda function: the contract with its codec and its paths, and
# nothing else of it.
SHARED = (
    "lambda_extract/__init__.py",
    "lambda_extract/contract.py",
    "lambda_extract/contract_codec.py",
    "lambda_extract/contract_group.py",
    "lambda_extract/contract_parts.py",
    "lambda_extract/contract_discovery.py",
    "lambda_extract/contract_paths.py",
    "lambda_extract/contract_replies.py",
    "lambda_extract/contract_values.py",
    "config/__init__.py",
    "config/sync_config.schema.json",
)
app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


def snowpark_files() -> dict[str, Path]:
    """Returns name in the zip -> file."""
    # Without the dashboard, which is an app of its own.
    dashboard = ROOT / "snowpark" / "dashboard"
    own = sorted(
        path
        for path in (ROOT / "snowpark").rglob("*.py")
        if dashboard not in path.parents
    )
    names = [path.relative_to(ROOT).as_posix() for path in own]
    return {name: ROOT / name for name in [*names, *SHARED]}


def dashboard_files() -> dict[str, Path]:
    """Returns path in the app -> file; the main file and its environment at the top."""
    folder = ROOT / "snowpark" / "dashboard"
    modules = [ROOT / "snowpark" / "__init__.py", *sorted(folder.glob("*.py"))]
    named = {path.relative_to(ROOT).as_posix(): path for path in modules}
    top = {name: folder / name for name in ("streamlit_app.py", "environment.yml")}
    del named["snowpark/dashboard/streamlit_app.py"]
    return {**top, **named}


def package_snowpark(folder: Path) -> Path:
    """Writes the zip, its bill of materials beside it, and returns the zip's path.

    It is stored, not compressed: it is small, and its bytes then depend on its sources
    alone, so that an unchanged deployment uploads an unchanged file.
    """
    path = write_archive(folder / NAME, snowpark_files(), compress=False)
    write_bill(path, required_libraries(REQUIREMENTS))
    return path


@app.command()
def _main(
    folder: Annotated[Path, typer.Option(help="Where the zip goes.")] = ROOT / "build",
) -> None:
    """Builds the zip of the procedures."""
    path = package_snowpark(folder)
    print(f"{path} {path.stat().st_size} bytes")


if __name__ == "__main__":
    app()
