"""Shares of votes, what their intervals promise, and agreement against a published example."""

from __future__ import annotations

import json
import math
from types import ModuleType

import numpy as np
import pytest
from scipy import stats
from simulations import ROOT, loaded

from ugbench.statistics.preferences import Preferences, Share, Vote, preferences
from ugbench.statistics.vote_clusters import variances, vote_clusters

FIGURES = ROOT / "docs" / "reference" / "simulations" / "preferences.json"


def table(rows: list[list[int | None]], options: int) -> Preferences:
    """Of choices, a row a rater and a column an image; None where there is no vote."""
    votes = [
        Vote(f"rater {r}", f"image {i}", choice)
        for r, row in enumerate(rows)
        for i, choice in enumerate(row)
        if choice is not None
    ]
    return preferences(votes, options)


def limits(share: Share) -> tuple[float, float]:
    assert share.low is not None and share.high is not None
    return share.low, share.high


def is_wilson(share: Share, n: float, freedom: float) -> bool:
    """Whether both limits are where the share is Student's t standard errors of the LIMIT away."""
    t = stats.t.ppf(0.975, freedom)
    return all(
        abs(share.value - limit) == pytest.approx(t * math.sqrt(limit * (1 - limit) / n)) for limit in limits(share)
    )


def test_a_share_is_the_mean_over_raters_so_that_each_rater_counts_the_same() -> None:
    result = table([[0, 1, 1, None], [0, 0, 2, 1]], options=4)
    assert [share.votes for share in result.shares] == [3, 3, 1, 0]
    wanted = [(1 / 3 + 2 / 4) / 2, (2 / 3 + 1 / 4) / 2, 1 / 8, 0]
    assert [share.value for share in result.shares] == pytest.approx(wanted)
    assert (result.votes, result.raters, result.images) == (7, 2, 4)
    assert (result.fewest_votes, result.most_votes) == (3, 4)


def test_a_rater_with_most_of_the_votes_counts_as_one_of_five() -> None:
    few: list[int | None] = [1, 1, 1, 1, 1]
    result = table([[0] * 80, *[few + [None] * 75] * 4], options=2)
    assert result.shares[0].value == pytest.approx(1 / 5)
    low, high = limits(result.shares[0])
    assert low < 0.05 and high > 0.6


@pytest.mark.parametrize(("raters", "images"), [(1, 20), (2, 20), (20, 1), (20, 2)])
def test_fewer_than_three_raters_or_images_have_no_interval(raters: int, images: int) -> None:
    rows = np.random.default_rng(0).integers(0, 2, (raters, images)).tolist()
    assert {(share.low, share.high) for share in table(rows, options=2).shares} == {(None, None)}


def test_three_raters_have_an_interval_with_two_degrees_of_freedom() -> None:
    rows = np.random.default_rng(3).integers(0, 2, (3, 40))
    by_rater, by_image = (rows == 1).mean(1), (rows == 1).mean(0)
    share = table(rows.tolist(), options=2).shares[1]
    variance = by_rater.var(ddof=1) / 3 + by_image.var(ddof=1) / 40
    independent = share.value * (1 - share.value) / 120
    assert is_wilson(share, 120 / max(1.0, variance / independent), 2)


def test_the_variance_is_that_of_deleting_each_rater_and_each_image() -> None:
    random = np.random.default_rng(1)
    raters, images = np.repeat(np.arange(6), [30, 20, 9, 5, 3, 1]), random.integers(0, 12, 68)
    images = np.unique(images, return_inverse=True)[1]
    values = random.random(68)
    clusters = vote_clusters(raters, images)

    def mean_without(cluster: np.ndarray, index: int) -> float:
        left = cluster != index
        return float((clusters.weights * values)[left].sum() / clusters.weights[left].sum())

    for variance, cluster in zip(variances(values, clusters), (raters, images), strict=True):
        count = cluster.max() + 1
        deleted = np.array([mean_without(cluster, index) for index in range(count)])
        assert variance == pytest.approx((count - 1) / count * ((deleted - clusters.mean(values)) ** 2).sum())


def test_raters_who_always_choose_the_same_count_as_one_vote_each() -> None:
    found = table([[0] * 50] * 6 + [[1] * 50] * 4, options=2)
    assert all(is_wilson(share, 9, 9) for share in found.shares)
    low, high = limits(found.shares[0])
    assert low < 0.35 and high > 0.8


def test_images_on_which_all_agree_count_as_one_vote_each() -> None:
    found = table([[0] * 6 + [1] * 4] * 50, options=2)
    assert all(is_wilson(share, 9, 9) for share in found.shares)
    assert found.alpha == pytest.approx(1)


def test_raters_and_images_play_the_same_part() -> None:
    rows = np.random.default_rng(0).integers(0, 3, (7, 20))
    one, other = table(rows.tolist(), 3), table(rows.T.tolist(), 3)
    assert [limits(share) for share in one.shares] == [pytest.approx(limits(share)) for share in other.shares]


def test_no_interval_is_narrower_than_that_of_independent_votes() -> None:
    # Every rater divides votes evenly, and so does every image: less spread than chance would give.
    found = table([[(r + i) % 2 for i in range(10)] for r in range(10)], options=2)
    low, high = limits(found.shares[0])
    z = stats.norm.ppf(0.975)
    assert high - low > 2 * z * math.sqrt(0.25 / (100 + z**2))


def test_an_option_without_a_vote_shares_the_clustering_of_the_others() -> None:
    alone, clustered = table([[0, 1] * 25] * 10, options=3), table([[0] * 50] * 5 + [[1] * 50] * 5, options=3)
    mixed = table(np.random.default_rng(0).integers(0, 2, (10, 50)).tolist(), options=3)
    assert [one.shares[2].value for one in (alone, clustered, mixed)] == [0, 0, 0]
    assert is_wilson(clustered.shares[2], 9, 9)
    assert limits(mixed.shares[2])[1] < limits(alone.shares[2])[1] < limits(clustered.shares[2])[1]


def test_unanimous_votes_may_be_worth_one_a_cluster() -> None:
    found = table([[1] * 40] * 5, options=2)
    assert limits(found.shares[1])[1] == 1 and limits(found.shares[0])[0] == 0
    assert is_wilson(found.shares[1], 5, 4)
    assert found.alpha is None


def test_one_vote_has_no_interval() -> None:
    (share, *_) = table([[0]], options=2).shares
    assert (share.value, share.low, share.high) == (1, None, None)


def test_alpha_is_that_of_krippendorff_s_example() -> None:
    # Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), example C: four observers, twelve units.
    rows = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    assert table(rows, options=6).alpha == pytest.approx(0.743, abs=5e-4)


def test_alpha_is_about_zero_for_random_votes_and_below_for_opposite_ones() -> None:
    assert table(np.random.default_rng(0).integers(0, 4, (20, 100)).tolist(), 4).alpha == pytest.approx(0, abs=0.02)
    opposite = table([[0, 1] * 5, [1, 0] * 5], 2).alpha
    assert opposite is not None and opposite < -0.8


def test_alpha_needs_an_image_that_two_raters_judged() -> None:
    assert table([[0, None], [None, 1]], options=2).alpha is None


@pytest.mark.parametrize(
    ("votes", "message"),
    [
        ([], "no votes"),
        ([Vote("ann", "cat", 2)], "not among 0 to 1"),
        ([Vote("ann", "cat", 0), Vote("ann", "cat", 1)], "two votes on one image"),
    ],
)
def test_what_is_no_set_of_votes_is_refused(votes: list[Vote], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        preferences(votes, 2)


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    return loaded("preferences")


def promises(rows: list[dict[str, object]], slack: float) -> None:
    """What docs/votes.md promises of every method's interval, with `slack` for the number of draws."""
    for row in rows:
        assert min(row["coverage"]) >= 0.93 - slack, row  # type: ignore[call-overload]


def test_a_few_draws_keep_the_promise_and_show_what_independent_votes_would_claim(simulation: ModuleType) -> None:
    cases = [case for case in simulation.CASES if case[:2] == (5, 100) and case.split == "80 %"]
    rows = simulation.simulate(60, cases[:1])
    promises(rows, slack=0.06)
    assert max(rows[1]["independent"]) < 0.85


def test_a_few_draws_find_no_preference_between_equal_methods_too_often(simulation: ModuleType) -> None:
    case = simulation.Case(8, 50, 40, "equal", 1.0, 1.0)
    (row,) = simulation.simulate_tests(100, [case])
    assert max(row["two"], row["of_four"], row["rare"]) <= 0.1 < row["power"]


@pytest.mark.slow
def test_thousands_of_draws_keep_the_promise(simulation: ModuleType) -> None:
    promises(simulation.simulate(2000, simulation.CASES), slack=0.0)


def test_the_committed_figures_keep_the_promise_and_the_page_shows_them(simulation: ModuleType) -> None:
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    assert figures["draws"] >= 2000
    promises(figures["intervals"], slack=0.0)
    assert max(row[name] for row in figures["tests"] for name in ("two", "of_four", "rare")) <= 0.06
    page = (ROOT / "docs" / "votes.md").read_text(encoding="utf-8")
    assert simulation.coverage_table(figures["intervals"]) in page
    assert simulation.size_table(figures["tests"]) in page
    assert simulation.stopping_table(figures["stopping"]) in page
