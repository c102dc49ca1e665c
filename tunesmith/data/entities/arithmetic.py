"""Numbers that a text works out before the reader's eyes: "48 / 2 = 24".

What a right calculation gives is derived, not invented. A calculation is numbers with operators
between them, with or without their units, then "=" and the result; one that is wrong derives
nothing.
"""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import chain
from typing import NamedTuple

_TOKEN = re.compile(
    r"(?P<number>(?:\d{1,3}(?:,\d{3})+(?!\d)|\d{1,15})(?:\.\d{1,9})?|\.\d{1,9})(?P<percent>\s?%)?"
    r"|(?P<operator>[-+*/−–×÷^])(?=[\s$€£¥(]*\.?\d)|[-+*/]|(?P<open>\()|(?P<close>\))|(?P<equals>=)|(?P<word>[^\W\d_]+)"
    r"|(?P<stop>[^\s$€£¥°])"
)
_WORDS = {"x": "*", "X": "*", "times": "*", "plus": "+", "minus": "-"}
_SIGNS = {"−": "-", "–": "-", "×": "*", "÷": "/"}
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2}
_NOISE = 1e-14
"""What a calculation in binary fractions may be beside the truth, as a share."""
_MOST = 60
"""Signs of a calculation that is read."""
_KNOWN = frozenset(map(Decimal, (1, 2, 7, 12, 24, 30, 52, 60, 100, 365, 1000, 3600)))
"""Numbers that everybody brings to a calculation: a half, a percentage, the parts of a year."""


_COMPACT = re.compile(
    r"(?<![\w.,])[(.]{0,4}\d[\d.,()$€£¥%\s+*/x×÷−–-]{1,120}=[\s$€£¥]{0,8}(?:\d|\.\d)[\d,.]{0,20}%?"
)
"""A calculation without words."""
_ANNOTATION = re.compile(r"<<[^<>\n]{0,200}>>")
"""A calculation that stands between an equals sign and its result, as in the data of GSM8K."""


class Worked(NamedTuple):
    """What right calculations of a text give, and from where to where they stand."""

    values: frozenset[Decimal]
    spans: tuple[tuple[int, int], ...]


NOTHING = Worked(frozenset(), ())


def worked_out(text: str) -> Worked:
    """Return the results of the right calculations of a text, and what everybody brings to them."""
    if "<<" in text:
        text = _ANNOTATION.sub(lambda match: " " * len(match.group()), text)
    return _worked(_calculations(text, 0))


def worked_out_plainly(text: str) -> Worked:
    """Return the same of the calculations without words, which takes a fraction of the time."""
    found = (_calculations(match.group(), match.start()) for match in _COMPACT.finditer(text))
    return _worked(chain.from_iterable(found))


def _worked(calculations: "Iterable[_Right]") -> Worked:
    values: set[Decimal] = set()
    spans: list[tuple[int, int]] = []
    for one in calculations:
        values.add(one.result)
        values.update(_KNOWN.intersection(one.operands))
        spans.append((one.start, one.end))
    return Worked(frozenset(values), tuple(spans))


class _Right(NamedTuple):
    start: int
    end: int
    operands: tuple[Decimal, ...]
    result: Decimal


def _calculations(text: str, offset: int) -> Iterator[_Right]:
    """Yield the calculations whose result is the number behind the equals sign."""
    side = _Side()
    for match in _TOKEN.finditer(text):
        kind, sign = match.lastgroup, match.group()
        if kind == "percent":
            kind = "number"
        if kind == "number":
            number = Decimal(match["number"].replace(",", ""))
            percent = match["percent"] is not None
            if side.expects is not None:
                wanted, side.expects = side.expects, None
                if _agrees(wanted, number, percent=percent):
                    yield _Right(side.was, offset + match.end(), side.brought, number)
            side.add_number(offset + match.start(), number, percent=percent)
        elif kind == "word":
            if sign in _WORDS:
                side.add(_WORDS[sign])
        elif kind is None:
            continue
        elif kind in ("operator", "open", "close"):
            side.add(_SIGNS.get(sign, sign))
        elif kind == "equals":
            side = side.result()
        elif sign not in "<>":
            side = _Side()


class _Side:
    """One side of an equals sign, as far as it was read."""

    def __init__(self) -> None:
        self.tokens: list[str | float] = []
        self.numbers: list[Decimal] = []
        self.start = self.was = 0
        self.expects: float | None = None
        self.brought: tuple[Decimal, ...] = ()

    def add(self, sign: str) -> None:
        if len(self.tokens) < _MOST:
            self.tokens.append(sign)

    def add_number(self, at: int, number: Decimal, *, percent: bool) -> None:
        # Two numbers with no operator between them: what stood before was no part of it.
        if self.tokens and isinstance(self.tokens[-1], float):
            self.tokens, self.numbers = [], []
        if not self.numbers:
            self.start = at
        self.numbers.append(number)
        if len(self.tokens) < _MOST:
            self.tokens.append(float(number) / (100 if percent else 1))

    def result(self) -> "_Side":
        """Return the side after an equals sign, which expects the value of this one."""
        after = _Side()
        value = evaluate(self.tokens)
        if value is None:
            return after
        after.was, after.brought = self.start, tuple(self.numbers)
        after.expects = value
        return after


def _agrees(value: float, number: Decimal, *, percent: bool) -> bool:
    """Whether a number is a value, rounded or cut off to the number's digits."""
    digits = -int(number.as_tuple().exponent)
    unit = 10.0**-digits
    for one in (value, value * 100) if percent else (value,):
        beyond = one - float(number)
        noise = abs(one) * _NOISE
        if abs(beyond) <= unit / 2 + noise or (digits and -noise <= beyond <= unit):
            return True
    return False


def evaluate(tokens: list[str | float]) -> float | None:
    """Return the value of a calculation; None where it is none or divides by zero.

    Edsger Dijkstra's shunting-yard algorithm (Mathematisch Centrum, report MR 35, 1961).
    """
    if sum(isinstance(sign, float) for sign in tokens) < 2 or len(tokens) >= _MOST:
        return None
    values: list[float] = []
    waiting: list[str] = []
    try:
        for sign in tokens:
            if isinstance(sign, float):
                values.append(sign)
            elif sign == "(":
                waiting.append(sign)
            elif sign == ")":
                while waiting and waiting[-1] != "(":
                    _apply(values, waiting.pop())
                if waiting:
                    waiting.pop()
            elif sign in _PRECEDENCE:
                while waiting and _PRECEDENCE.get(waiting[-1], 0) >= _PRECEDENCE[sign]:
                    _apply(values, waiting.pop())
                waiting.append(sign)
            else:
                return None
        while waiting:
            operator = waiting.pop()
            if operator != "(":
                _apply(values, operator)
    except (IndexError, ZeroDivisionError, OverflowError):
        return None
    return values[0] if len(values) == 1 else None


def _apply(values: list[float], operator: str) -> None:
    right, left = values.pop(), values.pop()
    if operator == "+":
        values.append(left + right)
    elif operator == "-":
        values.append(left - right)
    elif operator == "*":
        values.append(left * right)
    else:
        values.append(left / right)
