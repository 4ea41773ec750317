"""A handover and the draft of a post-mortem as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from engine.operations.alerts import left, worst_first
from engine.operations.handover import Change, Handover, IncidentDetail
from store.rows import EPOCH, Approval, Comment, rfc3339

_TO_WRITE = "_to be written_"
_SPECIAL = "\\`*_{}[]<>#|~"


def handover(told: Handover) -> str:
    """Return a handover as Markdown: who has the watch, what is open, every change since."""
    at = _Clock(told.zone)
    duty = told.duty
    lines = [f"# Handover of {plain(told.deck)}", ""]
    lines.append(f"{at(told.now_at)} {told.zone}; since {at(told.since_at)} ({plain(told.since_why)}).")
    lines.append("")
    if duty is None:
        lines.append("Nobody has the watch.")
    else:
        note = f": {plain(duty.note)}" if duty.note else ""
        lines.append(f"**{plain(name(duty.actor))}** has the watch since {at(duty.taken_at)}{note}")
    open_lines = [line for title, found in standing(told) for line in (f"- **{title}**: {plain(found)}",)]
    lines += ["", "## Open", "", *(open_lines or ["Nothing."])]
    lines += ["", f"## Changed since {at(told.since_at)}", ""]
    lines += _changes(told.changes, at, told.left_out) or ["Nothing."]
    if told.comments:
        lines += ["", "## Said", ""]
        lines += [_said(one, at) for one in reversed(told.comments)]
    return "\n".join([*lines, ""])


def standing(told: Handover) -> list[tuple[str, str]]:
    """Return what is open as (what it is, in words), the most pressing first."""
    found = [("incident", f"{one.title} since {rfc3339(one.from_at)}") for one in told.incidents]
    found += [
        (
            f"{one.severity} alert",
            f"{one.model or one.host or 'deck'}: {one.title}"
            f" ({name(one.owner) if one.owner else 'nobody has it'}{'' if one.state == 'open' else f', {one.state}'}"
            f"{f', {left(one)}' if left(one) else ''})",
        )
        for one in worst_first(told.alerts)
    ]
    found += [
        (f"release {one.state}", f"{one.endpoint} {one.kind} to v{one.to_version}{_because(one.detail)}")
        for one in told.releases
    ]
    found += [(_asked(one), f"{one.model}@{one.version}{_because(one.reason)}") for one in told.approvals]
    found += [("job failed", f"{one.kind} {one.model or ''}".strip() + _because(one.reason)) for one in told.jobs]
    found += [
        ("maintenance", f"{one.model or 'whole deck'} until {rfc3339(one.to_at)}{_because(one.reason)}")
        for one in told.maintenances
    ]
    return found


def post_mortem(told: IncidentDetail) -> str:
    """Return the draft: what the record knows is filled in, what only people know is left to be written."""
    one, at = told.incident, _Clock(told.zone)
    lines = [f"# {plain(one.title)}", "", f"Draft of a post-mortem, times in {told.zone}.", "", "| | |", "|---|---|"]
    lines += [f"| {label} | {plain(value)} |" for label, value in _figures(told)]
    lines += [
        "",
        "## Summary",
        "",
        _TO_WRITE,
        "",
        "## Who was hurt, and how much",
        "",
        _TO_WRITE,
        "",
        "## Timeline",
        "",
    ]
    lines += _changes(told.timeline, at, told.left_out, told.notes) or ["The record tells of nothing in that time."]
    lines += ["", "## What changed in the day before", ""]
    lines += _changes(told.before, at, 0) or ["Nothing."]
    lines += ["", "## Causes", "", _TO_WRITE, "", "## What went well, what did not", "", _TO_WRITE]
    lines += ["", "## What is to be done", "", "| what | who | until |", "|---|---|---|", "| | | |", ""]
    spans = [entry.seq for entry in told.timeline]
    events = f"events {spans[0]} to {spans[-1]}, " if spans else ""
    lines.append(f"Made from the record: {events}head `{told.head}`; incident `{one.id}`.")
    return "\n".join([*lines, ""])


def _figures(told: IncidentDetail) -> Iterable[tuple[str, str]]:
    one, at = told.incident, _Clock(told.zone)
    yield "models", ", ".join(one.models) or "the whole deck"
    yield "began", at(one.from_at)
    yield "opened", f"{at(one.opened_at)} by {name(one.opened_by)}"
    if one.closed_at is not None:
        yield "closed", f"{at(one.closed_at)} by {name(one.closed_by or '')}: {one.resolution}"
        yield "lasted", _lasted(one.closed_at - one.from_at)
    else:
        yield "closed", "not yet"
    for label, parts in (
        ("first alert", ("alert opened", "alert reopened")),
        ("first taken", ("alert acknowledged",)),
        ("first way back", ("rolled back", "aborted")),
    ):
        first = next((entry for entry in told.timeline if any(part in entry.what for part in parts)), None)
        after = f"after {_lasted(max(0, first.at - one.from_at))}: {first.what}" if first else "none in the record"
        yield label, after


def _changes(changes: Sequence[Change], at: _Clock, left_out: int, notes: Sequence[Comment] = ()) -> list[str]:
    rows = [(one.at, one.seq, _entry(one, at)) for one in changes]
    rows += [(one.written_at, 0, _said(one, at)) for one in notes]
    lines = [line for _, _, line in sorted(rows, key=lambda row: row[:2])]
    return [f"- … {left_out} earlier", *lines] if left_out else lines


def _entry(one: Change, at: _Clock) -> str:
    model = f"**{plain(one.model)}** " if one.model else ""
    reason = f" — {plain(one.reason)}" if one.reason else ""
    return f"- {at(one.at)} {model}{plain(one.what)} ({plain(name(one.actor))}){reason}"


def _said(one: Comment, at: _Clock) -> str:
    text = "_withdrawn_" if one.withdrawn_at is not None else plain(" ".join(one.text.split()))
    return f"- {at(one.written_at)} {plain(name(one.actor))} on {one.kind} {plain(_short(one))}: {text}"


def _short(one: Comment) -> str:
    return one.subject if one.kind in ("model", "version") else one.subject.removeprefix("sha256:")[:12]


def _asked(one: Approval) -> str:
    return f"{one.kind} asked, {len(one.granted)} of {one.asked}"


def _because(text: str) -> str:
    return f": {text}" if text else ""


def name(actor: str) -> str:
    """Return whose deed it was, as people call them."""
    return actor.removeprefix("user:")


def plain(text: str) -> str:
    """Return text that Markdown shows as it is: no value makes a heading, a link or a table's cell."""
    line = " ".join(text.split())
    return "".join(f"\\{sign}" if sign in _SPECIAL else sign for sign in line)


class _Clock:
    """Says times in one zone, to the minute."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)

    def __call__(self, at_us: int) -> str:
        """Return `2026-01-31 14:05`."""
        return (EPOCH + timedelta(microseconds=at_us)).astimezone(self._zone).strftime("%Y-%m-%d %H:%M")


def _lasted(span_us: int) -> str:
    minutes = span_us // 60_000_000
    days, rest = divmod(minutes, 1440)
    hours, left = divmod(rest, 60)
    return " ".join(part for part in (f"{days} d" * bool(days), f"{hours} h" * bool(hours), f"{left} min") if part)
