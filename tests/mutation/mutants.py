"""The small ways in which a function can be wrong: `mutants(source)`.

In: the source of one function. Out: for each way the whole function with that
one change. Texts of errors and log lines are left alone, for checks do not read them.
"""

from __future__ import annotations

import ast
import copy
import difflib
from collections.abc import Iterator

_OPPOSITE = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Lt: ast.LtE, ast.LtE: ast.Lt,
    ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
#: names of what goes into an error's text
_SAID = ("what", "hint", "asked")
_BLOCKS = ("body", "orelse", "finalbody")
_SIMPLE = (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign)


def mutants(source: str) -> list[str]:
    """The function in `source`, broken once in each way; no two are the same."""
    function = _parsed(source)
    seen = {text(source)}
    found = []
    words = {id(inner) for said in _words(function) for inner in ast.walk(said)}
    for number, node in enumerate(ast.walk(function)):
        if id(node) in words:
            continue
        for way in range(len(list(_ways(node)))):
            broken = copy.deepcopy(function)
            next(change for at, change in enumerate(_ways(_nth(broken, number))) if at == way)()
            ast.fix_missing_locations(broken)
            said = ast.unparse(broken)
            if said not in seen and _compiles(said):
                seen.add(said)
                found.append(said)
    return found


def text(source: str) -> str:
    """The function in `source` as the mutants are written: without comments, docstring, log."""
    return ast.unparse(_parsed(source))


def change(before: str, after: str) -> str:
    """The lines that differ, as a diff writes them."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def _parsed(source: str) -> ast.FunctionDef:
    function = next(n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef))
    if ast.get_docstring(function) is not None:
        del function.body[0]
    function.body = [node for node in function.body if not _is_told(node)]
    return function


def _is_told(node: ast.stmt) -> bool:
    """Whether it is a line of the log: `explain.step(…)`."""
    return isinstance(node, ast.Expr) and ast.unparse(node).startswith("explain.")


def _nth(tree: ast.AST, number: int) -> ast.AST:
    return next(node for at, node in enumerate(ast.walk(tree)) if at == number)


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def _words(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """The signature, and what only people read: annotations, the texts of errors."""
    yield from (function.args, *([function.returns] if function.returns else []))
    for node in ast.walk(function):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield node.exc
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in _SAID:
            yield node
        elif isinstance(node, ast.AnnAssign):
            yield node.annotation


def _ways(node: ast.AST) -> Iterator:
    """Functions that break `node`, each in another way."""
    yield from _of_blocks(node)
    yield from _of_statements(node)
    yield from _of_expressions(node)
    yield from _of_conditions(node)
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        for at, child in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(child, ast.expr):
                for other in _instead(child):
                    yield lambda f=field, a=at, o=other: _put(node, f, a, o)


def _put(node: ast.AST, field: str, at: int, other: ast.expr) -> None:
    value = getattr(node, field)
    if isinstance(value, list):
        value[at] = other
    else:
        setattr(node, field, other)


def _of_blocks(node: ast.AST) -> Iterator:
    """A statement dropped, two swapped; what a `with`, `try` holds put in its place."""
    for block in (getattr(node, name, None) for name in _BLOCKS):
        if not isinstance(block, list):
            continue
        for at, statement in enumerate(block):
            rest = slice(at, at + 1)
            yield lambda b=block, r=rest: b.__setitem__(r, [] if len(b) > 1 else [ast.Pass()])
            for bare in _bare(statement):
                yield lambda b=block, r=rest, s=bare: b.__setitem__(r, s)
            if at and _may_swap(block[at - 1], statement):
                pair = slice(at - 1, at + 1)
                yield lambda b=block, p=pair: b.__setitem__(p, b[p][::-1])
            if isinstance(statement, ast.Try):
                if at and isinstance(block[at - 1], _SIMPLE):
                    yield lambda b=block, a=at, t=statement: t.body.insert(0, b.pop(a - 1))
                if len(statement.body) > 1 and isinstance(statement.body[0], _SIMPLE):
                    yield lambda b=block, a=at, t=statement: b.insert(a, t.body.pop(0))


def _bare(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    if isinstance(statement, ast.With):
        yield [*(_entered(item) for item in statement.items), *statement.body]
    elif isinstance(statement, ast.Try):
        yield [*statement.body, *statement.orelse, *statement.finalbody]
        if statement.finalbody and not statement.handlers:
            yield [*statement.body]


def _entered(item: ast.withitem) -> ast.stmt:
    """`with X as Y` without its end."""
    call = ast.Call(ast.Attribute(item.context_expr, "__enter__", ast.Load()), [], [])
    return ast.Assign([item.optional_vars], call) if item.optional_vars else ast.Expr(call)


def _may_swap(first: ast.stmt, second: ast.stmt) -> bool:
    """Two simple statements, of which the second does not need a name that the first makes."""
    made = {n.id for n in ast.walk(first) if isinstance(n, ast.Name) and _is_stored(n)}
    used = {n.id for n in ast.walk(second) if isinstance(n, ast.Name)}
    calls = all(any(isinstance(n, ast.Call) for n in ast.walk(s)) for s in (first, second))
    return isinstance(first, _SIMPLE) and isinstance(second, _SIMPLE) and calls and not made & used


def _is_stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _of_statements(node: ast.AST) -> Iterator:
    """A loop that ends early, no `finally`, a handler less or wider, branches exchanged."""
    if isinstance(node, ast.For | ast.While):
        yield lambda: node.body.append(ast.Break())
    if isinstance(node, ast.Try):
        if node.finalbody and node.handlers:
            yield lambda: node.finalbody.clear()
        for at, handler in enumerate(node.handlers):
            if len(node.handlers) > 1 or node.finalbody:
                yield lambda a=at: node.handlers.pop(a)
            yield lambda h=handler: setattr(h, "type", ast.Name("Exception"))
    if isinstance(node, ast.If) and len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
        yield lambda: _exchange(node, node.orelse[0], "test", "body")
    if isinstance(node, ast.AugAssign):
        yield lambda: setattr(node, "op", ast.Sub())


def _exchange(one: ast.AST, other: ast.AST, *fields: str) -> None:
    for field in fields:
        mine, theirs = getattr(one, field), getattr(other, field)
        setattr(one, field, theirs)
        setattr(other, field, mine)


def _of_conditions(node: ast.AST) -> Iterator:
    """The opposite condition; falsy taken for None."""
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        yield lambda: setattr(node, "test", ast.UnaryOp(ast.Not(), node.test))
    places = [(node, "test")] if hasattr(node, "test") else []
    if isinstance(node, ast.BoolOp | ast.comprehension):
        name = "values" if isinstance(node, ast.BoolOp) else "ifs"
        places += [(getattr(node, name), at) for at in range(len(getattr(node, name)))]
    for where, at in places:
        test = where[at] if isinstance(where, list) else getattr(where, at)
        inner = test.operand if isinstance(test, ast.UnaryOp) else test
        if isinstance(inner, ast.Name | ast.Attribute | ast.Call | ast.Subscript):
            operator = ast.IsNot() if inner is test else ast.Is()
            none = ast.Compare(inner, [operator], [ast.Constant(None)])
            yield (
                lambda w=where, a=at, n=none: (
                    w.__setitem__(a, n) if isinstance(w, list) else setattr(w, a, n)
                )
            )


def _of_expressions(node: ast.AST) -> Iterator:
    """An operator turned round, an operand, element, keyword or default left out."""
    if isinstance(node, ast.Compare):
        for at, operator in enumerate(node.ops):
            yield lambda a=at, o=operator: node.ops.__setitem__(a, _OPPOSITE[type(o)]())
    if isinstance(node, ast.BoolOp | ast.BinOp) and type(node.op) in _OPPOSITE:
        yield lambda: setattr(node, "op", _OPPOSITE[type(node.op)]())
    for name in ("values", "elts", "keywords"):
        items = getattr(node, name, None)
        if isinstance(node, ast.Dict | ast.JoinedStr) or not isinstance(items, list):
            continue
        if len(items) > 1 or name == "keywords":
            yield from (lambda i=items, a=at: i.pop(a) for at in range(len(items)))
    if isinstance(node, ast.Dict):
        for at in range(len(node.values)):
            yield lambda a=at: (node.keys.pop(a), node.values.pop(a))
    if isinstance(node, ast.comprehension):
        yield from (lambda a=at: node.ifs.pop(a) for at in range(len(node.ifs)))


def _instead(child: ast.expr) -> Iterator[ast.expr]:
    """What may stand wrongly in the place of an expression."""
    if isinstance(child, ast.Constant):
        yield from map(ast.Constant, _other_constants(child.value))
    elif isinstance(child, ast.Compare) and ast.unparse(child).endswith(" is None"):
        yield ast.UnaryOp(ast.Not(), child.left)
    elif isinstance(child, ast.Compare) and ast.unparse(child).endswith(" is not None"):
        yield child.left
    elif isinstance(child, ast.IfExp):
        yield from (child.body, child.orelse, ast.IfExp(child.test, child.orelse, child.body))
    elif isinstance(child, ast.BinOp):
        yield from (child.left, child.right)
    elif isinstance(child, ast.UnaryOp):
        yield child.operand
    elif isinstance(child, ast.Call):
        yield from _other_calls(child)
    elif isinstance(child, ast.Subscript) and isinstance(child.slice, ast.Slice):
        yield child.value


def _other_constants(value: object) -> list:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    return [value + "~"] if isinstance(value, str) else []


def _other_calls(call: ast.Call) -> Iterator[ast.expr]:
    """`f(x)` as x, `x.f(…)` as x, `d.get(key, default)` as d[key]."""
    if len(call.args) == 1 and not call.keywords and not isinstance(call.args[0], ast.Starred):
        yield call.args[0]
    if isinstance(call.func, ast.Attribute):
        if call.func.attr == "get" and call.args:
            yield ast.Subscript(call.func.value, call.args[0], ast.Load())
        if isinstance(call.func.value, ast.Call | ast.Constant | ast.Subscript):
            yield call.func.value
