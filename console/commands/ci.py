"""`modeldeck ci [DIR]`: the whole pipeline for changed models, on a runner; a report, and an exit code."""

from __future__ import annotations

from pathlib import Path

from console.commands.session import Session
from engine.settings.durations import seconds
from store.errors import Refused
from store.storage import writing_to


def run(session: Session) -> int:
    """Run the pipeline in a throw-away workspace and write its report; the exit code is the report's."""
    from engine.interop.ci import run_ci
    from engine.interop.ci_report import junit, markdown

    said, out = session.said.request, session.output
    targets = [Path(name).expanduser() for name in (said.markdown, said.junit) if name]
    for path in targets:
        if path.is_dir() or not path.parent.is_dir():
            raise Refused(f"{path} is no file that can be written", "name a file in a folder that is there")
    report = run_ci(
        Path(said.folder or ".").expanduser(),
        since=said.since,
        baseline=_baseline(said.baseline),
        baseline_key=said.baseline_key,
        names=tuple(name for name in said.models.split(",") if name),
        budget_s=_budget(said.budget),
        say=out.note,
    )
    text = markdown(report)
    for name, content in ((said.markdown, text), (said.junit, junit(report))):
        if name:
            path = Path(name).expanduser()
            with writing_to(path.parent):
                path.write_text(content, encoding="utf-8")
    if out.as_json:
        out.data(report)
    else:
        for line in text.rstrip("\n").splitlines():
            out.line(line)
    return report.exit_code


def _baseline(name: str) -> Path | None:
    if not name:
        return None
    path = Path(name).expanduser()
    if not path.exists():
        raise Refused(f"there is no baseline {name}", "a workspace, a backup, a bundle, or a folder of bundles")
    return path


def _budget(text: str) -> float:
    try:
        found = seconds(text)
    except ValueError as error:
        raise Refused(f"--budget {text!r} is no duration", str(error)) from None
    if found <= 0:
        raise Refused("--budget leaves no time", 'give it some, such as "30s"')
    return found
