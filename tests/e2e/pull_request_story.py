"""From a pull request to production with two real accounts, told as it happens.

`run` does it and looks at every step; the page of it is written by `docs/stories/tell.py` from what was printed.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from accounts import REPOSITORY, Accounts, make_accounts
from tiny_deck import Said

from engine.daemon.sharing import prepare
from engine.service import shared

MODEL = "nightly-rates"
DECK = "hotel"  # what the page calls the deck, whose name on this machine is a random one
WITHIN_S = 400.0
ROWS = 2500
DECK_FILE = """name = "{name}"
time_zone = "UTC"

[hosts.local]
kind = "process"

[access]
group = "{group}"
approver = ["{requester}"]
"""
MODEL_FILE = """[model]
name = "nightly-rates"
task = "regression"
owner = "pricing"
description = "Nightly room price shown on the booking page"

[data]
source = "python:hotel:load"
time_column = "arrival_date"
target = "avg_price_per_room"
personal = ["country"]

[train]
estimator = "sklearn.linear_model.Ridge"
metric = "mae"
time_budget = "90s"

[gates]
mae = { max = 60.0 }
"""
CHANGE = ("mae = { max = 60.0 }", "mae = { max = 40.0 }\napprovals = 1")


@dataclass(frozen=True)
class Told:
    """One line that somebody typed, and what came of it."""

    who: str
    line: str
    code: int
    out: str


@dataclass
class Story:
    """The deck, its two people, and what was told of them so far: prose, and lines with their answers."""

    accounts: Accounts
    ada: str  # the deck's owner, its admin
    ola: str  # an approver, who may also train and promote
    parts: list[str | Told] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The deck's name on this machine."""
        return self.accounts.group

    def say(self, text: str) -> None:
        """Tell what comes."""
        self.parts.append(text)

    def does(self, who: str, *words: str, code: int = 0, of_deck: bool = True) -> Said:
        """Let somebody type a `modeldeck` line in their home, and look that it ends so."""
        line = ["--deck", self.name, *words] if of_deck else list(words)
        said = self.accounts.run(who, *line, cwd=self.accounts.home_of(who), within_s=WITHIN_S)
        self._tell(who, shlex.join(["modeldeck", *line]), said.code, said.out, said.err)
        assert said.code == code, said
        assert "Traceback" not in said.err, said
        return said

    def runs(self, who: str, *command: str, cwd: Path | None = None) -> str:
        """Let somebody run another program, and look that it succeeds."""
        place = cwd or self.accounts.home_of(who)
        ran = self.accounts.execute(who, command, cwd=place, within_s=WITHIN_S, **_git(who.rpartition("-")[2]))
        self._tell(who, shlex.join(command), ran.returncode, ran.stdout, ran.stderr)
        assert ran.returncode == 0, ran
        return ran.stdout

    def lines(self) -> list[str]:
        """Return every line that was typed, as the page has it."""
        return [f"{one.who}$ {one.line}" for one in self.parts if isinstance(one, Told)]

    def _tell(self, who: str, line: str, code: int, out: str, err: str) -> None:
        both = "\n".join(part.rstrip("\n") for part in (out, err) if part.strip())
        self.parts.append(Told(who.rpartition("-")[2], self._plain(line), code, self._plain(both)))

    def _plain(self, text: str) -> str:
        """Return a text with this machine's names taken out of it."""
        for user in (self.ada, self.ola):
            text = text.replace(f"{self.accounts.home_of(user)}", f"/home/{user.rpartition('-')[2]}")
        text = text.replace(str(self.accounts.home), "/srv").replace(f"{self.name}-", "")
        return re.sub(rf"\b{self.name}\b", DECK, text)


@contextmanager
def told() -> Iterator[Story]:
    """Do all of it and give the story; at the end accounts, processes and folders are gone."""
    home = Path(tempfile.mkdtemp(prefix="md"))
    home.chmod(0o711)
    accounts = story = None
    try:
        accounts = make_accounts(home)
        story = Story(accounts, accounts.add("ada", member=True), accounts.add("ola", member=True))
        _prepare(story)
        _pull_request(story)
        _merge(story)
        _approval(story)
        _production(story)
        _evidence(story)
        yield story
    finally:
        if story is not None:
            root = accounts.home_of(story.ada) / "deck"  # type: ignore[union-attr]
            accounts.run(story.ada, "-w", str(root), "daemon", "stop", "--all", within_s=WITHIN_S)  # type: ignore[union-attr]
            shutil.rmtree(shared.socket_of(story.name).parent, ignore_errors=True)
        if accounts is not None:
            accounts.remove()
        shutil.rmtree(home)


def _git(name: str) -> dict[str, str]:
    who = {"AUTHOR": name, "COMMITTER": name}
    return {
        **{f"GIT_{role}_NAME": one for role, one in who.items()},
        **{f"GIT_{role}_EMAIL": f"{one}@example.com" for role, one in who.items()},
    }


def _prepare(story: Story) -> None:
    """Make a deck that is shared, with a model in it, and a repository that holds its files."""
    accounts, root = story.accounts, story.accounts.home_of(story.ada) / "deck"
    (root / "models").mkdir(parents=True)
    example = (REPOSITORY / "examples" / "nightly-rates" / "hotel.py").read_text("utf-8")
    (root / "hotel.py").write_text(example.replace("ignore_index=True)", f"ignore_index=True).tail({ROWS})"))
    (root / "models" / f"{MODEL}.toml").write_text(MODEL_FILE)
    access = {"name": story.name, "group": accounts.group, "requester": story.ola}
    (root / "deck.toml").write_text(DECK_FILE.format(**access))
    subprocess.run(["chown", "-R", f"{story.ada}:", str(root)], check=True)
    prepare(story.name, root.stat().st_uid, accounts.group)
    for words in (("apply",), ("daemon", "start")):
        begun = accounts.run(story.ada, *words, cwd=root, within_s=WITHIN_S)
        assert begun.code == 0, begun
    deadline = time.monotonic() + WITHIN_S
    while not shared.socket_of(story.name).exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for user in (story.ada, story.ola):
        settings = accounts.home_of(user) / ".gitconfig"
        settings.write_text("[safe]\n\tdirectory = *\n[init]\n\tdefaultBranch = main\n")
        shutil.chown(settings, user)
    shared_repository = accounts.home / "hotel.git"
    shared_repository.mkdir(mode=0o770)
    shutil.chown(shared_repository, story.ada, accounts.group)
    shared_repository.chmod(0o2770)
    place = str(shared_repository)
    ran = accounts.execute(
        story.ada, ["git", "init", "--bare", "--shared=group", place], cwd=accounts.home_of(story.ada), **_git("ada")
    )
    assert ran.returncode == 0, ran


def _pull_request(story: Story) -> None:
    ada, ola, repository = story.ada, story.ola, str(story.accounts.home / "hotel.git")
    story.say(
        "## The files of the deck, in git\n\nAda owns the deck and is its admin. Ola is an approver: she may train, "
        "ask, approve what others ask for, and promote. The deck's files leave it once, and from then on git has them."
    )
    story.does(ada, "deck", "export", "hotel")
    work = story.accounts.home_of(ada) / "hotel"
    story.runs(ada, "git", "init", "--quiet", cwd=work)
    story.runs(ada, "git", "add", ".", cwd=work)
    story.runs(ada, "git", "commit", "--quiet", "--message", "The deck as it is", cwd=work)
    story.runs(ada, "git", "push", "--quiet", repository, "main", cwd=work)
    story.say(
        "## A pull request\n\nOla lets a version through only when it is better, and when somebody else has said yes. "
        "What a runner would print beside the pull request is the plan; it exits with 1 where something would change."
    )
    story.runs(ola, "git", "clone", "--quiet", repository, "hotel")
    work = story.accounts.home_of(ola) / "hotel"
    story.runs(ola, "git", "switch", "--quiet", "--create", "stricter", cwd=work)
    path = work / "models" / f"{MODEL}.toml"
    path.write_text(path.read_text().replace(*CHANGE))
    story.runs(ola, "git", "diff", "--unified=1", cwd=work)
    story.runs(ola, "git", "commit", "--quiet", "--all", "--message", "Ask for a yes, and a smaller error", cwd=work)
    plan = story.does(ola, "apply", "hotel", "--plan", code=1).out
    assert "gates.mae.max" in plan or "mae" in plan
    assert "plan: 1 changed, 2 unchanged" in plan
    story.say(
        "What a runner that has the data in reach does besides: the whole pipeline for what the branch changed, in a "
        "throw-away workspace, as one report."
    )
    report = story.does(ola, "ci", "hotel", "--since", "origin/main", "--budget", "90s", of_deck=False).out
    assert MODEL in report
    story.say("Her own account cannot bring it about: applying is an admin's.")
    assert "needs admin" in story.does(ola, "apply", "hotel", code=6).err
    story.runs(ola, "git", "push", "--quiet", "origin", "stricter", cwd=work)


def _merge(story: Story) -> None:
    ada, repository = story.ada, str(story.accounts.home / "hotel.git")
    work = story.accounts.home_of(ada) / "hotel"
    story.say("## The merge\n\nAda has read it, merges, and applies what main says. A second time is to no effect.")
    story.runs(ada, "git", "fetch", "--quiet", repository, "stricter", cwd=work)
    story.runs(ada, "git", "merge", "--no-ff", "--message", "Merge pull request 1", "FETCH_HEAD", cwd=work)
    story.runs(ada, "git", "push", "--quiet", repository, "main", cwd=work)
    assert "applied as revision 2" in story.does(ada, "apply", "hotel", "--reason", "pull request 1").out
    assert "already applied as revision 2" in story.does(ada, "apply", "hotel").out


def _approval(story: Story) -> None:
    ada, ola = story.ada, story.ola
    story.say("## Trained, and not yet allowed\n\nOla trains a version. Its gates hold; the yes of another is missing.")
    story.does(ola, "train", MODEL)
    said = story.does(ola, "promote", MODEL, "1", "--yes", code=7)
    assert "needs 1 approval" in said.err
    story.does(ola, "approvals", "request", MODEL, "1", "--reason", "the summer's prices")
    story.say("She is an approver, but nobody says yes to what they asked for.")
    own = story.does(ola, "approvals", "grant", MODEL, "1", "--yes", code=6)
    assert "error: " in own.err
    story.say("Ada looks at what she would say yes to, and says it.")
    assert "the summer's prices" in story.does(ada, "approvals", "grant", MODEL, "1", "--dry-run").out
    story.does(ada, "approvals", "grant", MODEL, "1", "--yes")


def _production(story: Story) -> None:
    ola = story.ola
    story.say(
        "## Into production\n\nThe release starts the version, asks its golden requests, and gives it the traffic."
    )
    assert "serves" in story.does(ola, "promote", MODEL, "1", "--yes", "--reason", "approved").out
    shown = story.does(ola, "releases", "show", MODEL).out
    assert "ada" in story.accounts.run(ola, "--deck", story.name, "releases", "show", MODEL, "--json").out
    assert "golden" in shown
    sample = story.accounts.home_of(ola) / "asked.json"
    shutil.copy(REPOSITORY / "examples" / "nightly-rates" / "samples" / "nightly-rates.json", sample)
    shutil.chown(sample, ola)
    assert "predictions by nightly-rates@1" in story.does(ola, "predict", MODEL, "asked.json").err
    story.does(ola, "pulse")


def _evidence(story: Story) -> None:
    ada, ola = story.ada, story.ola
    story.say(
        "## What stands behind it\n\nThe card says who let it through; the lineage leads from the rows to the answers."
    )
    card = story.does(ola, "cards", MODEL, "1").out
    assert f"granted by user:{story.ada}" in card
    tree = story.does(ola, "lineage", "version", f"{MODEL}@1").out
    assert f"approval, granted by {story.ada}" in tree
    assert "release" in tree
    assert "predictions" in tree
    story.say(
        "## Evidence, looked at elsewhere\n\nAda reads the deck's key aloud. Ola takes the file of evidence to a "
        "folder where no deck is, and checks it with that key alone."
    )
    key = story.does(ada, "audit", "key", "--json").data[0]["public"]
    story.does(ola, "audit", "bundle", MODEL, "1", "v1.evidence")
    elsewhere = story.accounts.home_of(ola) / "elsewhere"
    story.does(ola, "init", "elsewhere", of_deck=False)
    checked = story.does(ola, "-w", "elsewhere", "audit", "check", "v1.evidence", "--key", key, of_deck=False).out
    assert f"evidence for {MODEL}@1" in checked
    content = bytearray((elsewhere.parent / "v1.evidence").read_bytes())
    content[len(content) // 3] ^= 1
    touched = elsewhere.parent / "touched.evidence"
    touched.write_bytes(content)
    shutil.chown(touched, ola)
    story.say("With one bit changed it is refused.")
    refused = story.does(
        ola, "-w", "elsewhere", "audit", "check", "touched.evidence", "--key", key, code=1, of_deck=False
    )
    assert "is not to be trusted" in refused.err
    story.say("The record holds, who did what stands in it, and main still says what the deck does.")
    story.does(ola, "audit", "verify")
    record = story.does(ola, "events", "approval").out
    assert "approval.requested" in record
    assert "approval.granted" in record
    assert "already applied as revision 2" in story.does(ada, "apply", "hotel").out
