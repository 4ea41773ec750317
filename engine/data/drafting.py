"""The first draft of a model file, as its author would write it: short, with what was guessed said to be so."""

from __future__ import annotations

from engine.data.guessing import Guess


def draft(name: str, source: str, target: str, found: Guess, owner: str) -> str:
    """Return the text of models/NAME.toml."""
    import tomlkit

    file = tomlkit.document()
    model, data = tomlkit.table(), tomlkit.table()
    model.update({"name": name, "task": found.task, "owner": owner})
    model["task"].comment("guessed from the target")
    data.update({"source": source, "target": target})
    if found.time_column:
        data.add("time_column", found.time_column)
        data["time_column"].comment("when a row happened: versions are tested on the newest rows")
    if found.id_column:
        data.add("id_column", found.id_column)
        data["id_column"].comment("names a row; nothing is learned from it")
    if found.personal:
        data.add("personal", list(found.personal))
        data["personal"].comment("tokens in logs, masked on screens; name here what else is about a person")
    file.add("model", model)
    file.add(tomlkit.nl())
    file.add("data", data)
    file.add(tomlkit.nl())
    file.add(tomlkit.comment("[train], [gates], [deploy], [monitor] and more: modeldeck settings"))
    return tomlkit.dumps(file)
