"""Smoothing of logged curves."""

from __future__ import annotations

import numpy as np

from ugbench.figures._curves import smooth


def test_smoothing_is_a_mean_over_the_window_and_over_what_there_is_at_the_ends() -> None:
    values = np.array([1.0, 2.0, 6.0, 4.0])
    np.testing.assert_allclose(smooth(values, 3), [1.5, 3.0, 4.0, 5.0])
    np.testing.assert_allclose(smooth(values, 1), values)


def test_smoothing_passes_over_gaps() -> None:
    np.testing.assert_allclose(smooth(np.array([1.0, np.nan, 3.0]), 3), [1.0, 2.0, 3.0])
    assert np.isnan(smooth(np.array([np.nan, np.nan]), 1)).all()
