"""Every mistake in a settings file is one line: which file, which line, what is wrong, what to do."""

from __future__ import annotations

import pytest

from engine.settings.schema import ROUTER_PATHS


def test_broken_toml_is_told_with_its_line(complaint_about):
    assert complaint_about("[train\n") == (
        "models/rates.toml is not valid TOML: Expected ']' at the end of a table declaration"
        " (at line 8, column 7): correct that line"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('tagret = "x"\n', "models/rates.toml:8: data.tagret: unknown key 'tagret', did you mean 'target'?"),
        ("[monitr]\n", "models/rates.toml:8: monitr: unknown key 'monitr', did you mean 'monitor'?"),
        ("[gates]\nmae = { mx = 3 }\n", "models/rates.toml:9: gates.mae.mx: unknown key 'mx', did you mean 'max'?"),
        (
            '[deploy]\nrollout = [{ weight = 100, hld = "1s" }]\n',
            "models/rates.toml:9: deploy.rollout.0.hld: unknown key 'hld', did you mean 'hold'?",
        ),
    ],
)
def test_unknown_key_names_its_line_and_the_closest_known_one(complaint_about, text, said):
    assert complaint_about(text).startswith(said)


def test_unknown_key_lists_the_keys_of_its_table(complaint_about):
    assert complaint_about("[log]\ncolour = 1\n").endswith(": known here: personal, mode, attributions")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[train]\nfolds = "three"\n', "train.folds: input should be a valid integer, got 'three'"),
        ("[train]\nfolds = 3.0\n", "train.folds: input should be a valid integer, got 3.0"),
        ("[train]\nseed = -1\n", "train.seed: input should be greater than or equal to 0, got -1"),
        ("[gates]\nmae = 3\n", "gates.mae: this must be a table, got 3"),
        ("[gates]\nmae = { max = nan }\n", "gates.mae.max: this must be a finite number, got nan"),
        ("[gates]\nmae = { max = inf }\n", "gates.mae.max: this must be a finite number, got inf"),
        ("[gates]\nmae = {}\n", "gates.mae: give at least one of min, max, vs_champion"),
        ('[gates]\nslices = "a"\n', "gates.slices: this must be a list, got 'a'"),
        ("[gates]\nfairness = {}\n", "gates.fairness: give max_difference, min_ratio or both"),
        (
            "[gates]\nfairness = { min_ratio = 1.2 }\n",
            "gates.fairness.min_ratio: input should be less than or equal to 1, got 1.2",
        ),
        ("[fairness]\ncolumns = []\n", "fairness.columns: "),
        ("[log]\nmode = true\n", "log.mode: input should be 'durable' or 'best-effort', got True"),
    ],
)
def test_wrong_value_is_told_with_its_key_and_what_was_found(complaint_about, text, said):
    assert complaint_about(text).startswith(f"models/rates.toml:9: {said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[gates]\nmea = { max = 3 }\n", "gates.mea: there is no regression metric 'mea': did you mean 'mae'?"),
        ("[gates]\nlog_loss = { max = 3 }\n", "gates.log_loss: there is no regression metric 'log_loss': "),
        ("[gates]\nlatency_ms = { max = 3 }\n", "gates.latency_ms: there is no regression metric 'latency_ms': "),
        ('[train]\nmetric = "rsme"\n', "train.metric: there is no regression metric 'rsme': did you mean 'rmse'?"),
    ],
)
def test_a_metric_that_the_task_does_not_have_is_refused(complaint_about, text, said):
    assert complaint_about(text).startswith(f"models/rates.toml:9: {said}")


@pytest.mark.parametrize("weights", ["10", "10, 5, 100", "10, 10, 100", "100, 10"])
def test_rollout_that_does_not_rise_to_all_traffic_is_refused(complaint_about, weights):
    steps = ", ".join(f"{{ weight = {weight} }}" for weight in weights.split(", "))
    assert "weights must rise from step to step and end with 100" in complaint_about(f"[deploy]\nrollout = [{steps}]\n")


def test_target_among_the_features_is_refused(complaint_about):
    assert "the target 'y' cannot be a feature" in complaint_about('features = ["x", "y"]\n')


def test_event_windows_without_a_time_column_are_refused(complaint_about):
    assert 'monitor.by = "event" needs data.time_column' in complaint_about('[monitor]\nby = "event"\n')


def test_unknown_host_names_the_declared_ones(complaint_about):
    assert complaint_about('[deploy]\nhosts = ["lcal"]\n') == (
        "models/rates.toml:9: deploy.hosts: unknown host 'lcal', did you mean 'local'? deck.toml declares local"
    )


def test_one_name_in_two_files_names_both(files):
    files.write("models/again.toml", (files.workspace.root / "models/rates.toml").read_text())
    assert files.complaint() == (
        "models/rates.toml:2: model.name: the name 'rates' is taken by models/again.toml: give each model its own name"
    )


@pytest.mark.parametrize("name", ROUTER_PATHS)
def test_model_named_like_a_path_of_the_router_is_refused(files, name):
    files.write("models/rates.toml", (files.workspace.root / "models/rates.toml").read_text().replace("rates", name))
    assert files.complaint().startswith(
        f"models/rates.toml:2: model.name: this name is a path of the router: give the model another name, got {name!r}"
    )


@pytest.mark.parametrize("name", ["Rates", "../rates", "a b", "-rates", "", "r" * 64])
def test_model_name_that_fits_no_path_is_refused_in_words(files, name):
    text = (files.workspace.root / "models/rates.toml").read_text()
    files.write("models/rates.toml", text.replace('"rates"', f'"{name}"'))
    assert 'model.name: use lower-case letters, digits, "-" and "_", 63 at most' in files.complaint()


def test_missing_table_and_missing_key_say_what_to_add(files):
    files.write("models/rates.toml", '[model]\nname = "rates"\ntask = "regression"\n')
    assert files.complaint() == "models/rates.toml: data: this table is missing: add [data]"
    files.write("models/rates.toml", '[model]\nname = "rates"\n[data]\nsource = "a"\ntarget = "y"\n')
    assert files.complaint() == "models/rates.toml:1: model.task: this key is missing: add task = … to [model]"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('nme = "test"\n', "deck.toml:1: nme: unknown key 'nme', did you mean 'name'?"),
        ('name = "test"\ntime_zone = "Mars"\n', "deck.toml:2: time_zone: not a time zone of this machine"),
        ('name = "test"\n[hosts.gpu]\n', "deck.toml: hosts: the one process host is this machine"),
        ('name = "test"\n[access]\nadmins = ["anna"]\n', "deck.toml:3: access.admins: unknown key 'admins'"),
        ('name = "test"\n[access]\nadmin = "anna"\n', "deck.toml:3: access.admin: this must be a list, got 'anna'"),
    ],
)
def test_mistakes_in_the_deck_file_are_told_the_same_way(files, text, said):
    files.write("deck.toml", text)
    assert files.complaint().startswith(said)


def test_absent_deck_file_says_how_to_make_one(files):
    (files.workspace.root / "deck.toml").unlink()
    assert files.complaint() == "deck.toml is missing: make a workspace with: modeldeck init DIR"


def test_file_that_is_not_text_is_refused(files):
    (files.workspace.root / "models/rates.toml").write_bytes(b"\xff\xfe[model]")
    assert files.complaint() == "models/rates.toml is not UTF-8 text: save it as UTF-8"


def test_folder_in_place_of_a_file_is_refused(files):
    (files.workspace.root / "models/folder.toml").mkdir()
    assert files.complaint().startswith("models/folder.toml cannot be read (Is a directory)")


def test_fairness_gate_without_columns_is_refused(complaint_about):
    assert "train.constraints.fairness_difference needs [fairness] columns, such as" in complaint_about(
        "[train.constraints]\nfairness_difference = 0.1\n"
    )
    assert 'gates.fairness needs [fairness] columns, such as ["market_segment"]' in complaint_about(
        "[gates]\nfairness = { max_difference = 5.0 }\n"
    )


def test_fairness_over_the_target_is_refused(complaint_about):
    assert "the target 'y' makes no groups to compare" in complaint_about('[fairness]\ncolumns = ["y"]\n')
