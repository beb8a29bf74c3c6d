"""Checks a configuration offline, as APPLY_CONFIG does, and says what would change.

For CI: nothing is sent anywhere. What is deployed is the text of the highest version in
CONTROL.SYNC_CONFIG, saved to a file, or the file of the branch that is deployed.
"""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from snowpark.errors import ConfigError
from snowpark.settings import changes, parse

console = Console(highlight=False, soft_wrap=True)


def main(
    file: Annotated[Path, typer.Argument(help="The configuration, JSON or YAML.")],
    against: Annotated[
        Path | None, typer.Option(help="The configuration that is deployed.")
    ] = None,
    max_removed: Annotated[
        int | None, typer.Option(help="Ends with 2 if more tables than this would go.")
    ] = None,
) -> None:
    """Ends with 0 if nothing is wrong, 1 if something is, 2 if too many tables go."""
    new = _checked(file)
    tables = parse.tables_of(new)
    console.print(f"{file}: nothing is wrong with its {len(tables)} tables.")
    if against is None:
        return
    old = _checked(against)
    found = changes.compare(parse.tables_of(old), tables, old, new)
    for change in found:
        call = f" {change.call}" if change.call else ""
        text = (
            f"{change.kind:8} {change.subject}: {change.what}: {change.effect}.{call}"
        )
        console.print(text, markup=False)
    removed = [c for c in found if c.kind == "removed" and c.table]
    if not found:
        console.print("Nothing would change.")
    if max_removed is not None and len(removed) > max_removed:
        raise typer.Exit(2)


def _checked(file: Path) -> dict[str, Any]:
    """Returns a configuration; prints what is wrong with it, and ends with 1."""
    try:
        return parse.checked(file.read_text(encoding="utf-8"))
    except ConfigError as error:
        for problem in error.problems:
            text = f"{file}: {problem.pointer or '/'}: {problem.message}"
            console.print(text, markup=False)
    except (OSError, UnicodeDecodeError) as error:
        console.print(f"{file}: cannot be read: {error}", markup=False)
    raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
