"""A person's rows: what no model reads is left out and told, what nobody knows stays to be refused."""

from __future__ import annotations

from engine.model_io.asked import inputs_of
from engine.settings.data import DataSettings

DATA = DataSettings("rows.csv", "price", id_column="booking", group="guest")


def test_target_id_and_group_are_left_out_of_every_row_and_told_once() -> None:
    rows: list[dict[str, object]] = [{"nights": 3, "price": 80.0, "booking": "a"}, {"nights": 4, "guest": 7}]
    assert inputs_of(rows, DATA.aside) == (({"nights": 3}, {"nights": 4}), ("price", "booking", "guest"))


def test_rows_without_them_are_as_they_were_and_an_unknown_column_stays() -> None:
    rows = ({"nights": 3, "nigths": 4},)
    assert inputs_of(rows, DATA.aside) == (rows, ())


def test_a_column_that_is_named_as_a_feature_is_one() -> None:
    data = DataSettings("rows.csv", "price", id_column="booking", group="guest", features=("nights", "guest"))
    assert data.aside == ("price", "booking")
