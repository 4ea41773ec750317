"""The JSON contract: the fields of every `--json` answer stand in contract.json, and are never renamed or taken away.

A new field is written into contract.json by hand, in the same change as the field.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from pathlib import Path
from typing import Any

import pytest

from console.commands.audit import EvidenceWritten
from console.commands.bundle import BundleChecked, BundleWritten
from console.commands.check import Finding
from console.commands.console import KeysShown, SettingShown
from console.commands.verbs import LOCAL, VERBS
from engine.daemon.install import Installed
from engine.daemon.start import DaemonStatus
from engine.governance.evidence_check import Checked
from engine.interop.ci import CiReport
from engine.keeping.backup import Backup
from engine.keeping.restore import Restored
from engine.operations.audit import Compared, SignedHead
from engine.operations.catalog import OPERATIONS
from engine.operations.common import Done
from engine.operations.deck import Pulse
from engine.operations.explain import Explanation
from engine.operations.watching import OutcomesTaken
from engine.plans import Preview
from engine.settings.reference import Key

CONTRACT = json.loads((Path(__file__).parent / "contract.json").read_text("utf-8"))

# What verbs print that are no operations; None where it is no fixed row, and a test below looks at what is printed.
CHANGED: dict[str, type] = {"message": str, "already": bool, "daemon": DaemonStatus}
LOCAL_ANSWERS: dict[str, Any] = {
    "init": Done,
    "demo": {"workspace": str, "pulse": Pulse},
    "apply": Done,
    "deck export": Done,
    "ci": CiReport,
    "check": [Finding],
    "console": [SettingShown],
    "console keys": [KeysShown],
    "settings": [Key],
    "models new": Done,
    "doctor": None,  # looked at below, as it is printed
    "predict": None,  # prediction_id and the columns of the signature
    "outcomes": [OutcomesTaken],
    "explain": Explanation,
    "audit export": EvidenceWritten,
    "audit bundle": EvidenceWritten,
    "audit check": Checked,
    "audit witness": SignedHead,
    "audit compare": Compared,
    "bundle export": BundleWritten,
    "bundle check": BundleChecked,
    "bundle import": Done,
    "backup create": Backup,
    "backup restore": Restored,
    "versions export": Done,
    "runs fetch": Done,
    "daemon start": CHANGED,
    "daemon stop": CHANGED,
    "daemon restart": CHANGED,
    "daemon status": DaemonStatus,
    "daemon install": Installed,
}


def shape(kind: Any) -> Any:
    """Return the fields of an answer, rows within rows included; a leaf is null, a list of rows is a list of one."""
    if isinstance(kind, dict):
        return {name: shape(each) for name, each in kind.items()}
    if isinstance(kind, list):
        return [shape(kind[0])]
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return next((found for each in typing.get_args(kind) if (found := shape(each)) is not None), None)
    if typing.get_origin(kind) is tuple:
        found = shape(typing.get_args(kind)[0])
        return None if found is None else [found]
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return {each.name: shape(hints[each.name]) for each in dataclasses.fields(kind)}
    return None


def answers() -> dict[str, Any]:
    """Return what each verb prints with --json, by its words."""
    found: dict[str, Any] = {name: shape(kind) for name, kind in LOCAL_ANSWERS.items() if kind is not None}
    for operation in OPERATIONS.values():
        words = " ".join(operation.words)
        if operation.command_line and words:
            found[words] = [shape(operation.answer)] if operation.many else shape(operation.answer)
            if operation.preview:
                found[f"{words} --dry-run"] = shape(Preview)
    return found


@pytest.mark.parametrize("verb", sorted(answers()))
def test_a_verb_prints_the_fields_of_the_contract(verb: str) -> None:
    assert verb in CONTRACT, f"write the fields of `{verb} --json` into contract.json"
    assert answers()[verb] == CONTRACT[verb]


def test_the_contract_names_every_verb_and_no_other() -> None:
    told = {verb.removesuffix(" --dry-run") for verb in CONTRACT}
    assert told == {" ".join(words) for words in VERBS}
    assert {" ".join(verb.words) for verb in LOCAL} == set(LOCAL_ANSWERS)


def test_doctor_prints_the_fields_of_the_contract(line) -> None:  # type: ignore[no-untyped-def]
    assert list(line("doctor", "--json").data) == list(CONTRACT["doctor"])


def test_check_prints_a_list_of_findings(line) -> None:  # type: ignore[no-untyped-def]
    assert [list(finding) for finding in line("check", "--json").data] == [list(CONTRACT["check"][0])] * 2


def test_the_daemon_tells_the_same_fields_whether_it_runs_or_not(line) -> None:  # type: ignore[no-untyped-def]
    status = line("daemon", "status", "--json").data
    assert list(status) == list(CONTRACT["daemon status"])
    assert (status["state"], status["pid"], status["started_at"]) == ("stopped", None, None)
    stopped = line("daemon", "stop", "--json").data
    assert list(stopped) == list(CONTRACT["daemon stop"])
    assert stopped["already"] is True
