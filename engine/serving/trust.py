"""Says which types of an artifact are trusted: `python -P -m engine.serving.trust FILE [CODE [TYPE ...]]` prints JSON.

CODE is a folder of modules, "" for none; the types are those that the model's file states. A process of its own, so
that the daemon that stages versions never loads the model libraries.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from engine.serving.artifact import ArtifactError, sort_types, untrusted_types


def main(arguments: list[str]) -> int:
    """Print `{"trusted": […], "refused": […]}`, or one line on stderr and 1 for a file that is no artifact."""
    code = Path(arguments[1]) if len(arguments) > 1 and arguments[1] else None
    if code is not None:
        sys.path.append(str(code))
    try:
        found = untrusted_types(Path(arguments[0]).read_bytes())
        trusted, refused = sort_types(found, bundle_modules(code), arguments[2:])
    except (ArtifactError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps({"trusted": trusted, "refused": refused}))
    return 0


def bundle_modules(code: Path | None) -> set[str]:
    """Return the dotted names of the modules below a code folder."""
    if code is None:
        return set()
    names = (".".join(path.relative_to(code).with_suffix("").parts) for path in code.rglob("*.py"))
    return {name.removesuffix(".__init__") for name in names}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
