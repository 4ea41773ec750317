"""Behaviour tests of a model, as frozen sections: what its answers must do whatever it was trained on.

The kinds are CheckList's (Ribeiro et al., 2020): invariance, direction, minimum functionality. Standard library only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, field
from typing import Any

from store.rows.frozen import dataclass

INVARIANCE, DIRECTION, MINIMUM, FUNCTION = "invariance", "direction", "minimum functionality", "function"
CHANGES = ("to", "add", "times", "prepend", "append", "missing")  # what a change that is a table may say, one of them
TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class BehaviourTest:
    """One test: of changed rows (`change` and `expect`), of rows with known answers (`cases`), or a `function`.

    `change` maps a column to its new value, or to a table of one of CHANGES. `within` is in the unit of the answer.
    A case is `{"row": {…}}` with `label`, `min`, `max`, `contains` or `lacks`.
    """

    change: dict[str, Any] = field(default_factory=dict)
    expect: str = ""  # same, up, down, not up, not down
    of: str = ""  # the class whose score is looked at
    within: float = 0.0
    share: float = 1.0  # of the changed rows that must do as expected
    rows: tuple[dict[str, Any], ...] = ()  # to be changed, instead of the version's golden requests
    cases: tuple[dict[str, Any], ...] = ()
    function: str = ""  # python:module:function, given predict and rows
    timeout_s: float = TIMEOUT_S

    @property
    def kind(self) -> str:
        """What kind of test it is."""
        if self.function:
            return FUNCTION
        if self.cases:
            return MINIMUM
        return INVARIANCE if self.expect == "same" else DIRECTION

    def to_body(self) -> dict[str, Any]:
        """Return plain JSON values, what is not said left out."""
        return {name: value for name, value in asdict(self).items() if value != _USUAL[name]}


_USUAL = asdict(BehaviourTest())


def from_body(body: Mapping[str, Any]) -> dict[str, BehaviourTest]:
    """Rebuild the tests of a model from a settings body."""
    return {name: _from_body(dict(stated)) for name, stated in sorted(body.items())}


def _from_body(stated: dict[str, Any]) -> BehaviourTest:
    listed: dict[str, Any] = {key: tuple(stated[key]) for key in ("rows", "cases") if key in stated}
    return BehaviourTest(**{**stated, **listed})


def hash_of(tests: Mapping[str, BehaviourTest], code_hash: str) -> str:
    """Return `sha256:…` of what these tests ask; of functions it is the code bundle's hash that tells."""
    said = {name: {**one.to_body(), **({"code": code_hash} if one.function else {})} for name, one in tests.items()}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
