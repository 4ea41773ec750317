"""A ranking answers from its arrays as its ranker does, and the proof finds one that does not."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator

from engine.serving import golden
from engine.serving.compiled.model import read, write
from engine.serving.contract import Column, Signature, output_columns
from engine.serving.predict import Predictor
from engine.serving.ranking import ItemFactors, ItemNeighbours, MostPopular
from engine.training.compiling.adopting import compiled
from engine.training.compiling.program import program_of
from engine.training.compiling.proof import prove
from engine.training.compiling.refusal import NotCompilable

USERS, ITEMS = 60, 40
RANKERS = {
    "popular": MostPopular(),
    "neighbours": ItemNeighbours(neighbours=8, shrink=2.0, recency=5.0),
    "all alike": ItemNeighbours(neighbours=8, recency=0.0),
    "factors": ItemFactors(factors=6, recency=5.0),
}
COLUMNS = {
    "text": (Column("user", "string"), [f"u{number}" for number in range(USERS)]),
    "numbers": (Column("user", "long"), list(range(USERS))),
    "numbers or null": (Column("user", "long", True), [float(number) for number in range(USERS)]),
    "doubles": (Column("user", "double"), [number / 2 for number in range(USERS)]),
    "yes and no": (Column("user", "boolean", True), [number % 2 == 0 for number in range(USERS)]),
}


def ranked(ranker: BaseEstimator, kind: str = "text") -> tuple[Predictor, pd.DataFrame]:
    column, users = COLUMNS[kind]
    draw = np.random.default_rng(4)
    liked = draw.dirichlet(np.full(ITEMS, 0.3), size=4)
    truth = [tuple(f"i{item}" for item in draw.choice(ITEMS, 8, p=liked[user % 4])) for user in range(USERS)]
    frame = pd.DataFrame({"user": pd.Series(users, dtype=object if column.type in ("string", "boolean") else None)})
    signature = Signature((column,), output_columns("ranking"))
    return Predictor.from_parts(ranker.fit(frame, truth), signature, "ranking"), frame


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize("name", RANKERS)
def test_every_ranker_is_proven(name: str, kind: str) -> None:
    predictor, frame = ranked(RANKERS[name], kind)
    asked = golden.make(predictor, frame)["requests"]
    content, told = compiled(predictor, frame, asked, float("inf"))
    assert told["worst"] == 0.0, told
    assert (told["needs"], told["rows"]) == ([], len(frame) + len(asked))
    short = Predictor.from_compiled(read(content), predictor.signature, "ranking")
    stranger = {"string": "nobody", "boolean": None, "long": -7, "double": 0.123}[predictor.signature.inputs[0].type]
    rows = [*asked, {"user": stranger}]
    assert short.predict(rows) == predictor.predict(rows)
    assert [short.predict([row])[0] for row in rows] == predictor.predict(rows)
    assert program_of(predictor.model, predictor.signature).content == content


@pytest.mark.parametrize("name", RANKERS)
def test_any_users_are_answered_the_same(name: str) -> None:
    predictor, _ = ranked(RANKERS[name])
    short = Predictor.from_compiled(
        read(program_of(predictor.model, predictor.signature).content), predictor.signature, "ranking"
    )

    @given(st.lists(st.sampled_from([f"u{number}" for number in range(USERS)]) | st.text(max_size=5), min_size=1))
    @settings(max_examples=40, deadline=None, derandomize=True)
    def ask(users: list[str]) -> None:
        rows = [{"user": user} for user in users]
        assert short.predict(rows) == predictor.predict(rows)

    ask()


@pytest.mark.parametrize("change", ["a score", "who took it", "an item", "the length"])
def test_a_ranking_that_differs_is_found(change: str) -> None:
    predictor, frame = ranked(RANKERS["factors"])
    program = program_of(predictor.model, predictor.signature)
    model = predictor.model
    arrays = {"shares": model.shares_, "taken": model.taken_, "starts": model.starts_, "vectors": model.vectors_}
    body: dict[str, Any] = {
        "kind": "ranking", "scores": "factors", "column": "user", "double": False, "items": list(model.items_),
        "users": list(model.users_), "length": model.length, "recency": model.recency,
    }  # fmt: skip

    def made() -> bytes:
        return write({"blocks": [], "estimator": body, "link": "lists"}, arrays=arrays)

    assert made() == program.content
    if change == "a score":
        arrays["vectors"] = model.vectors_ * (1 + 1e-6)
    elif change == "who took it":
        arrays["taken"] = np.roll(model.taken_, 1)
    elif change == "an item":
        body["items"][0] += "?"
    else:
        body["length"] = 9
    wrong = type(program)(made(), None, model, {})
    with pytest.raises(NotCompilable, match=r"differs|another|number"):
        prove(wrong, predictor, frame, golden.make(predictor, frame)["requests"], time.monotonic() + 60)


class OwnRanker(MostPopular):
    """A ranker of a workspace."""


def test_another_ranker_is_named() -> None:
    predictor, frame = ranked(OwnRanker())
    told = compiled(predictor, frame, [], float("inf"))
    assert told == (b"", {"why": f"{__name__.partition('.')[0]}'s OwnRanker, a ranker of another kind than ours"})
