"""A flipped bit in an artifact, in the registry's file or in the chain of events is found and named."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from pathlib import Path

import pytest
from counts import Report

from console.main import main
from engine.client import Client
from engine.deck import Deck
from store import blobs, events, runs
from store.errors import WorkFailed

pytestmark = pytest.mark.chaos
PAGES = 40


@pytest.fixture
def written(deck: Deck, apply_settings_body, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Deck:  # type: ignore[no-untyped-def]
    """A deck with some artifacts and a few hundred events; its registry is one file, nothing in a log beside it."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    apply_settings_body("rates")
    with deck.database.write() as tx:
        for number in range(6):
            content = bytes(number for _ in range(10_000))
            blobs.record_blob(tx, deck.artifacts.put_bytes(content), len(content), "model")
        for number in range(150):
            run = runs.start_run(tx, model="rates", actor="user:anna", name=f"run {number}", params={"depth": number})
            runs.finish_run(tx, run.id, "finished", "it is done")
    deck.database.close()
    return deck


def deep(deck: Deck, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, object], str]:
    """Run `audit verify --deep` as a person does: exit code, answer and error line."""
    code = main(["-w", str(deck.workspace.root), "audit", "verify", "--deep", "--json"])
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return code, json.loads(said.out) if said.out else {}, said.err


def flip(path: Path, place: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ (1 << bit)]))


def test_a_whole_deck_is_said_to_be_whole(written: Deck, capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = deep(written, capsys)
    assert (code, said["ok"], said["artifacts"], said["damage"]) == (0, True, 6, [])


def test_in_an_artifact(written: Deck, dice: random.Random, report: Report, capsys: pytest.CaptureFixture[str]) -> None:
    hashes = [str(row["hash"]) for row in blobs.present(written.database)]
    for _ in range(24):
        hash = dice.choice(hashes)
        path = written.artifacts.path(hash)
        place, bit = dice.randrange(path.stat().st_size), dice.randrange(8)
        flip(path, place, bit)
        code, said, _ = deep(written, capsys)
        assert (code, [(one["what"], one["name"]) for one in said["damage"]]) == (1, [("artifact", hash)])  # type: ignore[attr-defined]
        flip(path, place, bit)
        report.count("flips found and named")
    assert deep(written, capsys)[0] == 0


def test_in_the_chain_of_events(
    written: Deck, dice: random.Random, report: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = (
        "at",
        "actor",
        "action",
        "subject_kind",
        "subject_id",
        "model",
        "reason",
        "body",
        "previous_hash",
        "hash",
    )
    kept = written.workspace.registry.with_suffix(".kept")
    shutil.copyfile(written.workspace.registry, kept)
    last = events.verify(written.database).verified
    written.database.close()
    for number in range(24):
        seq, column = dice.randint(1, last), columns[number % len(columns)]
        registry = sqlite3.connect(written.workspace.registry)
        registry.execute("DROP TRIGGER event_not_updated")  # as somebody would who is at the file, not at the door
        (value,) = registry.execute(f"SELECT {column} FROM event WHERE seq = ?", (seq,)).fetchone()
        flipped = value ^ (1 << dice.randrange(40)) if isinstance(value, int) else _flipped(str(value or "x"), dice)
        registry.execute(f"UPDATE event SET {column} = ? WHERE seq = ?", (flipped, seq))
        registry.commit()
        registry.close()
        code, said, _ = deep(written, capsys)
        assert (code, said["ok"], said["broken_seq"]) == (1, False, seq), (column, said)
        report.count("flips found and named")
        for left in written.workspace.state.glob("registry.db*"):
            if left != kept and left.suffix != ".kept":
                left.unlink()
        shutil.copyfile(kept, written.workspace.registry)
    assert deep(written, capsys)[0] == 0


@pytest.mark.timeout(600)
def test_in_the_file_of_the_registry(written: Deck, dice: random.Random, report: Report) -> None:
    """Pages are hit in their head, where SQLite keeps its structure, and somewhere else.

    SQLite has no checksums: a bit of a value outside the record, or of the unused part of a page, is not found. Such
    flips are counted apart.
    """
    registry = written.workspace.registry
    content = registry.read_bytes()
    size = 1 << 12
    pages = sorted(set(range(len(content) // size)) - {page - 1 for page in _free_pages(registry)})
    for page in dice.sample(pages, min(PAGES, len(pages))):
        head = page * size + (100 if page == 0 else 0)
        for kind, place in (("head", head), ("elsewhere", page * size + dice.randrange(108, size))):
            _restore(registry, content)
            flip(registry, place, dice.randrange(3) if kind == "head" else dice.randrange(8))
            named = _named(written)
            report.count(f"{kind}: {'found and named' if named else 'not found'}")
            assert named or kind != "head", f"page {page + 1}, byte {place - page * size}"
    _restore(registry, content)
    assert _named(written) == ""


def _named(deck: Deck) -> str:
    """Return what a deep look names, "" where it finds nothing wrong; a registry that cannot be opened is named too."""
    path = str(deck.workspace.registry)
    with Client(deck.workspace) as client:
        try:
            said = client.call("audit.verify", {"deep": True})
        except WorkFailed as error:
            return path if path in error.message else ""
    if said.ok:
        return ""
    found = [one.name for one in said.damage]
    assert said.broken_seq or path in found
    return f"event {said.broken_seq}" if said.broken_seq else path


def _flipped(text: str, dice: random.Random) -> str:
    place = dice.randrange(len(text))
    return text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]


def _restore(registry: Path, content: bytes) -> None:
    for left in ("-wal", "-shm"):
        Path(f"{registry}{left}").unlink(missing_ok=True)
    registry.write_bytes(content)


def _free_pages(registry: Path) -> set[int]:
    """Return pages that hold nothing: a bit flipped there is no damage."""
    connection = sqlite3.connect(registry)
    try:
        used = {row[0] for row in connection.execute("SELECT pageno FROM dbstat")}
        (count,) = connection.execute("PRAGMA page_count").fetchone()
        return set(range(1, count + 1)) - used
    except sqlite3.OperationalError:
        return set()
    finally:
        connection.close()
