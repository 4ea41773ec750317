"""What a model file says of its sources and joins, and that no credential gets in or out through it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from console.commands.check_targets import target_lines
from engine.settings.data import DataSettings, JoinSettings
from engine.settings.model import ModelSettings
from engine.settings.secrets import holds_credential, redacted, secret_of
from store.errors import Refused

MODEL = """[model]
name = "rates"
task = "regression"

[data]
source = "{source}"
target = "y"
{more}
"""


@pytest.fixture
def said(files):
    def say(source, more=""):
        files.write("models/rates.toml", MODEL.format(source=source, more=more))
        return files

    return say


def test_sources_and_joins_are_kept(said):
    more = """time_column = "at"
query = "SELECT * FROM stays"
secret = "env:STAYS_PASSWORD"
incremental = true
lateness = "2d"

[joins.weather]
source = "weather/*.csv"
time_column = "seen_at"
on = ["place"]
columns = ["temp"]
prefix = "weather_"
max_age = "3h"
delay = "10m"
"""
    settings = said("postgresql://reader@db.example/stays", more).load().models["rates"]
    weather = JoinSettings(
        "weather", "weather/*.csv", "seen_at", ("place",), ("temp",), "weather_", max_age_s=10800.0, delay_s=600.0
    )
    assert settings.data == DataSettings(
        "postgresql://reader@db.example/stays",
        "y",
        "at",
        query="SELECT * FROM stays",
        secret="env:STAYS_PASSWORD",
        incremental=True,
        lateness_s=172800.0,
        joins=(weather,),
    )
    assert ModelSettings.from_body(settings.to_body()) == settings


def test_what_is_not_said_leaves_the_revision_as_it_was(said):
    body = said("rows.csv").load().models["rates"].to_body()
    assert set(body["data"]) == {"source", "target", "time_column", "id_column", "features", "personal"}


@pytest.mark.parametrize(
    ("source", "more", "told"),
    [
        ("sqlite:rows.db", "", "query is missing: say what the database is asked"),
        ("rows.csv", 'query = "SELECT 1"', "query belongs to a database"),
        ("rows.csv", "incremental = true", "incremental = true needs time_column"),
        ("rows.csv", 'lateness = "1d"', "lateness belongs to incremental = true"),
        ("rows.csv", '[joins.w]\nsource = "w.csv"\ntime_column = "at"', "a join needs data.time_column"),
        ("rows.csv", '[joins.w]\nsource = "w.csv"', "models/rates.toml:8: joins.w.time_column: this key is missing"),
    ],
)
def test_what_does_not_hold_together_is_told(said, source, more, told):
    assert told in said(source, more).complaint()


@pytest.mark.parametrize(
    "source",
    [
        "postgresql://anna:hunter2@db/stays",
        "postgresql://db/stays?user=anna&password=hunter2",
        "https://anna:hunter2@host/rows.csv",
        "https://host/rows.csv?token=hunter2",
        "https://host/rows.csv?sv=1&sig=hunter2",
        "s3://bucket/rows.csv?X-Amz-Signature=hunter2",
    ],
)
def test_credential_in_a_source_is_refused_and_not_repeated(said, source):
    told = said(source, 'query = "SELECT 1"').complaint()
    assert "a credential does not belong in settings" in told
    assert "hunter2" not in told


def test_credential_in_place_of_where_it_lies_is_not_repeated(said):
    told = said("https://host/rows.csv", 'secret = "hunter2"').complaint()
    assert 'secret must say where the credential lies: "env:NAME" or "file:PATH"' in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("could not open https://anna:p@ss@host/x", "could not open https://anna:***@host/x"),
        ("https://host/x?a=1&api_key=k&b=2", "https://host/x?a=1&api_key=***&b=2"),
        ("wrong token abc at host", "wrong token *** at host"),
    ],
)
def test_credentials_are_taken_out_of_what_is_shown(text, shown):
    assert redacted(text, "abc") == shown


@pytest.mark.parametrize("source", ["rows.csv", "https://host/rows.csv?sort_key=a", "SELECT 'a' AS token", "s3://b/x"])
def test_plain_source_holds_no_credential(source):
    assert not holds_credential(source)


def test_secret_comes_from_the_environment_or_a_file_of_the_owner(tmp_path, monkeypatch):
    monkeypatch.setenv("RATES_TOKEN", "hunter2")
    place = tmp_path / "token"
    place.write_text("hunter3\n")
    place.chmod(0o600)
    assert secret_of("env:RATES_TOKEN", tmp_path) == "hunter2"
    assert secret_of("file:token", tmp_path) == "hunter3"


@pytest.mark.parametrize(
    ("where", "mode", "told"),
    [
        ("env:NOT_SET_ANYWHERE", 0o600, "NOT_SET_ANYWHERE is not set"),
        ("file:absent", 0o600, "absent cannot be read"),
        ("file:token", 0o640, "others may read the secret file .*token: chmod 600"),
        ("file:empty", 0o600, "empty is empty"),
    ],
)
def test_secret_that_is_not_there_or_not_secret_is_refused(tmp_path, where, mode, told):
    for name, text in (("token", "hunter3"), ("empty", "")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
    with pytest.raises(Refused, match=told.partition(":")[0]) as refused:
        secret_of(where, tmp_path)
    assert "hunter3" not in refused.value.line()


def test_everything_wrong_with_a_secret_file_is_told_at_once(tmp_path):
    with pytest.raises(Refused) as absent:
        secret_of("file:hook", tmp_path)
    assert absent.value.hint.endswith(f"for its owner alone: chmod 600 {tmp_path / 'hook'}")
    (tmp_path / "hook").write_text("")
    (tmp_path / "hook").chmod(0o644)
    with pytest.raises(Refused, match=r"others may read .*, and it is empty"):
        secret_of("file:hook", tmp_path)


def test_a_target_tells_of_all_its_secret_files(tmp_path):
    target = SimpleNamespace(kind="webhook", url="https://hooks.example.com", secrets=("file:a", "file:b"), on=())
    [(name, error)] = target_lines(SimpleNamespace(root=tmp_path), SimpleNamespace(notify={"hook": target}))
    assert name == "notify.hook"
    assert f"{tmp_path / 'a'} cannot be read" in error.message
    assert f"{tmp_path / 'b'} cannot be read" in error.message
