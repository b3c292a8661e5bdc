"""Student's t for a difference whose variance is the sum of independent parts."""

from __future__ import annotations

from collections.abc import Sequence


def satterthwaite(parts: Sequence[float], freedoms: Sequence[float]) -> float:
    """The degrees of freedom of the sum of independent variances (Satterthwaite, Biometrics Bulletin 1946).

    For the variances of two means it is Welch's number. If all parts are 0 it is the smallest of `freedoms`.

    Args:
        parts: the variances, at least 0.
        freedoms: the degrees of freedom of each, above 0.
    """
    spread = sum(part**2 / freedom for part, freedom in zip(parts, freedoms, strict=True))
    return float(sum(parts) ** 2 / spread) if spread > 0 else float(min(freedoms))


def half_width(se: float, freedom: float, level: float = 0.95) -> float:
    """Half the width of Student's t interval of this level."""
    from scipy import special

    return float(special.stdtrit(freedom, (1 + level) / 2)) * se


def two_sided_p(difference: float, se: float, freedom: float) -> float:
    """The two-sided p-value of t = difference / se.

    Args:
        se: at least 0. Where it is 0, a difference of 0 has p = 1 and any other p = 0.
    """
    from scipy import special

    if se == 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * special.stdtr(freedom, -abs(difference) / se))
