"""Applying settings: a numbered revision, told apart from what stood, and never twice the same in a row."""

from __future__ import annotations

import pytest

from engine.settings.apply import apply_settings, current_settings, require_model, settings_of
from store import events, models, schedules
from store.errors import BrokenSettings, Refused, UnknownName

RATES = '[model]\nname = "rates"\ntask = "regression"\n[data]\nsource = "rows.csv"\ntarget = "y"\n'


@pytest.fixture(name="say")
def write_the_model_file(deck):
    """Write the file of the model `rates`, with more text after it."""
    (deck.workspace.root / "models").mkdir()

    def write(text=""):
        (deck.workspace.root / "models/rates.toml").write_text(f"{RATES}{text}")

    write()
    return write


def apply(deck):
    revision, already, lines = apply_settings(deck, "user:anna", "a reason")
    return revision.revision, already, lines


def applied_events(deck):
    return [event for event in events.events(deck.database) if event.action == "settings.applied"]


@pytest.mark.usefixtures("say")
def test_first_apply_makes_revision_one_with_its_event(deck):
    assert apply(deck) == (1, False, ["models.rates: added"])
    [event] = applied_events(deck)
    assert (event.actor, event.reason, event.subject_id) == ("user:anna", "a reason", "1")
    assert event.body["added"] == ["rates"]
    assert [model.name for model in models.models(deck.database)] == ["rates"]


@pytest.mark.usefixtures("say")
def test_applying_the_same_again_changes_nothing(deck):
    apply(deck)
    assert apply(deck) == (1, True, [])
    assert len(applied_events(deck)) == 1


def test_a_dry_run_tells_the_same_and_changes_nothing(deck, say):
    apply(deck)
    say("[train]\nfolds = 5\n")
    revision, already, lines = apply_settings(deck, "user:anna", "only looking", dry_run=True)
    assert (revision.revision, already, lines) == (2, False, ["models.rates.train.folds: 3 -> 5"])
    assert settings_of(deck, 1) == current_settings(deck)[0]
    assert len(applied_events(deck)) == 1
    assert apply(deck) == (2, False, lines)


def test_change_is_told_key_by_key(deck, say):
    apply(deck)
    say("[train]\nfolds = 5\n[gates]\nmae = { max = 3 }\n[deploy]\nrollout = [{ weight = 100 }]\n")
    revision, already, lines = apply(deck)
    assert (revision, already) == (2, False)
    assert "models.rates.train.folds: 3 -> 5" in lines
    assert "models.rates.gates.limits.mae.max: absent -> 3.0" in lines
    assert all(line.startswith("models.rates.") for line in lines)


def test_going_back_to_what_stood_before_is_a_revision_of_its_own(deck, say):
    apply(deck)
    say("[train]\nfolds = 5\n")
    apply(deck)
    say()
    assert apply(deck) == (3, False, ["models.rates.train.folds: 5 -> 3"])
    assert settings_of(deck, 1) == settings_of(deck, 3)
    assert settings_of(deck, 2).models["rates"].train.folds == 5


def test_added_and_removed_models_are_one_line_each(deck, say):
    apply(deck)
    say()
    (deck.workspace.root / "models/rates.toml").write_text(RATES.replace('"rates"', '"posts"'))
    assert apply(deck)[2] == ["models.posts: added", "models.rates: removed"]
    assert [schedule.id for schedule in schedules.schedules(deck.database)] == ["monitor:posts"]


def test_broken_files_leave_what_is_applied_as_it_was(deck, say):
    apply(deck)
    say("[train]\nfolds = 'x'\n")
    with pytest.raises(BrokenSettings):
        apply(deck)
    settings, revision = current_settings(deck)
    assert (revision, settings.models["rates"].train.folds) == (1, 3)
    assert len(applied_events(deck)) == 1


def test_longest_durations_are_still_times_a_schedule_can_keep(deck, say):
    say('[monitor]\nevery = "3650d"\nwindow = "3650d"\nlateness = "3650d"\n')
    assert apply(deck)[:2] == (1, False)
    assert schedules.schedules(deck.database)[0].trigger == "every 3650d"


def test_nothing_applied_yet_says_so(deck):
    with pytest.raises(Refused, match="no settings are applied yet"):
        current_settings(deck)


@pytest.mark.usefixtures("say")
def test_unknown_model_names_the_closest_and_the_applied_ones(deck):
    apply(deck)
    with pytest.raises(UnknownName, match="no model named 'rate', did you mean 'rates'") as caught:
        require_model(current_settings(deck)[0], "rate")
    assert caught.value.hint == "applied models: rates"
