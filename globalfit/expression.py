"""`Expression`: arithmetic of named numbers, as a run file writes it."""

from __future__ import annotations

import ast
import operator
import sys
from collections.abc import Callable, Mapping

import jax.numpy as jnp
from jaxtyping import Array

from globalfit.errors import ConfigurationError, shortened

_FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "sqrt": jnp.sqrt,
    "exp": jnp.exp,
    "log": jnp.log,
    "log10": jnp.log10,
    "abs": jnp.abs,
}
_CONSTANTS = {"pi": 3.141592653589793}
_BINARY: dict[type[ast.operator], Callable[[Array, Array], Array]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[Array], Array]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}
_MAX_LENGTH = 500


class Expression:
    """An arithmetic expression of parameters, e.g. `2.1 * m_chi` or `sqrt(10**log10_y / alpha_d) * mass_ratio**2`.

    Allowed: numbers, names, + - * / **, parentheses, sqrt, exp, log, log10, abs, pi. Raises `ConfigurationError` for
    anything else; nothing is executed but the arithmetic.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > _MAX_LENGTH:
            raise ConfigurationError(f"an expression is limited to {_MAX_LENGTH} characters, found {len(text)}.")
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ConfigurationError(f"'{shortened(text)}' is not an arithmetic expression.") from error
        self.names = frozenset(self._names(self._tree))

    def __call__(self, values: Mapping[str, Array]) -> Array:
        return self._value(self._tree, values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def _names(self, node: ast.expr) -> set[str]:
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                if abs(value) > sys.float_info.max:
                    raise ConfigurationError(f"a number in the expression '{shortened(self.text)}' is too large.")
                return set()
            case ast.Name(id=name):
                return set() if name in _CONSTANTS else {name}
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return self._names(left) | self._names(right)
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
                return self._names(operand)
            case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in _FUNCTIONS:
                return self._names(argument)
        found = f"'{shortened(ast.unparse(node))}' in the expression '{shortened(self.text)}'"
        raise ConfigurationError(
            f"{found} is not allowed; use numbers, parameter names, + - * / **, pi and {', '.join(_FUNCTIONS)}."
        )

    def _value(self, node: ast.expr, values: Mapping[str, Array]) -> Array:
        match node:
            case ast.Constant(value=int() | float() as value):
                return jnp.asarray(float(value))
            case ast.Name(id=name):
                return jnp.asarray(_CONSTANTS[name]) if name in _CONSTANTS else values[name]
            case ast.BinOp(left=left, op=op, right=right):
                return _BINARY[type(op)](self._value(left, values), self._value(right, values))
            case ast.UnaryOp(op=op, operand=operand):
                return _UNARY[type(op)](self._value(operand, values))
            case ast.Call(func=ast.Name(id=name), args=[argument]):
                return _FUNCTIONS[name](self._value(argument, values))
        raise AssertionError(f"unchecked node in '{self.text}'")
