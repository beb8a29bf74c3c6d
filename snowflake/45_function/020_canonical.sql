-- What VALIDATE_TABLE needs Python for: one text for each value, whatever notation an engine
-- prints. lambda_extract/canonical.py gives the same texts in PostgreSQL, and has the rules.
-- No packages; the procedures call them with their owner's rights.
USE ROLE sync_admin;
USE WAREHOUSE <% warehouse %>;
USE SCHEMA <% database %>.control;

CREATE OR REPLACE FUNCTION canonical_float(number FLOAT)
RETURNS VARCHAR
LANGUAGE PYTHON
RETURNS NULL ON NULL INPUT
IMMUTABLE
RUNTIME_VERSION = '<% python_version %>'
HANDLER = 'canonical'
COMMENT = 'Sign, shortest digits that mean this number, and exponent; for VALIDATE_TABLE'
AS $$
from decimal import Decimal


def canonical(number):
    # repr() is the shortest text that reads back, as PostgreSQL's is.
    decimal = Decimal(repr(number))
    if not decimal.is_finite():
        return repr(number)
    if not decimal:
        return "0"
    sign = "-" if decimal < 0 else ""
    digits = "".join(map(str, decimal.as_tuple().digits)).strip("0")
    return f"{sign}{digits}e{decimal.adjusted() + 1}"
$$;

CREATE OR REPLACE FUNCTION canonical_json(document VARCHAR, held VARIANT)
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
from decimal import Decimal


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
    rounded = "e" in number.lower() and isinstance(held, float)
    decimal = Decimal(repr(held) if rounded else number)
    if not decimal:
        return "0"
    digits = format(decimal, "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits
$$;
