"""Work apart from the daemon: what was answered is answered, however the process then ends."""

from __future__ import annotations

import json
import subprocess
import sys

ABORTS = """
import atexit, os, runpy, sys
atexit.register(os.abort)
sys.argv = ["apart", "-w", sys.argv[1], "find"]
runpy.run_module("engine.service.apart", run_name="__main__")
"""


def test_an_answer_stands_though_the_interpreter_would_abort_at_its_end(deck):
    ran = subprocess.run(
        [sys.executable, "-P", "-c", ABORTS, str(deck.workspace.root)],
        input=json.dumps({"prediction_id": "0" * 32 + "-0"}).encode(),
        capture_output=True,
        timeout=60,
    )
    assert (ran.returncode, json.loads(ran.stdout)) == (0, {})
