"""Expressions that DuckDB writes in another way than sqlglot translates them.

Each function takes one kind of node, whose children are done already, and returns its
replacement. fakesnow's own transformations serve if they are exact.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from fakesnow import transforms
from sqlglot import exp

from local.snowflake_server.core.errors import (
    SnowflakeError,
    compilation,
    unsupported,
)
from local.snowflake_server.core.types import SnowType, read_type
from local.snowflake_server.sql.functions import CONTEXT, time_format

Rewrite = Callable[[exp.Expr], exp.Expr]
_TEXT = exp.DataType.Type.VARCHAR


def rewrite(statement: exp.Expr) -> None:
    """Rewrite the expressions of a statement in place, innermost first."""
    for node in reversed(list(statement.walk(bfs=True))):
        for change in _CHANGES.get(type(node), ()):
            # Taken now: the new node often holds the old one and becomes its parent.
            parent, key, index = node.parent, node.arg_key, node.index
            new = change(node)
            if new is not node and parent is not None and key is not None:
                new.parent = None
                parent.set(key, new, index=index)
                break


# DuckDB's type -> the parameters that say how it is written, the first that is set.
_FORMATS = {
    "DATE": ("DATE_OUTPUT_FORMAT",),
    "TIME": ("TIME_OUTPUT_FORMAT",),
    "TIMESTAMP": ("TIMESTAMP_NTZ_OUTPUT_FORMAT",),
    "TIMESTAMP WITH TIME ZONE": (
        "TIMESTAMP_TZ_OUTPUT_FORMAT",
        "TIMESTAMP_OUTPUT_FORMAT",
    ),
}


def follow_formats(statement: exp.Expr, formats: dict[str, str]) -> None:
    """Write dates and times without a format as the session's parameters say."""
    for node in list(statement.find_all(exp.Anonymous)):
        if node.name != "_to_varchar":
            continue
        (value,) = node.expressions
        made: exp.Expr = node.copy()
        for kind, names in _FORMATS.items():
            chosen = next((formats[name] for name in names if name in formats), None)
            if chosen is not None:
                texts = (exp.Literal.string(text) for text in (kind, chosen))
                made = call("_formatted", value, *texts, made)
        node.replace(made)


def context(name: str) -> exp.Expr:
    """A value that the session puts in."""
    return exp.Placeholder(this=f"wctx_{name}__")


def call(name: str, *arguments: exp.Expr | None) -> exp.Expr:
    """A call of a function of the local engine."""
    given = [a.copy() for a in arguments if a is not None]
    return exp.Anonymous(this=name, expressions=given)


def _duck_cast(node: exp.Expr, duck: str, *, safe: bool = False) -> exp.Expr:
    kind = exp.TryCast if safe else exp.Cast
    return kind(this=node.copy(), to=exp.DataType.build(duck, dialect="duckdb"))


def _now(node: exp.Expr) -> exp.Expr:
    now = _duck_cast(context("now"), "TIMESTAMPTZ")
    return _duck_cast(now, "TIMESTAMP") if node.args.get("sysdate") else now


def _today(_node: exp.Expr) -> exp.Expr:
    return _duck_cast(_duck_cast(context("now"), "TIMESTAMPTZ"), "DATE")


def _time_now(_node: exp.Expr) -> exp.Expr:
    stamp = _duck_cast(_duck_cast(context("now"), "TIMESTAMPTZ"), "TIMESTAMP")
    return _duck_cast(stamp, "TIME")


def _context(node: exp.Expr) -> exp.Expr:
    name = node.sql_name() if isinstance(node, exp.Func) else ""
    return context(CONTEXT[name]) if name in CONTEXT else node


def _is_json_path(node: exp.Expr) -> bool:
    inner = node.this if isinstance(node, exp.Paren) else node
    return isinstance(inner, exp.JSONExtract)


def _as_text(node: exp.Expr) -> exp.Expr:
    """The text of a value: strings inside VARIANT lose their quotes."""
    if isinstance(node, exp.Literal) and node.is_string:
        return node.copy()
    if _is_json_path(node):
        inner = node.this if isinstance(node, exp.Paren) else node
        made = exp.JSONExtractScalar(this=inner.this, expression=inner.expression)
        return exp.Paren(this=made)
    return call("_to_varchar", node)


def _cast(node: exp.Expr) -> exp.Expr:
    if node.meta.get("made") or not isinstance(node.args.get("to"), exp.DataType):
        return node
    kind = read_type(node.args["to"])
    made = convert(node.this, kind, safe=isinstance(node, exp.TryCast))
    made.meta["made"] = True
    return made


def convert(value: exp.Expr, kind: SnowType, *, safe: bool = False) -> exp.Expr:
    """CAST (or TRY_CAST) to a Snowflake type."""
    if kind.base in ("VARIANT", "ARRAY", "OBJECT"):
        name = {"VARIANT": "_json", "ARRAY": "_to_array", "OBJECT": "_to_object"}
        return call(name[kind.base], value)
    if kind.base == "BINARY":
        return call("_to_binary", value)
    if kind.base == "VARCHAR":
        text = _as_text(value)
        if kind.length not in (None, 16777216, 134217728):
            return call("_limit", text, exp.Literal.number(kind.length))
        return text
    if kind.base == "DECFLOAT":
        return call("_decfloat", _as_text(value))
    source = _as_text(value) if _is_json_path(value) else value
    made = _duck_cast(source, kind.duck, safe=safe)
    made.meta["made"] = True
    return made


def _to_char(node: exp.Expr) -> exp.Expr:
    if pattern := node.args.get("format"):
        if not (isinstance(pattern, exp.Literal) and pattern.is_string):
            raise unsupported("TO_CHAR with a format that is no constant")
        text = exp.Literal.string(time_format(pattern.name))
        return call("_format_time", node.this, text)
    return _as_text(node.this)


def _to_number(node: exp.Expr) -> exp.Expr:
    pattern = node.args.get("format")
    if isinstance(pattern, exp.Literal) and re.fullmatch("X{1,15}", pattern.name):
        prefix = exp.Literal.string("0x")
        return _duck_cast(call("concat", prefix, node.this), "BIGINT")
    return transforms.to_decimal(node)


_BY_NAME: dict[str, tuple[str, bool]] = {
    "TO_TIMESTAMP": ("TIMESTAMP_NTZ", False),
    "TO_TIMESTAMP_NTZ": ("TIMESTAMP_NTZ", False),
    "TO_TIMESTAMP_TZ": ("TIMESTAMP_TZ", False),
    "TO_TIMESTAMP_LTZ": ("TIMESTAMP_LTZ", False),
    "TO_OBJECT": ("OBJECT", False),
    "TO_ARRAY": ("ARRAY", False),
    "TRY_TO_TIMESTAMP": ("TIMESTAMP_NTZ", True),
    "TRY_TO_TIMESTAMP_NTZ": ("TIMESTAMP_NTZ", True),
    "TRY_TO_TIMESTAMP_TZ": ("TIMESTAMP_TZ", True),
    "TRY_TO_TIMESTAMP_LTZ": ("TIMESTAMP_LTZ", True),
    "TRY_TO_TIME": ("TIME", True),
}


def _anonymous(node: exp.Expr) -> exp.Expr:
    name = node.name.upper()
    if name in CONTEXT:
        return context(CONTEXT[name])
    if name not in _BY_NAME:
        return node
    if len(node.expressions) != 1:
        raise unsupported(f"{name} with a format")
    base, safe = _BY_NAME[name]
    return _moment(node.expressions[0], base, safe=safe)


def _moment(value: exp.Expr, base: str, *, safe: bool) -> exp.Expr:
    if isinstance(value, exp.Literal) and not value.is_string:
        return _duck_cast(call("to_timestamp", value), SnowType(base).duck)
    return convert(value, SnowType(base), safe=safe)


def _unix_to_time(node: exp.Expr) -> exp.Expr:
    if node.args.get("scale"):
        raise unsupported("TO_TIMESTAMP with a scale")
    return _moment(node.this, "TIMESTAMP_NTZ", safe=False)


def _parse_json(node: exp.Expr) -> exp.Expr:
    mode = ""
    if option := node.args.get("expression"):
        mode = option.name.lower()
        if mode not in ("d", "s"):
            raise compilation(f"invalid option '{option.name}' of PARSE_JSON")
    if node.args.get("safe"):
        mode += "t"
    parsed = call("_parse_json", _as_text(node.this), exp.Literal.string(mode))
    made = _duck_cast(parsed, "JSON")
    made.meta["made"] = True
    return made


def _json_keys(node: exp.Expr) -> exp.Expr:
    return call("_json_keys", node.this)


def _typeof(node: exp.Expr) -> exp.Expr:
    return call("_typeof", node.this)


def _divide(node: exp.Expr) -> exp.Expr:
    divisor = node.args["expression"]
    if isinstance(divisor, exp.Literal) and divisor.name.strip("0.") != "":
        return node
    return call("_divide", node.this, divisor)


def _parameter(node: exp.Expr) -> exp.Expr:
    """$1 of VALUES."""
    if node.name.isdigit():
        return exp.column(exp.to_identifier(f"COLUMN{node.name}", quoted=True))
    raise compilation(
        f"Session variable '${node.name.upper()}' does not exist", code=2211
    )


def check_rows(node: exp.Expr) -> None:
    """Refuse rows of VALUES whose types Snowflake would take from the first one.

    Raises:
        SnowflakeError: A text stands below a number, or a bound value has no cast (K6):
            with NULL in the first row its type would be anybody's guess.
    """
    rows = [r.expressions for r in node.expressions if isinstance(r, exp.Tuple)]
    for at, first in enumerate(rows[0] if len(rows) > 1 else ()):
        below = [row[at] for row in rows[1:] if at < len(row)]
        if any(isinstance(v, exp.Placeholder) for v in (first, *below)):
            raise unsupported("several rows of VALUES with a bound value without CAST")
        is_number = isinstance(first, exp.Literal) and not first.is_string
        for value in below if is_number else ():
            if isinstance(value, exp.Literal) and not _is_number(value.name):
                raise SnowflakeError(
                    100038, "22018", f"Numeric value '{value.name}' is not recognized"
                )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _to_array(node: exp.Expr) -> exp.Expr:
    """An array inside VARIANT is that array, and not an array of it."""
    return call("_to_array", node.this)


def _values(node: exp.Expr) -> exp.Expr:
    check_rows(node)
    if not isinstance(node.parent, (exp.From, exp.Join, exp.Subquery, exp.Lateral)):
        return node
    rows = [r for r in node.expressions if isinstance(r, exp.Tuple)]
    width = len(rows[0].expressions) if rows else 1
    alias = node.args.get("alias")
    name = alias.this if alias and alias.this else exp.to_identifier("_", quoted=True)
    if not (alias and alias.args.get("columns")):
        columns = [
            exp.to_identifier(f"COLUMN{i + 1}", quoted=True) for i in range(width)
        ]
        node.set("alias", exp.TableAlias(this=name, columns=columns))
    return node


def _flatten(node: exp.Expr) -> exp.Expr:
    for name in ("outer", "recursive", "mode", "path"):
        if any(k.name.lower() == name for k in node.find_all(exp.Kwarg)):
            raise unsupported(f"FLATTEN with {name.upper()}")
    if isinstance(node, exp.Lateral) and isinstance(node.this, exp.Explode):
        alias = node.args.get("alias")
        if alias is not None:
            alias.set("columns", None)
    return transforms.flatten(node)


def _convert_timezone(node: exp.Expr) -> exp.Expr:
    source, target = node.args.get("source_tz"), node.args["target_tz"]
    moment = node.args["timestamp"]
    if source is None:
        if not (isinstance(target, exp.Literal) and target.name.upper() == "UTC"):
            raise unsupported("CONVERT_TIMEZONE to a zone other than UTC")
        return _duck_cast(moment, "TIMESTAMPTZ")
    local = call("timezone", source, _duck_cast(moment, "TIMESTAMP"))
    return call("timezone", target, local)


def _star_map(node: exp.Expr) -> exp.Expr:
    raise unsupported("OBJECT_CONSTRUCT(*)")


def _json_text(value: exp.Expr) -> exp.Expr:
    made = _duck_cast(call("_json", value), "VARCHAR")
    made.meta["made"] = True
    return made


def _date_of(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.TsOrDsToTime):
        return convert(node.this, SnowType("TIME"))
    return convert(node.this, SnowType("DATE"), safe=bool(node.args.get("safe")))


def _decfloat_of(node: exp.Expr) -> exp.Expr:
    return convert(node.this, SnowType("DECFLOAT"))


def _to_binary(node: exp.Expr) -> exp.Expr:
    pattern = node.args.get("format")
    if pattern is not None and pattern.name.upper() not in ("HEX", "UTF-8"):
        raise unsupported(f"TO_BINARY with the format {pattern.name}")
    if pattern is not None and pattern.name.upper() == "UTF-8":
        return call("encode", node.this)
    return call("_to_binary", node.this)


def _collect(node: exp.Expr) -> exp.Expr:
    if isinstance(node.parent, exp.Anonymous) and node.parent.name == "TO_JSON":
        return node
    return transforms.array_agg(node)


_CHANGES: dict[type[exp.Expr], tuple[Rewrite, ...]] = {
    exp.CurrentTimestamp: (_now,),
    exp.CurrentDate: (_today,),
    exp.Localtime: (_time_now,),
    exp.CurrentTime: (_time_now,),
    exp.CurrentUser: (_context,),
    exp.CurrentRole: (_context,),
    exp.CurrentSession: (_context,),
    exp.CurrentDatabase: (_context,),
    exp.CurrentSchema: (_context,),
    exp.CurrentTransaction: (_context,),
    exp.CurrentWarehouse: (_context,),
    exp.CurrentAccount: (_context,),
    exp.CurrentRegion: (_context,),
    exp.CurrentVersion: (_context,),
    exp.Anonymous: (_anonymous,),
    exp.UnixToTime: (_unix_to_time,),
    exp.Cast: (_cast,),
    exp.TryCast: (_cast,),
    exp.ToChar: (_to_char,),
    exp.ParseJSON: (_parse_json,),
    exp.JSONKeys: (_json_keys,),
    exp.Typeof: (_typeof,),
    exp.Div: (_divide,),
    exp.DateAdd: (transforms.dateadd_date_cast,),
    exp.Parameter: (_parameter,),
    exp.Values: (_values,),
    exp.ToArray: (_to_array,),
    exp.Lateral: (_flatten,),
    exp.TableFromRows: (_flatten,),
    exp.ConvertTimezone: (_convert_timezone,),
    exp.StarMap: (_star_map,),
    exp.TsOrDsToDate: (_date_of,),
    exp.TsOrDsToTime: (_date_of,),
    exp.ToDecfloat: (_decfloat_of,),
    exp.ToBinary: (_to_binary,),
    exp.ToVariant: (lambda node: call("_json", node.this),),
    exp.JSONFormat: (lambda node: _json_text(node.this),),
    exp.ToNumber: (_to_number,),
    exp.Struct: (transforms.object_construct,),
    exp.JSONObject: (transforms.object_construct,),
    exp.Array: (lambda node: call("json_array", *node.expressions),),
    exp.ArraySize: (transforms.array_size,),
    exp.ArrayAgg: (_collect,),
    exp.WithinGroup: (transforms.array_agg_within_group,),
    exp.ObjectAgg: (transforms.object_agg,),
    exp.Split: (transforms.split,),
    exp.Bracket: (transforms.indices_to_json_extract,),
    exp.JSONExtract: (transforms.json_extract_precedence,),
    exp.JSONExtractScalar: (transforms.json_extract_precedence,),
    exp.RegexpReplace: (transforms.regex_replace,),
    exp.RegexpExtract: (transforms.regex_substr,),
    exp.Upper: (transforms.json_extract_cased_as_varchar,),
    exp.Lower: (transforms.json_extract_cased_as_varchar,),
}
