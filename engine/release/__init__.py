"""Releases: what would be done, doing it, and every way back. Import the operations from here."""

from __future__ import annotations

from engine.release.control import abort, pause, resume
from engine.release.converge import await_converged, preview_converge, submit_converge
from engine.release.deploy import preview_deploy, submit_deploy
from engine.release.preview import preview_promote, preview_rollback
from engine.release.recovery import recover
from engine.release.runner import ending_error, run_release
from engine.release.stop import stop_endpoint
from engine.release.submit import submit_promote, submit_rollback

__all__ = [
    "abort",
    "await_converged",
    "ending_error",
    "pause",
    "preview_converge",
    "preview_deploy",
    "preview_promote",
    "preview_rollback",
    "recover",
    "resume",
    "run_release",
    "stop_endpoint",
    "submit_converge",
    "submit_deploy",
    "submit_promote",
    "submit_rollback",
]
