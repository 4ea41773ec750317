"""What a model file says of its behaviour tests: [tests.NAME]."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from engine.settings.behaviour import CHANGES, BehaviourTest
from engine.settings.sections import Column, Duration, Section

Names = list[str]
MOST_ROWS = 1_000
_FUNCTION = re.compile(r"python:[A-Za-z_][\w.]*:[A-Za-z_]\w*")
MOST_VALUES = 100  # that one column is changed to in turn


def _is_value(value: Any) -> bool:
    return isinstance(value, bool | int | float | str)


def _checked_change(change: dict[str, Any]) -> dict[str, Any]:
    for column, said in change.items():
        if _is_value(said):
            continue
        if not isinstance(said, dict) or len(said) != 1 or not said.keys() <= set(CHANGES):
            raise ValueError(f"{column}: a change is a value, or a table of exactly one of {', '.join(CHANGES)}")
        ((how, value),) = said.items()
        fits = {
            "to": isinstance(value, list) and 0 < len(value) <= MOST_VALUES and all(map(_is_value, value)),
            "missing": value is True,
            **dict.fromkeys(("add", "times"), isinstance(value, int | float) and not isinstance(value, bool)),
            **dict.fromkeys(("prepend", "append"), isinstance(value, str)),
        }
        if not fits[how]:
            raise ValueError(f"{column}.{how}: {_WANTED[how]}")
    if sum(isinstance(said, dict) and "to" in said for said in change.values()) > 1:
        raise ValueError("only one column may be changed to several values: write a test for each of the others")
    return change


_WANTED = {
    "to": f"a list of 1 to {MOST_VALUES} values, times as text",
    "missing": "true, and nothing else",
    "add": "a number",
    "times": "a number",
    "prepend": "a text",
    "append": "a text",
}


def _checked_row(row: dict[str, Any]) -> dict[str, Any]:
    for column, value in row.items():
        if not _is_value(value):
            raise ValueError(f"{column}: a value of a row is a number, a text, true or false; times are texts")
    return row


Change = Annotated[dict[Column, Any], AfterValidator(_checked_change)]
Row = Annotated[dict[Column, Any], AfterValidator(_checked_row)]


class CaseTable(Section):
    """A row, and what its answer must be."""

    row: Row
    label: str | None = None
    min: float | None = None
    max: float | None = None
    contains: Names | None = None
    lacks: Names | None = None

    @model_validator(mode="after")
    def _says_what(self) -> CaseTable:
        if len(self.model_dump(exclude_none=True)) < 2:
            raise ValueError("a case needs what its answer must be: label, min, max, contains or lacks")
        return self


class TestTable(Section):
    """[tests.NAME]: exactly one of change, cases, function."""

    __test__ = False  # no test of ours

    change: Change | None = None
    expect: Literal["same", "up", "down", "not up", "not down"] | None = None
    of: str = ""
    within: Annotated[float, Field(ge=0)] = 0.0
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    rows: list[Row] = []
    cases: list[CaseTable] | None = None
    function: str = ""
    timeout: Duration = 30.0

    @model_validator(mode="after")
    def _is_one_test(self) -> TestTable:
        if [bool(self.change), bool(self.cases), bool(self.function)].count(True) != 1:
            raise ValueError("give exactly one of change (with expect), cases, function")
        if bool(self.change) != (self.expect is not None):
            raise ValueError("change and expect go together")
        if self.rows and self.cases:
            raise ValueError("rows are what is changed, or given to a function: cases have rows of their own")
        for name in ("within", "share"):
            if not self.change and name in self.model_fields_set:
                raise ValueError(f"{name} goes with change")
        if self.function and self.of:
            raise ValueError("of goes with change or cases: a function sees whole answers")
        if self.timeout < 1 or self.timeout > 600:
            raise ValueError('timeout must be from "1s" to "10m"')
        if self.function and not _FUNCTION.fullmatch(self.function):
            raise ValueError("function is written python:module:function")
        if len(self.rows) > MOST_ROWS or len(self.cases or ()) > MOST_ROWS:
            raise ValueError(f"at most {MOST_ROWS} rows or cases: a function may ask more")
        return self

    def fits(self, task: str) -> str:
        """Say why such answers have nothing of what the test asks, "" where they have."""
        classes, ranks = task == "classification", task == "ranking"
        cases = [one.model_dump(exclude_none=True) for one in self.cases or ()]
        if self.of and not classes:
            return f"of names a class, and answers of the task {task} have none"
        if classes and not self.of and (self.expect not in (None, "same") or self.within):
            return "of is missing: the class whose score is looked at"
        if ranks and (self.expect not in (None, "same") or self.within):
            return 'answers of the task ranking are lists of items: expect = "same" alone can be asked'
        for one in cases:
            bounds = {"min", "max"} & one.keys()
            if bounds and (ranks or (classes and not self.of)):
                return "min and max need a number: of names the class whose score is looked at"
            if "label" in one and not classes:
                return f"label is of classes, and answers of the task {task} have none"
            if {"contains", "lacks"} & one.keys() and not ranks:
                return "contains and lacks are of items: only answers of the task ranking hold some"
        return ""

    def section(self) -> BehaviourTest:
        """Return the frozen section."""
        return BehaviourTest(
            change=dict(self.change or {}),
            expect=self.expect or "",
            of=self.of,
            within=self.within,
            share=self.share,
            rows=tuple(dict(row) for row in self.rows),
            cases=tuple(one.model_dump(exclude_none=True) for one in self.cases or ()),
            function=self.function,
            timeout_s=self.timeout,
        )
