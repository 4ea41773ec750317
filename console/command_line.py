"""The `:` line of the console: what it means and how it completes. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SCREENS = (
    *("pulse", "models", "runs", "jobs", "deploys", "monitors", "schedules", "events", "alerts"),
    *("releases", "notifications", "approvals", "handover", "incidents"),
)
ALIASES = {
    "model": "models",
    "run": "runs",
    "job": "jobs",
    "deployments": "deploys",
    "monitor": "monitors",
    "watch": "monitors",
    "schedule": "schedules",
    "release": "releases",
    "event": "events",
    "audit": "events",
    "alert": "alerts",
    "notification": "notifications",
    "approval": "approvals",
    "incident": "incidents",
    "home": "pulse",
}
QUITS = ("q", "quit", "q!", "wq", "exit")
ACTS = {
    "promote": "releases.promote",
    "rollback": "releases.rollback",
    "deploy": "releases.deploy",
    "train": "runs.train",
    "abort": "releases.abort",
}
KINDS = ("run", "job", "alert")  # whose page `:job ID` opens
_VERSION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_ID = re.compile(r"[0-9a-f]{6}[0-9a-f-]*")
WORDS = ("at", "refresh", "help", "quit")


@dataclass(frozen=True, slots=True)
class Command:
    """What a line means: kind is a screen, version, model, run, job, alert, at, act, quit, help, refresh, nothing.

    It is unknown where it means nothing, verify where it checks the record, and shell where it is a command that only a
    shell has, `name` being that. Of a run, a job and an alert `name` is the beginning of its id. `version` is
    the word a version is named by: its number, or an alias.
    """

    kind: str
    name: str = ""
    rest: str = ""
    version: str = ""


def parse(text: str) -> Command:
    """Read a line: `jobs failed`, `model nightly-rates`, `version nightly-rates@3`, `promote nightly-rates 3`, `q`."""
    words = text.split()
    if not words:
        return Command("nothing")
    verb, rest = words[0].lower(), words[1:]
    if verb in QUITS:
        return Command("quit")
    if verb in ("help", "?"):
        return Command("help")
    if verb in ("refresh", "r"):
        return Command("refresh")
    if verb == "at":
        return Command("at", " ".join(rest)) if rest else Command("unknown", "at without a time")
    if verb in ACTS:
        return _act(verb, rest)
    if verb in ("version", "show", "model", "versions") and (found := _version(rest)) is not None:
        return found
    if verb in ("model", "versions") and len(rest) == 1:
        return Command("model", rest[0])
    if verb in ("version", "show") and rest:
        return Command("unknown", " ".join(rest))
    if verb in KINDS and len(rest) == 1 and _ID.fullmatch(rest[0]):
        return Command(verb, rest[0])
    if verb == "audit" and rest == ["verify"]:
        return Command("verify")
    if rest and _is_verb(verb, rest[0]):  # a filter of that word is typed after the screen's filter key
        return Command("shell", " ".join([verb, *rest]))
    screen = ALIASES.get(verb, verb)
    matches = [name for name in SCREENS if name.startswith(screen)]
    if screen in SCREENS or len(matches) == 1:
        return Command("screen", screen if screen in SCREENS else matches[0], " ".join(rest))
    if "@" in verb:
        return _version(words) or Command("unknown", words[0])
    return Command("unknown", verb)


def _is_verb(noun: str, word: str) -> bool:
    from console.commands.finding import verb_of  # not for the first frame

    return verb_of((noun, word)) is not None


def _act(verb: str, rest: list[str]) -> Command:
    named = _version(rest)
    if named is not None:
        return Command("act", ACTS[verb], named.name, named.version)
    return Command("act", ACTS[verb], rest[0] if rest else "")


def _version(words: Sequence[str]) -> Command | None:
    """Read `MODEL@7`, `MODEL @7`, `MODEL v7` or an alias in place of the number; None where it is not one of these."""
    name, _, version = " ".join(words).replace(" @", "@").replace(" ", "@").partition("@")
    return Command("version", name, version=version) if name and _VERSION.fullmatch(version) else None


def complete(text: str, models: Sequence[str], ids: Mapping[str, Sequence[str]] | None = None) -> tuple[str, ...]:
    """Return whole lines the text may become; `ids` are those of runs, jobs and alerts by kind, the newest first."""
    head, space, tail = text.rpartition(" ")
    if not space:
        words = (*SCREENS, "model", *KINDS, *ACTS, *WORDS)
        return tuple(word for word in words if word.startswith(text.lower()) and word != text)
    if head.strip() in ("model", "models", "versions", *ACTS):
        return tuple(f"{head} {name}" for name in models if name.startswith(tail) and name != tail)
    if head.strip() in KINDS:
        found = (ids or {}).get(head.strip(), ())
        return tuple(f"{head} {id}" for id in found if id.startswith(tail) and id != tail)
    return ()
