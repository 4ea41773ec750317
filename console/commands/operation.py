"""Runs every verb that is generated from a change: harmless ones, dangerous ones and followed jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from console.commands import alert_lines, approval_tables, comment_tables
from console.commands.held_lines import held_in_lines
from console.commands.job_lines import job_line, release_line
from console.commands.plan_text import already, plan_lines
from console.commands.plan_text import preview as show_preview
from console.commands.reading import show
from console.commands.session import Session
from console.follow import ENDED, failure, follow
from console.output import Output, plain
from console.parser import Invocation
from engine.availability import OPEN_RELEASE
from engine.operations.comments import Commented
from engine.operations.common import Done
from engine.operations.deck import ApplyRequest
from engine.operations.operation import Danger, Operation
from engine.plans import Preview
from store.errors import Held, ModeldeckError, NotAllowed, Refused, UnknownName
from store.rows import Alert, Approval, Job, Maintenance, Release, Schedule

if TYPE_CHECKING:
    from engine.client import Client

SETTINGS_FIRST = (
    "runs.train",
    "releases.promote",
    "releases.deploy",
    "data.ingest",
    "tests.run",
)  # the owner's changed files are applied before


def run(session: Session) -> int:
    """Run one operation and return the exit code."""
    operation = session.operation()
    with session.client() as client:
        session.name_versions(client)
        return _change(client, operation, session)


def _change(client: Client, operation: Operation, session: Session) -> int:
    said, out = session.said, session.output
    request = said.request
    if operation.id in SETTINGS_FIRST and not said.dry_run and not session.is_shared:
        _refuse_beside_an_open_release(client, operation, request)
        _apply_changed_files(client, request.model, out)
    if operation.preview is not None:
        preview: Preview = client.call(operation.preview, request)
        if said.dry_run:
            return _dry_run(preview, out)
        if preview.already:
            return _already(already(preview.already), preview.plan.endpoint, out)
        if preview.blocked:
            raise (Held if preview.awaits else Refused)(preview.blocked)
        if not getattr(request, "basis", ""):
            request = _with_basis(request, preview.basis)
        _consent(operation, said, out, plan_lines(preview.plan))
    elif operation.danger is Danger.DANGEROUS and not said.dry_run:
        plan = [f"{_subject(said)}: {operation.help}"]
        if hasattr(request, "dry_run"):  # tried and taken back: what cannot be done is refused before anyone is asked
            tried: Done = client.call(operation.id, replace(request, dry_run=True))
            if tried.already:
                return _already(already(tried.message), "", out)
            plan = [tried.message]
        _consent(operation, said, out, plan)
    before = _already_so(client, operation, request)
    if before:
        return _already(before, "", out)
    return _submit(client, operation, request, session)


def _submit(client: Client, operation: Operation, request: Any, session: Session) -> int:
    out = session.output
    if operation.id == "releases.resume":
        from engine.operations.serving import REACH

        out.note(REACH)
    answer = client.call(operation.id, request)
    if session.said.dry_run:
        out.data(answer) if out.as_json else _would(client, operation, request, answer, out)
        return 0
    job_id = _job_of(answer) if operation.job else None
    if job_id is None:
        out.data(answer) if out.as_json else _changed(operation, answer, out)
        return 0
    if session.said.detach:
        return _detached(job_id, answer, out)
    job = follow(client, job_id, out, _subject(session.said))
    if job is None:
        return _let_go(job_id, out)
    error = failure(job)
    if error is not None:
        raise held_in_lines(client, answer, error, out) if isinstance(answer, Release) else error
    _ended(client, answer, job, out)
    return 0


def _job_of(answer: Any) -> str | None:
    if isinstance(answer, Job):
        return answer.id
    return answer.job_id if isinstance(answer, Release) else None


def _dry_run(preview: Preview, out: Output) -> int:
    if out.as_json:
        out.data(preview)
    else:
        show_preview(preview, out)
    if preview.awaits:
        return Held.exit_code
    return Refused.exit_code if preview.blocked else 0


def _consent(operation: Operation, said: Invocation, out: Output, plan: list[str]) -> None:
    """Show the plan, and ask for a `y` where nobody said --yes.

    Raises:
        Refused: the answer was not y, or nobody is there to answer.
    """
    if said.yes:
        return
    if not out.can_ask:
        raise Refused(
            f"{' '.join(operation.words)} is visible to others and was not confirmed",
            "look with --dry-run, go with --yes" if _can_look(operation) else "go with --yes",
        )
    for line in plan:
        out.note(line)
    out.stderr.write(plain("go? [y/N] "))
    out.stderr.flush()
    if out.stdin.readline().strip() != "y":
        raise Refused("not confirmed, nothing was done")


def _can_look(operation: Operation) -> bool:
    return operation.preview is not None or "dry_run" in operation.request.__annotations__


def _refuse_beside_an_open_release(client: Client, operation: Operation, request: Any) -> None:
    """Look whether an open release is in the way before settings are applied for a change that cannot be made.

    Raises:
        Refused: one is.
    """
    if operation.preview is None:
        return
    from engine.operations.serving import ReleasesRequest

    try:
        newest = client.call("releases.list", ReleasesRequest(request.model, 1))
        if not newest or newest[0].state not in OPEN_RELEASE:
            return
        preview: Preview = client.call(operation.preview, request)
    except ModeldeckError:
        return  # the settings that are applied next may know what these do not
    if preview.blocked and not preview.awaits:
        raise Refused(preview.blocked)


def _apply_changed_files(client: Client, model: str, out: Output) -> None:
    """Apply the owner's changed settings files and tell the difference; others work with what is applied."""
    try:
        done: Done = client.call("deck.apply", ApplyRequest(f"before a change of {model}"))
    except NotAllowed:
        return
    if not done.already:
        out.note(f"settings {done.message}")
        for line in done.body.get("differences", ()):
            out.note(f"  {line}")


def _already_so(client: Client, operation: Operation, request: Any) -> str:
    """Return a line where what is asked is so already and the answer alone would not tell."""
    if operation.id == "jobs.cancel":
        from engine.operations.work import JobRequest

        job: Job = client.call("jobs.detail", JobRequest(request.id))
        return f"already {job.state}: job {job.id[:16]}" if job.state in ENDED else ""
    if operation.id in alert_lines.SETTLED:
        return alert_lines.already(client, operation.id, request)
    if operation.id in ("schedules.pause", "schedules.resume"):
        from engine.operations.common import NoRequest

        paused = {row.id: row.paused_at is not None for row in client.call("schedules.list", NoRequest())}
        wanted_state = operation.id == "schedules.pause"
        if paused.get(request.id) is wanted_state:
            return f"already {'paused' if wanted_state else 'running'}: schedule {request.id}"
        return ""
    if operation.id == "releases.pause":
        from engine.operations.serving import ReleasesRequest

        newest = client.call("releases.list", ReleasesRequest(request.model, 1))
        return f"already held: {request.model}" if newest and newest[0].state == "held" else ""
    return ""


def _already(line: str, endpoint: str, out: Output) -> int:
    if out.as_json:
        out.data(Done(line, already=True, body={"endpoint": endpoint} if endpoint else {}))
    else:
        out.line(line)
    return 0


def _detached(job_id: str, answer: Any, out: Output) -> int:
    if out.as_json:
        out.data(answer)
    else:
        out.line(job_id)
    return 0


def _let_go(job_id: str, out: Output) -> int:
    out.note("let go; the job goes on")
    out.line(job_id)
    out.note(f"look: modeldeck jobs; stop it: modeldeck jobs cancel {job_id[:16]}")
    return 0


def _ended(client: Client, answer: Any, job: Job, out: Output) -> None:
    """Write what the followed job made: the release as it ended, or the job's result."""
    if isinstance(answer, Release):
        from engine.operations.serving import ReleaseRequest

        release: Release = client.call("releases.detail", ReleaseRequest(answer.id)).release
        if out.as_json:
            out.data(release)
        else:
            out.line(release_line(release))
    elif out.as_json:
        out.data(job)
    else:
        out.line(job_line(job))


def _changed(operation: Operation, answer: Any, out: Output) -> None:
    if isinstance(answer, Done):
        show(answer, out)
    elif isinstance(answer, Release):
        out.line(f"{answer.endpoint}@{answer.to_version}: release {answer.state}")
    elif isinstance(answer, Schedule):
        next_at = "paused" if answer.paused_at else "resumed"
        out.line(f"schedule {answer.id}: {next_at}")
    elif isinstance(answer, Alert | Maintenance):
        out.line(alert_lines.changed(answer, out))
    elif isinstance(answer, Approval):
        out.line(approval_tables.changed(answer))
    elif operation.id == "jobs.cancel" and answer.ended_at is None:
        out.line(f"job {answer.id[:16]}: told to stop; how it ends: modeldeck jobs logs {answer.id[:16]} --follow")
    elif hasattr(answer, "id") and hasattr(answer, "state"):
        out.line(f"{operation.words[0].removesuffix('s')} {answer.id[:16]}: {answer.state}")
    else:
        show(answer, out)


def _would(client: Client, operation: Operation, request: Any, answer: Any, out: Output) -> None:
    """Write what a dry run came to, of which nothing was kept."""
    if isinstance(answer, Done):
        show(answer, out)
    elif isinstance(answer, Schedule):
        out.line(f"schedule {answer.id}: would be {'paused' if answer.paused_at else 'resumed'}")
    elif isinstance(answer, Alert | Maintenance):
        out.line(alert_lines.changed(answer, out, would=True))
    elif isinstance(answer, Approval):
        out.line(approval_tables.changed(answer, would=True))
    elif isinstance(answer, Commented):
        comment_tables.commented(answer, out, would=True)
    elif operation.id == "schedules.run":
        out.line(f"schedule {request.id}: {_would_run(client, answer)}")
    elif operation.id == "jobs.cancel":
        out.line(f"job {answer.id[:16]}: would be {'cancelled' if answer.ended_at else 'told to stop'}")
    elif not hasattr(answer, "state"):
        show(answer, out)
    else:
        out.line(f"{operation.words[0].removesuffix('s')} {answer.id[:16]}: would be {answer.state}")


def _would_run(client: Client, job: Job) -> str:
    from engine.operations.work import JobRequest

    try:
        client.call("jobs.detail", JobRequest(job.id))
    except UnknownName:
        return f"would ask for a {job.kind} job of {job.model}"
    return f"its job {job.id[:16]} is {job.state}, no other would be asked for"


def _subject(said: Invocation) -> str:
    subject = getattr(said.request, "model", None) or getattr(said.request, "id", None) or ""
    return " ".join((*said.verb.words, str(subject))).strip()


def _with_basis(request: Any, basis: str) -> Any:
    return replace(request, basis=basis)
