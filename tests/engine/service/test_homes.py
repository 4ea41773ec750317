"""One operation is found without loading the others, and it is the one of the catalogue."""

from __future__ import annotations

import subprocess
import sys

import pytest

from engine.operations import homes
from engine.operations.catalog import OPERATIONS
from store.errors import UnknownName


def test_every_operation_is_found_by_its_id() -> None:
    assert {id: homes.named(id) for id in OPERATIONS} == dict(OPERATIONS)


def test_an_unknown_one_is_told_as_by_the_catalogue() -> None:
    for id in ("models.frobnicate", "frobnicate", "sugar.list"):
        with pytest.raises(UnknownName, match=f"no operation named '{id}'"):
            homes.named(id)


@pytest.mark.parametrize("word", sorted(homes.HOMES))
def test_below_a_word_is_what_the_catalogue_has_below_it(word: str) -> None:
    known = [one for one in OPERATIONS.values() if word in (one.id.partition(".")[0], *one.words[:1])]
    assert sorted(one.id for one in homes.below(word)) == sorted(one.id for one in known)


def test_one_is_found_without_the_files_of_others() -> None:
    code = "import sys; from engine.operations.homes import named; named('models.list'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True).stdout
    assert {name.rpartition(".")[2] for name in loaded.split() if name.startswith("engine.operations.")} == {
        *("common", "homes", "models", "operation")
    }
