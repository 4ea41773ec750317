"""Whether a model is to be trained anew by itself, and if not, why not: each trigger, each damper, what is missing.

Pure over `Facts`; the daemon acts upon the same decision that `monitors why-not` shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.settings.retrain import RetrainSettings
from store.retraining import Rows, Training
from store.rows import Alert, Alias, Maintenance, Release, Schedule, rfc3339

US = 1_000_000
FIRST = ("performance", "estimated", "drift", "outcomes", "rows", "upstream")  # which of several names the training
ALARMS = ("performance", "drift")
NAMED = 20  # ids of windows that evidence holds


@dataclass(frozen=True, slots=True)
class Facts:
    """What the registry says at one moment. Times are microseconds UTC; `since_at` is when the newest answer began."""

    model: str
    settings: RetrainSettings
    now_at: int
    schedule: Schedule | None
    version: int | None  # the newest that a training made
    champion: int | None
    since_at: int
    alerts: tuple[Alert, ...] = ()
    estimate: dict[str, Any] = field(default_factory=dict)  # the champion's newest window that has one
    trained_on: Rows | None = None
    newest: Rows | None = None
    outcomes: tuple[int, tuple[str, ...]] = (0, ())
    upstream: Alias | None = None
    recent: tuple[Training, ...] = ()  # within cooldown and budget, newest first
    live: Training | None = None
    release: Release | None = None
    maintenance: Maintenance | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    """One thing that may ask for a training: what was last seen of it, against what is asked."""

    name: str
    is_due: bool
    seen: str
    asked: str
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Damper:
    """One thing that may hold a training back. `until_at` None: until somebody or something else ends it."""

    name: str
    holds: bool
    told: str
    until_at: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows. It trains where a trigger is due, no damper holds, and nothing is missing."""

    model: str
    triggers: tuple[Trigger, ...]
    dampers: tuple[Damper, ...]
    missing: tuple[str, ...]

    @property
    def due(self) -> tuple[Trigger, ...]:
        """The triggers that ask for a training, the one it is named after first."""
        return tuple(sorted((one for one in self.triggers if one.is_due), key=lambda one: FIRST.index(one.name)))

    @property
    def holding(self) -> tuple[Damper, ...]:
        """The dampers that hold it back."""
        return tuple(one for one in self.dampers if one.holds)

    @property
    def trains(self) -> bool:
        """Whether a training is to be asked for now."""
        return bool(self.due) and not self.holding

    @property
    def why(self) -> dict[str, Any]:
        """What the job and its run keep: the trigger, its evidence, and what else was due."""
        first, *others = self.due
        also = {one.name: one.evidence for one in others}
        return {"trigger": first.name, "evidence": first.evidence, **({"also": also} if also else {})}


def minute(at_us: int) -> str:
    """Write a time to the minute, in UTC: 2026-03-01T12:00Z."""
    return f"{rfc3339(at_us)[:16]}Z"


def decide(facts: Facts) -> Decision:
    """Weigh triggers against dampers."""
    return Decision(
        facts.model,
        tuple(_TRIGGERS[name](facts) for name in facts.settings.on),
        (_paused(facts), _maintenance(facts), _training(facts), _release(facts), _cooldown(facts), _budget(facts)),
        _missing(facts),
    )


def _alarm(name: str, facts: Facts) -> Trigger:
    asked = f"an open alert of {name} about the champion, seen since the newest training"
    if facts.champion is None or facts.version is None:
        return Trigger(name, False, "nothing serves", asked)
    mine = [one for one in facts.alerts if one.kind == name and one.evidence.get("version") == facts.champion]
    fresh = [one for one in mine if one.seen_at > facts.since_at]
    if fresh:
        newest = max(fresh, key=lambda one: one.seen_at)
        return Trigger(name, True, f"alert {newest.id[:12]}: {newest.title}", asked, _of_alert(newest))
    if mine:
        newest = max(mine, key=lambda one: one.seen_at)
        return Trigger(name, False, f"alert {newest.id[:12]} was last seen {minute(newest.seen_at)}", asked)
    return Trigger(name, False, f"no open alert about v{facts.champion}", asked)


def _of_alert(alert: Alert) -> dict[str, Any]:
    """Return ids and numbers of an alert, no values of rows."""
    kept = ("version", "window", "metric", "value", "low", "high", "n", "ratio", "holdout", "rows")
    found = {name: alert.evidence[name] for name in kept if name in alert.evidence}
    windows = alert.evidence.get("windows") or ()
    moved = [
        {name: one.get(name) for name in ("name", "effect", "threshold", "p_adjusted")}
        for one in alert.evidence.get("features") or ()
    ]
    return {
        "alert": alert.id,
        **found,
        **({"windows": list(windows)[-NAMED:]} if windows else {}),
        **({"features": moved[:NAMED]} if moved else {}),
    }


def _estimated(facts: Facts) -> Trigger:
    asked = "the champion's estimated performance beyond its holdout's interval, and a tenth worse at least"
    found = facts.estimate
    if not found:
        return Trigger("estimated", False, "no window of the champion has an estimate yet", asked)
    told = f"{found['metric']} {found['value']:.4g} ({found['low']:.4g} to {found['high']:.4g}) expected"
    then = f", holdout promised {found['holdout']['value']:.4g}"
    fresh = found["computed_at"] > facts.since_at
    evidence = {name: value for name, value in found.items() if name not in ("worse", "computed_at")}
    is_due = bool(found["worse"] and fresh and facts.version is not None)
    return Trigger(
        "estimated", is_due, f"{told}{then}{'' if fresh else ', before the newest training'}", asked, evidence
    )


def _rows(facts: Facts) -> Trigger:
    asked = f"{facts.settings.rows} rows more than v{facts.version or '?'} was trained on"
    then, now = facts.trained_on, facts.newest
    if then is None or now is None:
        return Trigger("rows", False, "no snapshot", asked)
    if now.id == then.id:
        return Trigger("rows", False, f"no snapshot since v{facts.version}'s of {then.rows} rows", asked)
    new = now.rows - then.rows
    evidence = {"rows": new, "of": facts.settings.rows, "snapshot": now.id, "trained_on": then.id}
    told = f"{new} more: {now.rows} in the newest snapshot, {then.rows} in v{facts.version}'s"
    return Trigger("rows", new >= facts.settings.rows, told, asked, evidence)


def _outcomes(facts: Facts) -> Trigger:
    count, batches = facts.outcomes
    asked = f"outcomes of {facts.settings.outcomes} predictions since the newest training"
    evidence = {"outcomes": count, "of": facts.settings.outcomes, "batches": list(batches)}
    is_due = count >= facts.settings.outcomes and facts.version is not None
    return Trigger("outcomes", is_due, f"of {count} predictions", asked, evidence)


def _upstream(facts: Facts) -> Trigger:
    name, alias = facts.settings.upstream, facts.upstream
    asked = f"a new champion of {name} since the newest training"
    if alias is None:
        return Trigger("upstream", False, f"{name} has no champion", asked)
    told = f"v{alias.version} is champion of {name} since {minute(alias.moved_at)}"
    evidence = {"model": name, "version": alias.version, "moved_at": rfc3339(alias.moved_at)}
    is_due = alias.moved_at > facts.since_at and facts.version is not None
    return Trigger("upstream", is_due, told, asked, evidence)


_TRIGGERS = {
    "drift": lambda facts: _alarm("drift", facts),
    "performance": lambda facts: _alarm("performance", facts),
    "estimated": _estimated,
    "rows": _rows,
    "outcomes": _outcomes,
    "upstream": _upstream,
}


def _paused(facts: Facts) -> Damper:
    row = facts.schedule
    if row is None or row.paused_at is None:
        return Damper("paused", False, "not paused")
    told = f"paused since {minute(row.paused_at)}; modeldeck schedules resume {row.id}"
    return Damper("paused", True, told)


def _maintenance(facts: Facts) -> Damper:
    found = facts.maintenance
    if found is None:
        return Damper("maintenance", False, "none is under way")
    of = "the whole deck" if found.model is None else found.model
    return Damper("maintenance", True, f"of {of}{f': {found.reason}' if found.reason else ''}", found.to_at)


def _training(facts: Facts) -> Damper:
    if facts.live is None:
        return Damper("training", False, "none waits or runs")
    return Damper("training", True, f"job {facts.live.id[:16]} is {facts.live.state}")


def _release(facts: Facts) -> Damper:
    if facts.release is None:
        return Damper("release", False, "none is open")
    told = f"{facts.release.kind} of v{facts.release.to_version} ({facts.release.id[:12]}) is {facts.release.state}"
    return Damper("release", True, told)


def _cooldown(facts: Facts) -> Damper:
    length = round(facts.settings.cooldown_s * US)
    last = next(iter(facts.recent), None)
    if last is None or last.requested_at + length <= facts.now_at:
        return Damper("cooldown", False, "over" if length else "none")
    until = last.requested_at + length
    return Damper("cooldown", True, f"job {last.id[:16]} was asked for {minute(last.requested_at)}", until)


def _budget(facts: Facts) -> Damper:
    settings = facts.settings
    first = facts.now_at - settings.budget_s * US
    spent = sorted(one.requested_at for one in facts.recent if one.is_automatic and one.requested_at > first)
    told = f"{len(spent)} of {settings.budget_text}"
    if len(spent) < settings.budget:
        return Damper("budget", False, told)
    return Damper("budget", True, told, spent[len(spent) - settings.budget] + settings.budget_s * US)


def _missing(facts: Facts) -> tuple[str, ...]:
    model, settings = facts.model, facts.settings
    if facts.schedule is None:
        return (f"[retrain] in the model's file: without it {model} is trained by hand alone",)
    found = []
    if facts.version is None:
        found.append(f"a first version: modeldeck train {model}")
    elif facts.champion is None and {*ALARMS, "estimated"} & set(settings.on):
        found.append(f"a version that serves, whose traffic is watched: modeldeck promote {model} {facts.version}")
    if "rows" in settings.on and facts.trained_on and facts.newest and facts.trained_on.id == facts.newest.id:
        found.append(f'a newer snapshot to count: modeldeck data ingest {model}, or [schedules.NAME] run = "ingest"')
    return tuple(found)
