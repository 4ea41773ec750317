"""An expression either is harmless on the longest text of a registry, or is refused before it is tried."""

from __future__ import annotations

import time

import pytest

from engine.service.expressions import compiled
from store.errors import Refused

HARMLESS = (
    "rates", "^rates$", "a.*b", r"v\d+", "(promote|rollback)", "colou?r", r"^[a-z]+-\d{2,4}$", "(?:ab){2,5}", "x{3}",
    "a+b+c+", r"\bfoo\b", "[a-z._]+@[a-z]+", "é.*ß", "(?i)Rates",
)  # fmt: skip
EXPLOSIVE = (
    "(a+)+$", "^(a*)*b", "(a|a)+$", "(a|aa)*b", "((a{1,30}){1,30}){1,30}b", "(.*)*x", "(a?b?)*(a+)*$", "a*a*a*a*a*b",
    ".*.*.*.*.*=", "(?:(?:a+)b?)+$", r"(\w+\s?)+$", r"(a)(\1+)+b", "(?=(a+)+$)",
)  # fmt: skip


@pytest.mark.parametrize("text", HARMLESS)
def test_what_people_write_is_compiled_and_quick_on_a_long_text(text):
    expression = compiled(text)
    started = time.process_time()
    for long in ("a" * 2000 + "!", "ab" * 1000, "v1-" * 700, "a b " * 500):
        expression.search(long)
    assert time.process_time() - started < 5.0


@pytest.mark.parametrize("text", EXPLOSIVE)
def test_what_could_hold_the_daemon_is_refused(text):
    with pytest.raises(Refused, match="could take for ever"):
        compiled(text)


@pytest.mark.parametrize("text", ["[", "(", "a{2,1}", "*", "(?P<a>x)(?P<a>y)", "\\"])
def test_what_is_no_expression_says_so(text):
    with pytest.raises(Refused, match="is not a regular expression"):
        compiled(text)


def test_expression_without_end_is_refused():
    with pytest.raises(Refused, match="is not a regular expression we take"):
        compiled("a" * 5000)
