"""Runs of behaviour tests: what they said of which version, where it was asked, and by which tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from store import events
from store.database import Reader, Row, Write
from store.ids import new_id
from store.json_text import dump, load
from store.rows import BehaviourResult, BehaviourRun
from store.rows.behaviour import FAILED, PASSED

KEPT = 100  # runs of one version and place; of older ones the event stays


def record(  # noqa: PLR0913 (one keyword for each thing that a run was)
    tx: Write,
    *,
    model: str,
    version: int,
    place: str,
    tests_hash: str,
    code_hash: str,
    results: Sequence[BehaviourResult],
    actor: str,
    job_id: str | None = None,
) -> BehaviourRun:
    """Keep a run, with its event."""
    id = new_id(tx.clock)
    wrong = [one.name for one in results if one.verdict != PASSED]
    verdict = FAILED if wrong else PASSED
    tx.execute(
        "INSERT INTO behaviour_run (id, model, version, place, verdict, tests_hash, code_hash, results, actor, job_id,"
        " ran_at) VALUES (:id, :model, :version, :place, :verdict, :tests, :code, :results, :actor, :job, :at)",
        {
            "id": id,
            "model": model,
            "version": version,
            "place": place,
            "verdict": verdict,
            "tests": tests_hash,
            "code": code_hash,
            "results": dump([asdict(one) for one in results]),
            "actor": actor,
            "job": job_id,
            "at": tx.at,
        },
    )
    tx.execute(
        "DELETE FROM behaviour_run WHERE model = :model AND version = :version AND place = :place AND id NOT IN"
        " (SELECT id FROM behaviour_run WHERE model = :model AND version = :version AND place = :place"
        " ORDER BY id DESC LIMIT :kept)",
        {"model": model, "version": version, "place": place, "kept": KEPT},
    )
    events.append(
        tx,
        actor=actor,
        action="tests.ran",
        subject_kind="version",
        subject_id=f"{model}@{version}",
        model=model,
        body={"place": place, "verdict": verdict, "tests": len(results), "failed": wrong, "tests_hash": tests_hash},
    )
    return runs(tx, model, version, limit=1)[0]


def runs(reader: Reader, model: str, version: int | None = None, limit: int = 100) -> list[BehaviourRun]:
    """Return a model's runs, or those of one version, newest first."""
    where = "model = :model" if version is None else "model = :model AND version = :version"
    found = reader.rows(
        f"SELECT * FROM behaviour_run WHERE {where} ORDER BY id DESC LIMIT :limit",
        {"model": model, "limit": limit, **({} if version is None else {"version": version})},
    )
    return [_run(row) for row in found]


def newest(reader: Reader, model: str, version: int) -> list[BehaviourRun]:
    """Return the newest run of each place, newest first."""
    found: dict[str, BehaviourRun] = {}
    for one in runs(reader, model, version, limit=KEPT * 4):
        found.setdefault(one.place, one)
    return list(found.values())


def _run(row: Row) -> BehaviourRun:
    results = tuple(BehaviourResult(**one) for one in load(row["results"]))
    return BehaviourRun(**{**dict(row), "results": results})
