"""`python -m store.migrations`: write store/schema.sql and the file made of it anew, after a migration was added."""

from __future__ import annotations

import sys

from store.creation import IMAGE, SCRIPT
from store.upgrade import schema_image, schema_script


def main() -> int:
    """Write both; tests hold the script equal to the migrations, and the file to the script."""
    script = schema_script()
    SCRIPT.write_text(script, encoding="utf-8")
    IMAGE.write_bytes(schema_image(script))
    return 0


if __name__ == "__main__":
    sys.exit(main())
