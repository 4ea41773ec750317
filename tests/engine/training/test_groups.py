"""Fairness on record with a version: of columns the model reads or not, personal ones by number."""

from __future__ import annotations

import json

import numpy as np
import pytest

from engine.settings.model import FairnessLimit, FairnessSettings, GateSettings
from engine.training.groups import numbered
from store.errors import Refused


def test_a_version_records_the_figures_of_each_group(bench, rates):
    settings = rates(
        personal=("country",),
        features=("nights", "at"),
        fairness=FairnessSettings(("segment", "country"), min_rows=12),
        gates=GateSettings(fairness=FairnessLimit(measure="rmse", max_difference=5.0)),
    )
    version = bench.train(settings)
    assert [column["name"] for column in version.signature["inputs"]] == ["nights", "at"]
    told = version.evaluation["fairness"]
    segment = told["segment"]
    assert set(segment["groups"]) == {"online", "groups"}
    assert sum(group["rows"] for group in segment["groups"].values()) == 60
    online, groups = (segment["groups"][name]["mean_error"]["value"] for name in ("online", "groups"))
    assert online < -5 < 5 < groups  # a model blind to the segment prices both between
    assert segment["gaps"]["mean_error"]["difference"]["low"] > 10
    assert set(segment["gaps"]) == {"mae", "mean_error", "rmse"}
    country = told["country"]
    assert country["personal"] is True
    assert set(country["groups"]) == {"group 1", "group 2", "group 3"}
    assert not {"ES", "FR", "PT"} & set(json.dumps(told).replace('"', " ").split())


def test_a_column_that_the_source_lacks_is_refused(bench, rates, says):
    with pytest.raises(Refused, check=says("segmnt")):
        bench.train(rates(fairness=FairnessSettings(("segmnt",))))


def test_groups_are_numbered_by_size():
    texts = np.array(["x", "y", "y", "z", "z", "z"], dtype=object)
    assert numbered(texts).tolist() == ["group 3", "group 2", "group 2", "group 1", "group 1", "group 1"]
