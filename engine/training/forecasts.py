"""The candidates of a forecast, each over the same history, and how its time is divided: origins that roll forward."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.serving.forecasting import SeasonalChange, SeasonalNaive, SeriesHistory, histories
from engine.training import tabular
from engine.training.family import Family, Terms

if TYPE_CHECKING:
    from engine.training.dataset import Dataset, Kinds
    from engine.training.forecast import Forecast


def naive(terms: Terms) -> Family:
    """Return the value of the last known season: every forecast has to beat it."""
    forecast = _forecast(terms.dataset)
    return Family("dummy", lambda _kinds: _columns([_history(forecast)]), lambda _params: SeasonalNaive(), {})


def linear(terms: Terms) -> Family:
    """Return a ridge regression over lags and the other columns."""
    forecast = _forecast(terms.dataset)

    def features(kinds: Kinds) -> Any:
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        name, history, columns = _history(forecast)
        filled = SimpleImputer(strategy="median", keep_empty_features=True)
        part = (name, make_pipeline(history, filled, StandardScaler()), columns)
        return _columns([part, *_others(tabular.linear_features, _rest(kinds))])

    plain = tabular.linear(terms)
    return replace(plain, features=features)


def boosting(terms: Terms) -> Family:
    """Return what boosted trees over lags and the other columns add to the last season."""
    forecast = _forecast(terms.dataset)
    plain = tabular.boosting(terms)
    defaults = {**plain.defaults, "loss": "absolute_error"} if "loss" in plain.defaults else plain.defaults
    return replace(
        plain,
        features=lambda kinds: _columns([_history(forecast), *_others(tabular.boosted_features, _rest(kinds))]),
        estimator=lambda params: SeasonalChange(plain.estimator(params)),
        defaults=defaults,
    )


def remember(model: Any, dataset: Dataset) -> None:
    """Let a fitted forecast know the values of all rows, the holdout's too: its memory grows, its fit stays."""
    for history in histories(model):
        history.extend(dataset.frame, dataset.truth)


def _forecast(dataset: Dataset) -> Forecast:
    assert dataset.forecast is not None
    return dataset.forecast


def _rest(kinds: Kinds) -> Kinds:
    """Return the inputs beside the time, of which the history tells hour and weekday.

    Month and day of the year are left out on purpose: from less than some years nothing is learned of them but noise.
    """
    return replace(kinds, times=())


def _history(forecast: Forecast) -> tuple[str, Any, list[str]]:
    spans = (forecast.season_us, forecast.horizon_us)
    history = SeriesHistory(forecast.time, forecast.series, *spans, forecast.clock, forecast.times_in)
    return "history", history, [*forecast.series, forecast.time]


def _others(make: Any, kinds: Kinds) -> list[tuple[str, Any, list[str]]]:
    names = [*kinds.numbers, *kinds.categories, *kinds.texts]
    return [("others", make(kinds), names)] if names else []


def _columns(parts: list[tuple[str, Any, list[str]]]) -> Any:
    from sklearn.compose import ColumnTransformer

    return ColumnTransformer(parts, remainder="drop", verbose_feature_names_out=False)
