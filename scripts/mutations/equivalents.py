"""Changes that change nothing: a reviewed list, each with its reason.

[[equivalent]]
module = "snowpark/some_module.py"
function = "some_function"     # empty or absent: at module level
before = "while left > 0:"     # the changed lines, without indentation
after = "while left >= 0:"
reason = "left is never 0 here: the caller asks for at least one"
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from scripts.mutations.source import Mutant

_FIELDS = {"module", "function", "before", "after", "reason"}


class EquivalentsError(ValueError):
    """The file of equivalent mutants cannot be used; the text says why."""


@dataclass(frozen=True)
class Equivalent:
    """An entry of the file."""

    module: str
    before: str
    after: str
    reason: str
    function: str = ""

    @property
    def fingerprint(self) -> tuple[str, str, str, str]:
        """The same as that of the mutant which is meant."""
        return (self.module, self.function, self.before, self.after)


def read_equivalents(path: Path) -> list[Equivalent]:
    """Reads the file; there are none if it does not exist.

    Raises:
        EquivalentsError: No TOML, a field that is missing or unknown, or no reason.
    """
    if not path.exists():
        return []
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise EquivalentsError(f"{path.name}: {error}") from error
    entries = content.get("equivalent", [])
    return [_entry(path, number, entry) for number, entry in enumerate(entries, 1)]


def _entry(path: Path, number: int, entry: dict[str, object]) -> Equivalent:
    place = f"{path.name}, entry {number}"
    if unknown := sorted(entry.keys() - _FIELDS):
        raise EquivalentsError(f"{place}: unknown {', '.join(unknown)}")
    texts = {name: str(value).strip() for name, value in entry.items()}
    for name in ("module", "before", "reason"):
        if not texts.get(name):
            raise EquivalentsError(f"{place}: {name} is missing or empty")
    texts.setdefault("after", "")
    return Equivalent(**texts)


def unmatched(
    equivalents: Iterable[Equivalent], mutants: Iterable[Mutant]
) -> list[Equivalent]:
    """Returns the entries that mean no change of the present code any more."""
    there = {mutant.fingerprint for mutant in mutants}
    return [entry for entry in equivalents if entry.fingerprint not in there]
