"""The files of the examples, and a workspace laid out from one or several of them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from store.errors import Refused, UnknownName

RECIPE = "demo.toml"  # how the demo drives an example; not part of a workspace


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the demo drives one example. Times are texts in the deck's zone, as a person would type them.

    An outcome comes `label_delay_days` of event time after its row. `by_default` examples run where none is named.
    """

    example: str
    model: str
    first_until: str
    second_until: str
    replay_from: str
    replay_to: str
    rows_per_request: int
    label_delay_days: float
    train_s: float  # what a training takes where nothing else runs, for the time that is left
    by_default: bool = False


def names() -> list[str]:
    """Return the examples this distribution ships, each a folder with a deck.toml."""
    folder = _folder()
    return sorted(entry.name for entry in folder.iterdir() if (entry / "deck.toml").is_file())


def recipe(name: str) -> Recipe:
    """Read an example's recipe.

    Raises:
        UnknownName: there is no such example.
    """
    _known(name)
    said = tomllib.loads((_folder() / name / RECIPE).read_text("utf-8"))
    return Recipe(example=name, **said)


def demo_names() -> list[str]:
    """Return the examples that have a recipe."""
    return [name for name in names() if (_folder() / name / RECIPE).is_file()]


def default_names() -> list[str]:
    """Return the examples of a demo that names none."""
    return [name for name in demo_names() if recipe(name).by_default]


def write_deck(root: Path, name: str, time_zone: str = "UTC") -> None:
    """Write a deck.toml."""
    text = f'name = "{name}"\ntime_zone = "{time_zone}"\n'
    (root / "deck.toml").write_text(text, encoding="utf-8")


def copy_example(name: str, root: Path, *, with_deck: bool) -> list[Path]:
    """Copy an example's model files, modules and samples, and its deck.toml where asked; return what was written.

    Raises:
        UnknownName: there is no such example.
        Refused: a file of that name is there and differs; nothing is overwritten.
    """
    _known(name)
    source = _folder() / name
    wanted = [*sorted(source.glob("*.py")), *sorted((source / "models").glob("*.toml"))]
    wanted += sorted((source / "samples").glob("*.json"))  # rows to predict by hand
    if with_deck:
        wanted.append(source / "deck.toml")  # last: a folder with a deck.toml is a workspace
    targets = [(path, root / path.relative_to(source)) for path in wanted]
    for path, target in targets:
        if target.exists() and target.read_bytes() != path.read_bytes():
            raise Refused(f"{target} exists and differs from the example's", "choose another folder")
    for path, target in targets:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return [target for _, target in targets]


def _known(name: str) -> None:
    if name not in names():
        raise UnknownName(f"no example named {name!r}", f"there are: {', '.join(names())}")


def _folder() -> Path:
    found = resources.files("examples")
    return Path(str(found))
