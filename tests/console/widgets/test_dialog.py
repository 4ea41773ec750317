from __future__ import annotations

from sample_approvals import approvals
from sample_deck import PULSE
from sample_releases import VERSIONS

from console.help import help_box, menu_box, rows
from console.keymap import Keymap
from console.render.cells import exactly, line, line_width, plain
from console.render.columns import Context
from console.widgets.dialog import GUARD_S, TOO_SOON, Confirm, Menu, Message
from console.widgets.header import crumbs, header
from console.widgets.hints import hints, shown
from console.widgets.surface import changed_span
from engine.actions.table import BY_ID
from engine.operations.deck import counts_of

KEYS = Keymap()


class Clock:
    """Seconds that stand until they are moved."""

    def __init__(self) -> None:
        self.now = 10.0

    def __call__(self) -> float:
        return self.now


def confirm(clock: Clock) -> Confirm:
    box = Confirm("Promote", "Promote", lambda width: [line(f"step {number}") for number in range(40)], clock)
    clock.now += GUARD_S
    return box


def test_the_focus_is_on_cancel() -> None:
    assert confirm(Clock()).press("enter") == "cancel"


def test_y_confirms_and_so_does_enter_after_moving_the_focus() -> None:
    assert confirm(Clock()).press("y") == "confirm"
    box = confirm(Clock())
    box.press("tab")
    assert box.press("enter") == "confirm"


def test_the_key_that_opens_never_confirms() -> None:
    for action in ("releases.promote", "releases.rollback", "releases.abort", "runs.train"):
        assert confirm(Clock()).press(BY_ID[action].key) == ""


def test_keys_are_ignored_until_the_dialog_has_stood_quiet() -> None:
    clock = Clock()
    box = Confirm("Promote", "Promote", lambda width: [], clock)
    assert box.press("y") == TOO_SOON
    clock.now += 0.2
    assert box.press("y") == TOO_SOON, "a burst keeps the guard up"
    clock.now += 0.2
    assert box.press("y") == TOO_SOON
    clock.now += GUARD_S
    assert box.press("y") == "confirm"


def test_a_blocked_change_cannot_be_confirmed() -> None:
    box = confirm(Clock())
    box.blocked = "a release is open"
    assert box.press("y") == ""
    assert ("y", "promote") not in box.hints


def test_scrolling_keys_scroll_and_reason_and_copy_are_asked_for() -> None:
    box = confirm(Clock())
    below = [exactly((), 80)] * 21
    box.over(below, 80, Context(0))
    assert box.press("ctrl+d") == ""
    assert box.press("e") == "reason"
    assert box.press("C") == "copy"


def test_a_box_fits_every_screen() -> None:
    for width, height in ((50, 9), (80, 21), (120, 37)):
        below = [exactly(line("x" * width), width)] * height
        lines = confirm(Clock()).over(below, width, Context(0))
        assert [line_width(cells) for cells in lines] == [width] * height
        assert any("Cancel" in plain(cells) for cells in lines)
        assert any("▼" in plain(cells) for cells in lines)


def test_a_message_closes_on_enter() -> None:
    clock = Clock()
    box = Message("Not done", lambda width: [line("why")], clock)
    clock.now += 1
    assert box.press("enter") == "cancel"


def test_help_lists_what_cannot_be_done_with_its_reason() -> None:
    found = {
        item.action.id: item.reason for item in rows(KEYS, "versions", VERSIONS["nightly-rates"][1], ("act", "look"))
    }
    assert found["releases.promote"] == "v2 serves already"
    assert found["runs.train"] == ""


def test_the_menu_answers_to_letters() -> None:
    clock = Clock()
    box = menu_box(KEYS, "pulse", PULSE.models[0], clock)
    clock.now += 1
    assert box.press("T") == "confirm"
    assert box.selected.action.id == "runs.train"


def test_enter_in_the_menu_chooses_the_row_under_the_cursor() -> None:
    clock = Clock()
    box = menu_box(KEYS, "pulse", PULSE.models[0], clock)
    clock.now += 1
    box.press("j")
    assert box.press("enter") == "confirm"
    assert box.selected.action.id == "releases.rollback"


def test_in_a_read_only_session_every_change_is_listed_with_that_reason_and_not_in_the_footer() -> None:
    keys = Keymap(read_only=True)
    listed = rows(keys, "pulse", PULSE.models[0], ("act", "look"))
    assert {item.reason for item in listed if item.action.group == "act"} == {"this session is read-only"}
    assert [item.action.id for item in listed if item.action.group == "act" and not item.reason] == []
    assert ("enter", "open") in shown(keys, "pulse", PULSE.models[0])
    assert not {key for key, _ in shown(keys, "pulse", PULSE.models[0])} & {"P", "R", "T"}


def test_help_is_runnable() -> None:
    clock = Clock()
    box = help_box(KEYS, "pulse", PULSE.models[0], clock)
    assert isinstance(box, Menu)
    clock.now += 1
    box.press("j")
    assert box.press("enter") == "confirm"
    assert box.selected.action.id == "releases.rollback"


def test_the_footer_keeps_help_at_every_width() -> None:
    for width in (50, 80, 120):
        cells = hints(shown(KEYS, "pulse", PULSE.models[0]), width)
        assert "? help" in plain(cells)
        assert line_width(cells) <= width


def test_the_footer_says_how_many_keys_it_had_no_room_for() -> None:
    pairs = shown(KEYS, "pulse", PULSE.models[0])
    for width in (50, 60, 80, 100):
        told = plain(hints(pairs, width))
        named = sum(f"{key} {word}" in told for key, word in pairs)
        assert f"? help, {len(pairs) - named} more" in told
    assert "more" not in plain(hints(pairs, 300))


def test_the_footer_offers_to_grant_only_where_something_is_asked() -> None:
    versions = shown(KEYS, "versions", VERSIONS["nightly-rates"][0])
    assert ("P", "promote") in versions
    assert all(word != "grant" for _, word in versions)
    assert ("S", "grant") in shown(KEYS, "approvals", approvals(0)[0])


def test_the_footer_hides_what_cannot_be_done() -> None:
    assert ("P", "promote") in shown(KEYS, "pulse", PULSE.models[0])
    assert ("P", "promote") not in shown(KEYS, "pulse", PULSE.models[1])


def test_the_header_counts_in_words() -> None:
    assert plain(header("", counts_of(PULSE), 80)).rstrip().endswith("q1 run2 fail1 alerts2")
    assert "reading" in plain(header("deck", None, 80))


def test_the_header_says_that_the_session_is_read_only() -> None:
    for counts in (None, counts_of(PULSE)):
        assert " read-only " in plain(header("deck", counts, 80, read_only=True))
        assert "read-only" not in plain(header("deck", counts, 80))


def test_the_title_shows_where_one_is_and_what_is_filtered() -> None:
    assert plain(crumbs(["Models", "nightly-rates"], "drift", "1/3", 60)).startswith(" Models › nightly-rates  /drift")


def test_only_the_cells_between_the_first_and_last_change_are_painted() -> None:
    old, new = exactly(line("state  43% boosting"), 30), exactly(line("state  51% boosting"), 30)
    assert changed_span(old, new, 30) == (7, 9)
    assert changed_span(old, old, 30) == (0, 0)


def test_a_wide_character_is_never_cut_by_a_repaint() -> None:
    old, new = exactly(line("a日b"), 6), exactly(line("axxb"), 6)
    assert changed_span(old, new, 6) == (1, 3)
    assert changed_span(exactly(line("日日"), 6), exactly(line("日語"), 6), 6) == (2, 4)


def test_what_is_blocked_offers_no_key_to_go() -> None:
    box = confirm(Clock())
    box.blocked = "a release is open"
    lines, _, _ = box.content(76, 20, Context(0))
    assert "cannot go" in plain(lines[-1])
    assert "y  Promote" not in plain(lines[-1])
    box.press("tab")
    assert box.press("enter") == "cancel", "the focus stays on Cancel"
