"""The page of what is on record of a model: phases, what is missing with what fills it, erasures, and who read it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from on_a_loop import run
from sample_deck import SampleClient
from sample_releases import HOUR, NOW
from test_hostile_values import HOSTILE, check

from console.screens.compliance import NO_READS, NOT_SHOWN, Found, compliance_lines
from engine.operations.compliance import Compliance, ComplianceItem
from store.errors import NotAllowed
from store.rows import PersonalRead

MODEL = "nightly-rates"
ITEMS = (
    ComplianceItem("documentation", "purpose", True, "Shows a price", ""),
    ComplianceItem("data", "erasures", False, "nobody decided about 01a2", "modeldeck erasures decide 01a2 ..."),
)
READ = PersonalRead(NOW - HOUR, "user:ben", None, "socket", "data.quarantine", MODEL, "", ("country", "name"), "masked")


def text_of(found: Found) -> str:
    return "\n".join("".join(text for text, _ in cells) for cells in compliance_lines(found, 80, NOW))


@run
async def test_a_version_tells_what_is_missing_undecided_and_who_read_it(console: Any, sample: SampleClient) -> None:
    sample.answers["compliance.show"] = Compliance(MODEL, 3, ITEMS, 1)
    sample.answers["access.log"] = (READ,)
    async with console() as screen:
        await screen.press("2")
        await screen.shows(MODEL)
        await screen.press("L")
        await screen.shows(
            "1 of 2 on record", "✓ purpose", "✗ erasures  nobody decided about 01a2", "modeldeck erasures decide"
        )
        await screen.shows("ben  data.quarantine, masked, 2 columns")
        await screen.press("escape")
        await screen.shows("Models")
    asked = dict(sample.calls)
    assert (asked["compliance.show"].model, asked["access.log"].model) == (MODEL, MODEL)


def test_who_may_not_see_readers_sees_the_rest() -> None:
    told = text_of(Found(Compliance(MODEL, 3, ITEMS, 1), None))
    assert NOT_SHOWN in told
    assert "✗ erasures" in told
    assert NO_READS in text_of(Found(Compliance(MODEL, 3, ITEMS, 1), ()))


def test_a_long_line_goes_on_below_it_so_that_who_and_why_are_read_at_80_columns() -> None:
    told = (
        "mae vs champion, latency_p99_ms (no data) by bob, 2026-11-30T21:04Z: nobody books at night and the fair begins"
    )
    fix = "modeldeck releases show 01a22e45dacb; it stays on record of this version"
    item = ComplianceItem("tests", "gates passed over", False, told, fix)
    text = text_of(Found(Compliance(MODEL, 3, (item,), 1), ()))
    assert max(map(len, text.splitlines())) <= 80
    assert f"gates passed over {told}" in " ".join(text.split())
    assert fix in " ".join(text.split())


@run
async def test_a_role_that_does_not_reach_the_log_sees_the_rest(console: Any, sample: SampleClient) -> None:
    sample.answers["compliance.show"] = Compliance(MODEL, 3, ITEMS, 1)
    sample.answers["access.log"] = NotAllowed("user:eve is viewer; access.log needs approver")
    async with console() as screen:
        await screen.press("2")
        await screen.shows(MODEL)
        await screen.press("L")
        await screen.shows("✓ purpose", NOT_SHOWN)


@pytest.mark.parametrize("kind", sorted(HOSTILE))
@run
async def test_no_text_spoils_the_page(console: Any, sample: SampleClient, kind: str) -> None:
    value = HOSTILE[kind]
    read = replace(READ, actor=f"user:{value}", operation=value, told=value)
    sample.answers["compliance.show"] = Compliance(MODEL, 3, (ComplianceItem("data", value, False, value, value),), 1)
    sample.answers["access.log"] = (read,)
    async with console() as screen:
        await screen.press("2")
        await screen.shows(MODEL)
        await screen.press("L")
        await screen.shows("0 of 1 on record")
        check(screen.text, (80, 24), kind)
