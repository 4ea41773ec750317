from __future__ import annotations

from console.render.cells import line, plain
from console.widgets.document import Document
from console.widgets.log_view import LogView
from console.widgets.prompt import Prompt


def numbered(count: int) -> str:
    return "".join(f"line {number}\n" for number in range(count))


def shown(view: LogView, height: int = 5) -> list[str]:
    return [plain(cells).rstrip() for cells in view.draw(40, height)]


def test_a_log_follows_its_end() -> None:
    view = LogView()
    view.append(numbered(10))
    assert shown(view)[-1] == "line 9"
    view.append("line 10\n")
    assert shown(view)[-1] == "line 10"


def test_scrolling_up_stops_following_and_new_lines_do_not_move_the_view() -> None:
    view = LogView()
    view.append(numbered(20))
    shown(view)
    view.move("move.up")
    before = shown(view)
    view.append("one more\nand one\n")
    assert shown(view) == before
    assert not view.follows


def test_going_to_the_bottom_follows_again() -> None:
    view = LogView()
    view.append(numbered(20))
    shown(view)
    view.move("move.page_up")
    view.move("move.bottom")
    assert view.follows
    view.move("look.follow")
    assert not view.follows


def test_lines_come_in_pieces_and_progress_bars_overwrite_themselves() -> None:
    view = LogView()
    view.append("hal")
    view.append("f a line\n10 %\r20 %\r30 %")
    assert shown(view) == ["half a line", "30 %"]


def test_a_log_line_cannot_move_the_cursor() -> None:
    view = LogView()
    view.append("\x1b[2Jgone [red]x[/]\n")
    assert shown(view) == ["·[2Jgone [red]x[/]"]


def test_a_search_goes_to_the_newest_match_and_back() -> None:
    view = LogView()
    view.append(numbered(100))
    shown(view)
    assert view.search("line 1") == 11
    view.move("look.previous_match")
    assert any(text == "line 18" for text in shown(view))


def test_old_lines_leave() -> None:
    view = LogView()
    view.append("x\n" * 30_000)
    assert view.length == 20_000


def test_a_document_keeps_its_place_when_its_text_changes() -> None:
    document = Document()
    document.set_content(lambda width: [line(f"line {number}") for number in range(50)])
    document.draw(20, 10)
    document.move("move.page_down")
    document.set_content(lambda width: [line(f"new {number}") for number in range(50)])
    assert plain(document.draw(20, 10)[0]).startswith("new 9")


def test_a_document_is_searched_without_regard_to_case() -> None:
    document = Document()
    document.set_content(lambda width: [line(f"Line {number}") for number in range(50)])
    document.draw(20, 10)
    assert document.search("line 3") == 11
    assert document.move("look.next_match")


def test_a_prompt_edits_in_the_middle() -> None:
    prompt = Prompt("/", "abc")
    for key in ("left", "left", "backspace"):
        prompt.press(key, None)
    prompt.press("x", "x")
    assert prompt.text == "xbc"
    prompt.press("ctrl+e", None)
    prompt.press("ctrl+w", None)
    assert prompt.text == ""


def test_a_prompt_takes_the_first_line_of_what_is_pasted() -> None:
    prompt = Prompt(":")
    prompt.insert("jobs\nrm -rf /\n")
    assert prompt.text == "jobs"


def test_tab_goes_through_what_the_text_may_become() -> None:
    prompt = Prompt(":", "r", complete=lambda text: ("runs", "releases") if text == "r" else ())
    texts = []
    for _ in range(3):
        prompt.press("tab", None)
        texts.append(prompt.text)
    assert texts == ["runs", "releases", "runs"]
    assert "releases" in plain(prompt.draw(60))


def test_a_wrong_text_shows_why() -> None:
    prompt = Prompt("/", "col>")
    prompt.error = "'col>' compares with nothing"
    assert "compares with nothing" in plain(prompt.draw(60))
