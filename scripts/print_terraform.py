"""Prints the inputs and outputs of terraform/ for its README, from the code itself."""

import re
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "terraform"
DOCUMENT = FOLDER / "README.md"
BEGIN = "<!-- inputs and outputs: scripts/print_terraform.sh --write -->"
END = "<!-- end of inputs and outputs -->"
# terraform fmt writes blocks so: the braces of the outermost one stand at the margin.
_BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}$', re.M | re.S)
_ONE_LINE = re.compile(r"^  (type|description|default) += (.*)$", re.M)


def main(
    write: Annotated[bool, typer.Option(help="Write terraform/README.md.")] = False,
) -> None:
    """Prints the tables, or writes them into the README."""
    if write:
        text = DOCUMENT.read_text(encoding="utf-8")
        DOCUMENT.write_text(placed(text), encoding="utf-8")
    else:
        print(tables(), end="")


def placed(text: str) -> str:
    """Returns the README with the tables that are current.

    Raises:
        ValueError: The README has not both marks.
    """
    before, _, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{DOCUMENT.name} lacks {BEGIN!r} or {END!r}")
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{after}"


def tables() -> str:
    """Returns both tables: those that must be given first."""
    blocks = [
        (kind, name, dict(_ONE_LINE.findall(body)))
        for path in sorted(FOLDER.glob("*.tf"))
        for kind, name, body in _BLOCK.findall(path.read_text(encoding="utf-8"))
    ]
    inputs = [(name, found) for kind, name, found in blocks if kind == "variable"]
    inputs.sort(key=lambda one: ("default" in one[1], one[0]))
    lines = ["| input | type | default | meaning |", "|---|---|---|---|"]
    for name, found in inputs:
        cells = (f"`{name}`", _kind(found["type"]), _default(found), _said(found))
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "| output | meaning |", "|---|---|"]
    for kind, name, found in blocks:
        if kind == "output":
            lines.append(f"| `{name}` | {_said(found)} |")
    return "\n".join([*lines, ""])


def _kind(text: str) -> str:
    """The type; of one over several lines, what it is at the outside."""
    return f"{text.rstrip('{(').replace('(object', ' of objects')}"


def _default(found: dict[str, str]) -> str:
    if "default" not in found:
        return "**to be given**"
    default = found["default"]
    # A value over several lines is too long for a table.
    return "in the code" if default in ("{", "[") else f"`{default}`"


def _said(found: dict[str, str]) -> str:
    return found["description"].strip('"').replace('\\"', '"').replace("|", "\\|")


if __name__ == "__main__":
    typer.run(main)
