from __future__ import annotations

import random
import tracemalloc
from dataclasses import dataclass

import pytest

from engine.service.filters import parse
from engine.service.sieve import Sieve, says_more


@dataclass(frozen=True)
class Row:
    name: str
    value: float
    tags: dict[str, str]
    started_at: int


ROWS = tuple(
    Row(f"Model-{number:03d}", number / 7, {"team": "Preis" if number % 3 else "trust"}, number * 10**12)
    for number in range(300)
)


def typed(text: str) -> list[str]:
    return [text[:length] for length in range(1, len(text) + 1)]


@pytest.mark.parametrize(
    "text", ["model-01", "MODEL 9", "preis 01", "value<3 model-01", "!trust 12", "1970 trust", "~^Model-2 0", "nothing"]
)
def test_every_key_gives_what_the_filter_itself_gives(text: str) -> None:
    sieve = Sieve(ROWS)
    for said in [*typed(text), *reversed(typed(text))]:
        try:
            wanted = parse(said)
        except Exception:
            continue
        assert sieve.select(wanted) == tuple(wanted.select(ROWS)), said


def test_any_filter_after_any_other_gives_its_own_rows() -> None:
    chosen = random.Random(7)
    words = ["model", "el-1", "!trust", "preis", "value<9", "value>2", "0", "~2$", "01"]
    sieve = Sieve(ROWS)
    for _ in range(300):
        wanted = parse(" ".join(chosen.sample(words, chosen.randrange(4))))
        assert sieve.select(wanted) == tuple(wanted.select(ROWS))


@pytest.mark.parametrize(
    ("old", "new", "more"),
    [("mo", "model", True), ("model", "mo", False), ("!mo", "!model", False), ("mo", "mo trust", True),
     ("mo trust", "mo", False), ("value<9", "value<90", False), ("a", "value<9", False)],
)  # fmt: skip
def test_only_longer_words_say_more(old: str, new: str, more: bool) -> None:
    assert says_more(parse(new), parse(old)) is more


def test_a_word_is_not_found_across_two_values() -> None:
    assert Sieve((Row("ab", 1.0, {}, 0),)).select(parse("ab1")) == ()


def test_words_are_looked_for_without_keeping_a_copy_of_the_rows() -> None:
    sieve = Sieve(ROWS * 10)
    tracemalloc.start()
    try:
        sieve.select(parse("model"))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept / len(sieve.rows) < 300, "bytes a row: its texts, not its objects"
