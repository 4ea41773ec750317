"""Behaviour tests as a model file declares them: rows changed and asked again, rows whose answer is known."""

from __future__ import annotations

import difflib
import time
from collections.abc import Mapping, Sequence
from typing import Any

from engine.settings.behaviour import BehaviourTest
from engine.training.behaviour.answering import Ask
from store.rows.behaviour import FAILED, PASSED

Row = Mapping[str, Any]
Said = tuple[str, str]  # verdict and line


class BadTest(Exception):
    """The test asks what cannot be asked; the message says what, in one line."""


def run_changed(test: BehaviourTest, rows: Sequence[Row], ask: Ask, signature: Mapping[str, Any]) -> Said:
    """Ask rows as they are and as they are changed, and compare the answers.

    Raises:
        BadTest: it names a column or a class that the model does not have, or changes nothing.
        engine.training.behaviour.answering.Unanswered, and whatever else `ask` raises.
    """
    types = {str(one["name"]): str(one["type"]) for one in signature.get("inputs", ())}
    _known("column", test.change, types)
    _known_class(test, signature)
    pairs = _changed(test, rows, types)
    if not pairs:
        raise BadTest(f"no row is changed: all {len(rows)} rows hold that already, or nothing there")
    until = time.monotonic() + test.timeout_s
    before = ask(rows, until)
    after = ask([row for _, row in pairs], until)
    wrong = []
    for (place, _), moved in zip(pairs, after, strict=True):
        if not _as_expected(test, before[place], moved):
            wrong.append((place, before[place], moved))
    held = len(pairs) - len(wrong)
    seen = f"{held} of {len(pairs)} changed rows"
    if wrong:
        place, was, now = max(wrong, key=lambda one: _distance(test, one[1], one[2]))
        seen += f"; row {place + 1}: {_answer(test, was)} became {_answer(test, now)}"
    return (PASSED if held >= test.share * len(pairs) else FAILED), seen


def run_cases(test: BehaviourTest, ask: Ask, signature: Mapping[str, Any]) -> Said:
    """Ask the rows of the cases and look at each answer.

    Raises:
        BadTest, engine.training.behaviour.answering.Unanswered, and whatever else `ask` raises.
    """
    types = {str(one["name"]): str(one["type"]) for one in signature.get("inputs", ())}
    for case in test.cases:
        _known("column", case["row"], types)
        if "label" in case:
            _known("label", [case["label"]], signature.get("classes", ()))
    _known_class(test, signature)
    answers = ask([case["row"] for case in test.cases], time.monotonic() + test.timeout_s)
    wrong = [
        (number, why)
        for number, (case, answer) in enumerate(zip(test.cases, answers, strict=True), 1)
        if (why := _unlike(test, case, answer))
    ]
    seen = f"{len(answers) - len(wrong)} of {len(answers)} cases"
    if wrong:
        return FAILED, f"{seen}; case {wrong[0][0]}: {wrong[0][1]}"
    return PASSED, seen


def expected(test: BehaviourTest) -> str:
    """Say what a test asks, in a few words."""
    if test.function:
        return test.function.removeprefix("python:")
    about = f" of {test.of}" if test.of else ""
    if test.cases:
        return f"the known answers{about}"
    by = f" by more than {test.within:g}" if test.within else ""
    words = {
        "same": f"no answer{about} moves{by}",
        "up": f"answers{about} go up",
        "down": f"answers{about} go down",
        "not up": f"no answer{about} goes up{by}",
        "not down": f"no answer{about} goes down{by}",
    }
    share = f", {test.share:.0%} of rows" if test.share < 1 else ""
    return f"{words[test.expect]} with another {' and '.join(test.change)}{share}"


def _known(what: str, names: Any, there: Any) -> None:
    for name in names:
        if name not in there:
            close = difflib.get_close_matches(str(name), list(there), n=1)
            told = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(map(str, there)) or 'none'}"
            raise BadTest(f"the model has no {what} {name!r}: {told}")


def _known_class(test: BehaviourTest, signature: Mapping[str, Any]) -> None:
    if test.of:
        _known("class", [test.of], signature.get("classes", ()))


def _changed(test: BehaviourTest, rows: Sequence[Row], types: Mapping[str, str]) -> list[tuple[int, dict[str, Any]]]:
    """Return each changed row with the place of the one it was made of; those that stay as they are left out."""
    column, values = next(
        ((name, said["to"]) for name, said in test.change.items() if isinstance(said, dict) and "to" in said),
        ("", [None]),
    )
    found = []
    for place, row in enumerate(rows):
        for value in values:
            changed = dict(row)
            for name, said in test.change.items():
                new = value if name == column else _new(name, said, row.get(name), types[name])
                changed[name] = new
            if any(changed.get(name) != row.get(name) for name in test.change):
                found.append((place, changed))
    return found


def _new(name: str, said: Any, value: Any, kind: str) -> Any:
    """Return a column's new value; nothing stays nothing where it is to be added to."""
    if not isinstance(said, dict):
        return said
    if "missing" in said:
        return None
    if value is None:
        return None
    if "add" in said or "times" in said:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise BadTest(f"column {name!r} holds {kind}: only numbers are added to or multiplied")
        new = value + said["add"] if "add" in said else value * said["times"]
        return round(new) if kind == "long" else float(new)
    if not isinstance(value, str):
        raise BadTest(f"column {name!r} holds {kind}: only texts are prepended or appended to")
    return f"{said['prepend']}{value}" if "prepend" in said else f"{value}{said['append']}"


def _number(test: BehaviourTest, answer: Mapping[str, Any]) -> float | None:
    """Return the number of an answer that is looked at; None where it is a label or a list of items."""
    value = answer.get(f"scores.{test.of}") if test.of else answer.get("value")
    return float(value) if isinstance(value, int | float) else None


def _as_expected(test: BehaviourTest, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    was, now = _number(test, before), _number(test, after)
    if was is None or now is None:
        name = "items" if "items" in before else "label"
        return bool(before.get(name) == after.get(name))
    fits = {
        "same": abs(now - was) <= test.within,
        "up": now > was,
        "down": now < was,
        "not up": now <= was + test.within,
        "not down": now >= was - test.within,
    }
    return fits[test.expect]


def _distance(test: BehaviourTest, before: Mapping[str, Any], after: Mapping[str, Any]) -> float:
    was, now = _number(test, before), _number(test, after)
    return 0.0 if was is None or now is None else abs(now - was)


def _answer(test: BehaviourTest, answer: Mapping[str, Any]) -> str:
    number = _number(test, answer)
    if number is not None:
        return f"{number:.6g}"
    if "items" in answer:
        return ", ".join(map(str, answer["items"][:3])) + (", …" if len(answer["items"]) > 3 else "")
    return str(answer.get("label"))


def _unlike(test: BehaviourTest, case: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """Say what of a case's answer is not as it must be, "" where all is."""
    if "label" in case and answer.get("label") != case["label"]:
        return f"{answer.get('label')} ({answer.get('score', 0.0):.3g}), must be {case['label']}"
    number = _number(test, answer)
    if "min" in case and (number is None or number < case["min"]):
        return f"{_answer(test, answer)}, must be at least {case['min']:g}"
    if "max" in case and (number is None or number > case["max"]):
        return f"{_answer(test, answer)}, must be at most {case['max']:g}"
    items = set(map(str, answer.get("items", ())))
    missing, there = set(case.get("contains", ())) - items, set(case.get("lacks", ())) & items
    if missing:
        return f"lacks {', '.join(sorted(missing))}"
    return f"holds {', '.join(sorted(there))}" if there else ""
