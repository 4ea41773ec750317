"""A plan in plain lines, as `--dry-run` prints it: what, the differences and checks, the steps, the way back."""

from __future__ import annotations

from console.output import Output
from engine.plans import Check, Difference, Plan, Preview


def plan_lines(plan: Plan) -> list[str]:
    """Return a plan as its dialog shows it: what, the differences and checks, the steps, the way back."""
    lines = [plan.summary, *(f"warning: {each}" for each in plan.warnings)]
    lines += [f"  {difference_line(each)}" for each in plan.differences]
    lines += [f"  {each.name}: {each.told}" for each in plan.known]
    lines += [f"  {check_line(each)}" for each in plan.checks]
    lines += plan.lines()
    return [*lines, f"undo: {plan.undo}"] if plan.undo else lines


def difference_line(difference: Difference) -> str:
    """Say a difference in one line, and whether the two may be held against each other."""
    note = f" ({difference.note})" if difference.note else ""
    return f"{difference.name}: {difference.before} -> {difference.after}{note}"


def check_line(check: Check) -> str:
    """Say a check in one line: its verdict, what was seen and what was asked."""
    seen = f"{check.observed}, " if check.observed else ""
    return f"{check.verdict}: {check.name} {seen}asked {check.required}"


def preview(answer: Preview, out: Output) -> None:
    """Write a preview's plan; of what is so already there is none to carry out."""
    if answer.already:
        out.line(already(answer.already))
        return
    for line in plan_lines(answer.plan):
        out.line(line)
    if answer.blocked:
        out.line(f"cannot go: {answer.blocked}")


def already(text: str) -> str:
    """Return what is so already in the one form that every repeat prints."""
    return text if text.startswith("already") else f"already {text}"
