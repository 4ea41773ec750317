"""What a search in SQL finds is what the filter lets through in memory, in the order asked for, page after page."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.service.filters import parse
from store import runs, versions
from store.comparing import number
from store.errors import Refused, UnknownName
from store.search import paging
from store.search.runs import find_runs
from store.search.versions import find_summaries, find_versions
from store.summaries import summary_of

ANNA = "user:anna"
PARAMS = [
    "6",
    "6.0",
    " 6 ",
    "1e1",
    "10",
    "Ridge",
    "ridge",
    "nan",
    "inf",
    "STRASSE",
    "straße",
    "K",
    "\u212a",
    "50%",
    "a_b",
    "",
    "1_0",
]
NAMES = ["first", "Second", "a!b", "depth 6", "2026-03-01", "nan", "7"]
VALUES = [
    *PARAMS,
    "12",
    "-1",
    "2026-03-01",
    "2026-03-01T12:00",
    "2026-03-01T12:00:00Z",
    "2026-03-02",
    "finished",
    "rates",
    "user:anna",
]
COLUMNS = [
    "metrics.mae",
    "metrics.loss",
    "params.depth",
    "params.kind",
    "tags.team",
    "state",
    "name",
    "model",
    "reason",
    "settings_revision",
    "started_at",
    "ended_at",
    "params",
    "nothing",
    "model.x",
    "metrics.none",
    "note",
]
SIGNS = ["=", "!=", "<", ">", "<=", ">="]


def quoted(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


COMPARISONS = st.tuples(st.sampled_from(COLUMNS), st.sampled_from(SIGNS), st.sampled_from(VALUES)).map(
    lambda parts: f"{parts[0]}{parts[1]}{quoted(parts[2])}"
)
WORDS = st.sampled_from([*VALUES, "trial", "st", "ANNA", "s", "e", "%", "_", "!"]).map(quoted)
PATTERNS = st.sampled_from(["~^6", "name~first", "params.depth~\\d", "~anna$"])
TERMS = st.one_of(COMPARISONS, COMPARISONS, WORDS, PATTERNS)
FILTERS = st.lists(st.tuples(st.sampled_from(["", "!"]), TERMS).map("".join), min_size=1, max_size=3).map(" ".join)
ORDERS = st.sampled_from(
    [
        "",
        "started_at",
        "-started_at",
        "metrics.mae",
        "-metrics.mae",
        "params.depth",
        "-params.depth",
        "tags.team",
        "metrics.none",
    ]
)


@pytest.fixture
def filled(deck, apply_settings_body):
    """A registry with runs of every kind: with and without each value, trials, deleted ones, some still running."""
    apply_settings_body("rates", "posts")
    with deck.database.write() as tx:
        for place, (depth, name) in enumerate(itertools.product(PARAMS, NAMES[:3])):
            model = ("rates", "posts", None)[place % 3]
            made = runs.start_run(
                tx,
                model=model,
                experiment=None if model else "notebook",
                actor=ANNA if place % 2 else "user:ben",
                name=NAMES[place % len(NAMES)],
                settings_revision=1 if place % 5 else None,
                params={"depth": depth, "kind": name} if place % 4 else {},
                tags={"team": PARAMS[-place % len(PARAMS)]} if place % 3 else {},
            )
            points = [("mae", 1, 1, float(place % 14 - 1))] if place % 6 else []
            runs.log_points(tx, made.id, [*points, ("loss", 1, 1, place / 7)])
            if place % 7:
                runs.finish_run(tx, made.id, ("finished", "failed")[place % 2], "out of memory" if place % 2 else "")
            if place % 8 == 0:
                runs.start_run(tx, model=model, experiment="notebook", parent_id=made.id, kind="trial", actor=ANNA)
            if place % 11 == 0:
                tx.execute("UPDATE run SET deleted_at = :at WHERE id = :id", {"at": tx.at, "id": made.id})
            if place % 9 == 0:
                tx.execute("UPDATE run SET note = 'kept Straße' WHERE id = :id", {"id": made.id})
    return deck.database


def ordered(rows, order):
    """Sort as the command line promises: numbers before texts, rows without the value last, newest first."""
    column, down = order.lstrip("-"), order.startswith("-")
    head, _, key = column.partition(".")
    if not key:
        return sorted(rows, key=lambda row: row.id, reverse=down or not order)
    having = [row for row in rows if key in getattr(row, head)]

    def sort_key(row):
        value = getattr(row, head)[key]
        as_number = number(value)
        return (as_number is None, as_number or 0.0, "" if head == "metrics" else value.casefold(), row.id)

    without = sorted((row for row in rows if key not in getattr(row, head)), key=lambda row: row.id, reverse=True)
    return [*sorted(having, key=sort_key, reverse=down), *without]


def pages(read, size):
    """Read a whole list page by page."""
    found, after = [], ""
    while True:
        rows, after = read(after, size)
        assert len(rows) <= size
        found += rows
        if after is None:
            return found


@pytest.fixture(
    params=[(1000, 25_000, 2000, 300), (0, 25_000, 2000, 300), (1, 20, 4, 2)], ids=["as is", "as sets", "as some sets"]
)
def ways(request, monkeypatch):
    """The sizes at which a search goes one way or the other, so that a small registry sees every way."""
    for name, size in zip(("FEW", "GATHERED", "LISTED", "RARE"), request.param, strict=True):
        monkeypatch.setattr(paging, name, size)


@pytest.mark.usefixtures("ways")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=FILTERS,
    order=ORDERS,
    model=st.sampled_from([None, "rates"]),
    trials=st.booleans(),
    size=st.sampled_from([3, 100]),
)
def test_sql_finds_what_the_filter_lets_through(filled, text, order, model, trials, size):
    wanted = parse(text)
    every = runs.runs(filled, model=model, trials=trials, limit=1000)
    expected = [row.id for row in ordered(list(wanted.select(every)), order)]

    def read(after, limit):
        return find_runs(
            filled,
            wanted.searched(),
            matches=wanted.matches,
            model=model,
            trials=trials,
            order=order,
            after=after,
            limit=limit,
        )

    assert [row.id for row in pages(read, size)] == expected


def test_every_row_is_whole(filled):
    assert pages(lambda after, limit: find_runs(filled, after=after, limit=limit), 7) == runs.runs(filled, limit=1000)


def test_deleted_runs_are_listed_only_by_themselves(filled):
    gone, _ = find_runs(filled, deleted=True)
    assert gone
    assert all(row.deleted_at is not None for row in gone)
    assert not {row.id for row in gone} & {row.id for row in find_runs(filled)[0]}


def test_a_cursor_stands_while_runs_are_added_and_taken(filled):
    first, after = find_runs(filled, order="-metrics.mae", limit=10)
    rest = {row.id for row in find_runs(filled, order="-metrics.mae", after=after, limit=100)[0]}
    with filled.write() as tx:
        added = runs.start_run(tx, model="rates", actor=ANNA)
        runs.log_points(tx, added.id, [("mae", 1, 1, 99.0)])
        tx.execute("UPDATE run SET deleted_at = :at WHERE id = :id", {"at": tx.at, "id": first[-1].id})
    assert {row.id for row in find_runs(filled, order="-metrics.mae", after=after, limit=100)[0]} == rest


BOTH = "metrics.mae>0 metrics.loss>1"


def test_rows_in_common_are_put_in_order_anew_once_anything_is_committed(filled, monkeypatch):
    monkeypatch.setattr(paging, "FEW", 0)
    terms = parse(BOTH).searched()
    before = [row.id for row in find_runs(filled, terms, order="-metrics.loss")[0]]
    assert [row.id for row in find_runs(filled, terms, order="-metrics.loss", limit=3)[0]] == before[:3]
    with filled.write() as tx:
        runs.log_points(tx, before[-1], [("loss", 2, 2, 99.0)])
    after = [row.id for row in find_runs(filled, terms, order="-metrics.loss")[0]]
    assert len(before) > 4
    assert after == [before[-1], *before[:-1]]


def test_a_run_deleted_while_a_page_is_read_does_not_end_the_list(filled, monkeypatch):
    monkeypatch.setattr(paging, "FEW", 0)
    terms = parse(BOTH).searched()
    every = [row.id for row in find_runs(filled, terms, order="-metrics.loss")[0]]
    put_in_order = paging.Query._next_in_order

    def then_deleted(*asked):
        keys = put_in_order(*asked)
        with filled.write() as tx:
            tx.execute("UPDATE run SET deleted_at = :at WHERE id = :id", {"at": tx.at, "id": every[0]})
        return keys

    monkeypatch.setattr(paging.Query, "_next_in_order", then_deleted)
    found, after = find_runs(filled, terms, order="-metrics.loss", limit=3)
    assert [row.id for row in found] == every[1:4]
    assert after is not None


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("name", "ordered by 'name'"),
        ("metrics.", "ordered by"),
        ("--started_at", "ordered by"),
        ("evaluation.x", "by started_at"),
    ],
)
def test_an_order_that_no_index_gives_is_refused(filled, order, said):
    with pytest.raises(Refused) as caught:
        find_runs(filled, order=order)
    assert said in caught.value.line()
    assert "metrics.NAME" in caught.value.hint


@pytest.mark.parametrize(
    "after",
    [
        "x",
        "%",
        "W10",
        "é",
        "bnVsbA",
        "WyItc3RhcnRlZF9hdCIsMCwiYSJd",
        "WyItc3RhcnRlZF9hdCIsNywxXQ",
        "WyItc3RhcnRlZF9hdCIsMCw5MjIzMzcyMDM2ODU0Nzc1ODA4XQ",
    ],
)
def test_what_is_no_cursor_is_refused(filled, after):
    with pytest.raises(Refused, match="is no cursor"):
        find_runs(filled, after=after)


def test_a_cursor_of_another_order_is_refused(filled):
    _, after = find_runs(filled, limit=1)
    with pytest.raises(Refused, match="belongs to a list ordered by '-started_at'"):
        find_runs(filled, order="metrics.mae", after=after)


@pytest.fixture
def numbered(deck, apply_settings_body, register):
    """A model with twenty versions, every third tagged."""
    apply_settings_body("rates")
    with deck.database.write() as tx:
        for place in range(20):
            tags = {"team": ("pricing", "Pricing", "trust")[place % 3], "rank": str(place)} if place % 4 else {}
            made = register(tx, evaluation={"metric": "mae", "value": place}, description=f"try {place}", tags=tags)
            if place % 7 == 3:
                tx.execute("UPDATE version SET deleted_at = :at WHERE number = :n", {"at": tx.at, "n": made.number})
    return deck.database


VERSION_FILTERS = [
    "",
    "tags.team=pricing",
    "tags.team=trust",
    "tags.rank>5",
    "!tags.team=trust",
    "number<=7 tags.team=pricing",
    "evaluation.value<9",
    "try",
    "estimator~ridge",
    "created_at>2026-01-01",
    "git_dirty=false",
    "nothing=1",
    "aliases=champion",
    '!"try 1"',
    "settings_revision=1 tags.team=trust",
    "snapshot_id!=x",
    "golden_hash=nowhere",
    "artifact_bytes>0 number>3",
]


@pytest.mark.parametrize("text", VERSION_FILTERS)
@pytest.mark.parametrize("size", [2, 100])
def test_versions_are_found_as_the_filter_lets_them_through(numbered, text, size):
    wanted = parse(text)

    def reading(find):
        searched = wanted.searched()
        return lambda after, limit: find(numbered, "rates", searched, matches=wanted.matches, after=after, limit=limit)

    whole = list(wanted.select(versions.versions(numbered, "rates")))
    assert pages(reading(find_versions), size) == whole
    assert pages(reading(find_summaries), size) == [summary_of(version) for version in whole]


def test_versions_are_ordered_by_a_tag_as_numbers(numbered):
    found = pages(lambda after, limit: find_versions(numbered, "rates", order="tags.rank", after=after, limit=limit), 4)
    ranks = [int(row.tags["rank"]) for row in found if row.tags]
    assert ranks == sorted(ranks)
    assert {row.number for row in found} == {row.number for row in versions.versions(numbered, "rates")}


def test_summaries_come_in_the_same_orders_page_by_page(numbered):
    for order in ("number", "created_at", "-tags.rank", "tags.team"):
        orders = [
            [row.number for row in pages(lambda after, limit, find=find, order=order: find(
                numbered, "rates", order=order, after=after, limit=limit), 3)]
            for find in (find_versions, find_summaries)
        ]  # fmt: skip
        assert orders[0] == orders[1], order


def test_deleted_versions_are_listed_apart_with_when(numbered):
    found, _ = find_summaries(numbered, "rates", deleted=True)
    assert [row.number for row in found] == [18, 11, 4]
    assert all(row.deleted_at is not None for row in found)


@pytest.mark.parametrize("find", [find_versions, find_summaries])
def test_versions_of_no_model_are_an_unknown_name(numbered, find):
    with pytest.raises(UnknownName):
        find(numbered, "rate")
