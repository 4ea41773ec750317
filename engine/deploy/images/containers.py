"""Model containers on an engine: created with their secret, started, stopped, and found again from labels alone."""

from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.deploy.images.container import KEY_FILE, ContainerSpec, Story
from engine.deploy.images.contents import SECRETS, USER
from engine.deploy.images.speaking import spoken_to
from store.errors import UnknownName, WorkFailed

STOP_S = 15  # the server gives requests in flight 10


@dataclass(frozen=True, slots=True)
class Found:
    """A model container as an engine has it. `address` is its own on the engine's network, empty while it is down."""

    id: str
    name: str
    story: Story
    state: str  # created, running, restarting, paused, exited, dead
    health: str  # starting, healthy, unhealthy, empty while it is down
    address: str
    restarts: int
    exit_code: int
    out_of_memory: bool
    begun: str = ""  # when its process was started, as the engine writes it
    listed: str = ""  # what the engine's list says of it


def create(engine: Any, spec: ContainerSpec, log_key: bytes) -> Found:
    """Create a container that is not there yet, with its log key inside; a repeat finds it, and renews the key.

    The key travels as the content of a file of mode 0600, before the server starts: never as a label, an environment
    variable or an argument.

    Raises:
        WorkFailed: the image is not on the engine, or another thing has the container's name.
        Unavailable: the engine does not answer.
    """
    from docker.errors import NotFound

    with spoken_to(f"host {spec.story.host}"):
        try:
            container = engine.containers.get(spec.name)
            if Story.from_labels(container.labels) != spec.story:
                raise WorkFailed(f"host {spec.story.host} has another container named {spec.name}", "remove it there")
        except NotFound:
            for volume in (spec.log_volume, spec.secret_volume):
                engine.volumes.create(volume, labels=spec.story.labels())
            container = engine.containers.create(**spec.arguments())
        if not container.put_archive(f"/{SECRETS}", _secret(log_key)):
            raise WorkFailed(f"host {spec.story.host} did not take the log key of {spec.name}")
        return _found(container)


def start(engine: Any, host: str, name: str) -> Found:
    """Start a created or stopped container; a running one stays as it is.

    Raises:
        UnknownName: there is none of that name.
        WorkFailed: it cannot be started (its port is taken, its image broken).
        Unavailable: the engine does not answer.
    """
    with _container(engine, host, name) as container:
        container.start()
        return _found(container)


def stop(engine: Any, host: str, name: str) -> Found:
    """Stop a container, its requests in flight answered and its last log segment closed.

    Raises:
        UnknownName: there is none of that name.
        Unavailable: the engine does not answer.
    """
    with _container(engine, host, name) as container:
        container.stop(timeout=STOP_S)
        return _found(container)


def remove(engine: Any, host: str, name: str, *, with_log: bool = False) -> None:
    """Remove a container and its secret; its prediction log only where the caller has collected it.

    Raises:
        Unavailable: the engine does not answer.
    """
    from docker.errors import NotFound

    with spoken_to(f"host {host}"):
        with contextlib.suppress(NotFound):
            engine.containers.get(name).remove(force=True)
        for volume in (f"{name}-secret", *([f"{name}-log"] if with_log else [])):
            with contextlib.suppress(NotFound):
                engine.volumes.get(volume).remove()


def find(engine: Any, host: str, deck_id: str, known: Sequence[Found] = ()) -> list[Found]:
    """Return every model container of a deck on an engine, running or not, by name; labels are all that is asked.

    One call where nothing has changed since `known` was found: only what the engine's list tells otherwise is looked
    into.

    Raises:
        Unavailable: the engine does not answer.
    """
    from docker.errors import NotFound

    before = {(one.id, one.listed): one for one in known}
    wanted = {"label": ["modeldeck.kind=model", f"modeldeck.deck-id={deck_id}"]}
    with spoken_to(f"host {host}"):
        found: list[Found] = []
        for each in engine.containers.list(all=True, filters=wanted, sparse=True):
            # "running Up 3 hours (healthy)": a start, an end and a restart each change it, within a second
            listed = f"{each.attrs['State']} {each.attrs['Status']}"
            if (each.id, listed) in before:
                found.append(before[each.id, listed])
            elif Story.from_labels(each.attrs["Labels"] or {}):
                with contextlib.suppress(NotFound):  # removed since it was listed
                    found.append(replace(_found(each), listed=listed))
        return sorted(found, key=lambda one: one.name)


@contextlib.contextmanager
def _container(engine: Any, host: str, name: str) -> Iterator[Any]:
    from docker.errors import NotFound

    with spoken_to(f"host {host}"):
        try:
            container = engine.containers.get(name)
        except NotFound:
            raise UnknownName(
                f"host {host} has no container {name}", "modeldeck deployments shows what should run"
            ) from None
        yield container


def _found(container: Any) -> Found:
    container.reload()
    state = container.attrs["State"]
    networks = container.attrs["NetworkSettings"]["Networks"].values()
    story = Story.from_labels(container.labels)
    assert story is not None
    return Found(
        container.id,
        container.name,
        story,
        state["Status"],
        (state.get("Health") or {}).get("Status", "") if state["Running"] else "",
        next((each["IPAddress"] for each in networks if each["IPAddress"]), ""),
        container.attrs["RestartCount"],
        state["ExitCode"],
        state["OOMKilled"],
        state.get("StartedAt", ""),
    )


def _secret(content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo(KEY_FILE.rpartition("/")[2])
        info.size, info.mode, info.uid, info.gid = len(content), 0o600, USER, USER
        archive.addfile(info, io.BytesIO(content))
    return out.getvalue()
