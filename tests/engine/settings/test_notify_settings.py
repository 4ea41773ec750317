"""What deck.toml says of who is told, and that a secret written there is refused and never repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.settings.model import DeckSettings
from engine.settings.notify import DEFAULT_ON, NotifySettings

DECK = 'name = "test"\n'
RATES = '[model]\nname = "rates"\ntask = "regression"\n[data]\nsource = "rows.csv"\ntarget = "y"\n'
TOKEN = "xoxb-1234567890abcdef"
PLAIN = [
    ("apprise", f"slack://{TOKEN}/B0/C0"),
    ("apprise", "mailto://anna:hunter2000@example.com"),
    ("apprise", "tgram://123456789:abcdefghij/"),
    ("webhook", "https://anna:hunter2000@example.com/hook"),
    ("webhook", "https://anna@example.com/hook"),
    ("webhook", "https://example.com/hook?token=hunter2000"),
    ("webhook", "https://hooks.slack.com/services/T00000000/B00000000/a1b2c3d4e5f6a7b8c9d0e1f2"),
    ("webhook", "https://example.com/hook#a1b2c3d4e5f6a7b8c9d0e1f2"),
    ("webhook", "https://[hunter2000"),
]


def told(files, text: str) -> str:
    files.write("deck.toml", f"{DECK}{text}")
    return files.complaint()


def test_targets_are_read_with_their_defaults_and_come_back_from_a_revision(files):
    files.write(
        "deck.toml",
        DECK
        + '[notify.oncall]\nurl = "env:ONCALL"\nquiet = "22:00-07:00"\n'
        + '[notify.hook]\nkind = "webhook"\nurl = "https://example.com/modeldeck/hooks"\n'
        + 'secret = ["file:secrets/new", "env:OLD"]\non = ["alert.*"]\nmodels = ["rates"]\nseverity = "critical"\n',
    )
    settings = files.load()
    assert settings.notify == {
        "oncall": NotifySettings("apprise", "env:ONCALL", on=DEFAULT_ON, quiet=(1320, 420), per_minute=3),
        "hook": NotifySettings(
            "webhook",
            "https://example.com/modeldeck/hooks",
            secrets=("file:secrets/new", "env:OLD"),
            on=("alert.*",),
            models=("rates",),
            severity="critical",
            per_minute=60,
        ),
    }
    assert DeckSettings.from_body(settings.to_body()).notify == settings.notify


def test_deck_without_targets_is_the_revision_that_it_was(files):
    assert "notify" not in files.load().to_body()


@pytest.mark.parametrize(("kind", "url"), PLAIN)
def test_secret_in_plain_is_refused_in_one_line_that_says_how_and_not_what(files, kind, url):
    signed = 'secret = "env:S"\n' if kind == "webhook" else ""
    line = told(files, f'[notify.x]\nkind = "{kind}"\nurl = "{url}"\n{signed}')
    assert line.startswith("deck.toml:2: notify.x: url holds a password or token: write where it lies, url = ")
    assert '"env:NAME"' in line
    for secret in (TOKEN, "hunter2000", "anna", "abcdefghij", "a1b2c3d4e5f6a7b8c9d0e1f2", "T00000000"):
        assert secret not in line


@pytest.mark.parametrize(
    "stated", ['"hunter2000"', '["env:A", "hunter2000"]', '"env:hunter 2000"', "5", '{a = "hunter2000"}']
)
def test_webhook_secret_in_plain_is_refused_and_not_repeated(files, stated):
    line = told(files, f'[notify.x]\nkind = "webhook"\nurl = "https://example.com"\nsecret = {stated}\n')
    assert line.startswith("deck.toml:5: notify.x.secret")
    assert "hunter" not in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('url = "env:A"\non = ["alert.opend"]', "notify.x.on: no event 'alert.opend', did you mean 'alert.opened'?"),
        ('url = "env:A"\non = []', "notify.x.on:"),
        ('url = "env:A"\nquiet = "22-7"', 'notify.x.quiet: write two different times of day, such as "22:00-07:00"'),
        ('url = "env:A"\nquiet = "07:00-07:00"', "two different times"),
        ('url = "env:A"\ntimeout = "5m"', "notify.x.timeout: must be from"),
        ('url = "env:A"\nmodels = ["ratse"]', "notify.x.models: unknown model 'ratse', did you mean 'rates'?"),
        ('url = "env:A"\nsecret = "env:B"', "secret belongs to a webhook"),
        ('url = "env:A"\nplain_http = true', "plain_http belongs to a webhook"),
        ('url = "env:A"\nseverty = "info"', "unknown key 'severty', did you mean 'severity'?"),
        ('kind = "webhook"\nurl = "https://example.com"', "secret is missing: a webhook is signed"),
        ('kind = "webhook"\nurl = "http://example.com"\nsecret = "env:A"', "url is not https"),
        ('kind = "webhook"\nurl = "ftp://example.com"\nsecret = "env:A"', "url is no address"),
        ('kind = "webhook"\nurl = "https://example.com/a b"\nsecret = "env:A"', "url holds a space"),
        ('kind = "webhook"\nurl = "https://x"\nsecret = ["env:A", "env:B", "env:C"]', "at most two secrets"),
    ],
)
def test_one_line_says_what_is_wrong(files, text, said):
    line = told(files, f"[notify.x]\n{text}\n")
    assert line.startswith("deck.toml:")
    assert said in line


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8080/hook", "http://localhost/hook", "http://[::1]:1/x", "https://example.com:8443/a/b-c_d"],
)
def test_plain_http_may_stay_on_this_machine(files, url):
    files.write("deck.toml", f'{DECK}[notify.x]\nkind = "webhook"\nurl = "{url}"\nsecret = "env:A"\n')
    assert files.load().notify["x"].url == url


def test_plain_http_elsewhere_where_it_is_said(files):
    text = '[notify.x]\nkind = "webhook"\nurl = "http://example.com"\nsecret = "env:A"\nplain_http = true\n'
    files.write("deck.toml", f"{DECK}{text}")
    assert files.load().notify["x"].plain_http


def test_the_settings_that_the_documentation_shows_hold(files):
    text = (Path(__file__).parents[3] / "docs" / "notifications.md").read_text("utf-8")
    shown = text.partition("```toml\n")[2].partition("```")[0]
    files.write("models/nightly.toml", RATES.replace('"rates"', '"nightly-rates"'))
    files.write("deck.toml", f"{DECK}{shown}")
    assert set(files.load().notify) == {"oncall", "pipeline"}
