"""Reads statements that need no expression parser: words, names, strings, options."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.snowflake_server.core.errors import syntax

Reader = Callable[["Scanner"], Any]

_TOKENS = re.compile(
    r"""(?P<space>\s+|--[^\n]*|//[^\n]*|/\*.*?\*/)
      | '(?P<string>(?:[^'\\]|''|\\.)*)'
      | \$\$(?P<dollars>.*?)\$\$
      | "(?P<name>(?:[^"]|"")+)"
      | (?P<word>[A-Za-z_][\w$]*)
      | (?P<number>\d+(?:\.\d+)?)
      | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f"}


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int


def _tokens(text: str) -> list[_Token]:
    found = []
    for match in _TOKENS.finditer(text):
        kind = match.lastgroup or "sign"
        value = match[kind]
        if kind == "space":
            continue
        if kind == "string":
            value = re.sub(r"''|\\(.)", _unescaped, value, flags=re.DOTALL)
        if kind == "name":
            value = value.replace('""', '"')
        found.append(
            _Token("string" if kind == "dollars" else kind, value, match.start())
        )
    return found


def _unescaped(match: re.Match[str]) -> str:
    if match[1] is None:
        return "'"
    return _ESCAPES.get(match[1], match[1])


class Scanner:
    """Walks over the tokens of one statement."""

    def __init__(self, text: str) -> None:
        """Split the text."""
        self._tokens = _tokens(text)
        while self._tokens and self._is(len(self._tokens) - 1, ";"):
            self._tokens.pop()
        self._text = text
        self._at = 0

    def _is(self, at: int, text: str) -> bool:
        """Whether a token is this word or sign, not a string or a quoted name."""
        token = self._tokens[at]
        return token.kind in ("word", "sign") and token.text.upper() == text

    @property
    def done(self) -> bool:
        """Whether everything has been read."""
        return self._at >= len(self._tokens)

    def peek(self, ahead: int = 0) -> str:
        """The upper-case text of a coming word or sign, '' at the end."""
        at = self._at + ahead
        if at >= len(self._tokens) or self._tokens[at].kind == "string":
            return ""
        return self._tokens[at].text.upper()

    def _token(self) -> _Token:
        if self.done:
            raise syntax("unexpected end of statement")
        token = self._tokens[self._at]
        self._at += 1
        return token

    def unexpected(self) -> Exception:
        """The error for the coming token."""
        if self.done:
            return syntax("unexpected end of statement")
        token = self._tokens[self._at]
        before = self._text[: token.start]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n") - 1
        return syntax(f"line {line} at position {column} unexpected '{token.text}'.")

    def take(self, *words: str) -> bool:
        """Read the words if they come next."""
        if self._at + len(words) > len(self._tokens):
            return False
        if not all(self._is(self._at + i, word) for i, word in enumerate(words)):
            return False
        self._at += len(words)
        return True

    def expect(self, *words: str) -> None:
        """Read the words or fail."""
        if not self.take(*words):
            raise self.unexpected()

    def end(self) -> None:
        """Fail unless everything has been read."""
        if not self.done:
            raise self.unexpected()

    def word(self) -> str:
        """One bare word, upper-cased."""
        if self.done or self._tokens[self._at].kind != "word":
            raise self.unexpected()
        return self._token().text.upper()

    def identifier(self) -> str:
        """One identifier: upper-cased unless quoted."""
        if not self.done and self._tokens[self._at].kind == "name":
            return self._token().text
        return self.word()

    def path(self) -> tuple[str, ...]:
        """A dotted name."""
        parts = [self.identifier()]
        while self.take("."):
            parts.append(self.identifier())
        return tuple(parts)

    @property
    def at_string(self) -> bool:
        """Whether a string literal comes next."""
        return not self.done and self._tokens[self._at].kind == "string"

    def text_before(self, *words: str) -> str:
        """The text of the tokens until one of the words, which is not read."""
        start = self._at
        while not self.done and self.peek() not in words:
            self._at += 1
        if self.done or start == self._at:
            raise self.unexpected()
        return self._text[self._tokens[start].start : self._tokens[self._at].start]

    def skip_to(self, words: set[str]) -> None:
        """Pass over tokens until one of the words."""
        while not self.done and self.peek() not in words:
            self._at += 1

    def skip(self) -> None:
        """Pass over one token."""
        self._token()

    def path_or_string(self) -> tuple[str, ...]:
        """A dotted name, also inside a string."""
        return Scanner(self.string()).path() if self.at_string else self.path()

    def string(self) -> str:
        """A string literal."""
        if not self.at_string:
            raise self.unexpected()
        return self._token().text

    def strings(self) -> tuple[str, ...]:
        """A list of string literals in parentheses, maybe empty."""
        return tuple(self.listed(Scanner.string))

    def listed(self, read: Reader) -> list[Any]:
        """A list in parentheses, maybe empty."""
        self.expect("(")
        found: list[Any] = []
        while not self.take(")"):
            if found:
                self.expect(",")
            found.append(read(self))
        return found

    def number(self) -> int:
        """A whole number."""
        token = self._token()
        if not token.text.isdigit():
            raise syntax(f"unexpected '{token.text}', a number was expected.")
        return int(token.text)

    def boolean(self) -> bool:
        """TRUE or FALSE."""
        word = self.word()
        if word not in ("TRUE", "FALSE"):
            raise syntax(f"unexpected '{word}', TRUE or FALSE was expected.")
        return word == "TRUE"

    def name_or_string(self) -> str:
        """A bare word, a number, a quoted name or a string."""
        if not self.done and self._tokens[self._at].kind == "sign":
            raise self.unexpected()
        return self._token().text

    def options(self, known: Mapping[str, Reader]) -> dict[str, Any]:
        """Read KEY = VALUE pairs until something else comes; refuse unknown keys."""
        found: dict[str, Any] = {}
        while not self.done and self.peek() not in (")", "AS"):
            self.take(",")
            key = self.word()
            if key not in known:
                self._at -= 1
                raise syntax(f"unknown or misplaced option '{key}'.")
            if key in found:
                raise syntax(f"duplicate option '{key}'.")
            self.expect("=")
            found[key] = known[key](self)
        return found

    def until(self, *ends: str) -> str:
        """The text up to one of the given tokens, outside of parentheses."""
        start, depth = self._at, 0
        while not self.done and not (depth == 0 and self.peek() in ends):
            depth += {"(": 1, ")": -1}.get(self.peek(), 0)
            self._at += 1
        if self._at == start or self.done:
            raise self.unexpected()
        return self._text[self._tokens[start].start : self._tokens[self._at].start]

    def rest(self) -> str:
        """The text from the coming token on."""
        if self.done:
            return ""
        text = self._text[self._tokens[self._at].start :]
        self._at = len(self._tokens)
        return text.rstrip().rstrip(";")


def one_of(*values: str) -> Reader:
    """A reader for one of the given words, bare or quoted."""

    def read(scanner: Scanner) -> str:
        value = scanner.name_or_string().upper()
        if value not in values:
            raise syntax(
                f"invalid value '{value}', expected one of {', '.join(values)}."
            )
        return value

    return read
