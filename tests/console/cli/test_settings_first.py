"""The owner's changed settings are applied before a change, and not before one that cannot be made."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

import pytest
from sample_deck import SampleClient
from sample_releases import PLAN, release

from console.commands.operation import _change
from console.output import Output
from engine.operations.catalog import OPERATIONS
from engine.operations.common import Done
from engine.operations.serving import PromoteRequest
from engine.plans import Preview
from store.errors import Refused


def promote(client: SampleClient) -> int:
    said = SimpleNamespace(
        request=PromoteRequest("nightly-rates", 3), dry_run=False, yes=True, detach=True, verb=SimpleNamespace(words=())
    )
    out = Output(stdout=io.StringIO(), stderr=io.StringIO())
    session: Any = SimpleNamespace(said=said, output=out, is_shared=False)
    return _change(client, OPERATIONS["releases.promote"], session)  # type: ignore[arg-type]


@pytest.fixture
def sample() -> SampleClient:
    client = SampleClient()
    client.answers["deck.apply"] = Done("applied: revision 4")
    return client


def test_settings_stay_as_they_are_where_an_open_release_is_in_the_way(sample: SampleClient) -> None:
    sample.answers["releases.list"] = (release(9, "held", from_version=1, to_version=2),)
    sample.answers["releases.preview_promote"] = Preview(PLAN, "b", blocked="a release of nightly-rates is open")
    with pytest.raises(Refused, match="is open"):
        promote(sample)
    assert sample.called("deck.apply") == []
    assert sample.called("releases.promote") == []


def test_settings_are_applied_first_where_nothing_is_in_the_way(sample: SampleClient) -> None:
    sample.answers["releases.list"] = (release(9, "completed", from_version=1, to_version=2),)
    assert promote(sample) == 0
    names = [name for name, _ in sample.calls]
    assert names.index("deck.apply") < names.index("releases.preview_promote") < names.index("releases.promote")
