"""PURE: columns that look as if they told of a person, by their names alone.

A guess that asks somebody to look, no more: what must be protected is demanded by the
source itself ("required_protection" of the Lambda function).
"""

import re

# What is compared or joined by its value: a hash keeps that.
_COMPARED = (
    "e_?mail",
    "phone",
    "mobile",
    "fax",
    "ssn",
    "social_security",
    "tax_?(id|number|no)",
    "iban",
    "passport",
    "national_id",
    "card_?(number|no)",
    "driv\\w*_licen[cs]e",
    "ip_?addr\\w*",
)
_READ = (
    "(first|last|middle|given|family|maiden|full|sur|birth)_?name",
    "birth_?(day|date)",
    "date_of_birth",
    "dob",
    "street\\w*",
    "address\\w*",
    "(post|postal|zip)_?code",
    "password\\w*",
    "passwd",
    "secret\\w*",
    "salary",
    "gender",
    "religion",
    "ethnicity",
    "credit_score",
    "cvv",
)
_EDGE = r"(?:^|_)(?:{})(?:_|$|\d)"
_IS_COMPARED = re.compile(_EDGE.format("|".join(_COMPARED)))
_IS_READ = re.compile(_EDGE.format("|".join(_READ)))


def protection(name: str, *, hashes: bool) -> str:
    """Returns "hash", "mask", or nothing if the name tells of nobody.

    Args:
        hashes: The source has a key that hashes columns.
    """
    plain = words(name)
    if _IS_COMPARED.search(plain):
        return "hash" if hashes else "mask"
    return "mask" if _IS_READ.search(plain) else ""


def words(name: str) -> str:
    """Returns a name in lower case, its words parted by underscores."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", parted.lower())
