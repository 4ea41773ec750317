"""`python -P -m engine.serving --folder DIR …`: one model server."""

from __future__ import annotations

import sys

from engine.serving.server import main

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
