"""Blocks and attributes of Terraform files, as far as terraform/ writes them.

Expressions stay text: what reads them shows them to people. What is not understood is
an error, so that nothing is left out in silence.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SKIPPED = re.compile(r"(?:\s+|#[^\n]*|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][\w-]*")
_LABEL = re.compile(r'[ \t]*(?:"([^"]*)"|([A-Za-z_][\w-]*))')
_OPEN, _CLOSE = "([{", ")]}"


class BlockError(ValueError):
    """A file has something that is not understood here."""


@dataclass(frozen=True)
class Block:
    """A block such as `resource "type" "name" { ... }`.

    Attributes:
        attributes: Name -> expression, in one line without comments.
    """

    kind: str
    labels: tuple[str, ...]
    attributes: dict[str, str]
    blocks: tuple["Block", ...]

    def all(self, kind: str) -> Iterator["Block"]:
        """Yields the blocks of a kind that stand in this one."""
        return (block for block in self.blocks if block.kind == kind)


def read_blocks(path: Path) -> tuple[Block, ...]:
    """Returns the blocks of a file.

    Raises:
        BlockError: Something is not understood.
    """
    text = path.read_text(encoding="utf-8")
    try:
        _, blocks, _ = _body(text, 0, inside=False)
    except IndexError:
        raise BlockError(f"{path.name} ends in the middle of something") from None
    return blocks


def _body(
    text: str, at: int, *, inside: bool
) -> tuple[dict[str, str], tuple[Block, ...], int]:
    attributes: dict[str, str] = {}
    blocks: list[Block] = []
    while True:
        at = _skip(text, at)
        if at == len(text) and not inside:
            return attributes, tuple(blocks), at
        if text[at] == "}" and inside:
            return attributes, tuple(blocks), at + 1
        name = _NAME.match(text, at)
        if name is None:
            raise BlockError(f"not understood: {text[at:at + 40]!r}")
        at = name.end()
        labels: list[str] = []
        while found := _LABEL.match(text, at):
            labels.append(found[1] if found[1] is not None else found[2])
            at = found.end()
        at = _skip(text, at)
        if text[at] == "{":
            own, more, at = _body(text, at + 1, inside=True)
            blocks.append(Block(name[0], tuple(labels), own, more))
        elif text[at] == "=" and not labels:
            attributes[name[0]], at = _expression(text, at + 1)
        else:
            raise BlockError(f"not understood: {name[0]} {text[at:at + 40]!r}")


def _skip(text: str, at: int) -> int:
    found = _SKIPPED.match(text, at)
    return found.end() if found else at


def _expression(text: str, at: int) -> tuple[str, int]:
    """Reads up to the end of the line, or of the brackets that are open there."""
    parts: list[str] = []
    depth = 0
    while True:
        char = text[at]
        if char == '"':
            end = _string(text, at)
            parts.append(text[at:end])
            at = end
        elif char == "#" or text.startswith("//", at):
            at = text.index("\n", at)
        elif depth == 0 and char in "\n}":
            return " ".join("".join(parts).split()), at
        else:
            depth += (char in _OPEN) - (char in _CLOSE)
            parts.append(char)
            at += 1


def _string(text: str, at: int) -> int:
    """Returns where a text ends; in ${...} there may be texts again."""
    at += 1
    while text[at] != '"':
        if text[at] == "\\":
            at += 2
        elif text.startswith("${", at):
            at = _interpolation(text, at + 2)
        else:
            at += 1
    return at + 1


def _interpolation(text: str, at: int) -> int:
    depth = 1
    while depth:
        if text[at] == '"':
            at = _string(text, at)
            continue
        depth += (text[at] == "{") - (text[at] == "}")
        at += 1
    return at
