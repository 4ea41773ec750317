"""The reference of settings: every key the files know is told, and what is told of it is what the schema does."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from pydantic import ValidationError

from engine.settings.key_texts import DECK, MODEL
from engine.settings.reference import DECK_FILE, MODEL_FILE, Key, keys
from engine.settings.schema import DeckFile, ModelFile

BY_KEY = {(one.file, one.key): one for one in keys()}
SMALLEST = """
[model]
name = "rates"
task = "regression"
[data]
source = "rows.csv"
target = "y"
time_column = "at"
"""


def test_each_key_has_a_text_and_each_text_a_key() -> None:
    told = {DECK_FILE: DECK, MODEL_FILE: MODEL}
    assert set(BY_KEY) == {(file, key) for file, texts in told.items() for key in texts}
    assert len(BY_KEY) == len(keys())
    for one in keys():
        assert one.what.strip(), one.key
        assert not one.what.endswith("."), one.key


@pytest.mark.parametrize(
    ("file", "key", "kind", "default"),
    [
        (DECK_FILE, "hosts.NAME.port", "whole number, 0 to 65,535", "0"),
        (DECK_FILE, "cost.currency", "text", "required"),
        (MODEL_FILE, "train.time_budget", "duration", '"1m"'),
        (MODEL_FILE, "train.holdout", "number, above 0, at most 0.5", "0.2"),
        (MODEL_FILE, "train.constraints.size_mb", "number, above 0", ""),
        (MODEL_FILE, "log.personal", '"token", "keep"', '"token"'),
        (MODEL_FILE, "deploy.hosts", "list of texts", '["local"]'),
        (MODEL_FILE, "deploy.rollout", "table", ""),
        (MODEL_FILE, "deploy.rollout[].hold", "duration", '"0s"'),
        (MODEL_FILE, "deploy.split.for", "duration", '"1d"'),
        (MODEL_FILE, "endpoint.keys", "true or false", "false"),
        (MODEL_FILE, "gates.METRIC.vs_champion", "number, above 0", ""),
        (MODEL_FILE, "checks.columns.NAME.values", "list of text or number or true or false", ""),
        (MODEL_FILE, "schedules.NAME.run", '"train", "ingest", "monitor", "test"', "required"),
    ],
)
def test_types_bounds_and_defaults_are_those_of_the_schema(file: str, key: str, kind: str, default: str) -> None:
    one = BY_KEY[file, key]
    assert (one.kind, one.default) == (kind, default)


def said(one: Key) -> str:
    """Return the file that says the key's default and nothing else beyond what is required."""
    table, _, name = one.key.rpartition(".")
    start = 'name = "deck"\n' if one.file == DECK_FILE else SMALLEST
    header = f"[{table}]\n" if table not in ("", "data") else ""  # the smallest file ends within [data]
    return f"{start}{header}{name} = {one.default}\n"


PLAIN = [
    one
    for one in keys()
    if one.default not in ("", "required")
    and not {"NAME", "METRIC", "rollout[]", "cost", "approvals", "split"} & set(one.key.split("."))
    and not one.key.startswith(("fairness", "retrain", "checks.rows", "checks.fresh"))  # these ask for more beside it
]  # fmt: skip


@pytest.mark.parametrize("one", PLAIN, ids=lambda one: one.key)
def test_a_file_that_says_a_default_is_as_one_that_does_not(one: Key) -> None:
    file: type[Any] = DeckFile if one.file == DECK_FILE else ModelFile
    plain = 'name = "deck"\n' if one.file == DECK_FILE else SMALLEST
    assert file.model_validate(tomllib.loads(said(one))) == file.model_validate(tomllib.loads(plain))


@pytest.mark.parametrize(("folds", "is_taken"), [(1, False), (2, True), (20, True), (21, False)])
def test_a_bound_that_is_told_is_kept(folds: int, is_taken: bool) -> None:
    assert BY_KEY[MODEL_FILE, "train.folds"].kind == "whole number, 2 to 20"
    text = tomllib.loads(f"{SMALLEST}[train]\nfolds = {folds}\n")
    if is_taken:
        assert ModelFile.model_validate(text).train.folds == folds
    else:
        with pytest.raises(ValidationError):
            ModelFile.model_validate(text)
