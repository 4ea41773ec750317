"""A held release tells what, why and the ways on, each on a line of its own."""

from __future__ import annotations

import io
from typing import Any

import pytest
from sample_releases import release

from console.commands.held_lines import held_in_lines
from console.output import Output
from engine.operations.serving import ReleaseDetail
from store.errors import Held, ModeldeckError, WorkFailed

WHY = "log_loss between purpose: 0.2273 [0.04551, 0.409]: the rows do not tell, asked at most 0.2 apart"
WAYS = "modeldeck releases resume loans --reason …, or: modeldeck releases abort loans"
LINE = f"loans v3: {WHY}: {WAYS}"
HELD = release(9, "held", endpoint="loans", from_version=2, to_version=3, detail=WHY)


class Answers:
    """A client that knows one release."""

    def call(self, *_: Any) -> ReleaseDetail:
        return ReleaseDetail(HELD, ())


def told(error: ModeldeckError, *, as_json: bool = False) -> tuple[ModeldeckError, list[str]]:
    out = Output(as_json=as_json, stdout=io.StringIO(), stderr=io.StringIO())
    client: Any = Answers()
    left = held_in_lines(client, HELD, error, out)
    out.error(left)
    return left, out.stderr.getvalue().splitlines()


def test_what_and_why_and_the_ways_on_stand_on_three_lines() -> None:
    left, lines = told(Held(LINE, "its log: modeldeck jobs logs 0123"))
    assert lines == ["loans v3 is held; traffic stays as it is", f"  {WHY}", f"error: held: {WAYS}"]
    assert left.exit_code == 7


def test_json_keeps_its_one_message() -> None:
    left, lines = told(Held(LINE), as_json=True)
    assert left.message == LINE
    assert len(lines) == 1


@pytest.mark.parametrize("error", [WorkFailed(LINE), Held("paused by user:bob")])
def test_any_other_end_is_told_as_it_is(error: ModeldeckError) -> None:
    left, lines = told(error)
    assert left is error
    assert lines == [f"error: {error.line()}"]
