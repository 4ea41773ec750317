"""Jobs that make what images stand on."""

from __future__ import annotations

from typing import Any

from engine.jobs.context import JobContext
from engine.settings.apply import current_settings, settings_of
from store.errors import UnknownName


def build_base(context: JobContext) -> dict[str, Any]:
    """Make the base of images from the packages that are current, and bring it to the job's host."""
    from engine.deploy.hosts.connection import DockerHost
    from engine.deploy.images.base_image import bring_base

    revision = context.job.settings_revision
    declared = settings_of(context.deck, revision) if revision is not None else current_settings(context.deck)[0]
    host = next((each for each in declared.hosts if each.name == context.args["host"]), None)
    if host is None:
        raise UnknownName(f"no host named {context.args['host']!r}", "modeldeck hosts lists them")
    with DockerHost(host) as there:
        brought = bring_base(
            context.deck, there.client(), host.name, context.progress, actor=context.job.actor, fence=context.fence
        )
    return {"base": brought.base.label, "host": host.name, "new": brought.new, "bytes_sent": brought.bytes_sent}
