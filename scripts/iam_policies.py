"""What IAM policies allow, as far as this product's own policies go.

Knows the elements that terraform/ uses. A condition operator that is not known is an
error, so that nothing is taken for allowed which nobody has looked at.
"""

import fnmatch
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


class PolicyError(ValueError):
    """A policy has an element that is not understood here."""


@dataclass(frozen=True)
class Request:
    """One call of AWS.

    Attributes:
        principal: ARN of the role or user, or a service such as "events.amazonaws.com";
            empty for a request without a signature.
        action: Such as "s3:GetObject".
        resource: ARN, or "*" for actions that know no resource.
        context: Condition keys that AWS knows of the request.
    """

    principal: str
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What some policies say to a request: an explicit Deny beats every Allow."""

    allowed: bool
    denied: bool


def judge(documents: Iterable[str], request: Request) -> Verdict:
    """Asks identity policies: the request's principal is whom they are attached to.

    Raises:
        PolicyError: A condition operator is not known.
    """
    return _judge(documents, request, named=False)


def judge_resource_policy(document: str, request: Request) -> Verdict:
    """Asks the policy of a resource, whose statements name principals.

    The account's root stands for every principal of the account, as far as the
    identity policy of that principal allows the same.

    Raises:
        PolicyError: A condition operator is not known.
    """
    return _judge([document], request, named=True)


def _judge(documents: Iterable[str], request: Request, *, named: bool) -> Verdict:
    effects = {
        statement["Effect"]
        for document in documents
        for statement in _listed(json.loads(document)["Statement"])
        if (not named or _names(statement["Principal"], request.principal))
        and _matches(statement["Action"], request.action, fold=True)
        and _matches(statement.get("Resource", "*"), request.resource)
        and _holds(statement.get("Condition", {}), request.context)
    }
    return Verdict("Allow" in effects, "Deny" in effects)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _matches(patterns: Any, text: str, *, fold: bool = False) -> bool:
    """IAM's `*` and `?`; a bracket is no wildcard there."""
    return any(
        fnmatch.fnmatchcase(
            text.lower() if fold else text,
            (pattern.lower() if fold else pattern).replace("[", "[[]"),
        )
        for pattern in _listed(patterns)
    )


def _names(principal: Any, who: str) -> bool:
    if principal == "*":
        return True
    for kind, names in principal.items():
        for name in _listed(names):
            if name in ("*", who):
                return True
            account = who.split(":")[4] if who.startswith("arn:") else None
            if kind == "AWS" and name == f"arn:aws:iam::{account}:root":
                return True
    return False


def _holds(conditions: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    for operator, keys in conditions.items():
        if operator not in _OPERATORS:
            raise PolicyError(f"the condition operator {operator} is not known here")
        for key, values in keys.items():
            texts = [str(value) for value in _listed(values)]
            if not _OPERATORS[operator](context.get(key), texts):
                return False
    return True


def _equal(value: str | None, texts: list[str]) -> bool:
    return value in texts


def _like(value: str | None, texts: list[str]) -> bool:
    return value is not None and _matches(texts, value)


def _absent(value: str | None, texts: list[str]) -> bool:
    return str(value is None).lower() in texts


def _not(
    operator: Callable[[str | None, list[str]], bool],
) -> Callable[[str | None, list[str]], bool]:
    """A key that is absent counts as different."""
    return lambda value, texts: not operator(value, texts)


_OPERATORS: dict[str, Callable[[str | None, list[str]], bool]] = {
    "StringEquals": _equal,
    "StringLike": _like,
    "StringNotEquals": _not(_equal),
    "ArnEquals": _like,
    "ArnLike": _like,
    "ArnNotEquals": _not(_like),
    "Bool": _equal,
    "Null": _absent,
}
