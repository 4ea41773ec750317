"""The verbs of the command line: those generated from the operations, and the few that act where the caller stands."""

from __future__ import annotations

from console.commands.verb import Verb, generated
from engine.operations.catalog import OPERATIONS
from engine.operations.common import NoRequest
from engine.operations.operation import argument
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class InitRequest:
    """Make a workspace: deck.toml and an empty models folder, or an example's files."""

    folder: str = argument("the folder to make", metavar="DIR")
    example: str | None = argument("start from this example", flag="--example", metavar="NAME", default=None)


@dataclass(frozen=True, slots=True)
class DemoRequest:
    """Run the whole loop on real data, then open the console."""

    folder: str = argument("where the demo deck goes", flag="--dir", metavar="DIR", default="modeldeck-demo")
    example: str | None = argument("only this example", flag="--example", metavar="NAME", default=None)
    no_tui: bool = argument("print the summary instead of opening the console", flag="--no-tui", default=False)


@dataclass(frozen=True, slots=True)
class SettingsWord:
    """Say what deck.toml and model files may hold: each key with what it takes, its default and what it is for."""

    word: str = argument("a table, a key or part of one: train, deploy.rollout, approvals", metavar="WORD", default="")


@dataclass(frozen=True, slots=True)
class NewModel:
    """Write the first draft of models/NAME.toml by a look at the data; what was guessed is said."""

    name: str = argument("what the model is to be called", metavar="NAME")
    source: str = argument("a file, a glob, a URL, SQL over files, or python:MODULE:FUNCTION", metavar="SOURCE")
    target: str = argument("the column to predict", flag="--target", metavar="COLUMN")
    task: str = argument("not the one that the target suggests", flag="--task", metavar="TASK", default="")


@dataclass(frozen=True, slots=True)
class PredictFile:
    """Ask an endpoint for every row of a file."""

    model: str = argument("the model's name")
    file: str = argument("CSV, JSON or JSONL with one record per row; - reads JSON or JSONL from stdin", metavar="FILE")


@dataclass(frozen=True, slots=True)
class OutcomesFile:
    """Deliver what really happened: columns prediction_id, value and, where known, observed_at."""

    model: str = argument("the model's name")
    file: str = argument(
        "CSV with the header prediction_id,value, JSON or JSONL with these keys; observed_at (a time) may be given too;"
        " value is a class, a number (regression), or a JSON list of items (ranking); - reads JSON or JSONL from stdin",
        metavar="FILE",
    )
    origin: str = argument("where these outcomes come from", flag="--origin", metavar="TEXT", default="")


@dataclass(frozen=True, slots=True)
class ExplainFile:
    """Say what moves a version's predictions: over all, for rows or a logged prediction, or beside another version."""

    model: str = argument("the model's name")
    version: int | None = argument("the version number; a --prediction tells it", metavar="VERSION", default=None)
    against: int | None = argument("another version: what it looks at more or less", metavar="AGAINST", default=None)
    row: str = argument("explain the rows of this file; - reads stdin", flag="--row", metavar="FILE", default="")
    prediction: str | None = argument("explain this one, from the log", flag="--prediction", metavar="ID", default=None)
    export: str = argument(
        "write the charts here too: FILE.svg or FILE.png", flag="--export", metavar="FILE", default=""
    )
    force: bool = argument("overwrite a file that is there", flag="--force", default=False)


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """Write a file that a run kept to where the caller stands."""

    id: str = argument("the run's id; a unique prefix is enough")
    path: str = argument("the file's path, as `runs artifacts` lists it")
    to: str = argument("the file or folder to write; else its name, here", flag="--to", metavar="FILE", default="")
    force: bool = argument("overwrite a file that is there", flag="--force", default=False)


@dataclass(frozen=True, slots=True)
class ExportVersion:
    """Write a version as plain Python that answers without modeldeck: artifact, predict.py, requirements, README."""

    model: str = argument("the model's name")
    version: int = argument("the version number", metavar="VERSION")
    folder: str = argument("the folder to make; it must not be there yet", metavar="DIR")


@dataclass(frozen=True, slots=True)
class ApplyFolder:
    """Apply this deck's own files as they stand, or bring the deck to what a folder says: all of it or nothing."""

    folder: str | None = argument(
        "deck.toml, models/ and *.py, such as a checkout; - reads a tar from stdin", metavar="DIR", default=None
    )
    plan: bool = argument(
        "only say what would change; exit 0 where nothing would, 1 where something", flag="--plan", default=False
    )
    overwrite: bool = argument("replace what was changed on the deck itself", flag="--overwrite", default=False)
    reason: str = argument("why, kept on record", flag="--reason", default="")
    dry_run: bool = argument("only say what would change", flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class CiRun:
    """Check, train, test and gate changed models in a throw-away workspace: no daemon, one report, an exit code."""

    folder: str | None = argument("a checkout; without it this folder", metavar="DIR", default=None)
    since: str = argument("only models that differ from this commit, by git", flag="--since", metavar="REF", default="")
    models: str = argument("only these models, by commas", flag="--models", metavar="NAMES", default="")
    baseline: str = argument(
        "champions to compare with: a backup, a workspace, bundles", flag="--baseline", metavar="PATH", default=""
    )
    baseline_key: str = argument(
        "public key that bundles are signed with", flag="--baseline-key", metavar="KEY", default=""
    )
    budget: str = argument("each training takes at most so long", flag="--budget", default="30s")
    markdown: str = argument("write the report here too", flag="--markdown", metavar="FILE", default="")
    junit: str = argument("write it as JUnit XML", flag="--junit", metavar="FILE", default="")


@dataclass(frozen=True, slots=True)
class ExportDeck:
    """Write deck.toml, models/ and code as they are applied, for git."""

    folder: str = argument("the folder to make; it must be empty or not there", metavar="DIR")


@dataclass(frozen=True, slots=True)
class StopRequest:
    """Stop the daemon; models go on serving unless `all`."""

    all: bool = argument("stop the model servers and the router too", flag="--all", default=False)


@dataclass(frozen=True, slots=True)
class InstallRequest:
    """Write the daemon's systemd unit; it starts nothing."""

    system: bool = argument("for the machine's systemd; root's to write", flag="--system", default=False)
    print: bool = argument("print the unit, write nothing", flag="--print", default=False)


@dataclass(frozen=True, slots=True)
class BackupFile:
    """Copy registry, artifacts, predictions, outcomes, settings and code of this deck into one file."""

    file: str = argument("the file to make; it must not be there yet", metavar="FILE")
    with_keys: bool = argument("the log key too: keep such a file secret", flag="--with-keys", default=False)


@dataclass(frozen=True, slots=True)
class RestoreFile:
    """Make a deck of a backup, in a folder that is empty or not there; every hash is checked first."""

    file: str = argument("a file made by backup create", metavar="FILE")
    folder: str = argument("where the deck goes", metavar="DIR")
    confirm: str = argument("replace the deck of this name that is there", flag="--confirm", metavar="NAME", default="")


@dataclass(frozen=True, slots=True)
class RecordFile:
    """Write the whole record as one signed file, for somebody who has no access to this deck."""

    file: str = argument("the file to make; it must not be there yet", metavar="FILE")


@dataclass(frozen=True, slots=True)
class BundleFile:
    """Write the record and everything that speaks for a version as one signed file."""

    model: str = argument("the model's name, or MODEL@VERSION")
    version: str = argument("its number, or an alias such as champion; not after MODEL@VERSION", metavar="VERSION")
    file: str | None = argument("the new file; else MODEL-VERSION.evidence, here", metavar="FILE", default=None)


@dataclass(frozen=True, slots=True)
class CheckFile:
    """Check a signed file: signature, record and parts. It needs no deck, only the maker's public key."""

    file: str = argument("a file made by audit export or audit bundle", metavar="FILE")
    key: str = argument("public keys, by commas; else those of this deck", flag="--key", metavar="KEY", default="")


@dataclass(frozen=True, slots=True)
class WitnessFile:
    """Keep the record's signed head where the deck cannot change it: in a file, at a URL, by a program of yours."""

    file: str | None = argument(
        "a line is added; on another machine, or in a repository that others pull", metavar="FILE", default=None
    )
    url: str = argument("the head is sent there as JSON, by POST; https only", flag="--url", metavar="URL", default="")
    command: str = argument(
        "a program that reads the line, as 'ssh other tee -a heads.jsonl'", flag="--command", metavar="LINE", default=""
    )


@dataclass(frozen=True, slots=True)
class CompareFile:
    """Look whether the record still holds every head that a witness file has."""

    file: str = argument("a file that audit witness added to; - reads stdin", metavar="FILE")


@dataclass(frozen=True, slots=True)
class ExportBundle:
    """Write a version as one signed file, to be imported where no network leads: model, card, lineage, checks, seal."""

    model: str = argument("the model's name, or MODEL@VERSION")
    version: str = argument("its number, or an alias such as champion; not after MODEL@VERSION", metavar="VERSION")
    file: str | None = argument("the new file; else MODEL-VERSION.bundle, here", metavar="FILE", default=None)
    with_data: bool = argument(
        "the rows of its snapshot too; an admin's to give away", flag="--with-data", default=False
    )
    image: bool = argument(
        "its newest image too: a docker host needs no network for it then", flag="--image", default=False
    )
    dry_run: bool = argument("only say how large it would be", flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class CheckBundle:
    """Check a bundle's every byte, its signature and its version's seal. It needs no deck, only the maker's key."""

    file: str = argument("a file made by bundle export", metavar="FILE")
    key: str = argument("the signer's key; else it must be trusted here", flag="--key", metavar="KEY", default="")


@dataclass(frozen=True, slots=True)
class ImportBundle:
    """Take a version of another deck into this one: checked whole first, registered whole or not at all."""

    file: str = argument("a file made by bundle export", metavar="FILE")
    key: str = argument(
        "trust its signer from now on: what audit key printed there", flag="--key", metavar="KEY", default=""
    )
    with_settings: bool = argument(
        "apply its model file and code too, where this deck lacks the model", flag="--with-settings", default=False
    )
    without_image: bool = argument(
        "leave the image in it aside: no docker host here is to serve it", flag="--without-image", default=False
    )
    reason: str = argument("why, kept on record", flag="--reason", default="")
    dry_run: bool = argument("only check it, and say what would change", flag="--dry-run", default=False)


_HERE = "console.commands"

LOCAL = (
    Verb(("init",), "make a workspace", InitRequest, f"{_HERE}.init:run", needs_deck=False, changes=True),
    Verb(("demo",), "the whole loop on real data", DemoRequest, f"{_HERE}.demo:run", needs_deck=False, changes=True),
    Verb(("apply",), "apply this deck's files, or a folder's", ApplyFolder, f"{_HERE}.apply:run"),
    Verb(("ci",), "check, train and gate changed models", CiRun, f"{_HERE}.ci:run", needs_deck=False),
    Verb(("deck", "export"), "write this deck's files, for git", ExportDeck, f"{_HERE}.apply:export"),
    Verb(("check",), "check settings, sources and module names", NoRequest, f"{_HERE}.check:run"),
    Verb(("models", "new"), "write the draft of a model file", NewModel, f"{_HERE}.new_model:run", changes=True),
    Verb(("console",), "how the console is set, and by what", NoRequest, f"{_HERE}.console:run", needs_deck=False),
    Verb(("console", "keys"), "every action and its keys", NoRequest, f"{_HERE}.console:keys", needs_deck=False),
    Verb(
        ("settings",), "every key of the settings files", SettingsWord, f"{_HERE}.settings_keys:run", needs_deck=False
    ),
    Verb(("doctor",), "versions, workspace, daemon, disk, screen", NoRequest, f"{_HERE}.doctor:run", needs_deck=False),
    Verb(("predict",), "ask an endpoint for every row of a file", PredictFile, f"{_HERE}.predict:run"),
    Verb(("outcomes",), "deliver what really happened", OutcomesFile, f"{_HERE}.predict:outcomes"),
    Verb(("explain",), "what moves a version's predictions", ExplainFile, f"{_HERE}.explain:run"),
    Verb(
        ("backup", "create"),
        "copy this deck, as it works, into one file",
        BackupFile,
        f"{_HERE}.backup:create",
        changes=True,  # it puts itself on record
    ),
    Verb(
        ("backup", "restore"),
        "make a deck of a backup, every hash checked",
        RestoreFile,
        f"{_HERE}.backup:restore",
        needs_deck=False,
        changes=True,
    ),
    Verb(("audit", "export"), "the whole record as one signed file", RecordFile, f"{_HERE}.audit:export", changes=True),
    Verb(
        ("audit", "bundle"),
        "the record and a version's evidence, signed",
        BundleFile,
        f"{_HERE}.audit:bundle",
        changes=True,
    ),
    Verb(
        ("audit", "check"),
        "check such a file; it needs no deck",
        CheckFile,
        f"{_HERE}.audit:check",
        needs_deck=False,
    ),
    Verb(("audit", "witness"), "keep the record's head elsewhere", WitnessFile, f"{_HERE}.audit:witness"),
    Verb(("audit", "compare"), "does it hold what witnesses saw", CompareFile, f"{_HERE}.audit:compare"),
    Verb(
        ("bundle", "export"),
        "a version as one signed file for another deck",
        ExportBundle,
        f"{_HERE}.bundle:export",
        changes=True,
    ),
    Verb(
        ("bundle", "check"),
        "check such a file; it needs no deck",
        CheckBundle,
        f"{_HERE}.bundle:check",
        needs_deck=False,
    ),
    Verb(
        ("bundle", "import"),
        "take a version of another deck into this one",
        ImportBundle,
        f"{_HERE}.bundle:take",
        changes=True,
    ),
    Verb(("versions", "export"), "write a version as plain Python", ExportVersion, f"{_HERE}.export:run"),
    Verb(("runs", "fetch"), "write a run's file here", FetchRequest, f"{_HERE}.fetch:run"),
    Verb(("daemon", "start"), "start this deck's daemon", NoRequest, f"{_HERE}.daemon:start", changes=True),
    Verb(("daemon", "stop"), "stop it; models go on serving", StopRequest, f"{_HERE}.daemon:stop", changes=True),
    Verb(("daemon", "restart"), "stop it and start it again", NoRequest, f"{_HERE}.daemon:restart", changes=True),
    Verb(("daemon", "install"), "make it a systemd unit", InstallRequest, f"{_HERE}.daemon:install", changes=True),
    Verb(("daemon", "status"), "whether it runs, and since when", NoRequest, f"{_HERE}.daemon:status"),
)

GENERATED = tuple(verb for operation in OPERATIONS.values() if (verb := generated(operation)) is not None)

VERBS: dict[tuple[str, ...], Verb] = {verb.words: verb for verb in (*LOCAL, *GENERATED)}


def subverbs(noun: str) -> list[Verb]:
    """Return the verbs of two words under a noun."""
    return [verb for words, verb in VERBS.items() if len(words) > 1 and words[0] == noun]
