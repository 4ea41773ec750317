"""The grammar: every operation is a verb, its flags follow from what it is, and mistakes are told."""

from __future__ import annotations

import pytest

from console.commands.finding import verb_of
from console.commands.verbs import VERBS
from console.parser import opening_said, overview, parse, parser_of, usage_of
from console.usage import HelpShown, UsageError, asks_for_all, only_opening, whole_help
from engine.operations.catalog import OPERATIONS
from engine.operations.operation import Danger
from engine.operations.runs import CompareRuns, RunsRequest
from engine.operations.serving import PromoteRequest

PROMISED = (
    "train",
    "predict",
    "promote",
    "rollback",
    "init",
    "demo",
    "check",
    "doctor",
    "apply",
    "models",
    "versions",
    "versions compare",
    "aliases",
    "aliases set",
    "aliases remove",
    "aliases history",
    "at",
    "runs",
    "runs compare",
    "runs tag",
    "runs note",
    "runs delete",
    "runs restore",
    "runs artifacts",
    "runs fetch",
    "versions export",
    "experiments",
    "models tag",
    "models describe",
    "models delete",
    "models restore",
    "versions tag",
    "versions describe",
    "versions delete",
    "versions restore",
    "data ingest",
    "endpoints",
    "endpoints stop",
    "deployments",
    "releases",
    "releases show",
    "releases pause",
    "releases resume",
    "releases abort",
    "hosts",
    "monitors",
    "monitors run",
    "outcomes",
    "alerts",
    "alerts show",
    "alerts ack",
    "alerts snooze",
    "alerts resolve",
    "alerts maintenance",
    "alerts maintenances",
    "jobs",
    "jobs logs",
    "jobs cancel",
    "jobs pause",
    "jobs resume",
    "schedules",
    "daemon start",
    "daemon stop",
    "daemon restart",
    "daemon status",
    "events",
    "audit verify",
    "show",
)


def test_every_operation_of_the_catalogue_is_a_verb() -> None:
    missing = [operation.id for operation in OPERATIONS.values() if operation.words and operation.words not in VERBS]
    assert missing == []


def test_a_verb_is_found_alone_as_among_all() -> None:
    assert {words: verb_of(words) for words in VERBS} == VERBS
    tried = {(noun, word) for noun, *_ in VERBS for word in ("nightly", "list", "show", "export", "new")}
    assert [words for words in sorted(tried | {("frobnicate",)}) if verb_of(words) != VERBS.get(words)] == []


def test_every_promised_verb_is_there() -> None:
    assert [words for words in PROMISED if tuple(words.split()) not in VERBS] == []


def test_dangerous_verbs_take_yes_and_others_do_not() -> None:
    for verb in VERBS.values():
        takes = "--yes" in parser_of(verb).format_usage()
        assert takes == (verb.operation is not None and verb.operation.danger is Danger.DANGEROUS), verb.words


def test_verbs_with_a_preview_take_dry_run_and_those_with_a_job_detach() -> None:
    for verb in VERBS.values():
        usage = parser_of(verb).format_usage()
        operation = verb.operation
        previewed = (operation is not None and operation.preview) or "dry_run" in verb.request.__annotations__
        assert ("--dry-run" in usage) == bool(previewed), verb.words
        assert ("--detach" in usage) == bool(operation and operation.job), verb.words


def test_every_verb_takes_json_and_a_workspace() -> None:
    for verb in VERBS.values():
        usage = parser_of(verb).format_usage()
        assert "--json" in usage
        assert "-w DIR" in usage


def test_help_of_all_verbs_fits_eighty_columns() -> None:
    assert all(len(line) <= 80 for line in overview().splitlines())
    for verb in VERBS.values():
        assert all(len(line) <= 80 for line in parser_of(verb).format_help().splitlines()), verb.words


def test_a_verb_in_a_list_is_told_apart_from_its_help() -> None:
    shown = parser_of(VERBS["data",]).format_help().splitlines()
    below = shown[shown.index("verbs below it:") + 1 :]
    for verb in (verb for verb in VERBS.values() if verb.words[0] == "data" and len(verb.words) == 2):
        at = next(number for number, line in enumerate(below) if line.strip().startswith(usage_of(verb)))
        rest = below[at].strip().removeprefix(usage_of(verb)) or f"  {below[at + 1].strip()}"
        assert rest.startswith("  ")
        assert rest.strip() == verb.help


def test_promote_reads_model_version_and_reason() -> None:
    said = parse(["promote", "rates", "7", "--reason", "better", "--yes"])
    assert said is not None
    assert said.request == PromoteRequest("rates", 7, "better")
    assert said.yes


def test_two_words_win_over_a_noun_with_an_argument() -> None:
    said = parse(["releases", "pause", "rates"])
    assert said is not None
    assert said.verb.words == ("releases", "pause")
    listed = parse(["releases", "rates"])
    assert listed is not None
    assert listed.verb.words == ("releases",)
    assert listed.request.model == "rates"


def test_filters_are_typed_as_words() -> None:
    said = parse(["runs", "rates", "metrics.mae", "<", "12"])
    assert said is not None
    assert said.request == RunsRequest("rates", "metrics.mae < 12")


def test_a_condition_is_never_taken_for_a_model() -> None:
    said = parse(["runs", "metrics.mae<12", "!failed"])
    assert said is not None
    assert said.request == RunsRequest(None, "metrics.mae<12 !failed")


def test_a_filter_may_follow_an_option() -> None:
    said = parse(["runs", "rates", "--limit", "5", "metrics.mae<12"])
    assert said is not None
    assert said.request == RunsRequest("rates", "metrics.mae<12", limit=5)


@pytest.mark.parametrize("words", [["--order", "-metrics.mae"], ["--order=-metrics.mae"]])
def test_an_order_may_begin_with_a_minus(words: list[str]) -> None:
    said = parse(["runs", *words, "--json"])
    assert said is not None
    assert said.request == RunsRequest(order="-metrics.mae")


def test_an_order_left_out_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="--order"):
        parse(["runs", "--order", "--json"])


def test_several_ids_become_a_tuple() -> None:
    said = parse(["runs", "compare", "a", "b", "c"])
    assert said is not None
    assert said.request == CompareRuns(("a", "b", "c"))


@pytest.mark.parametrize("words", [["-w", "x", "models", "--json"], ["models", "--json", "-w", "x"]])
def test_options_stand_before_or_after_the_verb(words: list[str]) -> None:
    said = parse(words)
    assert said is not None
    assert (said.workspace, said.as_json) == ("x", True)


def test_json_before_the_verb_holds_for_it() -> None:
    said = parse(["--json", "models"])
    assert said is not None
    assert said.as_json


def test_nothing_typed_opens_the_console() -> None:
    assert parse([]) is None
    assert parse(["-w", "x"]) is None


def test_a_misspelt_verb_names_the_closest() -> None:
    with pytest.raises(UsageError, match="'modles', the closest is 'models'"):
        parse(["modles"])


def test_a_noun_without_a_list_names_its_verbs() -> None:
    with pytest.raises(UsageError) as refused:
        parse(["audit"])
    assert "audit verify" in refused.value.hint
    with pytest.raises(UsageError, match="no verb 'burn' under backup"):
        parse(["backup", "burn"])


@pytest.mark.parametrize(
    "words", [["promote"], ["promote", "m", "se,ven"], ["models", "--nope"], ["train", "m", "--un"]]
)
def test_wrong_arguments_are_usage_errors(words: list[str]) -> None:
    with pytest.raises(UsageError) as refused:
        parse(words)
    assert refused.value.exit_code == 2
    assert "--help" in refused.value.hint


@pytest.mark.parametrize("words", [["--help"], ["help"], ["promote", "--help"], ["help", "promote"], ["data", "-h"]])
def test_help_is_shown_for_the_whole_and_for_a_verb(words: list[str]) -> None:
    with pytest.raises(HelpShown) as shown:
        parse(words)
    assert shown.value.text.startswith("usage: modeldeck")


def test_version_is_printed() -> None:
    with pytest.raises(HelpShown, match=r"modeldeck \d+\.\d+"):
        parse(["--version"])


def test_usage_marks_what_may_be_left_out() -> None:
    assert usage_of(VERBS[("promote",)]) == "promote MODEL [VERSION]"
    assert usage_of(VERBS[("runs", "compare")]) == "runs compare RUN …"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["-w", "deck"],
        ["--workspace", "a b"],
        ["--workspace=deck"],
        ["--deck", "rates", "-w", "x"],
        ["--deck=rates"],
        ["--read-only"],
        ["-w", "deck", "--read-only"],
    ],
)
def test_a_line_that_only_says_where_is_read_as_the_parser_reads_it(words: list[str]) -> None:
    assert only_opening(words) == opening_said(words)
    assert parse(words) is None


@pytest.mark.parametrize("before", [[], ["-w", "deck"], ["--read-only", "--deck=rates"]])
@pytest.mark.parametrize("asked", ["--help", "-h", "help"])
def test_help_of_the_whole_is_what_the_parser_would_say_wherever_it_is_asked_for(before: list[str], asked: str) -> None:
    assert asks_for_all([*before, asked])
    with pytest.raises(HelpShown) as shown:
        parse([*before, asked])
    assert shown.value.text == whole_help()


@pytest.mark.parametrize("words", [[], ["-w", "--help"], ["models", "--help"], ["help", "models"], ["--json", "-h"]])
def test_other_help_is_left_to_the_parser(words: list[str]) -> None:
    assert not asks_for_all(words)


@pytest.mark.parametrize(
    "words",
    [["models"], ["-w"], ["-w", "--json"], ["-w", "deck", "models"], ["--json"], ["--help"], ["-wdeck"], ["-w=x"]],
)
def test_any_other_line_is_left_to_the_parser(words: list[str]) -> None:
    assert only_opening(words) is None
