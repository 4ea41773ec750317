"""A plan as the dialog shows it: from, to, what differs, checks, steps, the way back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from console.render.cells import Line, clean, width_of
from console.render.columns import Cell
from console.render.measures import change, is_measure, verdict_word
from console.render.sheet import Sheet
from console.render.signs import state
from console.render.words import number
from engine.plans import Check, Difference, Plan, Preview

VERBS = {"promote": "Promote", "rollback": "Roll back", "abort": "Abort", "deploy": "Deploy", "grant": "Grant"}


def verdict_cell(verdict: str) -> Cell:
    """Return a check's verdict as glyph and word."""
    return state(verdict)


def check_rows(checks: Iterable[Check]) -> list[Sequence[Cell]]:
    """Return the rows of a table of checks."""
    return [
        (check.name, verdict_cell(check.verdict), check.observed or ("-", "dim"), (check.required, "dim"))
        for check in checks
    ]


def put_checks(sheet: Sheet, checks: Iterable[Check]) -> None:
    """Add checks without titles: name, verdict, then what was seen and what is asked in as many lines as they take."""
    rows: list[Sequence[Cell]] = []
    for check in checks:
        asked = f" ({check.required})" if check.observed and check.required else check.required
        rows.append((check.name, verdict_cell(check.verdict), ((check.observed, ""), (asked, "dim"))))
    sheet.table(("", "", ""), rows, wraps=True)


def put_differences(sheet: Sheet, differences: Sequence[Difference]) -> None:
    """Add what differs: figures under each other, each with whether it is better; texts whole, in as many lines."""
    notes = {item.note for item in differences if _figures(item) is not None}
    note = notes.pop() if len(notes) == 1 else ""
    sheet.heading("Differs", f"figures {note}" if note else "")
    label = max(width_of(item.name) for item in differences)
    figures: list[Sequence[Cell]] = []
    for item in differences:
        if _figures(item) is not None:
            row = _difference(item)
            figures.append(
                ((item.name.ljust(label), "dim"), *row[1:4], "" if item.note and item.note == note else row[4])
            )
            continue
        sheet.table(("",) * 5, figures, wraps=True)
        figures = []
        sheet.pair(item.name, item.before, (" → ", "dim"), item.after, label_width=label + 2)
        if item.note:
            sheet.pair("", (item.note, "dim"), label_width=label + 2)
    sheet.table(("",) * 5, figures, wraps=True)


def _figures(item: Difference) -> tuple[float, float] | None:
    try:
        return float(item.before), float(item.after)
    except ValueError:
        return None


def title(plan: Plan) -> str:
    """Return the dialog's title: what it does, from what to what."""
    if plan.from_version == plan.to_version:
        return f"{VERBS.get(plan.kind, plan.kind.capitalize())} {plan.endpoint}: v{plan.to_version} stays"
    before = "nothing" if plan.from_version is None else f"v{plan.from_version}"
    return f"{VERBS.get(plan.kind, plan.kind.capitalize())} {plan.endpoint}: {before} → v{plan.to_version}"


def plan_lines(preview: Preview, width: int, changed: Sequence[str] = ()) -> list[Line]:
    """Return the text of the plan dialog; `changed` names what moved since it was first shown."""
    plan = preview.plan
    sheet = Sheet(width)
    if changed:
        sheet.paragraph("Something changed while you looked. Read again what is new:", "warn")
        for text in changed:
            sheet.paragraph(text, "warn")
        sheet.blank()
    if preview.blocked:
        sheet.paragraph(f"✗ {preview.blocked}", "bad")
        sheet.blank()
    for warning in plan.warnings:
        sheet.paragraph(f"! {warning}", "warn")
    if plan.warnings:
        sheet.blank()
    asked_first = plan.kind == "grant"  # who asks, and what comes of a yes, is what is answered
    if asked_first:
        sheet.lines.extend(_steps(plan, width))
    if plan.known:
        sheet.heading("Known of both")
        for known in plan.known:
            sheet.pair(known.name, known.told, label_width=11)
    if plan.checks:
        sheet.heading("Gates" if plan.kind == "promote" else "Proof")
        put_checks(sheet, plan.checks)
    if plan.differences:
        put_differences(sheet, plan.differences)
    if not asked_first:
        if sheet.lines:
            sheet.heading("Plan")
        sheet.lines.extend(_steps(plan, width))
    return sheet.lines


def _difference(item: Difference) -> Sequence[Cell]:
    """Return the row of two figures that differ, and whether the new one is better."""
    before, after = float(item.before), float(item.after)
    if item.note:
        return ((item.name, "dim"), number(before), ("→", "dim"), number(after), (item.note, "dim"))
    if not is_measure(item.name):
        return ((item.name, "dim"), item.before, ("→", "dim"), item.after, "")
    told = change(item.name, after, before)
    said = (f"{told[0]}{verdict_word(told)}", told[1])
    return ((item.name, "dim"), number(before), ("→", "dim"), number(after), said)


def _steps(plan: Plan, width: int) -> list[Line]:
    sheet = Sheet(width)
    for text in plan.lines():
        parts = wrap_hanging(clean(text), width - 2)
        sheet.lines.extend((("  " + part, ""),) for part in parts)
    return sheet.lines


def wrap_hanging(text: str, width: int) -> list[str]:
    """Wrap a numbered line so that its further lines stand under its words."""
    from console.render.cells import wrap

    head, dot, rest = text.partition(". ")
    if not dot:
        return wrap(text, width)
    indent = len(head) + 2
    parts = wrap(rest, max(10, width - indent))
    return [f"{head}. {parts[0]}", *(" " * indent + part for part in parts[1:])]


def changes_between(before: Preview, after: Preview) -> list[str]:
    """Return, in words, what is new in a plan that was read again."""
    old, new = before.plan, after.plan
    found: list[str] = []
    if old.from_version != new.from_version:
        found.append(f"now serving: {_version(old.from_version)} → {_version(new.from_version)}")
    if old.to_version != new.to_version:
        found.append(f"goes to: {_version(old.to_version)} → {_version(new.to_version)}")
    found += [f"new step: {text}" for text in new.lines() if text not in old.lines()]
    seen = {check.name: check for check in old.checks}
    for check in new.checks:
        earlier = seen.get(check.name)
        if earlier is None:
            found.append(f"new check: {check.name} {check.verdict}")
        elif earlier.verdict != check.verdict or earlier.observed != check.observed:
            found.append(f"{check.name}: {earlier.verdict} → {check.verdict} {check.observed}".rstrip())
    if after.blocked and after.blocked != before.blocked:
        found.append(after.blocked)
    return found or ["the settings, the evidence, the champion or the release moved; the steps are the same"]


def _version(number: int | None) -> str:
    return "nothing" if number is None else f"v{number}"
