"""DECFLOAT is a number: how it is ordered, and compared with a text.

Here it is kept as canonical text, in which equal numbers are equal, but '9' comes after
'10'. So what is known to be a DECFLOAT is ordered by a text that sorts as the number
does, and what it is compared with becomes one as well.
"""

from collections.abc import Callable, Iterator

from sqlglot import exp

from local.snowflake_server.sql.rewrite import call

_ORDERS = (exp.LT, exp.LTE, exp.GT, exp.GTE)
_EQUALITIES = (exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ, exp.EqualNull)
_ORDER = "_decfloat_order"
_SCOPES = (exp.Select, exp.Merge, exp.Update, exp.Delete)

# Whether a column of a table is a DECFLOAT.
IsDecfloat = Callable[[exp.Table, str], bool]


def compare_as_numbers(statement: exp.Expr, of_table: IsDecfloat) -> None:
    """Rewrites what orders or compares a DECFLOAT."""
    wanted = (exp.Ordered, exp.Min, exp.Max, exp.Between, *_ORDERS, *_EQUALITIES)
    # From the inside out: what is replaced takes a copy of what it holds.
    for node in reversed(list(statement.find_all(*wanted))):
        if isinstance(node.parent, exp.Update) and node.arg_key == "expressions":
            # SET a = b compares nothing.
            continue
        sides = {
            name: (side, _is_decfloat(side, of_table))
            for name in ("this", "expression", "low", "high")
            if isinstance(side := node.args.get(name), exp.Expr)
        }
        if not any(known for _, known in sides.values()):
            continue
        if isinstance(node, (exp.Min, exp.Max)):
            name = "arg_min" if isinstance(node, exp.Min) else "arg_max"
            node.replace(call(name, node.this, call(_ORDER, node.this)))
            continue
        for name, (side, known) in sides.items():
            number = side if known else _number(side)
            orders = not isinstance(node, _EQUALITIES)
            node.set(name, call(_ORDER, number) if orders else number)


def _number(side: exp.Expr) -> exp.Expr:
    kind = exp.DataType(this=exp.DataType.Type.DECFLOAT)
    return exp.Cast(this=side.copy(), to=kind)


def _is_decfloat(node: exp.Expr, of_table: IsDecfloat) -> bool:
    if isinstance(node, (exp.Cast, exp.TryCast)):
        kind = node.args.get("to")
        return bool(kind and kind.this == exp.DataType.Type.DECFLOAT)
    if isinstance(node, exp.ToDecfloat):
        return True
    if isinstance(node, (exp.Paren, exp.Alias, exp.Min, exp.Max)):
        return _is_decfloat(node.this, of_table)
    if isinstance(node, exp.Column):
        return any(_column_is(node, scope, of_table) for scope in _scopes(node))
    return False


def _scopes(node: exp.Expr) -> Iterator[exp.Expr]:
    scope = node.find_ancestor(*_SCOPES)
    while scope is not None:
        yield scope
        scope = scope.find_ancestor(*_SCOPES)


def _ancestors(node: exp.Expr) -> Iterator[exp.Expr]:
    parent = node.parent
    while parent is not None:
        yield parent
        parent = parent.parent


def _column_is(column: exp.Column, scope: exp.Expr, of_table: IsDecfloat) -> bool:
    around = set(map(id, _ancestors(column)))
    sources = list(_sources(scope))
    if any(id(source) in around for source in sources):
        # What a statement reads from sees neither its own columns nor its neighbours'.
        return False
    for source in sources:
        if column.table and _upper(source.alias_or_name) != _upper(column.table):
            continue
        if isinstance(source, exp.Table) and of_table(source, _named(column.this)):
            return True
        if isinstance(source, exp.Subquery):
            inner = source.this
            found = inner.selects if isinstance(inner, exp.Query) else []
            for chosen in found:
                same = _upper(chosen.alias_or_name) == _upper(column.name)
                if same and _is_decfloat(chosen, of_table):
                    return True
    return False


def _sources(scope: exp.Expr) -> Iterator[exp.Expr]:
    """What a statement reads from, without what its subqueries read from."""
    first = scope.args.get("from_") or scope.args.get("from")
    found = [first.this if first else None, scope.args.get("using")]
    if not isinstance(scope, exp.Select):
        found.append(scope.this)
    found += [join.this for join in scope.args.get("joins") or []]
    yield from (source for source in found if isinstance(source, exp.Expr))


def _named(node: exp.Expr) -> str:
    quoted = isinstance(node, exp.Identifier) and node.args.get("quoted")
    return node.name if quoted else node.name.upper()


def _upper(name: str) -> str:
    return name.upper()
