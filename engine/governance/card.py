"""The card of a version: what it is for, what made it, how good it is for whom, who let it serve. Pure over facts.

The parts are those of "Model Cards for Model Reporting" (Mitchell et al., 2019), filled from what the registry holds;
what nobody has recorded says `unknown`. No value of a row is in it: metrics, counts, names and hashes only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from engine.governance.card_facts import CardFacts, ImageFacts
from engine.operations.governance import UNKNOWN, Card, CardFact, CardSection
from store.rows import ApprovalAnswer, rfc3339

SHOWN_IMAGES = 3  # the newest
SHOWN = 20  # rows of a table, the first of their order


def card_of(facts: CardFacts) -> Card:
    """Write the card of a version."""
    sections = (
        _purpose(facts),
        _data(facts),
        _performance(facts),
        _slices(facts),
        _fairness(facts),
        _tests(facts),
        _limits(facts),
        _environment(facts),
        _approvals(facts),
        _serving(facts),
        _passed_over(facts),
        _monitoring(facts),
    )
    version = facts.version
    text = markdown(f"{version.model}@{version.number}", sections)
    return Card(
        version.model,
        version.number,
        sections,
        text,
        f"sha256:{hashlib.sha256(text.encode()).hexdigest()}",
        tuple(f"{one.title}: {fact.name}" for one in sections for fact in one.facts if fact.value == UNKNOWN),
    )


def markdown(title: str, sections: Iterable[CardSection]) -> str:
    """Write sections as Markdown, one fact a line, so that two cards can be compared line by line."""
    lines = [f"# {_inline(title)}", ""]
    for section in sections:
        lines += [f"## {section.title}", ""]
        lines += [f"- **{fact.name}**: {_inline(fact.value)}" for fact in section.facts]
        if section.facts and (section.rows or section.note):
            lines.append("")
        if section.rows:
            lines.append(_row(section.columns))
            lines.append(_row(["---"] * len(section.columns)))
            lines += [_row(row) for row in section.rows]
        if section.note:
            lines += ["", section.note] if section.rows else [section.note]
        lines.append("")
    return "\n".join(lines)


def _purpose(facts: CardFacts) -> CardSection:
    version, said = facts.version, facts.settings.get("card", {})
    roles = ", ".join(version.aliases) or ("abandoned: it was rolled back from" if version.abandoned_at else "none")
    return CardSection(
        "Model",
        _facts(
            ("name", version.model),
            ("version", str(version.number)),
            ("role", roles),
            ("task", facts.model.task),
            ("owner", facts.model.owner),
            ("contact", said.get("contact")),
            ("purpose", said.get("purpose") or facts.model.description),
            ("out of scope", said.get("out_of_scope")),
            ("about this version", version.description or "nothing was written"),
            ("estimator", version.estimator),
            ("made", f"{rfc3339(version.created_at)} by {version.actor}"),
            *_origin(facts),
            ("derived from", f"v{version.derived_from}" if version.derived_from is not None else "no other version"),
        ),
    )


def _origin(facts: CardFacts) -> tuple[tuple[str, str], ...]:
    one = facts.origin
    if one is None:
        return ()
    told = f"{one.model}@{one.origin_number} of deck {one.deck}, signed by {one.signer[:16]}"
    return (("imported", f"{rfc3339(one.imported_at)} by {one.actor}: {told}"),)


def _data(facts: CardFacts) -> CardSection:
    data, snapshot, rows = facts.settings.get("data", {}), facts.snapshot, facts.version.evaluation.get("rows") or {}
    personal = facts.settings.get("data", {}).get("personal")
    log = {"token": "as tokens", "keep": "as they are"}.get(str(facts.settings.get("log", {}).get("personal")))
    held = "none" if personal == [] else ", ".join(personal) if personal else None
    inputs = {str(one.get("name")): one for one in facts.version.signature.get("inputs") or ()}
    return CardSection(
        "Data",
        _facts(
            ("source", data.get("source")),
            ("origin of the rows", snapshot.origin),
            ("snapshot", snapshot.id),
            ("rows", f"{snapshot.rows:,}"),
            ("rows trained on", f"{rows['train']:,}" if "train" in rows else None),
            ("rows held out", f"{rows['holdout']:,}" if "holdout" in rows else None),
            ("span", _span(snapshot.from_at, snapshot.to_at)),
            ("trained on rows until", _time(facts.version.cutoff_at)),
            ("target", data.get("target")),
            ("personal columns", held),
            ("personal columns are logged", log if personal else "there are none" if personal == [] else None),
        ),
        ("input", "type", "may be missing", "personal"),
        tuple(
            (name, str(one.get("type", "")), _yes(bool(one.get("nullable"))), _yes(name in (personal or ())))
            for name, one in inputs.items()
        ),
        "" if inputs else "No inputs are recorded.",
    )


def _performance(facts: CardFacts) -> CardSection:
    told = facts.version.evaluation
    holdout, baseline = told.get("holdout") or {}, told.get("baseline") or {}
    first = told.get("metric")
    names = sorted(holdout, key=lambda name: (name != first, name))
    against = told.get("against_champion") or {}
    beside = f"{_interval(against)} against v{against['version']}" if "version" in against else "no champion then"
    return CardSection(
        "Performance",
        _facts(
            ("judged by", first),
            ("held out", _span(told.get("from_at"), told.get("to_at"))),
            ("gain over guessing", _interval(told.get("against_baseline"))),
            ("gain over the champion then", beside if holdout else None),
        ),
        ("metric", "value", "95 % interval", "rows", "guessing"),
        tuple((name, *_measure(holdout[name]), _guessed(baseline.get(name))) for name in names),
        "" if holdout else "It was not evaluated.",
    )


def _slices(facts: CardFacts) -> CardSection:
    slices, metric = facts.version.evaluation.get("slices") or {}, str(facts.version.evaluation.get("metric") or "")
    rows = [(label, *_measure(_of(measures, metric))) for label, measures in slices.items()]
    return CardSection(
        "Slices",
        (),
        ("slice", metric or "value", "95 % interval", "rows"),
        tuple(rows[:SHOWN]),
        _more(len(rows)) if rows else "No slices are named: `slices` of `[gates]` names columns.",
    )


def _fairness(facts: CardFacts) -> CardSection:
    told, rows = facts.version.evaluation.get("fairness") or {}, []
    for column, found in told.items():
        for name, gap in (found.get("gaps") or {}).items():
            apart = gap.get("difference") or {}
            rows.append((column, name, _value(apart), _bounds(apart), str(gap.get("highest", UNKNOWN))))
    return CardSection(
        "Fairness",
        _facts(("ethical considerations", facts.settings.get("card", {}).get("ethics"))),
        ("groups of", "metric", "largest difference", "95 % interval", "highest for"),
        tuple(rows[:SHOWN]),
        _more(len(rows)) if rows else "No groups are compared: `[fairness]` names columns.",
    )


def _tests(facts: CardFacts) -> CardSection:
    rows = [
        (one.name, one.kind, run.place, one.verdict, one.seen, one.expected)
        for run in facts.tests
        for one in run.results
    ]
    runs = "; ".join(
        f"{run.verdict} at {run.place}, {rfc3339(run.ran_at)}, tests {run.tests_hash.removeprefix('sha256:')[:12]}"
        for run in facts.tests
    )
    return CardSection(
        "Behaviour tests",
        _facts(("newest runs", runs or "none")),
        ("test", "kind", "run at", "verdict", "seen", "asked"),
        tuple(rows[:SHOWN]),
        _more(len(rows)) if rows else "None ran: `[tests.NAME]` of the model's file.",
    )


def _limits(facts: CardFacts) -> CardSection:
    gates = facts.settings.get("gates", {}).get("limits", {})
    rows = tuple(
        (name, _plain(limit.get("min")), _plain(limit.get("max")), _plain(limit.get("vs_champion")))
        for name, limit in gates.items()
    )
    return CardSection(
        "Limits",
        _facts(
            ("known limits", facts.settings.get("card", {}).get("limits")),
            ("decision", _decision(facts.version.decision)),
        ),
        ("gate", "at least", "at most", "times the champion's loss"),
        rows,
        "" if rows else "No gates are set.",
    )


def _environment(facts: CardFacts) -> CardSection:
    version, found = facts.version, facts.environment
    git = f"{version.git_commit}{' with uncommitted changes' if version.git_dirty else ''}"
    return CardSection(
        "Environment",
        _facts(
            ("interpreter", found.get("python") or found.get("interpreter")),
            ("platform", found.get("platform")),
            ("distributions", f"{len(found['distributions'])}" if "distributions" in found else None),
            ("environment", version.environment_hash),
            ("code", version.bundle_hash),
            ("git", git if version.git_commit else None),
            ("artifact", f"{version.artifact_hash}, {version.artifact_bytes:,} bytes"),
            ("golden requests", version.golden_hash),
            ("settings", f"revision {version.settings_revision}"),
            ("run", version.run_id),
            *(_image(one) for one in facts.images[:SHOWN_IMAGES]),
        ),
    )


def _image(one: ImageFacts) -> tuple[str, str | None]:
    where = f"{one.digest[:19]}, {one.platform} on {one.base}"
    if one.licences is None:
        return "image", f"{where}: its packages are {UNKNOWN}"
    named = sorted(one.licences.items(), key=lambda pair: (-pair[1], pair[0]))
    told = ", ".join(f"{licence} {count}" for licence, count in named) or "none"
    return "image", f"{where}: {sum(one.licences.values())} packages, by licence {told}"


def _approvals(facts: CardFacts) -> CardSection:
    rows = []
    for one in facts.approvals:
        said = ", ".join(_answer(each) for each in one.answers) or "no answer yet"
        rows.append(
            (one.kind, one.state, f"{rfc3339(one.requested_at)} by {one.requested_by}", said, one.reason or "-")
        )
    asked = facts.settings.get("gates", {}).get("approvals", 0)
    count = asked if isinstance(asked, int) else asked.get("count", 0)
    return CardSection(
        "Approvals",
        _facts(("asked", f"{count}" if facts.settings else None)),
        ("kind", "state", "requested", "answers", "reason"),
        tuple(rows[:SHOWN]),
        _more(len(rows)) if rows else "Nobody was asked.",
    )


def _answer(one: ApprovalAnswer) -> str:
    return f"{one.answer} by {one.actor}{f': {one.reason}' if one.reason else ''}"


def _serving(facts: CardFacts) -> CardSection:
    rows = [
        (
            one.id[:12],
            one.kind,
            one.state,
            f"{rfc3339(one.requested_at)} by {one.actor}",
            one.detail or one.reason or "-",
        )
        for one in facts.releases
    ]
    return CardSection(
        "Releases",
        (),
        ("release", "kind", "state", "requested", "detail"),
        tuple(rows[:SHOWN]),
        _more(len(rows)) if rows else "It was never released.",
    )


def _passed_over(facts: CardFacts) -> CardSection:
    rows = [
        (one.release[:12], one.gate, one.verdict, f"{rfc3339(one.at)} by {one.by}", one.second_look or "-", one.reason)
        for one in facts.passed_over
    ]
    return CardSection(
        "Gates passed over",
        (),
        ("release", "gate", "verdict", "passed over", "second look", "reason"),
        tuple(rows[:SHOWN]),
        _more(len(rows)) if rows else "None was.",
    )


def _monitoring(facts: CardFacts) -> CardSection:
    windows, metric = facts.windows, str(facts.version.evaluation.get("metric") or "")
    rows = []
    for one in windows[:SHOWN]:
        drifted = ", ".join(str(each["name"]) for each in one.features if each.get("drifted")) or "-"
        covered = f"{one.coverage:.0%}" if one.coverage is not None else UNKNOWN
        span = f"{rfc3339(one.from_at)[:16]} to {rfc3339(one.to_at)[:16]}"
        rows.append((span, one.verdict, f"{one.rows:,}", _value(one.metrics.get(metric)), covered, drifted))
    standing = "; ".join(f"{one.severity}: {one.title}" for one in facts.alerts) or "none"
    return CardSection(
        "Monitoring so far",
        _facts(("windows", f"{len(windows)}"), ("open alerts", standing)),
        ("window", "verdict", "rows", metric or "metric", "with outcome", "drifted"),
        tuple(rows),
        _more(len(windows)) if rows else "No window was looked at yet.",
    )


def _facts(*given: tuple[str, str | None]) -> tuple[CardFact, ...]:
    return tuple(CardFact(name, value or UNKNOWN) for name, value in given)


def _of(measures: Any, metric: str) -> Any:
    return measures.get(metric, measures) if isinstance(measures, dict) else measures


def _measure(found: Any) -> tuple[str, str, str]:
    rows = found.get("n") if isinstance(found, dict) else None
    return _value(found), _bounds(found), f"{rows:,}" if isinstance(rows, int) else UNKNOWN


def _value(found: Any) -> str:
    value = found.get("value") if isinstance(found, dict) else found
    return f"{value:.4g}" if isinstance(value, int | float) else UNKNOWN


def _guessed(found: Any) -> str:
    """Return what guessing comes to; some metrics have no meaning for it."""
    return "-" if found is None else _value(found)


def _bounds(found: Any) -> str:
    low, high = (found.get(name) if isinstance(found, dict) else None for name in ("low", "high"))
    known = isinstance(low, int | float) and isinstance(high, int | float)
    return f"{low:.4g} to {high:.4g}" if known else UNKNOWN


def _interval(found: Any) -> str | None:
    return f"{_value(found)} ({_bounds(found)})" if found else None


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else "-"


def _decision(rule: dict[str, Any]) -> str:
    if {"positive", "threshold"} <= rule.keys():
        chosen = f", by {rule['chosen_by']}" if rule.get("chosen_by") else ""
        return f"{rule['positive']} from {rule['threshold']:g} on{chosen}"
    if "interval" in rule:
        return f"a value with an interval of {rule['interval'].get('level', 0):.0%}"
    return ", ".join(f"{name} {value}" for name, value in sorted(rule.items()) if not isinstance(value, dict)) or "none"


def _time(at: int | None) -> str | None:
    return rfc3339(at) if at is not None else None


def _span(start: Any, end: Any) -> str | None:
    if start is None or end is None:
        return None
    return " to ".join(rfc3339(at) if isinstance(at, int) else str(at) for at in (start, end))


def _yes(so: bool) -> str:
    return "yes" if so else "no"


def _more(amount: int) -> str:
    return f"And {amount - SHOWN} more." if amount > SHOWN else ""


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(_inline(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def _inline(text: str) -> str:
    """Keep a text of people in its line: a card's lines are its own."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
