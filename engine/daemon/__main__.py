"""`python -P -m engine.daemon -w DIR`: be the daemon of one deck, in the foreground."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from engine.workspace import Workspace


def main() -> int:
    """Run until told to stop."""
    parser = argparse.ArgumentParser(prog="engine.daemon")
    parser.add_argument("-w", "--workspace", required=True, type=Path)
    workspace = Workspace(parser.parse_args().workspace.resolve())
    from engine.daemon.process import run

    return run(workspace)


if __name__ == "__main__":
    sys.exit(main())
