"""The first frame is the first layout: nothing is shown blank first, or waits for a tick of the screen."""

from __future__ import annotations

import pytest
from on_a_loop import run
from sample_deck import SampleClient
from sample_releases import NOW

from console.deck_app import DeckApp
from console.terminal import Profile
from console.widgets.surface import Surface


@pytest.mark.parametrize("ascii_only", [False, True])
@run
async def test_the_first_layout_names_the_deck_and_says_that_it_reads(ascii_only: bool) -> None:
    profile = Profile(is_remote=True, fps=15, theme="dark", ascii_only=ascii_only)
    painted: dict[str, list[str]] = {}

    class Watched(DeckApp):
        def paint(self) -> None:
            if not painted:  # before anything was shown on a surface
                for surface in self.query(Surface):
                    lines = [surface.render_line(row) for row in range(surface.size.height)]
                    assert {line.cell_length for line in lines} == {80}
                    painted[str(surface.id)] = [line.text.rstrip() for line in lines]
            super().paint()

    app = Watched(SampleClient, profile, deck_name="hotel-demo", now=lambda: NOW)
    async with app.run_test(size=(80, 24)):
        assert painted["header"][0].split()[:2] == ["modeldeck", "hotel-demo"]
        assert len(painted["body"]) == 21
        assert painted["body"][1] == ("  reading~" if ascii_only else "  reading…")
