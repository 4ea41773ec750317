"""Every verb takes a version by its number, by `v` and its number, by an alias, and by `MODEL@` any of these."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest

from console.commands.verbs import VERBS
from console.parser import parse
from console.usage import UsageError
from console.version_names import holds_version, named_version, with_numbers
from engine.operations.runs import ReproduceRequest
from store.errors import UnknownName
from store.rows import Alias

ALIASES = [Alias("rates", "champion", 3, 1, "user:a", 0), Alias("other", "canary", 9, 1, "user:a", 0)]


class Deck:
    """Answers what a lookup asks."""

    def call(self, operation_id: str, request: object = None) -> object:
        return {"aliases.list": ALIASES, "models.list": [SimpleNamespace(name="rates")]}[operation_id]


TAKING = [
    words
    for words, verb in VERBS.items()
    for fields in [[one.name for one in dataclasses.fields(verb.request) if one.metadata.get("flag", "") is None]]
    if fields[:1] == ["model"] and fields[1:2] and holds_version(verb.request, fields[1])
]
MORE = {"export": ["made"], "describe": ["text"], "tag": ["a=b"], "derive": ["--threshold", "0.4"]}


@pytest.mark.parametrize("words", TAKING, ids=" ".join)
@pytest.mark.parametrize(
    ("typed", "number"),
    [
        (["rates", "3"], 3),
        (["rates@3"], 3),
        (["rates", "v4"], 4),
        (["rates@v4"], 4),
        (["rates", "champion"], 3),
        (["rates", "@champion"], 3),
        (["rates@champion"], 3),
        (["rates", "rates@champion"], 3),
    ],
)
def test_every_verb_takes_every_name(words: tuple[str, ...], typed: list[str], number: int) -> None:
    said = parse([*words, *typed, *MORE.get(words[-1], [])])
    assert said is not None
    request = with_numbers(Deck(), said.request)
    assert (request.model, request.version) == ("rates", number)


def test_verbs_that_ask_for_a_version_are_known() -> None:
    assert len(TAKING) >= 16
    assert {("promote",), ("explain",), ("cards",), ("versions", "export"), ("approvals", "grant")} <= set(TAKING)


def test_options_before_the_model_are_left_alone() -> None:
    said = parse(["promote", "--reason", "a@b", "rates@3", "--yes"])
    assert said is not None
    assert (said.request.model, said.request.version, said.request.reason) == ("rates", 3, "a@b")
    said = parse(["cards", "rates", "--against", "@champion"])
    assert said is not None
    assert with_numbers(Deck(), said.request).against == 3


@pytest.mark.parametrize("word", ["canary", "other@9", "nope"])
def test_a_name_the_model_does_not_have_is_refused_with_those_it_has(word: str) -> None:
    with pytest.raises(UnknownName, match=r"not of rates|rates has no version"):
        named_version(Deck(), "rates", word)


def test_words_in_the_wrong_order_are_told_the_right_one() -> None:
    with pytest.raises(UnknownName, match="no model named '2'") as refused:
        named_version(Deck(), "2", "rates")
    assert refused.value.hint == "the model comes first: rates 2"
    with pytest.raises(UnknownName) as refused:
        named_version(Deck(), "2", "prod")
    assert refused.value.hint == "modeldeck models lists them"


@pytest.mark.parametrize("words", [["rates", "1"], ["rates@1"], ["--reason", "it was better", "rates", "1", "--yes"]])
def test_rollback_to_a_version_is_told_what_rollback_does_and_what_to_use(words: list[str]) -> None:
    with pytest.raises(UsageError, match="rollback takes no version: `modeldeck rollback rates`") as refused:
        parse(["rollback", *words])
    assert refused.value.hint == "another version: modeldeck promote rates 1"
    said = parse(["rollback", "--reason", "it was better", "rates", "--yes"])
    assert said is not None
    assert said.request.model == "rates"


@pytest.mark.parametrize("words", [("audit", "bundle"), ("bundle", "export")], ids=" ".join)
@pytest.mark.parametrize(("typed", "file"), [(["rates@1"], None), (["rates", "1"], None), (["rates@1", "f"], "f")])
def test_a_file_of_a_version_may_be_left_to_its_usual_name(words: tuple[str, ...], typed: list[str], file: str) -> None:
    said = parse([*words, *typed])
    assert said is not None
    assert (said.request.model, said.request.version, said.request.file) == ("rates", "1", file)


def test_an_alias_that_looks_like_a_number_goes_first() -> None:
    class Named(Deck):
        def call(self, operation_id: str, request: object = None) -> object:
            return [Alias("rates", "v2", 7, 1, "user:a", 0)]  # only aliases are asked for

    assert named_version(Named(), "rates", "v2") == 7
    assert named_version(Named(), "rates", "2") == 2


@pytest.mark.parametrize("word", ["3.5!", "a b", "", "@", "-1"])
def test_what_can_be_no_version_is_a_usage_error(word: str) -> None:
    with pytest.raises(UsageError):
        parse(["reproduce", "rates", word])


def test_a_request_of_numbers_asks_nothing() -> None:
    request = ReproduceRequest("rates", 3)
    assert with_numbers(None, request) is request  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "first", "second"),
    [
        ("rates@1 rates@2", "rates@1", "rates@2"),
        ("rates 1 champion", "rates@1", "rates@champion"),
        ("rates@1 v2", "rates@1", "rates@v2"),
        ("rates@1 other@2", "rates@1", "other@2"),
    ],
)
def test_two_versions_of_one_model_are_compared_without_saying_it_twice(line: str, first: str, second: str) -> None:
    said = parse(["versions", "compare", *line.split()])
    assert said is not None
    assert (said.request.first, said.request.second) == (first, second)


@pytest.mark.parametrize(
    ("line", "kind", "identity"),
    [
        ("versions show rates@7", "version", "rates@7"),
        ("versions rates@7", "version", "rates@7"),
        ("versions show rates champion", "version", "rates@champion"),
        ("models show rates", "model", "rates"),
        ("runs show 0193aa", "run", "0193aa"),
    ],
)
def test_a_noun_shows_its_own(line: str, kind: str, identity: str) -> None:
    said = parse(line.split())
    assert said is not None
    assert (said.verb.words, said.request.kind, said.request.id) == (("show",), kind, identity)
