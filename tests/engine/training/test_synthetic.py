"""Golden requests carry nobody's values, and are still requests that the model answers."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from engine.training.synthetic import synthesised

FRAME = pd.DataFrame(
    {
        "guest": pd.Series(["Anna", "Ben", np.nan, "Dora"], dtype=object),
        "age": [31.0, 44.0, np.nan, 67.0],
        "visits": np.array([1, 5, 2, 9], dtype=np.int64),
        "born": pd.to_datetime(["1990-02-03", "1980-04-05", None, "1959-06-07"]).astype("datetime64[us]"),
        "member": pd.Series([True, False, np.nan, True], dtype=object),
        "room": pd.Series(["a", "b", "c", "d"], dtype=object),
    }
)
PERSONAL = ("guest", "age", "visits", "born", "member")


def test_every_personal_value_is_made_up_and_keeps_its_kind():
    made = synthesised(FRAME, PERSONAL, seed=1)
    assert made["guest"].tolist()[:2] == ["synthetic 1", "synthetic 2"]
    assert (made.isna() == FRAME.isna()).all().all()
    assert made["visits"].dtype == np.int64
    assert made["born"].dtype == FRAME["born"].dtype
    assert made["age"].dropna().between(31, 67).all()
    assert (made["age"].dropna() % 1 == 0).all()
    assert {type(value) for value in made["member"].dropna()} == {bool}
    assert made["room"].tolist() == FRAME["room"].tolist()
    assert not set(made["guest"].dropna()) & set(FRAME["guest"].dropna())
    assert FRAME["guest"].tolist()[0] == "Anna"


def test_frame_without_personal_columns_is_as_it_was():
    assert synthesised(FRAME, (), seed=1) is FRAME


def test_golden_requests_of_a_version_hold_no_personal_value(regression):
    golden = json.loads(regression.deck.artifacts.read(regression.version.golden_hash))
    countries = {row["country"] for row in golden["requests"]}
    assert all(country.startswith("synthetic ") for country in countries)
    assert len(golden["answers"]) == len(golden["requests"]) == 20
