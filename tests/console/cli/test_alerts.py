"""Alerts from the command line: taken, given, snoozed, muted, resolved; each line says who and until when."""

from __future__ import annotations

import getpass
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from one_model import deck_of_one_model, register, window

from engine.deck import Deck
from store import alerts, deployments, events, models, releases, watching
from store.clock import parse_time
from store.errors import Refused, UnknownName

Line = Callable[..., Any]
HOUR_US = 3_600_000_000


@pytest.fixture
def deck(folder: Path) -> Iterator[Deck]:
    """The open deck of the workspace, with one model."""
    opened = deck_of_one_model(folder)
    yield opened
    opened.database.close()


def raised(deck: Deck, **changed: Any) -> str:
    finding = {"model": "rates", "kind": "drift", "key": "drift:rates@1", "severity": "warning"}
    with deck.database.write() as tx:
        told = {**finding, "title": "it drifts", "evidence": {}, "actor": "trigger:monitor:rates", **changed}
        return alerts.raise_alert(tx, **told)[0].id


def test_taken_until_a_time_in_the_decks_zone(line: Line, deck: Deck) -> None:
    alert = raised(deck)
    said = line("alerts", "ack", alert, "--until", "2099-07-01T08:00", "--reason", "looking")
    assert re.fullmatch(
        rf"alert {alert[:16]}: acknowledged by user:\w+ until 2099-07-01 08:00:00 Europe/Rome\n", said.out
    )
    found = line("alerts", "--json").data[0]
    assert (found["until_at"], found["state"]) == ("2099-07-01T06:00:00Z", "acknowledged")
    assert "acked" in line("alerts").out
    again = line("alerts", "ack", alert)
    assert re.fullmatch(rf"already acknowledged by user:\w+: alert {alert}\n", again.out.replace(alert[:16], alert))
    longer = line("alerts", "ack", alert, "--until", "2099-07-02T08:00")
    assert "until 2099-07-02 08:00:00" in longer.out


def test_given_to_somebody_who_keeps_it(line: Line, deck: Deck) -> None:
    alert = raised(deck)
    assert line("alerts", "ack", alert, "--owner", "ben").out == f"alert {alert[:16]}: acknowledged for user:ben\n"
    assert line("alerts", "ack", alert).out == f"already acknowledged by user:ben: alert {alert[:16]}\n"
    assert alerts.alert(deck.database, alert).owner == "user:ben"


def test_snoozed_for_a_while_and_back(line: Line, deck: Deck) -> None:
    alert = raised(deck)
    said = line("alerts", "snooze", alert, "--for", "4h", "--reason", "after the market opens")
    assert said.out.startswith(f"alert {alert[:16]}: snoozed until 20")
    found = alerts.alert(deck.database, alert)
    assert found.until_at is not None
    assert abs(found.until_at - deck.clock.now() - 4 * 3_600_000_000) < 60_000_000
    assert "snoozed" in line("alerts").out
    newest = events.events(deck.database, limit=1)[0]
    assert (newest.action, newest.reason) == ("alert.snoozed", "after the market opens")
    assert line("alerts", "snooze", alert, "--for", "4hours").code == 0
    assert line("alerts", "snooze", alert, "--for", "long").err.count("such as") == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("snooze", "ID"), "a snooze needs an end"),
        (("snooze", "ID", "--for", "long"), "--for 'long' is no duration: write a duration with its unit"),
        (("snooze", "ID", "--for", "0s"), "is over at once"),
        (("snooze", "ID", "--until", "tomorrow"), "'tomorrow' is not a time"),
        (("snooze", "ID", "--until", "2020-01-01"), "is over: it is"),
        (("snooze", "ID", "--until", "2099-01-01", "--for", "1h"), "both --until and --for"),
        (("ack", "ID", "--owner", "no name"), "is no user's name"),
        (("maintenance", "rates"), "say when maintenance ends"),
        (("maintenance", "rates", "--for", "1h"), "maintenance needs a reason"),
        (("maintenance", "rates", "--for", "1h", "--end"), "say when maintenance ends"),
        (("maintenance", "rates", "--end"), "no maintenance of rates is under way"),
    ],
)
def test_what_cannot_be_is_one_line_and_changes_nothing(
    line: Line, deck: Deck, words: tuple[str, ...], why: str
) -> None:
    alert = raised(deck)
    before = events.head(deck.database)
    said = line("alerts", *(alert if word == "ID" else word for word in words))
    assert said.code == Refused.exit_code
    assert why in said.err.splitlines()[0]
    assert events.head(deck.database) == before


def test_maintenance_mutes_what_opens_and_is_listed(line: Line, deck: Deck) -> None:
    before = events.head(deck.database)
    dry = line("alerts", "maintenance", "rates", "--for", "2h", "--reason", "new host", "--dry-run")
    assert dry.out.startswith("maintenance of rates would last until 20")
    assert events.head(deck.database) == before
    said = line("alerts", "maintenance", "all", "--until", "2099-07-01T08:00", "--reason", "new host")
    assert said.out == "maintenance of the whole deck lasts until 2099-07-01 08:00:00 Europe/Rome\n"
    alert = raised(deck)
    assert [row["state"] for row in line("alerts", "--json").data] == ["muted"]
    [listed] = line("alerts", "maintenances", "--json").data
    assert (listed["model"], listed["reason"]) == (None, "new host")
    assert "the whole deck" in line("alerts", "maintenances").out
    assert line("alerts", "maintenance", "all", "--end").out == "maintenance of the whole deck is over\n"
    assert alerts.alert(deck.database, alert).state == "muted"  # until the daemon's next look
    assert line("alerts", "maintenance", "prices", "--for", "2h", "--reason", "x").code == UnknownName.exit_code


def test_dry_runs_say_until_when(line: Line, deck: Deck) -> None:
    alert = raised(deck)
    before = events.head(deck.database)
    until = ("--until", "2099-07-01T08:00", "--dry-run")
    end = "until 2099-07-01 08:00:00 Europe/Rome"
    assert line("alerts", "ack", alert, *until).out == f"alert {alert[:16]}: would be acknowledged {end}\n"
    assert line("alerts", "snooze", alert, *until).out == f"alert {alert[:16]}: would be snoozed {end}\n"
    assert events.head(deck.database) == before
    assert parse_time("2099-07-01T08:00", "Europe/Rome") > deck.clock.now()


def test_show_gives_the_figure_its_limit_and_who_changed_what_before(line: Line, deck: Deck) -> None:
    metrics = {"refused": {"value": 0.5, "low": None, "high": None, "n": 100, "note": ""}}
    with deck.database.write() as tx:
        register(tx)
        for number in range(4):
            refused = metrics if number == 3 else {}
            span = {"from_at": number * HOUR_US, "to_at": (number + 1) * HOUR_US}
            watching.put_window(tx, window(**span, rows=50, metrics=refused))
        events.append(
            tx, actor="user:ben", action="release.completed", subject_kind="release", subject_id="f" * 32,
            model="rates", reason="spring prices", body={"from": 1, "to": 2, "kind": "promote"},
        )  # fmt: skip
        events.append(tx, actor="user:ben", action="alias.moved", subject_kind="alias", subject_id="posts:champion",
                      model="posts", body={})  # fmt: skip
    alert = raised(deck, kind="data", key="data:rates@1", evidence={"version": 1, "on": "data", "limit": 0.2})
    with deck.database.write() as tx:
        events.append(
            tx, actor="user:ben", action="release.completed", subject_kind="release", subject_id="e" * 32,
            model="rates", body={"from": 2, "to": 1, "kind": "rollback"},
        )  # fmt: skip
    told = line("alerts", "show", alert, "--json").data
    assert (told["series"]["name"], told["series"]["limit"]) == ("refused requests", 20.0)
    assert [point["value"] for point in told["series"]["points"]] == [0.0, 0.0, 0.0, 50.0]
    changed = [(event["action"], event["model"]) for event in told["changes"]]
    assert changed[0] == ("release.completed", "rates")
    assert all(model in (None, "rates") for _, model in changed)
    assert [event["action"] for event in told["life"]] == ["alert.opened"]

    whole = line("show", "alert", alert, "--json").data["body"]
    assert {name: whole[name] for name in ("series", "changes", "life")} == {
        name: told[name] for name in ("series", "changes", "life")
    }
    assert {name: whole[name] for name in told["alert"]} == told["alert"]
    for verb in (("alerts", "show"), ("show", "alert")):
        shown = " ".join(line(*verb, alert).out.split())
        assert "promoted v1 → v2 by ben, just before" in shown
        assert "spring prices" in shown
        assert "rolled back" not in shown
        assert f"modeldeck alerts snooze {alert[:16]} --for 4h" in shown


def test_show_of_a_host_that_is_silent_has_no_figure(line: Line, deck: Deck) -> None:
    alert = raised(deck, model=None, host="far", kind="silent", key="silent:host:far", title="host far is silent")
    assert line("alerts", "show", alert, "--json").data["series"] is None
    shown = line("show", "alert", alert).out
    assert "modeldeck hosts check far" in shown
    assert "far" in line("alerts").out


def test_check_names_a_rule_of_a_column_that_the_source_has_not(line: Line, folder: Path) -> None:
    model = '[model]\nname = "rates"\ntask = "regression"\n[data]\nsource = "rows.csv"\ntarget = "y"\n'
    rule = '[alerts.leads]\non = "drift"\nfeature = "lead_tiem"\n'
    (folder / "rows.csv").write_text("lead_time,y\n1,2\n3,4\n")
    (folder / "models" / "rates.toml").write_text(model + rule.replace("lead_tiem", "lead_time"))
    assert line("check").code == 0
    (folder / "models" / "rates.toml").write_text(model + '[train]\nestimator = "sklearn.linear_model.Nope"\n')
    assert "rates: train.estimator: sklearn.linear_model has no estimator 'Nope'" in line("check").err
    (folder / "models" / "rates.toml").write_text(model + rule)
    said = line("check")
    assert said.code == Refused.exit_code
    assert "rates: alerts.leads.feature: column 'lead_tiem' is not in rows.csv: did you mean 'lead_time'?" in said.err


@pytest.mark.parametrize(
    ("evidence", "name", "value", "limit"),
    [
        (
            {"on": "quality", "limit": 0.1, "columns": [{"name": "lead", "fault": "nulls", "usual": 0.05}]},
            "lead: nulls",
            40.0,
            15.0,
        ),
        ({"on": "freshness", "limit": 60.0}, "age", 90.0, 60.0),
        (
            {
                "on": "fairness", "limit": 1.0, "allowed": 5.0, "gap": "fairness_segment", "measure": "mae",
                "column": "segment",
            },
            "mae of segment apart",
            7.0,
            5.0,
        ),
    ],
)  # fmt: skip
def test_what_an_alert_of_inputs_or_groups_rests_on_is_drawn_over_its_windows(
    line: Line, deck: Deck, evidence: dict[str, Any], name: str, value: float, limit: float
) -> None:
    fault = {"name": "lead", "fault": "nulls", "rows": 4, "n": 10, "share": 0.4, "usual": 0.05, "beyond": True}
    quality = {"columns": [fault], "beyond": 1, "freshness": {"age_s": 90.0}, "repeated": 0}
    with deck.database.write() as tx:
        register(tx)
        watching.put_window(tx, window(quality=quality, metrics={"fairness_segment": {"value": 7.0}}))
    alert = raised(deck, evidence={"version": 1, **evidence})
    told = line("alerts", "show", alert, "--json").data["series"]
    assert (told["name"], told["limit"], [one["value"] for one in told["points"]]) == (
        name, pytest.approx(limit), [pytest.approx(value)]
    )  # fmt: skip


def test_an_alert_about_a_version_that_was_rolled_back_says_so(line: Line, deck: Deck) -> None:
    """Version 2 took over from 1 and was left again: the alert about it stands, that about 1 asks for a way back."""
    with deck.database.write() as tx:
        register(tx)
        register(tx)
        deployments.ensure_endpoint(tx, "rates")
        for number in (1, 2):
            deployments.add_deployment(
                tx, endpoint="rates", host="local", version=number, role="champion", settings_revision=1
            )
    about = {
        n: raised(deck, key=f"performance:rates@{n}", evidence={"version": n}, title=f"v{n} is off") for n in (1, 2)
    }
    assert [one["left_version"] for one in line("alerts", "--json").data] == [None, None]
    with deck.database.write() as tx:
        second = next(one for one in deployments.deployments(tx) if one.version == 2)
        deployments.set_desired(tx, second.id, "warm", role="warm")
    assert {one["id"]: one["left_version"] for one in line("alerts", "--json").data} == {about[1]: None, about[2]: 2}
    for words in (("alerts",), ("pulse",), ("handover",)):
        shown = line(*words).out
        assert "v2 gone" in shown
        assert "v2 is off" in shown
        assert "v1 gone" not in shown
        assert shown.index("v1 is off") < shown.index("v2 is off"), "what still serves comes first"
    page = line("show", "alert", about[2]).out
    assert "v2, which no longer serves" in page
    assert "modeldeck rollback" not in page
    assert "modeldeck rollback" not in line("show", "alert", about[1]).out, "no release leads back anywhere"
    with deck.database.write() as tx:
        models.set_alias(tx, "rates", "champion", 1, actor="user:ben")
        made = releases.open_release(
            tx, endpoint="rates", kind="promote", from_version=2, to_version=1, settings_revision=1, actor="user:ben"
        )
        releases.set_state(tx, made.id, "running")
        releases.set_state(tx, made.id, "completed")
    assert "modeldeck rollback rates" in line("show", "alert", about[1]).out
    assert line("alerts", "resolve", about[2]).code == 0
    assert line("show", "alert", about[2], "--json").data["body"]["left_version"] is None, "it is over"


def test_lists_show_how_bad_an_alert_is_and_the_worst_first(line: Line, deck: Deck) -> None:
    raised(deck, key="a", severity="critical", title="it fails")
    raised(deck, key="b", severity="warning", title="it drifts")
    raised(deck, key="c", severity="critical", title="it is watched")
    taken = next(one["id"] for one in line("alerts", "--json").data if one["title"] == "it is watched")
    assert line("alerts", "ack", taken).code == 0
    for verb in ("alerts", "pulse"):
        shown = [one.split() for one in line(verb).out.splitlines() if " it " in one]
        assert [" ".join(words[1:]) for words in shown] == [
            "rates critical it fails",
            "rates warning it drifts",
            f"rates acked {getpass.getuser()} it is watched",
        ]
