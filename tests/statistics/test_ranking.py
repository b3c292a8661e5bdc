import pytest

from ugbench.errors import UsageError
from ugbench.statistics.ranking import standings

KID = {
    "horse": {"cut": 0.10, "unit": 0.20, "ugatit": 0.12},
    "cat": {"cut": 0.50, "unit": 0.30, "ugatit": 0.35},
    "monet": {"cut": 0.07, "unit": 0.06, "ugatit": 0.06},
}


def test_ranks_and_regrets_by_hand() -> None:
    found = standings(KID)
    assert found["cut"].mean_rank == pytest.approx((1 + 3 + 3) / 3)
    assert found["unit"].mean_rank == pytest.approx((3 + 1 + 1.5) / 3)
    assert found["ugatit"].mean_rank == pytest.approx((2 + 2 + 1.5) / 3)
    assert (found["cut"].regret, found["cut"].worst) == (pytest.approx(0.20), "cat")
    assert (found["unit"].regret, found["unit"].worst) == (pytest.approx(0.10), "horse")
    assert (found["ugatit"].regret, found["ugatit"].worst) == (pytest.approx(0.05), "cat")


def test_the_best_mean_rank_comes_first() -> None:
    assert list(standings(KID))[-1] == "cut"


def test_the_direction_turns_both() -> None:
    negative = {name: {method: -value for method, value in row.items()} for name, row in KID.items()}
    assert standings(negative, higher_is_better=True) == standings(KID)
    assert standings(KID, higher_is_better=True)["unit"].regret == pytest.approx(0.2)


def test_regret_is_a_difference_so_that_a_best_kid_under_zero_is_no_trouble() -> None:
    found = standings({"near": {"a": -0.001, "b": 0.002}})
    assert found["b"].regret == pytest.approx(0.003)
    assert found["a"].regret == 0


def test_a_data_set_that_lacks_a_method_is_named() -> None:
    with pytest.raises(UsageError, match="cat has no value of unit; score it there, or leave it out"):
        standings({"horse": {"cut": 1.0, "unit": 2.0}, "cat": {"cut": 1.0}})
    with pytest.raises(UsageError, match="no value was given"):
        standings({})


def test_the_text_names_the_data_set_of_the_regret() -> None:
    found = standings(KID)
    assert found["ugatit"].text("ugatit") == (
        "ugatit has mean rank 1.83 over 3 data sets, and is at most 0.05 worse than the best method of one (cat)."
    )
    assert standings({"x": {"a": 1.0, "b": 2.0}})["a"].text("a").startswith("a is the best on each of 1 data sets")
