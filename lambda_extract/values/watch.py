"""Looks at the rows on their way for what the quick wire does not test. Pure.

A test in PostgreSQL costs every row something; a search through the finished text costs
next to nothing. If it finds something, the rows are read again with the tests (see
wire.py), so it may be wrong in one direction only: it must find everything.
"""

import ctypes
import re
from dataclasses import dataclass

# A VARCHAR holds as many bytes, a BINARY half as many, which are as many hex digits.
LARGEST_TEXT_BYTES = 134_217_728

# Digits and points become "0", what may stand before a number in JSON ":".
_NUMBERS = bytes.maketrans(b"123456789.E[, \t\r\n", b"0000000000e::::::")
# A NUMBER has 38 digits. With a point among them this is one digit too strict.
_MANY_DIGITS = b"0" * 39
# One expression for all three would be searched at 60 MB/s: re looks for a fixed
# beginning much faster.
_EXPONENTS = (re.compile(rb":0+e"), re.compile(rb":-0+e"), re.compile(rb"\A-?0+e"))
_ESCAPES = (rb"\u0000", rb"\ud", rb"\uD")

# The C library's own search takes a third of the time of Python's.
_memmem = ctypes.CDLL(None).memmem
_memmem.restype = ctypes.c_void_p
_memmem.argtypes = [
    ctypes.c_char_p,
    ctypes.c_size_t,
    ctypes.c_char_p,
    ctypes.c_size_t,
]


@dataclass(frozen=True)
class Watch:
    """What must not occur in the files of a quick wire.

    Attributes:
        texts: These texts.
        digits: Numbers of more than 38 digits.
        json: Numbers with an exponent; escapes of NUL and of half characters.
    """

    texts: tuple[bytes, ...] = ()
    digits: bool = False
    json: bool = False

    def __or__(self, other: "Watch") -> "Watch":
        """Returns what looks for both."""
        return Watch(
            tuple(sorted({*self.texts, *other.texts})),
            self.digits or other.digits,
            self.json or other.json,
        )

    def sees(self, block: bytes) -> bool:
        """True if whole rows hold something that has to be looked at."""
        if len(block) > LARGEST_TEXT_BYTES:
            return True
        if any(_contains(block, text) for text in self.texts):
            return True
        if not (self.digits or self.json):
            return False
        numbers = block.translate(_NUMBERS)
        if self.digits and _contains(numbers, _MANY_DIGITS):
            return True
        return self.json and (
            any(exponent.search(numbers) for exponent in _EXPONENTS)
            or any(_contains(block, escape) for escape in _ESCAPES)
        )


def _contains(block: bytes, text: bytes) -> bool:
    return _memmem(block, len(block), text, len(text)) is not None
