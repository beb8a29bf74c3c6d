"""Gives each error code of docs/RUNBOOK.md the anchor that error texts point to."""

import re
from pathlib import Path
from typing import Annotated

import typer

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "RUNBOOK.md"
_ERRORS = "## Errors of the procedures"
# The first two cells of an entry; whatever anchor the second one has.
_ENTRY = re.compile(r'^\| `([a-z_]+)` \| (?:<a id="\w+"></a>)?', re.M)


def anchored(text: str) -> str:
    """Returns the runbook with an anchor in each entry below the errors' heading."""
    start = text.index(_ERRORS)
    entries = _ENTRY.sub(r'| `\1` | <a id="\1"></a>', text[start:])
    return text[:start] + entries


def main(
    write: Annotated[bool, typer.Option(help="Write docs/RUNBOOK.md.")] = False,
) -> None:
    """Says which entries lack their anchor, or adds them."""
    text = DOCUMENT.read_text(encoding="utf-8")
    if write:
        DOCUMENT.write_text(anchored(text), encoding="utf-8")
    elif anchored(text) != text:
        typer.echo("Entries lack their anchor: scripts/anchor_runbook.sh --write")
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
