"""How a score is written: as many digits as its standard error warrants, and the mark after it."""

from __future__ import annotations

import math

from ugbench.tables.cells import Cell

MAX_DECIMALS = 6


def number(cell: Cell, scale: float) -> str:
    """A cell's value and standard error, multiplied by `scale`, as `with_error` writes them.

    >>> number(Cell(0.116149, 0.00568, None, None, 1, False, None, "", True), 100)
    '11.61 ± 0.57'
    """
    return with_error(cell.value * scale, None if cell.se is None else cell.se * scale)


def with_error(value: float, se: float | None) -> str:
    """A value with its standard error, as `11.61 ± 0.57`.

    The standard error has 2 significant digits, the value as many decimals. Without a standard error the value has
    4 significant digits.
    """
    value_part, error_part = _parts(value, se)
    return f"{value_part} ± {error_part}" if error_part else value_part


def value_text(cell: Cell, scale: float) -> str:
    """What stands before the ± of `number`."""
    return _parts(cell.value * scale, None if cell.se is None else cell.se * scale)[0]


def error_text(cell: Cell, scale: float) -> str:
    """What stands after the ± of `number`; empty without a ±."""
    return _parts(cell.value * scale, None if cell.se is None else cell.se * scale)[1]


def mark_of(cell: Cell) -> str:
    """The mark after a number, which the notes explain.

    It is † for not comparable, ≈ for not distinguishable from the best, ? for too few seeds or images to tell, or
    nothing.
    """
    if not cell.comparable:
        return "†"
    return "?" if cell.too_few else "≈" if cell.tied_with_best else ""


def _parts(value: float, se: float | None) -> tuple[str, str]:
    if not math.isfinite(value):
        return "not finite", ""
    if se is None or not math.isfinite(se) or se <= 0:
        return _fixed(value, _decimals(value, 4)), ""
    decimals = _decimals(se, 2)
    return _fixed(value, decimals), _fixed(se, decimals)


def _decimals(value: float, significant: int) -> int:
    """The decimals that show this many significant digits after rounding (0.0996 to two digits is 0.10)."""
    if value == 0:
        return significant - 1
    exponent = int(f"{value:.{significant - 1}e}".partition("e")[2])
    return min(max(significant - 1 - exponent, 0), MAX_DECIMALS)


def _fixed(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text
