"""A ranking from interactions to a version: divided by user, better than most-popular, compared on what neither saw."""

from __future__ import annotations

import csv
import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from engine.measures.intervals import bootstrap
from engine.measures.metrics import Predicted, find, measure, of_lists, predicted
from engine.model_io.load import load_version
from engine.monitoring.delivered import _told
from engine.monitoring.performance import realised
from engine.release.comparison import compare
from engine.serving import artifact, golden, v2
from engine.serving.contract import Column, Signature, output_columns
from engine.serving.ranking import ItemFactors, ItemNeighbours, MostPopular
from engine.settings.model import MonitorSettings
from engine.training.interactions import block_numbers, divide, questions
from store.errors import Refused

SHELVES = 4  # users of one shelf take its 12 items only, in an order that differs


def interactions(users: int = 48, each: int = 10, seed: int = 3) -> list[tuple[str, str, str]]:
    """Return (at, user, item), in time order; items of shelf 0 are the commonest."""
    draw = np.random.default_rng(seed)
    rows = []
    for user in range(users):
        shelf = min(int(draw.integers(0, SHELVES + 2)) % (SHELVES + 1), SHELVES - 1)
        items = draw.permutation(12)[:each]
        rows += [
            (int(draw.integers(0, 80)) * 10 + place, f"u{user}", f"{shelf}-{item}") for place, item in enumerate(items)
        ]
    rows.sort()
    start = np.datetime64("2026-01-01T00:00:00")
    return [(f"{start + np.timedelta64(hours, 'h')}", user, item) for hours, user, item in rows]


def put(bench: Any, rows: list[tuple[str, str, str]]) -> None:
    with (bench.deck.workspace.root / "rows.csv").open("w", newline="") as out:
        csv.writer(out).writerows([("at", "user", "item"), *rows])


def settings_of(rates: Any, **more: Any) -> Any:
    return rates(
        task="ranking", target="item", features=("user",), estimator="neighbours", time_budget_s=60.0, folds=2, **more
    )


def test_the_last_of_each_user_are_held_out_and_those_before_are_folds() -> None:
    users = np.array(["a"] * 10 + ["b"] * 2 + ["a"] * 10, dtype=object)
    numbers = block_numbers(users, share=0.2, folds=2)
    assert numbers[users == "a"].tolist() == [0] * 8 + [1] * 4 + [2] * 4 + [3] * 4
    assert numbers[users == "b"].tolist() == [2, 3]
    items = np.array([f"i{n}" for n in range(22)], dtype=object)
    made = divide(users, items, np.arange(22), share=0.2, folds=2)
    last = [made.truth[row] for row in np.flatnonzero(made.numbers == 3)]
    assert last == [("i11",), ("i18", "i19", "i20", "i21")]
    assert made.times[made.numbers == 3].tolist() == [11, 21]


def test_one_question_per_user_with_all_that_was_taken() -> None:
    table = pa.table({"user": [1, 2, 1], "item": [5, 6, None]})
    asked, truth = questions(table, type("Data", (), {"features": ("user",), "target": "item"}))
    assert (asked["user"].to_pylist(), truth.tolist()) == ([1, 2], [("5",), ("6",)])


def test_figures_of_lists_follow_their_formulas() -> None:
    truth = of_lists([["a", "b"], ["x"], ["q"]])
    guess = Predicted(items=of_lists([["a", "z", "b"], ["y", "x"], ["r"]]))
    gain = (1 + 1 / np.log2(4)) / (1 + 1 / np.log2(3))
    assert measure("ndcg_at_10", truth, guess).value == pytest.approx((gain + 1 / np.log2(3)) / 3)
    assert measure("recall_at_10", truth, guess).value == pytest.approx(2 / 3)
    assert bootstrap("ndcg_at_10", truth, guess)["n"] == 3
    with pytest.raises(Refused):
        find("mae", "ranking")


@pytest.mark.parametrize("model", [MostPopular(3), ItemNeighbours(neighbours=5, length=3), ItemFactors(4, length=3)])
def test_rankers_leave_out_what_was_taken_until_nothing_else_is_left(model: Any) -> None:
    import pandas as pd

    rows = interactions(24, 6)
    frame = pd.DataFrame({"user": [row[1] for row in rows] + ["all"]})
    every = tuple(sorted({row[2] for row in rows}))
    model.fit(frame, of_lists([*([row[2]] for row in rows), every[1:]]))
    answers = model.predict(pd.DataFrame({"user": ["u0", "nobody", None, "all"]}))
    taken = {row[2] for row in rows if row[1] == "u0"}
    assert not taken.intersection(answers[0][0])
    assert answers[1] == answers[2]  # whom nobody knows gets what most take
    assert answers[1][1] == sorted(answers[1][1], reverse=True)
    assert answers[3][0][0] == every[0]
    assert all(len(items) == len(scores) == 3 and np.isfinite(scores).all() for items, scores in answers)
    content = artifact.dump(model)
    assert artifact.sort_types(artifact.untrusted_types(content))[1] == []


def test_a_ranking_beats_most_popular_and_is_compared_on_what_neither_saw(bench: Any, rates: Any) -> None:
    rows = interactions()
    put(bench, rows[:380])
    first = bench.train(settings_of(rates))
    put(bench, rows)
    second = bench.train(settings_of(rates))
    seen, plain = second.evaluation["holdout"]["ndcg_at_10"], second.evaluation["baseline"]["ndcg_at_10"]
    assert seen["low"] > plain["high"]
    assert seen["n"] == len({row[1] for row in rows})
    assert second.signature["outputs"] == [
        {"name": "items", "type": "list<string>"},
        {"name": "scores", "type": "list<double>"},
    ]
    predictor = load_version(bench.deck, second)
    assert golden.check(predictor.predict, golden.make(predictor, _frame(["u1", "new"])))[0]
    shelf = next(row[2] for row in rows if row[1] == "u1")[0]
    # of twelve items of the shelf ten are taken: the two left come first
    assert {item[0] for item in predictor.predict([{"user": "u1"}])[0]["items"][:2]} == {shelf}
    assert len(predictor.predict([{"user": "new"}])[0]["items"]) == 10
    compared = compare(bench.deck, settings_of(rates), second, first)
    assert compared is not None
    assert 0 < len(compared) < seen["n"]  # users whose last interactions the first has not trained on
    assert measure("ndcg_at_10", compared.truth, compared.new).value is not None


def _frame(users: list[str]) -> Any:
    import pandas as pd

    return pd.DataFrame({"user": pd.Series(users, dtype=object)})


def test_a_ranking_says_who_is_asked_about(bench: Any, rates: Any) -> None:
    put(bench, interactions())
    with pytest.raises(Refused, match="one column, the user"):
        bench.train(rates(task="ranking", target="item", estimator="neighbours"))
    with pytest.raises(Refused, match="does not fit the task ranking"):
        bench.train(rates(task="ranking", target="item", features=("user",), estimator="sklearn.linear_model.Ridge"))


def test_what_was_taken_later_is_an_outcome(rates: Any) -> None:
    assert _told(0, ["b", "a", "a"], "ranking") == ('["a", "b"]', None)
    assert _told(0, "[5, 3]", "ranking") == _told(0, ["3", 5], "ranking")
    assert _told(0, 31, "ranking") == ('["31"]', None)
    for wrong in ("[1,", [1.5], {"a": 1}):
        with pytest.raises(Refused, match="outcome row 4"):
            _told(4, wrong, "ranking")
    table = pa.table(
        {"outcome.text": ['["a"]', None, '["c", "d"]'], "outputs.items": [["a", "b"], ["a", "b"], ["d", "c"]]}
    )
    version: Any = type("V", (), {"evaluation": {"metric": "ndcg_at_10"}, "signature": {}})
    settings = settings_of(rates, monitor=MonitorSettings(min_rows=2))
    found = realised(table, settings, version, {}, 2)
    assert (found.labels, found.coverage) == (2, pytest.approx(2 / 3, abs=1e-5))
    assert found.metrics["ndcg_at_10"]["value"] == 1.0
    assert found.metrics["recall_at_10"]["value"] == 1.0


def test_lists_are_tensors_of_two_dimensions() -> None:
    signature = Signature((Column("user", "string"),), output_columns("ranking"))
    outputs = [{"items": ["a", "b"], "scores": [2.0, 1.0]}, {"items": ["c", "d"], "scores": [4.0, 3.0]}]
    asked = v2.Infer([], None, [(column, False) for column in signature.outputs], 0.0)
    body, length = v2.answer("m", 1, "r", asked, outputs)
    told = json.loads(body)["outputs"]
    assert length is None
    assert told[0] == {"name": "items", "datatype": "BYTES", "shape": [2, 2], "data": ["a", "b", "c", "d"]}
    assert told[1]["data"] == [2.0, 1.0, 4.0, 3.0]
    assert [one["shape"] for one in v2.metadata("m", 1, signature)["outputs"]] == [[-1, -1]] * 2
    assert predicted(outputs).items.tolist() == [("a", "b"), ("c", "d")]


def test_factors_of_a_matrix_below_its_rank_are_the_same_each_time() -> None:
    """Users who all took alike leave directions that nothing determines: none of them may get into an answer."""
    frame = pd.DataFrame({"user": [f"u{number % 300}" for number in range(1200)]})
    taken = [(f"i{number % 5}",) for number in range(1200)]
    first, second = (ItemFactors(factors=4).fit(frame, taken) for _ in range(2))
    assert first.vectors_.shape[1] < 5
    assert np.array_equal(first.vectors_, second.vectors_)
    many = pd.DataFrame({"user": [f"u{number % 300}" for number in range(6000)]})
    wide = [(f"i{(number * number) % 600}",) for number in range(6000)]
    third, fourth = (ItemFactors(factors=200).fit(many, wide).predict(many[:50]) for _ in range(2))
    assert third == fourth
