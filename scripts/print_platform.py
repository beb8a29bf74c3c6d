"""Prints docs/PLATFORM.md, and its part of docs/LOCAL_STACK.md, from probes/."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from scripts.probes.answers import expected_text
from scripts.probes.files import HALVES, Probe, read_probes

DOCS = Path(__file__).resolve().parents[1] / "docs"
BEGIN = "<!-- printed by scripts/print_platform.sh -->"
END = "<!-- end of what is printed -->"
_TITLES = {"snowflake": "Snowflake", "aws": "AWS", "postgresql": "PostgreSQL"}
_LOCAL_TITLES = {
    "not_imitated": "Not imitated, so not asked here",
    "refused": "Refused with an error",
    "wrong_locally": "Answered otherwise, without an error: to be mended",
}


def register() -> str:
    """Returns the register of assumptions as Markdown."""
    probes = read_probes()
    counts = ", ".join(
        f"{sum(p.known == known for p in probes)} {known}"
        for known in ("documented", "reported", "assumed")
    )
    asked = sum(bool(p.seen) for p in probes)
    parts = [
        f"{len(probes)} assumptions: {counts}. Seen on an account: {asked}.",
        *(_half(half, [p for p in probes if p.half == half]) for half in HALVES),
    ]
    return "\n\n".join(parts)


def _half(half: str, probes: list[Probe]) -> str:
    lines = [
        f"## {_TITLES[half]}",
        "",
        "| id | assumption | known by | expected | seen | locally | otherwise "
        "| where |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for probe in probes:
        cells = (
            probe.id,
            probe.title,
            f"{probe.known}: {probe.page}",
            f"by hand: {probe.by_hand}" if probe.by_hand else expected_text(probe),
            probe.seen or "not yet",
            probe.local.replace("_", " "),
            probe.otherwise,
            ", ".join(f"`{path}`" for path in probe.where),
        )
        lines.append(f"| {' | '.join(_cell(cell) for cell in cells)} |")
    return "\n".join(lines)


def local_list() -> str:
    """Returns what the local stack does otherwise than expected, as Markdown."""
    probes = read_probes()
    parts = []
    for mark, title in _LOCAL_TITLES.items():
        lines = [
            f"- {probe.id}: {_cell(probe.title)}. {_cell(probe.local_reason)}."
            for probe in probes
            if probe.local == mark
        ]
        if lines:
            parts.append(f"{title}:\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


PRINTED: dict[str, Callable[[], str]] = {
    "PLATFORM.md": register,
    "LOCAL_STACK.md": local_list,
}


def written(name: str) -> str:
    """Returns a document with what is printed in its place."""
    document = (DOCS / name).read_text(encoding="utf-8")
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{PRINTED[name]()}\n\n{END}{after}"


def main() -> int:
    """Prints the register, or writes it into the documents."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write it into docs/")
    if not parser.parse_args().write:
        print(register())
        return 0
    for name in PRINTED:
        (DOCS / name).write_text(written(name), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
