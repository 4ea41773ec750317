"""A folder from git to the deck: a plan with an exit code for runners, apply, export, a tar by stdin."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Line = Callable[..., Any]
RATES = '[model]\nname = "rates"\ntask = "regression"\n[data]\nsource = "rows.csv"\ntarget = "y"\n'


@pytest.fixture
def git(tmp_path: Path) -> Path:
    """A checkout beside the deck's own folder, with files that are none of a deck."""
    root = tmp_path / "git"
    (root / "models").mkdir(parents=True)
    (root / "deck.toml").write_text('name = "deck"\ntime_zone = "Europe/Rome"\n')
    (root / "models" / "rates.toml").write_text(RATES)
    (root / "README.md").write_text("# ours\n")
    return root


def test_from_plan_to_nothing_to_do(line: Line, git: Path, folder: Path) -> None:
    told = line("apply", str(git), "--plan")
    assert told.code == 1, told
    assert "+ models/rates.toml created" in told.out
    assert not (folder / "models" / "rates.toml").exists()
    assert line("apply", str(git), "--dry-run").code == 0
    done = line("apply", str(git), "--reason", "pull request 7")
    assert (done.code, done.out.splitlines()[0]) == (0, "applied as revision 1")
    assert (folder / "models" / "rates.toml").read_text() == RATES
    again = line("apply", str(git))
    assert (again.code, again.out.strip()) == (0, "already applied as revision 1")
    assert (line("apply", str(git), "--plan").code, line("models", "--json").data[0]["name"]) == (0, "rates")
    assert line("events", "--json").data[0]["reason"] == "pull request 7"


def test_an_exported_deck_applies_to_no_effect(line: Line, git: Path, tmp_path: Path) -> None:
    line("apply", str(git))
    out = tmp_path / "out"
    assert line("deck", "export", str(out)).out.startswith("2 files of revision 1 written to ")
    assert sorted(path.name for path in out.rglob("*") if path.is_file()) == ["deck.toml", "rates.toml"]
    assert line("apply", str(out), "--plan").code == 0
    assert line("apply", str(out)).out.startswith("already applied")
    refused = line("deck", "export", str(out))
    assert (refused.code, "is there already" in refused.err) == (2, True)


def test_what_was_changed_on_the_deck_needs_a_word(line: Line, git: Path, folder: Path) -> None:
    line("apply", str(git))
    (folder / "models" / "rates.toml").write_text(f"{RATES}[gates]\nmae = {{ max = 9.0 }}\n")
    told = line("apply", str(git), "--plan")
    assert (told.code, "! changed on the deck" in told.out) == (1, True)
    refused = line("apply", str(git))
    assert (refused.code, "--overwrite" in refused.err, len(refused.err.splitlines())) == (2, True, 1)
    assert line("apply", str(git), "--overwrite").code == 0
    assert line("apply", str(git), "--plan").code == 0


def test_json_holds_the_plan(line: Line, git: Path) -> None:
    told = line("apply", str(git), "--plan", "--json")
    body = __import__("json").loads(told.out)
    assert (body["already"], body["body"]["plan"]["changes"]) == (False, 2)
    assert {one["path"] for one in body["body"]["plan"]["files"]} == {"deck.toml", "models/rates.toml"}


def by_stdin(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    from console.commands import apply

    monkeypatch.setattr(apply, "_stdin", lambda: io.BytesIO(content))


def packed(members: dict[str, bytes | None]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            if content is None:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def test_a_runner_sends_its_checkout_by_stdin(line: Line, git: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members: dict[str, bytes | None] = {f"./{path.relative_to(git)}": path.read_bytes() for path in git.rglob("*.*")}
    by_stdin(packed(members), monkeypatch)
    assert line("apply", "-").out.splitlines()[0] == "applied as revision 1"
    by_stdin(packed(members), monkeypatch)
    assert line("apply", "-", "--plan").code == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not a tar", "is no tar"),
        (packed({"../deck.toml": b"x"}), "leads out of it"),
        (packed({"/deck.toml": b"x"}), "leads out of it"),
        (packed({"deck.toml": None}), "deck.toml is a link"),
        (packed({"deck.toml": b"\xff\xfe"}), "no text in UTF-8"),
        (packed({"deck.toml": b'name = "x"\n'}), "models/ holds no file: this is half a folder"),
    ],
)
def test_a_bad_tar_is_one_line(line: Line, monkeypatch: pytest.MonkeyPatch, content: bytes, said: str) -> None:
    by_stdin(content, monkeypatch)
    refused = line("apply", "-")
    assert (refused.code, refused.out, len(refused.err.splitlines())) == (2, "", 1)
    assert said in refused.err
    assert said in refusal(line)


def refusal(line: Line) -> str:
    """Return why the newest request was refused, as the record has it."""
    newest = line("events", "action=request.refused", "--json").data[0]
    assert newest["subject_id"] == "deck.apply_folder"
    return str(newest["reason"])


def test_half_a_folder_and_models_in_a_circle_are_refused_on_record_and_change_nothing(line: Line, git: Path) -> None:
    assert line("apply", str(git)).code == 0
    model = (git / "models" / "rates.toml").read_text()
    circle = '[retrain]\non = ["upstream"]\nupstream = "{}"\n'
    (git / "models" / "rates.toml").write_text(model + circle.format("posts"))
    (git / "models" / "posts.toml").write_text(model.replace('"rates"', '"posts"') + circle.format("rates"))
    assert line("apply", str(git), "--plan").code == 2
    assert line("events", "action=request.refused", "--json").data == []
    refused = line("apply", str(git))
    assert (refused.code, len(refused.err.splitlines()), "it would never end" in refused.err) == (2, 1, True)
    assert "it would never end" in refusal(line)
    (git / "deck.toml").unlink()
    half = line("apply", str(git))
    assert (half.code, len(half.err.splitlines()), "this is half a folder" in half.err) == (2, 1, True)
    assert line("events", "action=settings.applied", "--json").data[0]["subject_id"] == "1"
    assert [one["name"] for one in line("models", "--json").data] == ["rates"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere",), "no folder nowhere"),
        (("--plan",), "are about a folder"),
        (("--overwrite",), "are about a folder"),
    ],
)
def test_bad_words_are_one_line(line: Line, words: tuple[str, ...], said: str) -> None:
    refused = line("apply", *words)
    assert (refused.code, refused.out, len(refused.err.splitlines())) == (2, "", 1)
    assert said in refused.err


def test_a_link_in_the_folder_is_refused(line: Line, git: Path) -> None:
    os.symlink("/etc/hostname", git / "models" / "other.toml")
    refused = line("apply", str(git))
    assert (refused.code, "models/other.toml is a link" in refused.err) == (2, True)
