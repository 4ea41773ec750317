"""Distances and p-values agree with scipy, and do not follow the number of rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from engine.measures.drift_correction import benjamini_hochberg, bonferroni
from engine.measures.drift_distances import (
    chi_square,
    chi_square_tail,
    cramers_v,
    jensen_shannon,
    kolmogorov_smirnov,
    normal_scores,
    population_stability,
    score_shift,
)

COUNTS = st.lists(st.integers(0, 500), min_size=2, max_size=12)


@pytest.mark.parametrize("freedom", [1, 2, 7, 40, 300])
@pytest.mark.parametrize("statistic", [0.01, 0.8, 5.0, 42.0, 400.0])
def test_chi_square_tail_agrees_with_scipy(statistic: float, freedom: int) -> None:
    assert chi_square_tail(statistic, freedom) == pytest.approx(stats.chi2.sf(statistic, freedom), rel=1e-9, abs=1e-300)


def test_chi_square_agrees_with_scipy() -> None:
    first, second = np.array([400, 300, 200, 100]), np.array([80, 90, 40, 30])
    expected = stats.chi2_contingency(np.array([first, second]))
    statistic, p_value = chi_square(first, second)
    assert statistic == pytest.approx(expected.statistic)
    assert p_value == pytest.approx(expected.pvalue)


def test_kolmogorov_smirnov_agrees_with_scipy_on_continuous_samples() -> None:
    draw = np.random.default_rng(1)
    first, second = draw.normal(size=900), draw.normal(0.15, size=700)
    edges = np.unique(np.concatenate([first, second]))
    places = [np.bincount(np.searchsorted(edges, one), minlength=len(edges)) for one in (first, second)]
    expected = stats.ks_2samp(first, second, method="asymp")
    distance, p_value = kolmogorov_smirnov(*places)
    assert distance == pytest.approx(expected.statistic)
    assert p_value == pytest.approx(expected.pvalue, rel=0.1)


@pytest.mark.parametrize("places", [1, 6], ids=["many ties", "few ties"])
def test_a_test_of_normal_scores_agrees_with_one_of_means_of_scores(places: int) -> None:
    draw = np.random.default_rng(1)
    first, second = np.round(draw.normal(size=9_000), places), np.round(draw.normal(0.05, size=700), places)
    values = np.unique(np.concatenate([first, second]))
    counts = [np.bincount(np.searchsorted(values, one), minlength=len(values)) for one in (first, second)]
    scores = normal_scores(counts[0])
    ranks = stats.rankdata(first)
    assert scores[np.searchsorted(values, first)] == pytest.approx(stats.norm.ppf((ranks - 0.5) / len(first)), abs=1e-9)
    shift, p_value = score_shift(scores, *counts)
    each = [scores[np.searchsorted(values, one)] for one in (first, second)]
    together = np.concatenate(each)
    apart = each[1].mean() - each[0].mean()
    error = together.std() * np.sqrt(1 / len(first) + 1 / len(second))
    assert p_value == pytest.approx(2 * stats.norm.sf(abs(apart) / error))
    assert 1e-6 < p_value < 0.5
    assert shift == pytest.approx(2 * stats.norm.cdf(apart / np.sqrt(2)) - 1)
    assert score_shift(scores, counts[1], counts[0]) == pytest.approx((-shift, p_value))


def test_the_shift_of_a_normal_column_is_cliffs_delta() -> None:
    draw = np.random.default_rng(2)
    first, second = draw.normal(size=20_000), draw.normal(0.4, size=5_000)
    values = np.unique(np.concatenate([first, second]))
    counts = [np.bincount(np.searchsorted(values, one), minlength=len(values)) for one in (first, second)]
    pairs = stats.mannwhitneyu(second, first).statistic / (len(first) * len(second))
    assert score_shift(normal_scores(counts[0]), *counts)[0] == pytest.approx(2 * pairs - 1, abs=0.01)


@pytest.mark.parametrize("rows", [100, 1_000, 20_000])
def test_a_test_of_normal_scores_is_wrong_no_oftener_than_said(rows: int) -> None:
    """Whatever a column looks like: skewed, of few values, or longer than its reference."""
    draw = np.random.default_rng(4)
    made = (
        lambda size: draw.integers(0, 400, size),
        lambda size: np.minimum(399, draw.exponential(9, size).astype(int)),
        lambda size: draw.poisson(0.7, size),
    )
    likely = []
    for column in made:
        reference = np.bincount(column(5_000), minlength=400)
        scores = normal_scores(reference)
        for _ in range(300):
            first, second = (np.bincount(column(size), minlength=400) for size in (5_000, rows))
            likely.append(score_shift(scores, first, second)[1])
    assert np.mean(np.array(likely) < 0.05) == pytest.approx(0.05, abs=0.025)


def test_scores_of_one_value_or_of_a_few_rows_prove_nothing() -> None:
    for reference, current in (([0, 500, 0], [0, 90, 0]), ([500, 0], [0, 9]), ([0, 0], [3, 40]), ([7, 900], [0, 0])):
        first, second = np.array(reference), np.array(current)
        assert score_shift(normal_scores(first), first, second) == (0.0, 1.0)
    first = np.array([500, 0])
    assert score_shift(normal_scores(first), first, np.array([0, 10]))[0] > 0.9


@pytest.mark.parametrize("correlation", [0.0, 0.7, 1.0])
def test_two_tests_of_a_column_are_wrong_no_oftener_than_said(correlation: float) -> None:
    """However much they depend on each other."""
    draw = np.random.default_rng(3)
    first, other = draw.normal(size=(2, 20_000))
    second = correlation * first + np.sqrt(1 - correlation**2) * other
    pairs = 2 * stats.norm.sf(np.abs(np.column_stack([first, second])))
    told = np.array([bonferroni(*pair) for pair in pairs.tolist()])
    assert 0.02 < (told < 0.05).mean() < 0.055
    assert told.max() == 1.0


def test_jensen_shannon_is_zero_for_the_same_and_one_for_nothing_in_common() -> None:
    counts = np.array([10, 20, 30])
    assert jensen_shannon(counts, counts * 7) == pytest.approx(0.0)
    assert jensen_shannon(np.array([5, 0]), np.array([0, 9])) == pytest.approx(1.0)


def test_cramers_v_does_not_shrink_with_a_larger_reference() -> None:
    first, second = np.array([50, 50]), np.array([80, 20])
    assert cramers_v(first, second) == pytest.approx(cramers_v(first * 1000, second))


@settings(max_examples=60, deadline=None)
@given(COUNTS, COUNTS)
def test_measures_stay_in_their_range_for_any_counts(first: list[int], second: list[int]) -> None:
    size = min(len(first), len(second))
    one, two = np.array(first[:size]), np.array(second[:size])
    assert 0.0 <= jensen_shannon(one, two) <= 1.0
    assert 0.0 <= cramers_v(one, two) <= 1.0 + 1e-12
    assert population_stability(one, two) >= 0.0
    assert 0.0 <= chi_square(one, two)[1] <= 1.0
    assert 0.0 <= kolmogorov_smirnov(one, two)[1] <= 1.0


def test_benjamini_hochberg_agrees_with_scipy_and_leaves_untested_ones_alone() -> None:
    values = [0.001, 0.2, 0.012, 0.04, 0.9]
    expected = stats.false_discovery_control(values).tolist()
    assert benjamini_hochberg(values) == pytest.approx(expected)
    assert benjamini_hochberg([None, 0.01, None]) == [None, pytest.approx(0.01), None]
    assert benjamini_hochberg([]) == []
