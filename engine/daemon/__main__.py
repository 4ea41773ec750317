"""`python -P -m engine.daemon -w DIR`: be the daemon of one deck, in the foreground."""

from __future__ import annotations

import argparse
import gc
import sys
from pathlib import Path

from engine.workspace import Workspace


def main() -> int:
    """Run until told to stop."""
    parser = argparse.ArgumentParser(prog="engine.daemon")
    parser.add_argument("-w", "--workspace", required=True, type=Path)
    parser.add_argument("--log", action="store_true", help="write to the deck's log file instead of stderr")
    arguments = parser.parse_args()
    gc.disable()  # what is loaded stays: looking through it for what could go takes a sixth of the time until an answer
    workspace = Workspace(arguments.workspace.resolve())
    if arguments.log:
        from engine.daemon.log import use_file
        from engine.service.launch import log_of

        use_file(log_of(workspace))
    from engine.daemon.process import run

    return run(workspace)


if __name__ == "__main__":
    sys.exit(main())
