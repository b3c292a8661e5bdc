"""The number of a step while the step is recorded: only its place in the method's period is known."""

from __future__ import annotations

from typing import Any, NoReturn

from ugbench.errors import CaptureRefused
from ugbench.training.method_lines import calling_line


class PlaceInPeriod:
    """Stands for `Batch.step` in a step that is recorded once and replayed for each step at this place of the period.

    `step % period` is known, and so is `step % n` for each n that divides the period. A step that depends on its number
    in another way would be the same in each replay, so every other operation is refused.
    """

    def __init__(self, place: int, period: int) -> None:
        self._place, self._period = place, period

    def __mod__(self, divisor: object) -> int:
        """The step modulo a divisor of the period.

        Raises:
            CaptureRefused: it is no divisor of the period.
        """
        if isinstance(divisor, int) and divisor > 0 and self._period % divisor == 0:
            return self._place % divisor
        return self._refuse()

    def _refuse(self, *_arguments: Any) -> NoReturn:
        raise CaptureRefused(
            f"{calling_line()}: the step depends on batch.step in another way than by its place in the period "
            f"(batch.step % {self._period}), so it cannot be captured."
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refuse
    __floordiv__ = __rfloordiv__ = __divmod__ = __rdivmod__ = __rmod__ = __pow__ = __rpow__ = _refuse
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __lshift__ = __rshift__ = _refuse
    __neg__ = __pos__ = __abs__ = __invert__ = __round__ = _refuse
    __int__ = __index__ = __float__ = __bool__ = __hash__ = __str__ = __repr__ = __format__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
