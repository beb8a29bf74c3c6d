"""PURE: small changes of SQL in the string literals of a Python source."""

import re
from collections.abc import Iterator

from scripts.mutations.source import Edit

# A literal counts as SQL by its keywords, which are upper case in this project.
_SQL = re.compile(
    r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|MERGE INTO|FROM|WHERE|JOIN|QUALIFY|"
    r"ORDER BY|GROUP BY|HAVING|WHEN MATCHED|AND|OR|NULL|ASC|DESC|NOT EXISTS|"
    r"COALESCE|LEAST|GREATEST|MIN|MAX|DISTINCT|LIMIT)\b"
)
_PIECE = re.compile(
    r"""(?P<prefix>[A-Za-z]{0,2})(?P<quote>\"{3}|'{3}|"|')"""
    r"""(?P<body>(?:\\.|(?!(?P=quote)).)*)(?P=quote)""",
    re.S,
)
_QUOTED = re.compile(r"'(?:[^'\n]|'')*'")
_COMMENT = re.compile(r"--[^\n]*")
_MASK = "\x01"

# What stands alone and becomes something else.
_WORDS = (
    ("sql min/max", r"\bMIN(?=\()", "MAX"),
    ("sql min/max", r"\bMAX(?=\()", "MIN"),
    ("sql min/max", r"\bLEAST(?=\()", "GREATEST"),
    ("sql min/max", r"\bGREATEST(?=\()", "LEAST"),
    ("sql order", r"\bASC\b", "DESC"),
    ("sql order", r"\bDESC\b", "ASC"),
    ("sql order", r"\bNULLS FIRST\b", "NULLS LAST"),
    ("sql order", r"\bNULLS LAST\b", "NULLS FIRST"),
    ("sql compare", r"(?<![<>=\-])<(?![<>=@])", "<="),
    ("sql compare", r"<=(?!>)", "<"),
    ("sql compare", r"(?<![<>=\-])>(?![<>=])", ">="),
    ("sql compare", r"(?<!<)>=", ">"),
    ("sql compare", r"<>|!=", "="),
    ("sql null", r"\bIS NULL\b", "IS NOT NULL"),
    ("sql null", r"\bIS NOT NULL\b", "IS NULL"),
    ("sql not", r"(?<!IF )\bNOT (?=EXISTS\b|IN\b|LIKE\b|BETWEEN\b|\()", ""),
    ("sql join", r"\bLEFT (?:OUTER )?JOIN\b", "JOIN"),
    ("sql join", r"\bFULL (?:OUTER )?JOIN\b", "LEFT JOIN"),
    (
        "sql join",
        r"(?<!LEFT )(?<!FULL )(?<!OUTER )(?<!CROSS )\b(?:INNER )?JOIN\b",
        None,
    ),
    ("sql and/or", r"\bAND\b", "OR"),
    ("sql and/or", r"\bOR\b(?! REPLACE\b)", "AND"),
    ("sql constant", r"\bTRUE\b", "FALSE"),
    ("sql constant", r"\bFALSE\b", "TRUE"),
    ("sql union", r"\bUNION ALL\b", "UNION"),
    ("sql distinct", r"\bDISTINCT (?!FROM\b)", ""),
)
_NUMBER = re.compile(r"(?:(?<=[=<>] )|(?<=LIMIT ))\d+\b(?!\.)")
# Where a condition of AND ends, at the depth of its own parentheses.
_END = re.compile(
    r"\b(AND|OR|WHERE|ORDER BY|GROUP BY|HAVING|QUALIFY|LIMIT|UNION|WHEN|THEN|ELSE|END|"
    r"RETURNING|LEFT JOIN|JOIN|FROM|SET)\b|;"
)
_CONDITION = re.compile(r"\b(AND|WHERE|ON|QUALIFY|HAVING)\b")
_BETWEEN = re.compile(r"\bBETWEEN\b(?:(?!\bAND\b).)*\Z", re.S)


def is_sql(text: str) -> bool:
    """True if a literal holds SQL, or a part of it."""
    return bool(_SQL.search(text))


def sql_edits(literal: str, start: int) -> Iterator[Edit]:
    """Yields the changes of a string literal.

    Args:
        literal: Its text in the source, with quotes; also several in a row, also
            f-strings.
        start: Its place in the source.
    """
    masked = mask(literal)
    if not is_sql(masked):
        return
    for kind, pattern, new in _WORDS:
        for found in re.finditer(pattern, masked):
            if kind == "sql and/or" and _BETWEEN.search(masked[: found.start()]):
                continue
            text = f"LEFT {found[0].removeprefix('INNER ')}" if new is None else new
            yield Edit(start + found.start(), start + found.end(), text, kind)
    for found in _NUMBER.finditer(masked):
        more = str(int(found[0]) + 1)
        yield Edit(start + found.start(), start + found.end(), more, "sql constant")
    yield from _conditions(literal, masked, start)
    yield from _coalesce(literal, masked, start)


def mask(literal: str) -> str:
    """Returns the text with everything that is no SQL keyword's place blotted out.

    Quotes and prefixes of Python, what stands in braces of an f-string, quoted SQL
    values and comments become one character each that no pattern knows.
    """
    masked = [_MASK] * len(literal)
    for piece in _PIECE.finditer(literal):
        begin, end = piece.span("body")
        body = piece["body"]
        if "f" in piece["prefix"].lower():
            body = _without_braces(body)
        for pattern in (_COMMENT, _QUOTED):
            body = pattern.sub(lambda found: _MASK * len(found[0]), body)
        masked[begin:end] = list(body)
    return "".join(masked)


def _without_braces(body: str) -> str:
    shown = list(body)
    depth = 0
    at = 0
    while at < len(body):
        if depth == 0 and body[at : at + 2] in ("{{", "}}"):
            at += 2
            continue
        if body[at] == "{":
            depth += 1
        if depth:
            shown[at] = _MASK
        if body[at] == "}":
            depth = max(0, depth - 1)
        at += 1
    return "".join(shown)


def _conditions(literal: str, masked: str, start: int) -> Iterator[Edit]:
    """Conditions that no longer hold anything back; bound values keep their places."""
    for found in _CONDITION.finditer(masked):
        if found[0] == "AND" and _BETWEEN.search(masked[: found.start()]):
            continue
        begin = found.end()
        text = literal[
            begin : _condition_end(masked, begin, _piece_end(literal, begin))
        ]
        condition = text.strip()
        if not condition:
            continue
        end = begin + len(text.rstrip())
        if (
            found[0] == "AND"
            and "?" not in condition
            and _MASK not in masked[begin:end]
        ):
            cut = len(literal[: found.start()].rstrip())
            yield Edit(start + cut, start + end, "", "sql condition")
        else:
            lead = text[: len(text) - len(text.lstrip())]
            new = f"{lead}({condition} OR TRUE)"
            yield Edit(start + begin, start + end, new, "sql condition")


def _piece_end(literal: str, at: int) -> int:
    """Returns where the text of the literal ends that a place is in."""
    ends = [piece.end("body") for piece in _PIECE.finditer(literal)]
    return min((end for end in ends if end >= at), default=at)


def _condition_end(masked: str, begin: int, limit: int) -> int:
    """Returns where a condition ends; `begin` if it does within another literal."""
    depth = 0
    for at in range(begin, limit):
        if masked[at] == "(":
            depth += 1
        elif masked[at] == ")":
            depth -= 1
            if depth < 0:
                return at
        elif depth == 0 and (word := _END.match(masked, at)):
            if word[0] != "AND" or not _BETWEEN.search(masked[begin:at]):
                return at
    return begin if depth else limit


def _coalesce(literal: str, masked: str, start: int) -> Iterator[Edit]:
    for found in re.finditer(r"\b(?:COALESCE|IFNULL|NVL)\(", masked):
        parts = _arguments(masked, found.end())
        if len(parts) < 2:
            continue
        (a, b), (c, d) = parts[:2]
        first, second = literal[a:b], literal[c:d]
        new = second + literal[b:c] + first
        if first != second:
            yield Edit(start + a, start + d, new, "sql coalesce")


def _arguments(masked: str, begin: int) -> list[tuple[int, int]]:
    """Returns the spans, without blanks, of the arguments of a call."""
    parts = []
    depth = 0
    low = begin
    for at in range(begin, len(masked)):
        sign = masked[at]
        if depth == 0 and sign in ",)":
            text = masked[low:at]
            left = low + len(text) - len(text.lstrip())
            parts.append((left, low + len(text.rstrip())))
            low = at + 1
            if sign == ")":
                return parts
        depth += (sign in "([") - (sign in ")]")
    return []
