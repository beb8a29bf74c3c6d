"""Objects of JSON text as frozen dataclasses, checked strictly. Standard library only.

What contract.py needs and no message in particular: every unknown field, wrong type and
missing value is refused by JSON pointer, before anything is done with it.
"""

import dataclasses
import functools
import json
import math
import types
import typing
from typing import Any, Literal

Scalar = (str, int, float, bool)


class ContractError(ValueError):
    """A message does not have the agreed shape.

    Attributes:
        pointer: JSON pointer (RFC 6901) of the offending value.
        reason: One plain sentence without the offending value itself.
        unsupported_version: True if the sender speaks another version.
    """

    def __init__(
        self, pointer: str, reason: str, *, unsupported_version: bool = False
    ) -> None:
        super().__init__(f"{pointer or '/'}: {reason}")
        self.pointer = pointer
        self.reason = reason
        self.unsupported_version = unsupported_version


def parse_object(text: str | dict[str, Any]) -> dict[str, Any]:
    """Returns the object of JSON text, or an already parsed one as it is.

    Raises:
        ContractError: Not JSON, no object, or a field that comes twice.
    """
    if isinstance(text, dict):
        return text
    try:
        data = json.loads(text, object_pairs_hook=_unique_pairs)
    except (ValueError, RecursionError) as error:
        if isinstance(error, ContractError):
            raise
        raise ContractError("", "the message is not JSON text") from error
    if not isinstance(data, dict):
        raise ContractError("", "the message is not a JSON object")
    return data


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ContractError("", "an object has the same field twice")
    return result


def without_defaults(message: Any) -> Any:
    """Returns a dataclass as dictionaries and lists, without what `build` fills in.

    A default therefore never changes within a version of the contract.
    """
    if isinstance(message, tuple):
        return [without_defaults(item) for item in message]
    if not dataclasses.is_dataclass(message):
        return message
    kind: Any = type(message)
    defaults = _defaults(kind)
    found = {}
    for name, value in vars(message).items():
        default = defaults.get(name, dataclasses.MISSING)
        # 0, 0.0 and False are equal, and different.
        if type(value) is not type(default) or value != default:
            found[name] = without_defaults(value)
    return found


@functools.cache
def _defaults(kind: Any) -> dict[str, Any]:
    return {
        field.name: (
            field.default
            if field.default_factory is dataclasses.MISSING
            else field.default_factory()
        )
        for field in dataclasses.fields(kind)
    }


def build(kind: type, data: Any, pointer: str) -> Any:
    """Builds the dataclass `kind` from an object; defaults fill missing fields.

    Args:
        pointer: JSON pointer of the object, for the error.

    Raises:
        ContractError: An unknown field, a wrong type or a missing value.
    """
    if not isinstance(data, dict):
        raise ContractError(pointer, "must be an object")
    hints = _hints(kind)
    for name in data:
        if name not in hints:
            shown = name if isinstance(name, str) and name.isidentifier() else "?"
            raise ContractError(f"{pointer}/{shown[:60]}", "unknown field")
    values = {
        name: _convert(hints[name], value, f"{pointer}/{name}")
        for name, value in data.items()
    }
    try:
        return kind(**values)
    except TypeError as error:
        missing = [
            f.name
            for f in dataclasses.fields(kind)
            if f.name not in values
            and f.default is dataclasses.MISSING
            and f.default_factory is dataclasses.MISSING
        ]
        raise ContractError(pointer, f"missing field: {', '.join(missing)}") from error


_HINTS: dict[type, dict[str, Any]] = {}


def _hints(kind: type) -> dict[str, Any]:
    if kind not in _HINTS:
        _HINTS[kind] = typing.get_type_hints(kind)
    return _HINTS[kind]


def _convert(hint: Any, value: Any, pointer: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        return _convert_optional(hint, value, pointer)
    if origin is Literal:
        return _convert_literal(hint, value, pointer)
    if origin is tuple:
        return _convert_tuple(hint, value, pointer)
    if dataclasses.is_dataclass(hint):
        return build(typing.cast(type, hint), value, pointer)
    return _convert_scalar(hint, value, pointer)


def _convert_optional(hint: Any, value: Any, pointer: str) -> Any:
    if value is None:
        return None
    (inner,) = [a for a in typing.get_args(hint) if a is not type(None)]
    return _convert(inner, value, pointer)


def _convert_literal(hint: Any, value: Any, pointer: str) -> Any:
    allowed = typing.get_args(hint)
    for choice in allowed:
        if type(value) is type(choice) and value == choice:
            return value
    raise ContractError(pointer, f"must be one of {', '.join(map(str, allowed))}")


def _convert_tuple(hint: Any, value: Any, pointer: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise ContractError(pointer, "must be an array")
    item = typing.get_args(hint)[0]
    return tuple(_convert(item, v, f"{pointer}/{i}") for i, v in enumerate(value))


def _convert_scalar(hint: type, value: Any, pointer: str) -> Any:
    if hint is float and type(value) in (int, float):
        return _finite(value, pointer)
    if type(value) is not hint or hint not in Scalar:
        raise ContractError(pointer, f"must be of type {hint.__name__}")
    if isinstance(value, str) and not _is_text(value):
        raise ContractError(pointer, "holds a character that no PostgreSQL text has")
    return value


def _finite(value: int | float, pointer: str) -> float:
    """JSON's integers have no end in Python, and 1e999 is read as infinity."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ContractError(pointer, "is no finite number")
    return number


def _is_text(value: str) -> bool:
    """False for a NUL character and for half of a surrogate pair."""
    return "\0" not in value and (
        value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value)
    )
