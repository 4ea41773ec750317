"""`modeldeck models new`: from a table to a model file that `check` takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Line = Callable[..., Any]
ROWS = "id,at,email,size,y\n" + "".join(f"{n},2026-01-{n:02},a{n}@x.org,{n % 3},{n * 1.7}\n" for n in range(1, 29))


def test_a_draft_is_written_said_and_taken_by_check(line: Line, folder: Path) -> None:
    (folder / "loans.csv").write_text(ROWS)
    made = line("models", "new", "loans", str(folder / "loans.csv"), "--target", "y")
    assert made.code == 0
    assert made.out.startswith("wrote models/loans.toml: regression of y, guessed; 28 rows, 5 columns; time in at")
    assert "rows named by id; personal: email" in made.out
    assert 'source = "loans.csv"' in (folder / "models" / "loans.toml").read_text()
    assert line("check").code == 0
    again = line("models", "new", "loans", "loans.csv", "--target", "y")
    assert (again.code, again.err) == (2, "error: there is a model loans already: edit models/loans.toml\n")


def test_what_cannot_be_drafted_leaves_no_file(line: Line, folder: Path) -> None:
    (folder / "rows.csv").write_text(ROWS)
    for words, said in (
        (("Loans", "rows.csv", "--target", "y"), "'Loans' is no name for a model"),
        (("../loans", "rows.csv", "--target", "y"), "'../loans' is no name for a model"),
        (("loans", "rows.csv", "--target", "z"), "no column 'z': there are id, at, email, size, y"),
        (("loans", "none.csv", "--target", "y"), "source none.csv does not exist"),
        (("loans", "rows.csv", "--target", "y", "--task", "guess"), "no task 'guess'"),
    ):
        refused = line("models", "new", *words)
        assert refused.code == 2, words
        assert said in refused.err
    assert sorted(path.name for path in (folder / "models").glob("[!.]*")) == []


def test_a_task_that_is_said_is_not_guessed(line: Line, folder: Path) -> None:
    (folder / "rows.csv").write_text(ROWS)
    made = line("models", "new", "sizes", "rows.csv", "--target", "size", "--task", "regression", "--json")
    assert made.data["message"].startswith("wrote models/sizes.toml: regression of size; 28 rows")
    assert 'task = "regression"' in (folder / "models" / "sizes.toml").read_text()


def test_a_column_that_seems_to_name_rows_is_told_by_the_draft_and_by_check_until_it_is_left_out(
    line: Line, folder: Path
) -> None:
    head, *rows = ROWS.splitlines()
    text = "\n".join([f"{head},ticket", *(f"{row},T{number}" for number, row in enumerate(rows))])
    (folder / "rows.csv").write_text(text.replace(",email", ",size2").replace("@x.org", " of x"))
    look = "different in every row, as ids are: ticket;"
    assert look in line("models", "new", "loans", "rows.csv", "--target", "y").err
    assert look in next(one["detail"] for one in line("check", "--json").data if one["what"] == "loans")
    path = folder / "models" / "loans.toml"
    path.write_text(path.read_text().replace("[data]\n", '[data]\nfeatures = ["size", "size2"]\n'))
    assert "different in every row" not in line("check", "--json").out
