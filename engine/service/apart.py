"""A delivery of outcomes taken in by a process of its own, so that the daemon never loads Arrow.

`python -P -m engine.service.apart -w DIR` is that process: a request on stdin, the batch or the error on stdout. What a
kill at any point leaves is `engine.monitoring.outcomes`' to answer for.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
from pathlib import Path

from engine.operations.watching import OutcomesRequest
from engine.service import wire
from engine.workspace import Workspace
from store.errors import ModeldeckError, WorkFailed, from_wire
from store.rows import OutcomeBatch


def record(workspace: Workspace, request: OutcomesRequest, actor: str) -> OutcomeBatch:
    """Take outcomes in another process, and wait for it.

    Raises:
        ModeldeckError: as `engine.monitoring.outcomes.record` says.
        WorkFailed: the process failed; where it got as far as the registry, a repeat finds the same outcomes known.
    """
    told = {"model": request.model, "origin": request.origin, "rows": request.rows, "actor": actor}
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "engine.service.apart", "-w", str(workspace.root)],
        input=json.dumps(told).encode(),
        capture_output=True,
        check=False,
        start_new_session=True,  # a signal to the daemon's group lets it finish
    )
    if ran.returncode:
        said = ran.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {ran.returncode}"]
        raise WorkFailed(f"taking outcomes failed: {said[-1]}", "deliver them again")
    answer = json.loads(ran.stdout)
    if "error" in answer:
        error = answer["error"]
        raise from_wire(error["code"], error["message"], error["hint"])
    return OutcomeBatch(**answer)


def main() -> int:
    """Take one delivery."""
    parser = argparse.ArgumentParser(prog="engine.service.apart")
    parser.add_argument("-w", "--workspace", required=True, type=Path)
    workspace = Workspace(parser.parse_args().workspace)
    told = json.load(sys.stdin.buffer)
    try:
        from engine.deck import open_deck
        from engine.monitoring.outcomes import record

        deck = open_deck(workspace)
        try:
            batch = record(deck, told["model"], told["rows"], told["origin"], told["actor"])
        finally:
            deck.database.close()
    except ModeldeckError as error:
        sys.stdout.buffer.write(wire.error_bytes(error))
    else:
        json.dump(dataclasses.asdict(batch), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
