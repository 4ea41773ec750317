"""Slow links, storms and lost terminals, through a real pseudo-terminal: no freeze and no wrong action."""

from __future__ import annotations

import os
import signal
import time

import pytest
from wire_console import linked

pytestmark = pytest.mark.timeout(180)


def test_on_a_slow_link_keys_are_obeyed_in_order_and_the_screen_is_right_in_the_end() -> None:
    with linked(bytes_per_s=20_000, delay_s=0.3) as link:
        for key in "4jj8jjj9":
            link.press(key)
            link.step()
        link.until("lead_time drifts")
        assert "Alerts" in link.rest().splitlines()[1]
        link.press("4")
        shown = link.until(lambda text: "PROGRESS" in text)
        assert shown.splitlines()[1].split()[0] == "Jobs"
        assert next(line for line in link.rest().splitlines() if line.startswith("›")).split()[2] == "running"


def test_a_burst_of_keys_on_a_slow_link_confirms_nothing() -> None:
    with linked(bytes_per_s=20_000, delay_s=0.3) as link:
        link.press("RyyyyPyyyy")
        shown = link.rest()
        assert "it goes on without this console" not in shown
        link.until(lambda text: "Cancel" in text or "Way back" in text)
        link.press("\x1b")
        link.until(lambda text: "Cancel" not in text)


def test_a_storm_of_sizes_ends_with_a_whole_screen_of_the_last_size() -> None:
    with linked() as link:
        for number in range(60):
            link.resize(60 + number % 41, 16 + number % 17)
            link.step(0.005)
        link.resize(100, 30)
        link.press("j")
        link.until(lambda text: "modeldeck hotel-demo" in text and "? help" in text)
        lines = link.rest().splitlines()
        assert len(lines) == 30
        assert "modeldeck hotel-demo" in lines[0]
        assert "? help" in lines[-1]
        assert lines[0].rstrip().endswith("alerts2")


def test_too_small_a_terminal_says_so_and_comes_back() -> None:
    with linked() as link:
        link.resize(40, 8)
        link.until("50x12 at least")
        link.resize(80, 24)
        link.until("Way back")


def test_ten_thousand_pasted_characters_do_nothing_outside_of_a_prompt() -> None:
    text = ("RyPyTyXy\r\n" * 1000).encode()
    with linked() as link:
        link.press(b"\x1b[200~" + text + b"\x1b[201~")
        link.until("pasted text is taken only after")
        shown = link.rest()
        assert "Cancel" not in shown
        assert "Way back" in shown
        link.press("4")
        link.until("PROGRESS")


def test_ten_thousand_pasted_characters_are_one_line_of_a_filter() -> None:
    with linked() as link:
        link.press("4")
        link.until("PROGRESS")
        link.press("/")
        link.press(b"\x1b[200~" + b"x" * 10_000 + b"\nR\ny" + b"\x1b[201~")
        link.until("does not match any of 8 rows")
        link.press("\x1b")
        link.until("43% boosting")


def test_a_lost_terminal_ends_the_console() -> None:
    with linked() as link:
        link.signal(signal.SIGHUP)
        status = link.ended()
        assert os.WIFSIGNALED(status) or os.WIFEXITED(status)


def test_ctrl_z_gives_the_terminal_back_and_goes_on_where_one_was() -> None:
    with linked() as link:
        link.press("4")
        link.until("PROGRESS")
        link.press("\x1a")
        deadline = time.monotonic() + 20
        while not link.stopped():
            assert time.monotonic() < deadline, link.text
            link.step()
        link.signal(signal.SIGCONT)
        link.until("PROGRESS")
        link.press("9")
        link.until("lead_time drifts")
