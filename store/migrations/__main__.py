"""`python -m store.migrations`: write store/schema.sql anew, after a migration was added."""

from __future__ import annotations

import sys

from store.creation import SCRIPT
from store.upgrade import schema_script


def main() -> int:
    """Write the script; a test holds it equal to the migrations."""
    SCRIPT.write_text(schema_script(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
