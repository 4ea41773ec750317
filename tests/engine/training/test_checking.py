"""What cannot be trained is told before any data are looked at."""

from __future__ import annotations

from typing import Any

import pytest

from engine.training.checking import require_trainable
from store.errors import Refused


@pytest.mark.parametrize(
    ("told", "message", "hint"),
    [
        (
            {"estimator": "sklearn.linear_model.Ridg"},
            "rates: train.estimator: sklearn.linear_model has no estimator 'Ridg'",
            "did you mean sklearn.linear_model.Ridge?",
        ),
        ({"estimator": "no_such.Thing"}, "rates: train.estimator: estimator 'no_such.Thing' is not known", "install"),
        ({"estimator": "sklearn.linear_model.LogisticRegression"}, "does not fit the task regression", "a regressor"),
        ({"task": "policy"}, "rates: task 'policy' cannot be trained yet", "classification, regression, ranking"),
        ({"task": "generation"}, "rates: task 'generation' cannot be trained yet", "forecasting"),
    ],
)
def test_what_cannot_be_trained_is_refused(rates: Any, told: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(Refused) as refused:
        require_trainable(rates(**told))
    assert message in refused.value.message
    assert hint in refused.value.hint


@pytest.mark.parametrize("estimator", ["auto", "dummy", "sklearn.linear_model.Ridge", "python:hotel:build"])
def test_what_can_be_trained_passes(rates: Any, estimator: str) -> None:
    require_trainable(rates(estimator=estimator))
