"""Answers and errors come out of the wire as they went in."""

from __future__ import annotations

import dataclasses
import inspect
import json
import shutil
import typing
from pathlib import Path

import pytest

from engine.operations.catalog import OPERATIONS
from engine.operations.common import Done
from engine.operations.operation import rows_from_body, rows_from_columns
from engine.product import VERSION
from engine.service import contract as told
from engine.service import wire
from engine.service.contract import contract
from store import jobs
from store.errors import BY_CODE, Unavailable, WorkFailed
from store.json_rows import MANY, columns
from store.rows import Job, to_json
from store.rows.frozen import dataclass

ROOT = Path(told.ROOT)


@pytest.mark.parametrize("code", BY_CODE)
def test_every_error_keeps_its_kind_code_exit_code_and_line(code):
    sent = BY_CODE[code]("the cause", "the remedy")
    with pytest.raises(BY_CODE[code]) as caught:
        wire.read_answer(OPERATIONS["jobs.list"], wire.error_bytes(sent))
    assert type(caught.value) is type(sent)
    assert (caught.value.code, caught.value.exit_code) == (sent.code, sent.exit_code)
    assert caught.value.line() == "the cause: the remedy"


def test_error_of_an_unknown_code_is_a_failure():
    sent = json.loads(wire.error_bytes(WorkFailed("odd")))
    sent["error"]["code"] = "of_tomorrow"
    with pytest.raises(WorkFailed, match="odd"):
        wire.read_answer(OPERATIONS["jobs.list"], json.dumps(sent).encode())


def test_rows_come_back_as_the_same_frozen_rows(deck, apply_settings_body):
    apply_settings_body("rates")
    with deck.database.write() as tx:
        job = jobs.enqueue(tx, kind="train", model="rates", actor="user:anna", args={"reason": "ünïcode"})
    assert wire.read_answer(OPERATIONS["jobs.list"], wire.answer_bytes([job])) == (job,)
    assert wire.read_answer(OPERATIONS["jobs.detail"], wire.answer_bytes(job)) == job


def many_jobs(deck, how_many):
    """Jobs whose fields are now this, now that: no value, an object, a float where others have none."""
    with deck.database.write() as tx:
        for number in range(how_many):
            made = jobs.enqueue(
                tx, kind="train", model="rates", actor=f"user:{number % 3}", args={"reason": "ü" * 50, "at": number}
            )
            if number % 2:
                jobs.claim(tx, made.id)
                jobs.finish(tx, made.id, 1, "failed", reason="no", exit_code=3, result={"ended_at": 0, "rows": [1.5]})
    return jobs.jobs(deck.database, limit=how_many)


@pytest.mark.parametrize("how_many", [0, 1, MANY - 1, MANY, 3 * MANY])
def test_many_rows_are_the_same_by_columns_as_one_by_one(deck, apply_settings_body, how_many):
    apply_settings_body("rates")
    made = many_jobs(deck, how_many)
    one_by_one, by_columns = wire.answer_bytes(made), wire.answer_bytes(made, by_columns=True)
    assert ("columns" in json.loads(by_columns)) == (how_many >= MANY)
    read = [wire.read_answer(OPERATIONS["jobs.list"], payload) for payload in (one_by_one, by_columns)]
    assert read[0] == read[1]
    assert list(wire.read_answer(OPERATIONS["jobs.list"], by_columns, by_columns=True)) == list(read[0])
    assert json.loads(one_by_one)["answer"] == to_json(read[0]) == [to_json(row) for row in made]


@pytest.mark.parametrize("wrong", [{"kind": 3}, {"requested_at": "noon"}, {"unheard_of": 1}, {"kind": None}])
def test_one_wrong_value_among_many_is_seen(deck, apply_settings_body, wrong):
    apply_settings_body("rates")
    bodies = [to_json(row) for row in many_jobs(deck, MANY)]
    bodies[7] |= wrong
    with pytest.raises((TypeError, ValueError)):
        rows_from_body(Job, bodies)


@dataclass(frozen=True, slots=True)
class Point:
    step: int
    seen_at: int | None
    tags: dict[str, str]


@pytest.mark.parametrize("value", [2**63, -(2**63), True, 1.0, "1"])
def test_a_column_of_whole_numbers_takes_no_other_value_among_them(value):
    kept = {
        "step": [0, 2**63 - 1, 2],
        "seen_at": [1, "1970-01-01T00:00:00.000002Z", None],
        "tags": [{}, {"a": "b"}, {}],
    }
    read = rows_from_columns(Point, kept)
    assert read == (Point(0, 1, {}), Point(2**63 - 1, 2, {"a": "b"}), Point(2, None, {}))
    for name in ("step", "tags"):
        with pytest.raises(TypeError, match=f"field '{name}'"):
            rows_from_columns(Point, {**kept, name: [kept[name][0], value, kept[name][2]]})


def test_columns_of_another_kind_are_refused(deck, apply_settings_body):
    apply_settings_body("rates")
    found = columns(many_jobs(deck, MANY))
    short = {**found, "kind": found["kind"][1:]}
    with pytest.raises(ValueError, match="equally long"):
        rows_from_columns(Job, short)
    with pytest.raises(TypeError, match="columns are not those of Job"):
        rows_from_columns(Job, {"kind": ["train"]})


def test_answer_without_a_job_comes_back_whole():
    done = Done("applied", already=True, body={"revision": 3})
    assert wire.read_answer(OPERATIONS["deck.apply"], wire.answer_bytes(done)) == done


@pytest.mark.parametrize(
    ("changed", "daemon", "face"),
    [
        ({"product": "9.9.9"}, "9.9.9", VERSION),
        ({"contract": "1.0"}, f"{VERSION} (contract 1.0)", f"{VERSION} (contract {contract()})"),
        ({"contract": None}, f"{VERSION} (contract unknown)", f"{VERSION} (contract {contract()})"),
    ],
)
@pytest.mark.parametrize("payload", [wire.answer_bytes([]), wire.error_bytes(wire.Malformed("unknown field 'new'"))])
def test_answer_of_another_version_or_contract_names_both_and_the_way_out(payload, changed, daemon, face):
    said = {**json.loads(payload), **changed}
    with pytest.raises(Unavailable) as caught:
        wire.read_answer(OPERATIONS["jobs.list"], json.dumps(said).encode())
    assert caught.value.line() == f"daemon runs {daemon}, this is {face}: modeldeck daemon restart"
    assert caught.value.exit_code == 4


@pytest.fixture(name="copied")
def copied_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the files that the contract is made of, to be changed."""
    for name in (
        *told.sources(),
        *(f"{told.MIGRATIONS}/{path.name}" for path in (ROOT / told.MIGRATIONS).glob("*.py")),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.setattr(told, "ROOT", str(tmp_path))
    assert contract.__wrapped__() == contract()
    return tmp_path


@pytest.mark.parametrize(
    "changed", ["engine/operations/models.py", "store/rows/work.py", "engine/plans.py", "store/schema.sql"]
)
def test_contract_follows_what_is_asked_and_answered_and_the_registry(copied: Path, changed: str) -> None:
    with (copied / changed).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert contract.__wrapped__() != contract()


def test_contract_follows_an_operation_that_goes_and_a_migration_that_comes(copied: Path) -> None:
    (copied / told.MIGRATIONS / "v9999_rows_alone.py").write_text("")
    further = contract.__wrapped__()
    (copied / "engine/operations/access.py").unlink()
    assert len({contract(), further, contract.__wrapped__()}) == 3


def test_contract_is_one_whatever_ends_a_line(copied: Path) -> None:
    path = copied / "engine/plans.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert contract.__wrapped__() == contract()


def test_every_kind_of_row_that_travels_is_in_the_contract() -> None:
    kinds = {kind for one in OPERATIONS.values() for kind in (one.request, one.answer)}
    found = {str(Path(path).relative_to(ROOT)) for path in map(inspect.getsourcefile, travelling(kinds)) if path}
    assert found - set(told.sources()) == set()


def travelling(kinds: set[type]) -> set[type]:
    """Return the dataclasses among these, and those that their fields hold."""
    seen: set[type] = set()
    wanted = {kind for kind in kinds if dataclasses.is_dataclass(kind)}
    while wanted - seen:
        kind = (wanted - seen).pop()
        seen.add(kind)
        for hint in typing.get_type_hints(kind).values():
            inner = {
                hint,
                *typing.get_args(hint),
                *(deep for arg in typing.get_args(hint) for deep in typing.get_args(arg)),
            }
            wanted |= {one for one in inner if isinstance(one, type) and dataclasses.is_dataclass(one)}
    return seen


@pytest.mark.parametrize("payload", [b"", b"<html>", b"[]", b"{}", b"3"])
def test_nonsense_is_no_traceback(payload):
    with pytest.raises(Unavailable, match="cannot be read"):
        wire.read_answer(OPERATIONS["jobs.list"], payload)
