"""What stands in DuckDB's SQL in the place of a call of a user's own function."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from local.snowflake_server.core.errors import compilation, syntax
from local.snowflake_server.core.names import Name
from local.snowflake_server.core.scan import Scanner
from local.snowflake_server.sql.rewrite import context


def external_call(name: Name, arguments: Sequence[exp.Expr]) -> exp.Expr:
    """A call of an external function: its arguments travel as one JSON text."""
    listed = exp.Anonymous(
        this="json_array",
        expressions=[exp.cast(a.copy(), "TEXT") for a in arguments],
    )
    call = exp.Anonymous(
        this="_external",
        expressions=[
            exp.Literal.string(str(name)),
            context("query"),
            exp.cast(listed, "TEXT"),
        ],
    )
    listed.meta["made"] = call.meta["made"] = True
    return _made(exp.cast(call, "JSON", dialect="duckdb"))


def python_call(
    name: Name, types: Sequence[str], arguments: Sequence[exp.Expr]
) -> exp.Expr:
    """A call of a function in Python: its arguments travel as a list of texts.

    DuckDB's text of a DOUBLE is the shortest one that reads back as the same.

    Args:
        types: Base type of each declared argument.
    """
    texts = [_text(kind, given) for kind, given in zip(types, arguments, strict=True)]
    listed = exp.Anonymous(this="list_value", expressions=texts)
    listed.meta["made"] = True
    return _made(
        exp.Anonymous(
            this="_python", expressions=[exp.Literal.string(str(name)), listed]
        )
    )


def stage_of(call: exp.Anonymous) -> tuple[str, ...]:
    """The stage that BUILD_SCOPED_FILE_URL is called with, as its name's parts.

    Raises:
        SnowflakeError: Too many or too few arguments, or the first one is no stage.
    """
    if len(call.expressions) not in (2, 3):
        raise compilation("not enough or too many arguments for function", code=938)
    place = call.expressions[0]
    text = place.name if place.is_string else place.sql()
    if not text.startswith("@"):
        raise syntax("the name of a stage (@name) was expected.")
    scanner = Scanner(text[1:])
    parts = scanner.path()
    scanner.end()
    return parts


def scoped_url(stage: Name, path: exp.Expr) -> exp.Expr:
    """A call of BUILD_SCOPED_FILE_URL: a URL of this query and of its user."""
    return _made(
        exp.Anonymous(
            this="_scoped_url",
            expressions=[
                context("query"),
                context("user"),
                exp.Literal.string(str(stage)),
                exp.cast(path.copy(), "TEXT"),
            ],
        )
    )


def _text(kind: str, given: exp.Expr) -> exp.Expr:
    if kind == "VARCHAR":
        return exp.cast(given, "TEXT")
    if kind == "VARIANT":
        # Not by to_json(), which would put numbers into another form.
        return _made(exp.cast(given, "VARCHAR", dialect="duckdb"))
    double = _made(exp.Cast(this=given, to=exp.DataType.build("DOUBLE", "duckdb")))
    return _made(exp.Cast(this=double, to=exp.DataType.build("VARCHAR", "duckdb")))


def _made(node: exp.Expr) -> exp.Expr:
    node.meta["made"] = True
    return node
