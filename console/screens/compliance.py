"""The page of what is on record of a model, phase by phase, what is missing, and who read its personal columns."""

from __future__ import annotations

from textwrap import wrap
from typing import Any

from console.poller import Asks
from console.render.cells import Line, line
from console.render.words import ago, plural
from console.screens.document_page import DocumentKind, DocumentPage
from engine.operations.access import AccessLogRequest
from engine.operations.compliance import Compliance, ComplianceRequest
from store.errors import NotAllowed
from store.rows import PersonalRead
from store.rows.frozen import dataclass

READS = 10
INDENT, NARROWEST = 8, 20  # of what goes on below an item, and how few signs of it a line has at least
NOT_SHOWN = "approvers and admins see who"
NO_READS = "nobody, as far as the access log reaches"


@dataclass(frozen=True, slots=True)
class Found:
    """What is on record, and the newest reads of personal columns; None where the role does not reach them."""

    compliance: Compliance
    reads: tuple[PersonalRead, ...] | None


def compliance_page(model: str, version: int | None, row: Any) -> DocumentPage:
    """Return the page of a version, or of a model's champion, else its newest; actions act on the row."""
    number = "" if version is None else f" {version}"

    def read(client: Asks) -> Found:
        found: Compliance = client.call("compliance.show", ComplianceRequest(model, version))
        try:
            reads = tuple(client.call("access.log", AccessLogRequest(model=model, limit=READS)))
        except NotAllowed:
            return Found(found, None)
        return Found(found, reads)

    return DocumentPage(
        DocumentKind(
            scope="text",
            name=f"compliance:{model}:{version}",
            title=f"compliance of {model}{number}",
            command=f"modeldeck compliance {model}{number}",
            lines=compliance_lines,
            read=read,
            row=lambda _: row,
        )
    )


def compliance_lines(found: Found, width: int, now: int) -> list[Line]:
    """Return every item under its phase, under a missing one what fills it, and then the reads."""
    told = found.compliance
    there = f"{len(told.items) - told.missing} of {len(told.items)} on record"
    lines = [line("  ", (f"{told.model}@{told.version}", "strong"), (f"  {there}", "warn" if told.missing else "ok"))]
    phase = ""
    for one in told.items:
        if one.phase != phase:
            phase = one.phase
            lines += [(), line("  ", (phase, "strong"))]
        sign, style = ("✓ ", "ok") if one.is_there else ("✗ ", "warn")
        first, *more = wrap(f"{one.what}  {one.detail}", max(width - INDENT, NARROWEST)) or [one.what]
        lines.append(line("    ", (sign, style), (one.what, "name"), (first[len(one.what) :], "dim")))
        lines += [line(" " * INDENT, (each, "dim")) for each in more]
        lines += [line(" " * INDENT, (each, "accent")) for each in wrap(one.fix, max(width - INDENT, NARROWEST))]
    lines += [(), line("  ", ("who read personal columns", "strong"))]
    if found.reads is None:
        return [*lines, line("    ", (NOT_SHOWN, "dim"))]
    for each in found.reads:
        what = f"{each.operation}, {each.told}, {plural(len(each.columns), 'column')}"
        who = each.actor.removeprefix("user:")
        lines.append(line("    ", (f"{ago(each.at, now)}  ", "dim"), (who, "name"), (f"  {what}", "dim")))
    return lines if found.reads else [*lines, line("    ", (NO_READS, "dim"))]
