"""Work on rows done by a process of its own, so that the daemon never loads Arrow.

`python -P -m engine.service.apart -w DIR WHAT` is that process: what is asked on stdin, the answer or the
error on stdout. What a kill at any point leaves of outcomes is `engine.monitoring.outcomes`' to answer for.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

from engine.operations.watching import OutcomesRequest, OutcomesTaken
from engine.service import wire
from engine.workspace import Workspace
from store.errors import ModeldeckError, WorkFailed, from_wire

FOUND_WITHIN_S = 60.0
EXPLAINED_WITHIN_S = 300.0
SOUGHT_WITHIN_S = 600.0


def record(workspace: Workspace, request: OutcomesRequest, actor: str) -> OutcomesTaken:
    """Take outcomes in another process, and wait for it.

    Raises:
        ModeldeckError: as `engine.monitoring.outcomes.record` says.
        WorkFailed: the process failed; where it got as far as the registry, a repeat finds the same outcomes known.
    """
    told = {"model": request.model, "origin": request.origin, "rows": request.rows, "actor": actor}
    taken = _done(workspace, "outcomes", told, "taking outcomes", "deliver them again")
    return OutcomesTaken(**{**taken, "unknown_ids": tuple(taken["unknown_ids"])})


def find(workspace: Workspace, prediction_id: str) -> dict[str, Any] | None:
    """Find a logged prediction in another process, as `engine.monitoring.find` does; None where no log knows it.

    Raises:
        ModeldeckError: the registry or the log cannot be read.
        WorkFailed: the process failed, or took longer than a minute.
    """
    found = _done(workspace, "find", {"prediction_id": prediction_id}, "the search of the log", "", FOUND_WITHIN_S)
    return found or None


def explain(workspace: Workspace, told: dict[str, Any]) -> dict[str, Any]:
    """Explain a version, its predictions, or it beside another, with the code it was trained with.

    `told` is an ExplainRequest as JSON values. The process loads the version's own code; nothing of it comes in here.

    Raises:
        ModeldeckError: as `engine.training.explanation` says.
        WorkFailed: the process failed, or took longer than five minutes.
    """
    return _done(workspace, "explain", told, "the explanation", "", EXPLAINED_WITHIN_S)


def proposed(workspace: Workspace, model: str) -> dict[str, Any]:
    """Infer checks from a model's first snapshot in another process; plain values of `CheckSettings`.

    Raises:
        ModeldeckError: the snapshot cannot be read.
        WorkFailed: the process failed, or took longer than a minute.
    """
    return _done(workspace, "proposed", {"model": model}, "the look at the data", "", FOUND_WITHIN_S)


def rejected(workspace: Workspace, model: str, limit: int) -> list[dict[str, Any]]:
    """Read rows in quarantine in another process, values of personal columns masked.

    Raises:
        ModeldeckError: a batch cannot be read.
        WorkFailed: the process failed, or took longer than a minute.
    """
    told = {"model": model, "limit": limit}
    rows: list[dict[str, Any]] = _done(workspace, "rejected", told, "the look at the rows", "", FOUND_WITHIN_S)["rows"]
    return rows


def sample(workspace: Workspace, told: dict[str, Any]) -> dict[str, Any]:
    """Read rows of a snapshot in another process; `told` are the arguments of `engine.data.sampling.sample_rows`.

    Raises:
        ModeldeckError: as that says.
        WorkFailed: the process failed, or took longer than a minute.
    """
    return _done(workspace, "sample", told, "the look at the rows", "", FOUND_WITHIN_S)


def review(workspace: Workspace, told: dict[str, Any]) -> dict[str, Any]:
    """Look up what is to be reviewed in another process; `told` are the arguments of `engine.monitoring.review.queue`.

    Raises:
        ModeldeckError: as that says.
        WorkFailed: the process failed, or took longer than a minute.
    """
    return _done(workspace, "review", told, "the look at the log", "", FOUND_WITHIN_S)


def attributions(workspace: Workspace, told: dict[str, Any]) -> list[dict[str, Any]]:
    """Compare kept attributions in another process; `told` are the arguments of `monitoring.attribution_drift.moved`.

    Raises:
        ModeldeckError: as that says.
        WorkFailed: the process failed, or took longer than a minute.
    """
    rows: list[dict[str, Any]] = _done(workspace, "attributions", told, "the look at the log", "", FOUND_WITHIN_S)[
        "rows"
    ]
    return rows


def sought(workspace: Workspace, told: dict[str, Any]) -> dict[str, Any]:
    """Look for a person in another process: `{"sought", "key_id"}`; returns `{"places": [...], "open": rows}`.

    Raises:
        ModeldeckError: something cannot be read.
        WorkFailed: the process failed, or took longer than ten minutes.
    """
    return _done(workspace, "sought", told, "the look for the person", "", SOUGHT_WITHIN_S)


def logged(workspace: Workspace, model: str) -> list[dict[str, Any]]:
    """Count a model's log in another process, as `engine.monitoring.logged` does.

    Raises:
        ModeldeckError: the log cannot be read.
        WorkFailed: the process failed, or took longer than a minute.
    """
    rows: list[dict[str, Any]] = _done(
        workspace, "logged", {"model": model}, "the look at the log", "", FOUND_WITHIN_S
    )["rows"]
    return rows


def _done(
    workspace: Workspace, what: str, told: dict[str, Any], named: str, remedy: str, within_s: float | None = None
) -> dict[str, Any]:
    try:
        ran = subprocess.run(
            [sys.executable, "-P", "-m", "engine.service.apart", "-w", str(workspace.root), what],
            input=json.dumps(told).encode(),
            capture_output=True,
            check=False,
            start_new_session=True,  # a signal to the daemon's group lets it finish
            timeout=within_s,
        )
    except subprocess.TimeoutExpired:
        raise WorkFailed(f"{named} took longer than {within_s:.0f} s", "ask again when less is going on") from None
    if ran.returncode:
        said = ran.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {ran.returncode}"]
        raise WorkFailed(f"{named} failed: {said[-1]}", remedy)
    answer: dict[str, Any] = json.loads(ran.stdout)
    if "error" in answer:
        error = answer["error"]
        raise from_wire(error["code"], error["message"], error["hint"])
    return answer


def main() -> int:
    """Do one thing."""
    parser = argparse.ArgumentParser(prog="engine.service.apart")
    parser.add_argument("-w", "--workspace", required=True, type=Path)
    parser.add_argument(
        "what",
        choices=(
            *("outcomes", "find", "explain", "proposed", "rejected", "sample"),
            *("review", "attributions", "logged", "sought"),
        ),
    )
    asked = parser.parse_args()
    told = json.load(sys.stdin.buffer)
    try:
        from engine.deck import open_deck

        deck = open_deck(Workspace(asked.workspace))
        try:
            if asked.what == "find":
                from engine.monitoring import find as log

                answer = log.find(deck, told["prediction_id"]) or {}
            elif asked.what == "explain":
                from engine.service.explaining import answer_of

                answer = answer_of(deck, told)
            elif asked.what == "proposed":
                from engine.data.looking import proposed_checks

                answer = proposed_checks(deck, told["model"])
            elif asked.what == "review":
                from engine.monitoring.review import queue

                answer = queue(deck, **told)
            elif asked.what == "attributions":
                from engine.monitoring.attribution_drift import moved

                answer = {"rows": moved(deck, **told)}
            elif asked.what == "logged":
                from engine.monitoring.logged import logged as counted

                answer = {"rows": counted(deck, told["model"])}
            elif asked.what == "sought":
                from engine.governance.erasing.run import seen

                answer = seen(deck, told["sought"], told["key_id"])
            elif asked.what == "sample":
                from engine.data.sampling import sample_rows

                answer = sample_rows(deck, **told)
            elif asked.what == "rejected":
                from engine.data.looking import rejected_rows

                answer = {"rows": rejected_rows(deck, told["model"], told["limit"])}
            else:
                from engine.monitoring.outcomes import record

                batch = record(deck, told["model"], told["rows"], told["origin"], told["actor"])
                answer = dataclasses.asdict(batch)
        finally:
            deck.database.close()
    except ModeldeckError as error:
        sys.stdout.buffer.write(wire.error_bytes(error))
    else:
        json.dump(answer, sys.stdout)
    return 0


def _leave(code: int) -> NoReturn:
    """End at once: threads of Arrow's pool may abort an interpreter that winds down, when all is answered already."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _leave(main())
