"""The parser, generated verb by verb from the operations: only the verb that is asked for is built."""

from __future__ import annotations

import argparse
import dataclasses
import re
import types
import typing
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

from console.commands.finding import verb_of
from console.commands.verb import Verb
from console.usage import HelpShown, Opening, UsageError
from console.version_names import apart, holds_version, positional, version_word
from engine.operations.operation import Danger
from engine.product import VERSION
from store.rows.frozen import dataclass

WIDTH = 79

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

GLOBAL_HELP = (
    ("-w, --workspace DIR", "else MODELDECK_WORKSPACE, else the nearest deck.toml"),
    ("--deck NAME", "a shared deck, by its socket (or MODELDECK_SOCKET)"),
    ("--read-only", "have every change refused (or MODELDECK_READ_ONLY=1)"),
    ("--json", "print data, and errors, as JSON"),
    ("--version", "print the version"),
    ("-h, --help", "this, or the help of a verb"),
)

EXIT_CODES = (
    "exit codes: 0 done, 1 the work failed or was aborted, 2 usage or refused,\n"
    "3 unknown name, 4 no daemon or one of another version, 5 gate failed,\n"
    "6 not allowed, 7 held"
)

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("daily", ("train", "predict", "promote", "rollback", "at", "trace", "explain", "reproduce")),
    ("deck", ("init", "demo", "check", "settings", "doctor", "console", "apply", "deck", "ci", "pulse")),
    ("models", ("models", "versions", "aliases", "cards", "lineage", "compliance", "tests")),
    ("runs and data", ("experiments", "runs", "data")),
    ("serving", ("endpoints", "keys", "deployments", "cost", "deploy", "releases", "images", "hosts")),
    ("watching", ("monitors", "outcomes", "alerts", "notifications")),
    ("work", ("jobs", "schedules", "daemon")),
    ("people", ("approvals", "comments", "handover", "incident", "access", "erasures")),
    ("record", ("events", "audit", "show", "backup", "bundle", "gc", "retention")),
)

SHOWN = ("models", "versions", "runs", "deployments", "events", "notifications", "approvals", "comments")


@dataclass(frozen=True, slots=True)
class Invocation:
    """One parsed line: the verb, its request and what was said about how to do it."""

    verb: Verb
    request: Any
    workspace: str | None
    deck: str | None
    as_json: bool
    dry_run: bool
    yes: bool
    detach: bool
    read_only: bool


# with its width said: argparse would load three compressors to ask the terminal for it, at each argument it is given
_LAID_OUT = partial(argparse.RawDescriptionHelpFormatter, width=WIDTH)


class _Parser(argparse.ArgumentParser):
    """An argparse parser that raises instead of printing and leaving."""

    verb: Verb | None = None

    def format_help(self) -> str:
        """Return the help; what only it shows is made here, and the other verbs of a noun loaded for it."""
        if self.verb is not None:
            self.description = _description(self.verb)
            below = _subverbs(self.verb.words[0]) if len(self.verb.words) == 1 else []
            self.epilog = "\n".join(["verbs below it:", *_listing(below)]) if below else None
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"see: {self.prog} --help")

    def print_help(self, file: Any = None) -> None:
        raise HelpShown(self.format_help())


def parse(arguments: Sequence[str]) -> Invocation | None:
    """Parse a line; None means that nothing but options was typed, so that the console is to be opened.

    Raises:
        UsageError: no such verb, or wrong arguments.
        HelpShown: help or the version was asked for.
    """
    opening = _Parser(prog="modeldeck", add_help=False, formatter_class=_LAID_OUT)
    _add_globals(opening)
    opening.add_argument("-h", "--help", action="store_true")
    opening.add_argument("--version", action="store_true")
    opening.add_argument("rest", nargs=argparse.REMAINDER)
    first = opening.parse_args(list(arguments))
    if first.version:
        raise HelpShown(f"modeldeck {VERSION}\n")
    if first.help or first.rest[:1] == ["help"]:
        raise HelpShown(overview() if len(first.rest) < 2 else verb_help(first.rest[1:]))
    if not first.rest:
        return None
    verb, rest = _resolve(first.rest)
    parser = parser_of(verb)
    valued = [option for action in parser._actions if action.nargs != 0 for option in action.option_strings]
    words = apart(_signed(rest), verb.request, valued)
    if verb.words == ("rollback",):
        _refuse_target(positional(words, valued))
    return _invocation(verb, parser.parse_intermixed_args(words, first))


def opening_said(arguments: Sequence[str]) -> Opening:
    """Return what a line without a verb says about the console it opens."""
    opening = _Parser(prog="modeldeck", add_help=False, formatter_class=_LAID_OUT)
    _add_globals(opening)
    said = opening.parse_known_args(list(arguments))[0]
    return Opening(said.workspace, said.deck, said.read_only)


def parser_of(verb: Verb) -> argparse.ArgumentParser:
    """Return the parser of one verb: positionals and flags as its request's fields declare them."""
    parser = _Parser(
        prog=" ".join(("modeldeck", *verb.words)),
        formatter_class=_LAID_OUT,
        allow_abbrev=False,
    )
    parser.verb = verb
    hints = typing.get_type_hints(verb.request)
    for declared in dataclasses.fields(verb.request):
        kind = version_word if holds_version(verb.request, declared.name) else _scalar(hints[declared.name])
        _add_field(parser, declared, hints[declared.name], kind)
    operation = verb.operation
    if operation is not None:
        if operation.preview:
            parser.add_argument("--dry-run", action="store_true", help="print the plan and do nothing")
        if operation.danger is Danger.DANGEROUS:
            parser.add_argument("--yes", action="store_true", help="do not ask: the answer is yes")
        if operation.job:
            parser.add_argument("--detach", action="store_true", help="print the job's id and return at once")
    _add_globals(parser)
    return parser


def overview() -> str:
    """Return the help of the whole command line."""
    from console.commands.verbs import VERBS

    lines = ["usage: modeldeck [-w DIR | --deck NAME] [NOUN [VERB] [ARGUMENT …]] [--json]", ""]
    lines += ["modeldeck alone opens the console; a noun alone lists.", ""]
    for title, nouns in GROUPS:
        lines.append(f"{title}:")
        verbs = [VERBS[(noun,)] for noun in nouns if (noun,) in VERBS]
        below = [verb for noun in nouns for verb in _subverbs(noun)]
        lines += [*_listing(sorted([*verbs, *below], key=lambda verb: nouns.index(verb.words[0]))), ""]
    lines.append("options:")
    lines += [f"  {option:<22}{help}" for option, help in GLOBAL_HELP]
    return "\n".join([*lines, "", EXIT_CODES, ""])


def verb_help(words: Sequence[str]) -> str:
    """Return the help of one verb, or of a noun that only has verbs below it."""
    return parser_of(_resolve(words)[0]).format_help()


def usage_of(verb: Verb) -> str:
    """Return the verb as a person types it: `promote MODEL [VERSION]`."""
    parts = list(verb.words)
    hints = typing.get_type_hints(verb.request)
    for declared in dataclasses.fields(verb.request):
        if "help" in declared.metadata and not declared.metadata["flag"]:
            name = _metavar(declared)
            if typing.get_origin(hints[declared.name]) is tuple:
                name += " …"
            parts.append(name if declared.default is dataclasses.MISSING else f"[{name}]")
    return " ".join(parts)


def _listing(verbs: Sequence[Verb]) -> list[str]:
    lines = []
    for verb in verbs:
        usage = usage_of(verb)
        # as argparse does: what is longer than its column has its help on the next line
        lines += [f"  {usage}", f"{'':<33}{verb.help}"] if len(usage) > 29 else [f"  {usage:<31}{verb.help}"]
    return lines


def _signed(words: Sequence[str]) -> list[str]:
    """Tie a value that begins with a minus to its flag: argparse would take `--order -metrics.mae` for two flags."""
    tied: list[str] = []
    for word in words:
        if tied and tied[-1] == "--order" and word[:1] == "-" and word[:2] != "--":
            tied[-1] = f"--order={word}"
        else:
            tied.append(word)
    return tied


def _refuse_target(named: Sequence[str]) -> None:
    """Refuse a version to roll back to: the way back is on record, and leads to what served before.

    Raises:
        UsageError: one is named.
    """
    model, _, version = " ".join(named).replace(" ", "@").partition("@")
    if version:
        raise UsageError(
            f"rollback takes no version: `modeldeck rollback {model}` returns to what served before",
            f"another version: modeldeck promote {model} {version}",
        )


def _resolve(words: Sequence[str]) -> tuple[Verb, list[str]]:
    for length in (2, 1):
        verb = verb_of(tuple(words[:length]))
        if verb is not None:
            return _shown(verb, list(words[length:])) if length == 1 else (verb, list(words[length:]))
    noun = words[0]
    below = _subverbs(noun)
    if below:
        usages = "; ".join(usage_of(verb) for verb in below)
        if set(words[1:]) & {"-h", "--help"}:
            raise HelpShown("\n".join([f"usage: modeldeck {noun} VERB", "", *_listing(below), ""]))
        said = f"no verb {words[1]!r} under {noun}" if len(words) > 1 else f"{noun} needs a verb"
        raise UsageError(said, f"there is: {usages}")
    import difflib

    from console.commands.verbs import VERBS

    near = difflib.get_close_matches(noun, sorted({known[0] for known in VERBS}), n=1)
    raise UsageError(f"no verb {noun!r}" + (f", the closest is {near[0]!r}" if near else ""), "see: modeldeck --help")


def _shown(verb: Verb, rest: list[str]) -> tuple[Verb, list[str]]:
    """Read `versions show rates@7` as `show version rates@7`: these nouns have no such verb of their own."""
    noun = verb.words[0]
    show = verb_of(("show",))
    if noun == "versions" and show and rest and re.fullmatch(r"[^-\s@][^\s@]*@\S+", rest[0]):
        return show, ["version", *rest]  # `versions rates@7`
    if rest[:1] != ["show"] or noun not in SHOWN:
        return verb, rest
    named = rest[1:]
    if noun == "versions" and len(named) > 1 and "@" not in named[0] and not named[1].startswith("-"):
        named = [f"{named[0]}@{named[1]}", *named[2:]]
    return (show, [noun.removesuffix("s"), *named]) if show else (verb, rest)


def _subverbs(noun: str) -> list[Verb]:
    from console.commands.verbs import subverbs

    return subverbs(noun)


def _description(verb: Verb) -> str:
    import textwrap

    text = verb.help[:1].upper() + verb.help[1:] + "."
    return "\n".join(textwrap.wrap(text, 78))


def _add_globals(parser: argparse.ArgumentParser) -> None:
    absent = argparse.SUPPRESS if parser.prog != "modeldeck" else None
    parser.add_argument("-w", "--workspace", metavar="DIR", default=absent, help="the workspace")
    parser.add_argument("--deck", metavar="NAME", default=absent, help="a shared deck, by its socket")
    parser.add_argument(
        "--read-only", action="store_true", default=absent or False, help="have every change refused by the engine"
    )
    parser.add_argument(
        "--json", dest="as_json", action="store_true", default=absent or False, help="print data and errors as JSON"
    )


def _metavar(declared: dataclasses.Field[Any]) -> str:
    return str(declared.metadata["metavar"] or declared.name.upper())


def _add_field(parser: argparse.ArgumentParser, declared: dataclasses.Field[Any], hint: Any, kind: Any) -> None:
    """Add one request field; fields declared without `argument` are not for the command line."""
    if "help" not in declared.metadata:
        return
    flag = declared.metadata["flag"]
    optional = declared.default is not dataclasses.MISSING
    told = f"{declared.metadata['help']}; a number or an alias" if kind is version_word else declared.metadata["help"]
    options: dict[str, Any] = {"help": told, "default": declared.default if optional else None}
    if flag and kind is bool:
        parser.add_argument(flag, dest=declared.name, action="store_true", help=options["help"])
        return
    options["metavar"] = _metavar(declared)
    options["type"] = kind
    if flag and typing.get_origin(hint) is tuple:
        parser.add_argument(flag, dest=declared.name, action="append", **{**options, "default": []})
    elif flag:
        parser.add_argument(flag, dest=declared.name, required=not optional, **options)
    elif _takes_words(declared):
        parser.add_argument(declared.name, nargs="*", **options)
    elif typing.get_origin(hint) is tuple:
        parser.add_argument(declared.name, nargs="+", **options)
    else:
        parser.add_argument(declared.name, nargs="?" if optional else None, **options)


def _takes_words(declared: dataclasses.Field[Any]) -> bool:
    """Filters are typed as several words and are one text."""
    return bool(declared.metadata.get("metavar") == "FILTER")


def _scalar(hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(option for option in typing.get_args(hint) if option is not type(None))
    if typing.get_origin(hint) is tuple:
        hint = typing.get_args(hint)[0]
    return hint if hint in (str, int, float, bool) else str


def _invocation(verb: Verb, said: argparse.Namespace) -> Invocation:
    values: dict[str, Any] = {}
    for declared in dataclasses.fields(verb.request):
        if "help" in declared.metadata:
            value = getattr(said, declared.name)
            if _takes_words(declared):
                value = " ".join(value) if isinstance(value, list) else value
            values[declared.name] = tuple(value) if isinstance(value, list) else value
    return Invocation(
        verb=verb,
        request=verb.request(**_filter_apart(verb, values)),
        workspace=said.workspace,
        deck=said.deck,
        as_json=said.as_json,
        dry_run=getattr(said, "dry_run", False),
        yes=getattr(said, "yes", False),
        detach=getattr(said, "detach", False),
        read_only=said.read_only,
    )


def _filter_apart(verb: Verb, values: dict[str, Any]) -> dict[str, Any]:
    """Give a condition typed where an optional name could stand to the filter: `runs 'metrics.mae<12'`."""
    fields = {declared.name: declared for declared in dataclasses.fields(verb.request)}
    if "filter" not in fields:
        return values
    for name, declared in fields.items():
        value = values.get(name)
        optional = declared.default is None and not declared.metadata.get("flag")
        if optional and isinstance(value, str) and not _NAME.fullmatch(value):
            return {**values, name: None, "filter": f"{value} {values['filter']}".strip()}
    return values
