"""How a verb is found by its words without loading the others."""

from __future__ import annotations

from console.commands.verb import Verb, generated
from engine.operations.homes import HOMES, below

# The verbs without an operation whose noun operations have too: a test holds them to the table of verbs.
BESIDE = frozenset(
    {
        *(("audit", verb) for verb in ("export", "bundle", "check", "witness", "compare")),
        *(("backup", verb) for verb in ("create", "restore")),
        *(("bundle", verb) for verb in ("export", "check", "import")),
        *(("deck", "export"), ("models", "new"), ("outcomes",), ("runs", "fetch"), ("versions", "export")),
    }
)


def verb_of(words: tuple[str, ...]) -> Verb | None:
    """Return the verb of exactly these words, None where there is none."""
    if words[0] in HOMES and words not in BESIDE:
        found = (generated(operation) for operation in below(words[0]) if operation.words == words)
        return next(found, None)
    from console.commands.verbs import VERBS

    return VERBS.get(words)
