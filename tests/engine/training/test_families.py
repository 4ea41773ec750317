"""The estimators that settings may name, and what is told of those they may not."""

from __future__ import annotations

import numpy as np
import pytest

from engine.training.dataset import prepare
from engine.training.families import FIELDS, families
from engine.training.family import FAMILIES, require_name
from store.errors import Refused, WorkFailed

CODE = """
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from engine.serving.features import NumberColumns


def ridge():
    return Ridge(alpha=3.0)


def pipeline():
    return make_pipeline(NumberColumns(scale=True), Ridge())


def classifier():
    return LogisticRegression()


def broken():
    raise ValueError("no such model")


def leaving():
    raise SystemExit(2)
"""


@pytest.fixture(name="offered")
def families_offered(tmp_path, bookings, rates):
    """Return a function that gives the families of an estimator by name: `offered("auto", task="regression")`."""

    def make(estimator, metric="mae", **changed):
        folder = tmp_path / ".modeldeck" / "bundles" / "abc"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "building.py").write_text(CODE)
        dataset = prepare(bookings(), rates(**changed), "UTC")
        return {one.name: one for one in families(dataset, estimator, metric, 7, folder)}, dataset

    return make


def fit(family, dataset, rows=200):
    features, estimator = family.features(dataset.kinds), family.estimator(family.defaults)
    seen, unseen = dataset.frame.iloc[:rows], dataset.frame.iloc[rows:]
    if features is not None:
        seen, unseen = features.fit_transform(seen, dataset.truth[:rows]), features.transform(unseen)
    return estimator.fit(seen, dataset.truth[:rows]).predict(unseen)


@pytest.mark.parametrize("estimator", ["auto", ""])
def test_dummy_linear_and_boosting_compete_by_default(offered, estimator):
    assert list(offered(estimator)[0]) == ["dummy", "linear", "boosting"]


@pytest.mark.parametrize("changed", [{}, {"task": "classification", "target": "kept", "metric": "log_loss"}])
def test_every_family_reads_numbers_categories_times_and_text(offered, changed):
    found, dataset = offered("auto", **changed)
    for family in found.values():
        assert len(fit(family, dataset)) == 100


def test_dummy_is_the_best_constant_for_the_metric(offered):
    for metric, constant in (("mae", np.median), ("rmse", np.mean)):
        found, dataset = offered("dummy", metric)
        assert list(found) == ["dummy"]
        assert fit(found["dummy"], dataset) == pytest.approx(float(constant(dataset.truth[:200])))


def test_named_estimator_competes_with_the_dummy(offered):
    found, dataset = offered("sklearn.ensemble.RandomForestRegressor", features=("nights", "segment", "discount"))
    assert list(found) == ["dummy", "RandomForestRegressor"]
    assert found["RandomForestRegressor"].estimator({}).random_state == 7
    off = fit(found["RandomForestRegressor"], dataset) - dataset.truth[200:]
    assert np.abs(off).mean() < 8


@pytest.mark.parametrize("name", ["ridge", "pipeline"])
def test_function_gives_an_estimator_or_a_whole_pipeline(offered, name):
    found, dataset = offered(f"python:building:{name}", features=("nights", "discount"))
    assert list(found) == ["dummy", name]
    assert (found[name].features(dataset.kinds) is None) == (name == "pipeline")
    assert np.isfinite(fit(found[name], dataset)).all()


@pytest.mark.parametrize(
    ("estimator", "told"),
    [
        ("ridge", "estimator 'ridge' is not known: write \"auto\""),
        (
            "nowhere.Regressor",
            "'nowhere.Regressor' is not known: there is no nowhere: install nowhere beside modeldeck",
        ),
        ("json.JSONDecoder", "json.JSONDecoder is no scikit-learn compatible estimator: let a function"),
        ("datetime.datetime", "'datetime.datetime' cannot be made without arguments: let a function of the workspace"),
        ("sklearn_more.Ridge", "there is no sklearn_more: install sklearn_more"),
        ("xgboost.XGBClassifier", "does not fit the task regression: name a regressor"),
        ("sklearn.linear.Ridge", "is not known: there is no sklearn.linear: write"),
        ("sklearn.linear_model.Rigde", "has no estimator 'Rigde': did you mean sklearn.linear_model.Ridge?"),
        ("sklearn.linear_model.zzzzzz", "has no estimator 'zzzzzz': write \"auto\""),
        ("sklearn.linear_model.LogisticRegression", "does not fit the task regression: name a regressor"),
        ("sklearn.preprocessing.StandardScaler", "does not fit the task regression: name a regressor"),
        ("python:building:classifier", "does not fit the task regression"),
        ("python:building:rigde", "building.py has no function 'rigde': did you mean 'ridge'?"),
    ],
)
def test_estimator_that_cannot_be_trained_is_refused(offered, estimator, told):
    with pytest.raises(Refused) as raised:
        offered(estimator)
    assert told in raised.value.line()


def test_classifier_without_scores_is_refused(offered, says):
    with pytest.raises(Refused, check=says("LinearSVC' does not fit .*: name a classifier with predict_proba")):
        offered("sklearn.svm.LinearSVC", task="classification", target="kept")


@pytest.mark.parametrize(
    ("name", "told"),
    [("broken", "ValueError: no such model"), ("leaving", "SystemExit: 2")],
)
def test_function_that_raises_is_told_with_its_line(offered, name, told, says):
    line = rf"estimator python:building:{name} raised {told} \(line \d+ of building.py, in {name}\)"
    with pytest.raises(WorkFailed, check=says(line)):
        offered(f"python:building:{name}")


@pytest.mark.parametrize(
    ("task", "estimator", "told"),
    [
        ("regression", "boosting", 'does not fit the task regression: write "auto", "dummy" or a class such as'),
        ("classification", "factors", 'or a class such as "sklearn.linear_model.LogisticRegression"'),
        ("regression", "ridge", "estimator 'ridge' is not known"),
        ("forecasting", "factors", 'the task forecasting: write "auto", "dummy" or one of linear, boosting'),
        ("forecasting", "sklearn.linear_model.Ridge", "does not fit the task forecasting"),
        ("ranking", "python:hotel:build", 'the task ranking: write "auto", "dummy" or one of factors, neighbours'),
    ],
)
def test_name_that_a_task_cannot_have_is_refused_with_those_it_can(task, estimator, told):
    with pytest.raises(Refused) as raised:
        require_name(task, estimator)
    assert told in raised.value.line()


def test_names_that_a_task_can_have_are_those_of_its_families():
    assert set(FAMILIES) == set(FIELDS) - {"classification", "regression"}
    for task, names in FAMILIES.items():
        assert [make.__name__ for make in (FIELDS[task].baseline, *FIELDS[task].others)] == list(names)
        for name in ("auto", "dummy", *names):
            require_name(task, name)
    for name in ("auto", "dummy", "sklearn.linear_model.Ridge", "python:hotel:build"):
        require_name("regression", name)
