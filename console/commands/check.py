"""`modeldeck check`: settings, module names and sources, as the owner's files stand now. Nothing is applied."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from console.commands.session import Session
from console.output import Column
from store.errors import ModeldeckError, Refused

if TYPE_CHECKING:
    from engine.settings.model import ModelSettings
    from engine.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked: `ok`, or what is wrong and what to do."""

    what: str
    ok: bool
    detail: str


FINDINGS = (
    Column("checked", lambda row, _: row.what),
    Column("", lambda row, _: "ok" if row.ok else "bad"),
    Column("detail", lambda row, _: row.detail, shrink=True),
)


def run(session: Session) -> int:
    """Check everything, print each finding, and fail with the first error's exit code."""
    from engine.data.bundle import check_module_names
    from engine.settings.files import load

    workspace = session.workspace()
    settings = load(workspace)
    names = ", ".join(settings.models) or "no models yet"
    findings = [Finding("settings", True, f"{settings.name}, {settings.time_zone}, {names}")]
    failures: list[ModeldeckError] = []
    try:
        check_module_names(workspace.root)
        findings.append(Finding("module names", True, "none hides another"))
    except ModeldeckError as error:
        findings.append(Finding("module names", False, error.line()))
        failures.append(error)
    for name, model in settings.models.items():
        try:
            findings.append(Finding(name, True, _source(workspace, model, settings.time_zone)))
        except ModeldeckError as error:
            findings.append(Finding(name, False, error.line()))
            failures.append(error)
    from console.commands.check_targets import target_lines

    for name, told in target_lines(workspace, settings):
        findings.append(
            Finding(name, not isinstance(told, ModeldeckError), told if isinstance(told, str) else told.line())
        )
        failures += [told] if isinstance(told, ModeldeckError) else []
    _show(session, findings)
    if failures:
        first = failures[0]
        raise (
            type(first)(first.message, first.hint)
            if len(failures) == 1
            else Refused(f"{len(failures)} of {len(findings)} checks failed; the first: {first.message}", first.hint)
        )
    return 0


def _show(session: Session, findings: list[Finding]) -> None:
    if session.output.as_json:
        session.output.data([asdict(finding) for finding in findings])
        return
    session.output.table(FINDINGS, findings)


def _source(workspace: Workspace, model: ModelSettings, zone: str) -> str:
    """Read a model's source and see that the columns its settings name are there."""
    from engine.data.gathering import gather, origin_of
    from engine.data.guessing import id_like, id_like_told
    from engine.data.sources import need_columns
    from engine.training.checking import require_trainable

    require_trainable(model)
    table = gather(replace(model.data, features=()), workspace.root, workspace, zone)
    named = [model.data.target, *model.data.features, *model.data.personal]
    named += [column for column in (model.data.time_column, model.data.id_column) if column]
    need_columns(table, named, model.data.source)
    for name, rule in model.alerts.items():
        try:
            need_columns(table, [rule.feature] if rule.feature else [], model.data.source)
        except Refused as error:
            raise Refused(f"{model.name}: alerts.{name}.feature: {error.message}", error.hint) from None
    known = (*model.data.aside, model.data.time_column)
    inputs = model.data.features or [name for name in table.column_names if name not in known]
    look = id_like_told(id_like(table, inputs))
    told = f"{table.num_rows:,} rows, {table.num_columns} columns from {origin_of(model.data)}"
    return f"{told}; look: {look}" if look else told
