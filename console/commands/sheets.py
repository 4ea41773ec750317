"""A thing whole at the width of a terminal: fields as pairs that wrap, lists and groups of alike things as tables."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from console.commands.values import count, said
from console.output import Column, Output
from console.render.measures import is_gain, with_interval

TOP = 10  # trials shown, the best first
DEEPEST = 4
LABEL_MOST = 26
LEAST_TEXT = 24
HASH, HASH_SHOWN = 71, 19  # of a terminal's line a whole hash takes all; a prefix is enough to name its thing

# parts that repeat what the rest says, by kind
LEFT_OUT = {"release": {"plan": {"steps", "kind", "endpoint", "from_version", "to_version", "summary", "undo"}}}

STEPS = ("number", "host", "state", "verdict", "title")
TABLES: dict[str, tuple[str, ...]] = {
    "steps": STEPS,
    "aliases": ("name", "version", "generation", "actor", "moved_at"),
    "replicas": ("number", "state", "port", "pid", "started_at", "detail"),
}


def sheet(kind: str, body: dict[str, Any], out: Output) -> None:
    """Write every field that says something; the empty ones are in `--json`."""
    hidden = LEFT_OUT.get(kind, {})
    plain: list[tuple[str, str]] = []
    parts: list[tuple[str, Any]] = []
    for name, value in body.items():
        if value in (None, "", [], {}, ()):
            continue
        if _is_group(value):
            if isinstance(value, dict) and name in hidden:
                value = {key: inner for key, inner in value.items() if key not in hidden[name]}  # noqa: PLW2901
            parts.append((name, value))
        else:
            plain.append((name, _text(name, value, out)))
    _pairs(plain, out)
    for name, value in parts:
        if name == "trials":
            _trials(value, body, out)
        else:
            _part(name, value, out)


def _is_group(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value))


def _part(name: str, value: Any, out: Output, depth: int = 0) -> None:
    """Write one group below its name."""
    if not value:
        return
    if isinstance(value, list):
        _heading(f"{name} ({count(len(value))})", out)
        _table([item for item in value if isinstance(item, dict)], out, TABLES.get(name))
        return
    if _are_alike(value):
        _heading(name, out)
        rows = [{"": key, **inner} for key, inner in value.items()]
        _table(rows, out, None)
        return
    flat = {key: inner for key, inner in value.items() if not _is_group(inner) and inner not in (None, "", [], ())}
    told = [(key, _text(key, inner, out)) for key, inner in flat.items()]
    of_groups = {key: inner for key, inner in value.items() if depth >= DEEPEST and is_measured(inner)}
    told += [(key, measured(inner)) for key, inner in of_groups.items()]
    if told:
        _heading(name, out)
        _pairs(told, out, indent=2)
    for key, inner in value.items():
        if _is_group(inner) and key not in of_groups:
            if depth < DEEPEST:
                _part(f"{name}.{key}", inner, out, depth + 1)
            else:
                _pairs([(f"{name}.{key}", said(key, inner, out))], out)


def is_measured(value: Any) -> bool:
    """Say whether a value is a measure with its interval and the rows it is of."""
    return isinstance(value, dict) and {"value", "low", "high", "n"} <= value.keys()


def measured(measure: dict[str, Any]) -> str:
    """Return a measure in words: `0.956 [0.938, 0.973], 1,657 rows`."""
    few = ", too few to judge" if measure.get("small") else ""
    return f"{with_interval(measure)}, {count(measure['n'])} rows{few}"


def _are_alike(value: dict[str, Any]) -> bool:
    inner = list(value.values())
    if not inner or not all(isinstance(one, dict) and one and not any(map(_is_group, one.values())) for one in inner):
        return False
    return all(one.keys() == inner[0].keys() for one in inner)


def _trials(trials: list[dict[str, Any]], run: dict[str, Any], out: Output) -> None:
    """Write the best trials by the run's own metric, and how many there are."""
    metric = str(run.get("params", {}).get("metric", ""))
    sign = -1 if is_gain(metric) else 1

    def place(trial: dict[str, Any]) -> tuple[bool, float]:
        value = trial["metrics"].get(metric)
        return (value is None, sign * value if value is not None else 0.0)

    states = [trial["state"] for trial in trials]
    told = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    first = f", the best {TOP} by {metric}" if len(trials) > TOP else ""
    _heading(f"trials ({count(len(trials))}: {told}{first})", out)
    rows = [
        {
            "name": trial["name"],
            "state": trial["state"],
            metric or "metric": trial["metrics"].get(metric),
            "seconds": trial["metrics"].get("seconds"),
            "params": ", ".join(f"{key} {value}" for key, value in trial["params"].items() if key != "family"),
        }
        for trial in sorted(trials, key=place)[:TOP]
    ]
    _table(rows, out, None)
    if len(trials) > TOP:
        out.note(f"all {count(len(trials))}: modeldeck runs --parent {str(run['id'])[:12]}, or --json")


def _heading(text: str, out: Output) -> None:
    out.line("")
    out.line(text)


def _table(rows: Sequence[dict[str, Any]], out: Output, names: Sequence[str] | None) -> None:
    """Write rows as a table of the columns that say something; texts give way, then go on below."""
    known = names or list(dict.fromkeys(name for row in rows for name in row))
    shown = [name for name in known if any(row.get(name) not in (None, "", [], {}, ()) for row in rows)]
    columns = [
        Column(name, _cell(name), right=_is_number(name, rows), shrink=not _is_number(name, rows)) for name in shown
    ]
    out.table(columns, rows)


def _cell(name: str) -> Callable[[Any, Output], str]:
    return lambda row, out: _text(name, row.get(name), out)


def _is_number(name: str, rows: Sequence[dict[str, Any]]) -> bool:
    values = [row.get(name) for row in rows if row.get(name) is not None]
    return bool(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _text(name: str, value: Any, out: Output) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if out.fits and isinstance(value, str) and len(value) == HASH and value.startswith("sha256:"):
        return value[:HASH_SHOWN]
    if (name == "at" or name.endswith("_at")) and isinstance(value, str):
        from store.rows import microseconds

        return out.time(microseconds(value))
    if isinstance(value, list) and not _is_group(value):
        return ", ".join(_text("", item, out) for item in value) or "-"
    return said(name, value, out)


def _pairs(pairs: list[tuple[str, str]], out: Output, indent: int = 0) -> None:
    """Write names and values; on a terminal a long value goes on below itself."""
    if not pairs:
        return
    label = min(LABEL_MOST, max(len(name) for name, _ in pairs))
    for name, value in pairs:
        head = f"{' ' * indent}{name:<{label}}  "
        room = max(LEAST_TEXT, out.width() - len(head))
        lines = (textwrap.wrap(value, room, break_on_hyphens=False) or [""]) if out.fits else [value]
        for position, text in enumerate(lines):
            out.line(f"{head if position == 0 else ' ' * len(head)}{text}".rstrip())
