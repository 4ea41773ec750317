"""A column has drifted when it moved further than its own reference moves, and no sooner for having more rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from engine.measures import drift

DRAW = np.random.default_rng(5)
START = DRAW.bit_generator.state
WORDS = ["great", "wall", "news", "vote", "rally", "tax", "jobs", "fake", "country", "people", "thank", "america"]


@pytest.fixture(autouse=True)
def _same_draws_for_every_test() -> None:
    DRAW.bit_generator.state = START


def numbers(size: int, mean: float = 0.0) -> pa.Array:
    return pa.array(DRAW.normal(mean, 1.0, size))


def categories(size: int, shares: list[float]) -> pa.Array:
    return pa.array(DRAW.choice(list("abcdef")[: len(shares)], size, p=shares).tolist())


def sentences(size: int, words: list[str]) -> pa.Array:
    return pa.array([" ".join(DRAW.choice(words, 14)) for _ in range(size)])


def test_same_distribution_is_not_drift_however_many_rows() -> None:
    reference = numbers(20_000)
    for size in (50, 500, 5_000, 200_000):
        assert drift.compare("x", reference, numbers(size))["drifted"] is False


def test_tiny_shift_is_significant_with_many_rows_and_still_not_drift() -> None:
    found = drift.compare("x", numbers(50_000), numbers(100_000, 0.05))
    assert found["p_adjusted"] < 1e-6
    assert found["drifted"] is False


def test_who_bears_less_hears_of_less() -> None:
    told = drift.profile("x", numbers(50_000)).compare(numbers(5_000, 0.15))
    assert 0.05 < told["effect"] < 0.1
    usual, keen, sure = drift.judge([told])[0], drift.judge([told], 0.05)[0], drift.judge([told], 0.05, 1e-60)[0]
    assert (usual["drifted"], keen["drifted"], sure["drifted"]) == (False, True, False)
    assert (usual["threshold"], keen["threshold"]) == (0.1, 0.05)


def test_what_the_reference_does_by_itself_is_borne_by_whoever_bears_nothing() -> None:
    restless = pa.array(np.repeat(DRAW.normal(0, 3, 40), 250) + DRAW.normal(0, 0.3, 10_000))
    told = drift.profile("x", restless).compare(restless.slice(2_000, 1_000))
    assert told["band"] > 0.2
    assert drift.judge([told], 0.0)[0]["threshold"] == told["band"]


def test_a_large_bearable_effect_counts_without_a_band_too() -> None:
    told = {**drift.profile("x", numbers(5_000)).compare(numbers(500, 1.0)), "band": None}
    assert [drift.judge([told], least)[0]["threshold"] for least in (0.1, 0.6)] == [drift.WITHOUT_BAND, 0.6]


def test_shift_of_a_numeric_column_is_drift() -> None:
    found = drift.compare("x", numbers(5_000), numbers(500, 1.0))
    assert found["test"] == "kolmogorov-smirnov"
    assert found["drifted"] is True
    assert found["effect"] == pytest.approx(0.38, abs=0.06)
    assert found["psi"] > 0.25


def test_a_shift_that_no_single_place_shows_is_told_by_scores() -> None:
    """Half as far again as the largest difference of shares: told sooner, with its own effect and bearable one."""
    told = drift.profile("x", numbers(50_000)).compare(numbers(5_000, -0.22))
    assert told["effect"] < drift.MIN_EFFECT < -told["shift"]
    found = drift.judge([told])[0]
    assert (found["drifted"], found["test"]) == (True, "normal scores")
    assert (found["effect"], found["threshold"]) == (-told["shift"], drift.MIN_EFFECT)
    assert found["statistic"] == told["effect"]
    assert drift.judge([{**told, "shift_band": 0.2}])[0]["drifted"] is False


@pytest.mark.parametrize("rows", [100, 1_000, 10_000, 100_000])
def test_columns_that_stay_are_seldom_said_to_have_moved(rows: int) -> None:
    """By the defaults almost never; by a keen eye in about as many windows as its false discovery rate says."""
    profiles = [drift.profile(str(one), pa.array(DRAW.gamma(2.0 + one, size=20_000))) for one in range(5)]
    windows = 60 if rows < 100_000 else 15
    usual = keen = 0
    for _ in range(windows):
        told = [each.compare(pa.array(DRAW.gamma(2.0 + one, size=rows))) for one, each in enumerate(profiles)]
        usual += any(one["drifted"] for one in drift.judge(told))
        keen += any(one["drifted"] for one in drift.judge(told, 0.05, 0.05))
    assert usual <= 1
    assert keen <= 0.05 * windows + 3


def test_nulls_have_no_score() -> None:
    values = numbers(5_000)
    some = pa.array([None if place % 3 == 0 else one for place, one in enumerate(values.to_pylist())])
    told = drift.profile("x", values).compare(some)
    assert abs(told["shift"]) < 0.03 < 0.3 < told["effect"]


def test_few_rows_of_a_shifted_column_prove_nothing() -> None:
    found = drift.compare("x", numbers(5_000), numbers(6, 0.8))
    assert found["drifted"] is False


def test_column_that_moves_within_its_reference_is_allowed_to_move() -> None:
    restless = pa.array(np.repeat(DRAW.normal(0, 3, 40), 250) + DRAW.normal(0, 0.3, 10_000))
    calm = pa.array(np.sort(DRAW.normal(0, 3, 10_000))[DRAW.permutation(10_000)])
    window = pa.array(DRAW.normal(1.5, 0.5, 250))
    assert drift.compare("x", restless, window)["drifted"] is False
    assert drift.compare("x", calm, window)["drifted"] is True


def test_rise_of_nulls_is_drift_of_a_numeric_column() -> None:
    values = numbers(400).to_pylist()
    window = pa.array([None if number % 2 else value for number, value in enumerate(values)], pa.float64())
    found = drift.compare("x", numbers(5_000), window)
    assert found["nulls"] == pytest.approx(0.5)
    assert found["drifted"] is True


def test_column_that_became_null_alone_is_drift() -> None:
    assert drift.compare("x", numbers(1_000), pa.nulls(200), "numeric")["drifted"] is True


def test_infinite_values_and_a_constant_reference_are_compared() -> None:
    found = drift.compare("x", pa.array([1.0] * 1_000), pa.array([float("inf")] * 200))
    assert found["effect"] == pytest.approx(1.0)
    assert drift.compare("x", pa.array([1.0] * 1_000), pa.array([1.0] * 200))["effect"] == pytest.approx(0.0)


def test_change_of_mix_is_drift_of_a_categorical_column() -> None:
    found = drift.compare("c", categories(5_000, [0.6, 0.3, 0.1]), categories(400, [0.2, 0.3, 0.5]))
    assert found["test"] == "chi-square"
    assert found["drifted"] is True


def test_new_and_lost_categories_are_named() -> None:
    reference = categories(5_000, [0.5, 0.3, 0.2])
    found = drift.compare("c", reference, pa.array(["a"] * 150 + ["b"] * 90 + ["z"] * 60))
    assert found["new"] == {"rows": 60, "share": 0.2, "categories": 1, "names": ["z"]}
    assert found["lost"] == {"categories": 1, "names": ["c"]}


def test_unnamed_categories_are_counted_only() -> None:
    profile = drift.profile("c", categories(5_000, [0.5, 0.3, 0.2]), "categorical", named=False)
    found = profile.compare(pa.array(["a"] * 150 + ["z"] * 150))
    assert found["new"]["categories"] == 1
    assert found["lost"]["categories"] == 2
    assert found["new"]["names"] == found["lost"]["names"] == []


def test_whole_numbers_and_their_floats_are_one_category() -> None:
    profile = drift.profile("c", pa.array([1, 2, 3] * 300), "categorical")
    assert profile.compare(pa.array([1.0, 2.0, 3.0] * 50))["effect"] == pytest.approx(0.0)


def test_text_drifts_by_its_vocabulary() -> None:
    reference = sentences(2_000, WORDS[:8])
    same = drift.compare("t", reference, sentences(200, WORDS[:8]), "text")
    other = drift.compare("t", reference, sentences(200, WORDS[4:]), "text")
    assert same["drifted"] is False
    assert other["drifted"] is True
    assert other["test"] == "document frequency"
    assert set(other["new"]["names"]) <= set(WORDS[8:])
    assert set(other["falling"]) <= set(WORDS[:4])


def test_text_without_any_word_is_compared() -> None:
    found = drift.compare("t", sentences(500, WORDS), pa.array(["", None, "..."] * 50), "text")
    assert found["nulls"] == pytest.approx(1 / 3, abs=1e-4)
    assert found["drifted"] is True


def test_kind_of_a_column_follows_type_and_values() -> None:
    assert drift.kind_of(numbers(100)) == "numeric"
    assert drift.kind_of(pa.array([True, False])) == "categorical"
    assert drift.kind_of(categories(100, [0.5, 0.5])) == "categorical"
    assert drift.kind_of(sentences(200, WORDS)) == "text"
    assert drift.kind_of(pa.array([f"{number:08x}" for number in range(500)])) == "identifier"
    assert drift.kind_of(pa.array([0, 1], pa.timestamp("us"))) == "datetime"


def test_times_and_identifiers_have_no_profile() -> None:
    with pytest.raises(ValueError, match="moves by nature"):
        drift.profile("at", pa.array([0, 1], pa.timestamp("us")))


def test_many_quiet_features_are_corrected_together() -> None:
    reference = numbers(4_000)
    judged = drift.judge([drift.profile(str(one), reference).compare(numbers(300)) for one in range(40)])
    assert not any(one["drifted"] for one in judged)
    assert all(one["p_adjusted"] >= one["p_value"] for one in judged)


def test_what_is_unavailable_is_said_and_never_counts_as_no_drift() -> None:
    judged = drift.judge([drift.unavailable("country", "numeric", "unavailable: values are tokens", 70)])
    assert judged[0]["drifted"] is None
    assert judged[0]["note"] == "unavailable: values are tokens"
