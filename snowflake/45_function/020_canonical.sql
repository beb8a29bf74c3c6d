-- What VALIDATE_TABLE needs Python for: one text for each value, whatever notation an engine
-- prints. lambda_extract/rows/canonical.py gives the same texts in PostgreSQL, and has the rules.
-- No packages; the procedures call them with their owner's rights.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE FUNCTION canonical_float(number FLOAT)
COPY GRANTS
RETURNS VARCHAR
LANGUAGE PYTHON
RETURNS NULL ON NULL INPUT
IMMUTABLE
RUNTIME_VERSION = '<% python_version %>'
HANDLER = 'canonical'
COMMENT = 'The bits of a number as hex digits; for VALIDATE_TABLE'
AS $$
import struct


def canonical(number):
    if number != number:
        return "nan"
    # -0 plus 0 is 0.
    return struct.pack(">d", number + 0.0).hex()
$$;

CREATE OR REPLACE FUNCTION canonical_json(document VARCHAR, held VARIANT)
COPY GRANTS
RETURNS VARCHAR
LANGUAGE PYTHON
CALLED ON NULL INPUT
IMMUTABLE
RUNTIME_VERSION = '<% python_version %>'
HANDLER = 'canonical'
COMMENT = 'MD5 of a document as jsonb prints it, numbers plain; for VALIDATE_TABLE'
AS $$
import hashlib
import json
import math
from decimal import Decimal
from fractions import Fraction


class Number(str):
    pass


def canonical(document, held):
    if document is None:
        return None
    try:
        parsed = json.loads(document, parse_int=Number, parse_float=Number)
        text = written(parsed, held)
    except RecursionError:
        return "!target"
    except ValueError:
        # No JSON, which no sync has written: like no document of the source.
        text = "?" + document
    octets = text.encode("utf-8", "surrogatepass")
    return hashlib.md5(octets, usedforsecurity=False).hexdigest()


def written(node, held):
    if isinstance(node, Number):
        return plain(node, held)
    if isinstance(node, list):
        same = isinstance(held, list) and len(held) == len(node)
        held = held if same else [None] * len(node)
        return "[" + ", ".join(map(written, node, held)) + "]"
    if isinstance(node, dict):
        held = held if isinstance(held, dict) else {}
        pairs = [
            f"{json.dumps(key, ensure_ascii=False)}: {written(node[key], held.get(key))}"
            for key in sorted(node, key=place)
        ]
        return "{" + ", ".join(pairs) + "}"
    return json.dumps(node, ensure_ascii=False)


def place(key):
    # jsonb keeps shorter keys first.
    octets = key.encode("utf-8", "surrogatepass")
    return len(octets), octets


def plain(number, held):
    # TO_JSON rounds a DOUBLE to 16 digits, and prints only those with an exponent.
    double = isinstance(held, float) and math.isfinite(held)
    rounded = double and "e" in number.lower()
    decimal = Decimal(shortest(held) if rounded else number)
    if not decimal:
        return "0"
    digits = format(decimal, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def shortest(double):
    # repr() may lie halfway between two floats. PostgreSQL takes one digit more then.
    beside = (math.nextafter(double, math.inf), math.nextafter(double, -math.inf))
    exact = Fraction(double)
    halfway = [
        (exact + Fraction(other)) / 2 for other in beside if math.isfinite(other)
    ]
    texts = [repr(double)] + [f"{double:.{digits}e}" for digits in range(17)]
    return next(
        text
        for text in texts
        if float(text) == double and Fraction(text) not in halfway
    )
$$;
