"""A run on a runner as Markdown for people and as JUnit XML for the runner. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from itertools import groupby

from engine.interop.ci import FAILED, PASSED, SKIPPED, CiCheck, CiReport

_SIGNS = {PASSED: "✅", FAILED: "❌", SKIPPED: "➖"}
MOST_DIFF = 20_000  # characters of a card's diff; hosts of pull requests take 65,536 of a whole comment


def markdown(report: CiReport) -> str:
    """Return the report as one Markdown text."""
    failed = [one for one in report.checks if one.verdict == FAILED]
    lines = [f"## modeldeck ci: {_SIGNS[report.verdict]} {report.verdict}", "", _about(report), ""]
    if not report.models and not failed:
        lines += ["No model is touched: nothing to train.", ""]
    deck = [one for one in report.checks if not one.model]
    lines += _table(deck) if any(one.verdict == FAILED for one in deck) else []
    for model in report.models:
        beside = f", beside {_code(model.champion)}" if model.champion else ", no champion to compare with"
        lines += [f"### {_inline(model.name)}", "", f"{_inline(model.why)}{beside}; {model.seconds:.0f} s", ""]
        lines += _table([one for one in report.checks if one.model == model.name])
        if model.card_diff:
            shown = model.card_diff[:MOST_DIFF].replace("```", "` ` `")
            more = "\n…" if len(model.card_diff) > MOST_DIFF else ""
            lines += ["<details><summary>What differs in its card</summary>", "", "```diff", f"{shown}{more}", "```"]
            lines += ["", "</details>", ""]
    return "\n".join(lines)


def junit(report: CiReport) -> str:
    """Return the report as JUnit XML: a suite for the deck and one for each model, a case for each check."""
    total = ET.Element("testsuites", {"name": "modeldeck ci", **_counts(report.checks)})
    ordered = sorted(report.checks, key=lambda one: one.model)
    for model, checks in groupby(ordered, key=lambda one: one.model):
        mine = list(checks)
        suite = ET.SubElement(total, "testsuite", {"name": _plain(model or report.deck or "deck"), **_counts(mine)})
        for one in mine:
            name = {"classname": _plain(f"{model or 'deck'}.{one.stage}"), "name": _plain(one.name)}
            case = ET.SubElement(suite, "testcase", {**name, "time": f"{one.seconds:.3f}"})
            if one.verdict != PASSED:
                kind = "failure" if one.verdict == FAILED else "skipped"
                ET.SubElement(case, kind, {"message": _plain(one.detail)})
    ET.indent(total)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(total, encoding="unicode")}\n'


def _about(report: CiReport) -> str:
    parts = [f"commit {_code(report.commit[:12])}"] if report.commit else []
    parts += [f"changed since {_code(report.since)}"] if report.since else ["all models"]
    parts += [f"baseline {_code(report.baseline)}"] if report.baseline else ["no baseline"]
    return ", ".join(parts)


def _table(checks: Iterable[CiCheck]) -> list[str]:
    rows = [f"| {_SIGNS[one.verdict]} | {one.stage} | {_cell(one.name)} | {_cell(one.detail)} |" for one in checks]
    return ["| | stage | what | seen |", "|---|---|---|---|", *rows, ""]


def _counts(checks: Iterable[CiCheck]) -> dict[str, str]:
    mine = list(checks)
    return {
        "tests": str(len(mine)),
        "failures": str(sum(one.verdict == FAILED for one in mine)),
        "errors": "0",
        "skipped": str(sum(one.verdict == SKIPPED for one in mine)),
        "time": f"{sum(one.seconds for one in mine):.3f}",
    }


def _plain(text: str) -> str:
    """Return a text that XML can hold."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _inline(text: str) -> str:
    return " ".join(_plain(text).split())


def _code(text: str) -> str:
    return f"`{_inline(text).replace('`', chr(39))}`"


def _cell(text: str) -> str:
    return _inline(text).replace("|", "\\|").replace("<", "&lt;")
