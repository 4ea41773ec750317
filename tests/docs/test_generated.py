"""What is generated is fresh: the README's tables are those of the code, the constraints cover what is declared."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from console import docs
from console.parser import overview
from console.usage import whole_help

ROOT = Path(__file__).resolve().parent.parent.parent
REMEDY = "run: .venv/bin/python -m console.docs"
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+_]+")


@pytest.mark.parametrize("name", sorted(docs.parts()))
def test_a_generated_part_of_a_document_is_fresh(name: str) -> None:
    path = next(path for path, names in docs.DOCUMENTS.items() if name in names)
    text = path.read_text("utf-8")
    begin = f"<!-- {name}: made by python -m console.docs -->\n"
    assert begin in text, f"{path.name} has no part {name}"
    written = text.partition(begin)[2].partition(f"\n<!-- end of {name} -->")[0]
    assert written == docs.parts()[name], f"the {name} table of {path.name} is stale; {REMEDY}"


def test_the_whole_help_is_fresh() -> None:
    assert whole_help() == overview(), f"console/overview.txt is stale; {REMEDY}"


def test_every_verb_is_in_the_table() -> None:
    from console.commands.verbs import VERBS
    from console.parser import usage_of

    table = docs.verbs()
    assert [words for words, verb in VERBS.items() if f"`{usage_of(verb)}`" not in table] == []


def test_a_readme_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="markers of 'keys' are missing"):
        docs.with_parts("# modeldeck\n", ("keys",))


def test_check_tells_a_stale_readme_and_writing_mends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "README.md"
    copy.write_text(docs.README.read_text("utf-8").replace(docs.keys(), "stale"), "utf-8")
    monkeypatch.setattr(docs, "DOCUMENTS", {copy: docs.DOCUMENTS[docs.README]})
    monkeypatch.setattr(docs, "OVERVIEW", str(tmp_path / "overview.txt"))
    monkeypatch.setattr("sys.argv", ["docs", "--check"])
    assert docs.main() == 1
    monkeypatch.setattr("sys.argv", ["docs"])
    assert docs.main() == 0
    monkeypatch.setattr("sys.argv", ["docs", "--check"])
    assert docs.main() == 0


def test_constraints_are_plain_names_and_versions() -> None:
    assert [line for line in constraints() if not PLAIN.fullmatch(line)] == []
    names = [canonical(line.partition("==")[0]) for line in constraints()]
    assert sorted(names) == sorted(set(names)), "a name stands twice in constraints.txt"


def test_constraints_cover_every_declared_dependency() -> None:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    lines = [*declared["project"]["dependencies"], *declared["build-system"]["requires"]]
    for extra in declared["project"]["optional-dependencies"].values():
        lines += extra
    pinned = {canonicalize_name(name): version for name, _, version in (each.partition("==") for each in constraints())}
    wanted = {canonicalize_name(Requirement(line).name): Requirement(line).specifier for line in lines}
    assert sorted(wanted.keys() - pinned.keys()) == [], "constraints.txt lacks these"
    assert [name for name, allowed in wanted.items() if not allowed.contains(pinned[name])] == []


def constraints() -> list[str]:
    return (ROOT / "constraints.txt").read_text("utf-8").splitlines()


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
