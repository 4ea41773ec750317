"""`modeldeck daemon start, stop, restart, status, install`: a deck's daemon, as its owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.commands.plan_text import already
from console.commands.session import Session
from engine.operations.common import Done

if TYPE_CHECKING:
    from engine.workspace import Workspace


def start(session: Session) -> int:
    """Start the daemon unless it runs."""
    from engine.daemon.start import start as start_daemon

    workspace = session.workspace()
    started = start_daemon(workspace)
    return _done(session, workspace, "started" if started else "running", already_so=not started)


def stop(session: Session) -> int:
    """Stop the daemon; with --all the model servers and the router too."""
    from engine.daemon.start import stop as stop_daemon

    workspace = session.workspace()
    stopped = stop_daemon(workspace, all=session.said.request.all)
    what = "stopped, servers too" if session.said.request.all else "stopped"
    return _done(session, workspace, what, already_so=not stopped)


def restart(session: Session) -> int:
    """Stop the daemon and start this version of it; models go on serving meanwhile."""
    from engine.daemon.start import restart as restart_daemon

    workspace = session.workspace()
    restart_daemon(workspace)
    return _done(session, workspace, "restarted", already_so=False)


def status(session: Session) -> int:
    """Print whether the daemon runs; starts nothing."""
    from engine.daemon.start import shared_status
    from engine.daemon.start import status as daemon_status

    out = session.output
    found = shared_status(session.shared()) if session.is_shared else daemon_status(session.workspace())
    if out.as_json:
        out.data(found)
        return 0
    counts = f"{found.jobs_running} running, {found.jobs_queued} queued"
    out.pairs(
        [
            ("daemon", found.state),
            ("pid", str(found.pid or "-")),
            ("version", found.product),
            ("since", out.time(found.started_at)),
            ("memory", "-" if found.memory_mb is None else f"{found.memory_mb:g} MB"),
            (
                "jobs",
                "-" if found.jobs_running is None else counts,
            ),
            ("next", f"{found.next_schedule} at {out.time(found.next_schedule_at)}" if found.next_schedule else "-"),
            ("did last", f"{found.last_action}, {out.time(found.last_action_at)}" if found.last_action else "-"),
            ("socket", found.socket),
            ("shared", found.shared or "no"),
            ("log", found.log or "its owner's"),
        ]
    )
    return 0


def install(session: Session) -> int:
    """Write the daemon's systemd unit, and print what enables it."""
    from engine.daemon.install import install as install_unit

    out, request = session.output, session.said.request
    made = install_unit(session.workspace(), system=request.system, only_show=request.print)
    if out.as_json:
        out.data(made)
    elif request.print:
        out.block(made.text)
    else:
        out.line(already(f"installed: {made.path}") if made.already else f"wrote {made.path}")
        out.note("enable it:")
        for command in made.commands:
            out.line(f"  {command}")
        out.note("a daemon started by hand stops first: modeldeck daemon stop; jobs and servers go on")
    return 0


def _done(session: Session, workspace: Workspace, what: str, *, already_so: bool) -> int:
    from engine.daemon.start import status as daemon_status

    out = session.output
    said = f"daemon {what}"
    done = Done(already(f"{what}: the daemon") if already_so else said, already=already_so)
    if out.as_json:
        out.data({"message": done.message, "already": done.already, "daemon": daemon_status(workspace)})
    else:
        out.line(done.message)
    return 0
