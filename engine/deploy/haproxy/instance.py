"""Gateway containers of a deck on one engine: made, started in place of another, found again by their labels."""

from __future__ import annotations

import functools
import hashlib
import io
import tarfile
import time
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from engine.deploy.certificate import Certificate
from engine.deploy.haproxy.config import Limits, Place, render
from engine.deploy.haproxy.image import USER, VOLUME
from engine.deploy.haproxy.link import Link
from engine.deploy.haproxy.state import State
from store.errors import PortInUse, Unavailable, WorkFailed

ROUTES = f"{VOLUME}/routes"  # one for all instances: what the gateway knows, whichever container it is in
START_S = 30.0
_INSIDE = files(__package__) / "inside"
_LUA = ("counts.lua", "gateway.lua", "guard.lua", "mirror.lua", "routes.lua")
_RUNS_INSIDE = (*_LUA, "start.py")
_MEMORY = "512m"
_PROCESSES = 32


@dataclass(frozen=True, slots=True)
class Instance:
    """One gateway container."""

    container: Any
    number: int
    slots: int
    wanted: str  # image, limits and place it was made for

    @property
    def speaks_tls(self) -> bool:
        """Whether it was made with a certificate."""
        return " tls:" in self.wanted

    @property
    def folder(self) -> str:
        """Where its files lie, inside."""
        return f"{VOLUME}/{self.number}"

    @property
    def is_running(self) -> bool:
        """Whether its process runs, or the engine is about to start it again; as last told."""
        return self.container.status in ("running", "restarting")


def volume_name(deck: str) -> str:
    """Return the name of the volume that outlives every instance."""
    return f"modeldeck-{deck}-gateway"


def instances(client: Any, deck: str) -> list[Instance]:
    """Return the deck's gateways on this engine, newest first."""
    named = ["modeldeck.kind=gateway", f"modeldeck.deck={deck}"]
    found = client.containers.list(all=True, filters={"label": named})
    told = [
        Instance(
            one,
            int(one.labels["modeldeck.instance"]),
            int(one.labels["modeldeck.slots"]),
            one.labels["modeldeck.wanted"],
        )
        for one in found
    ]
    return sorted(told, key=lambda one: one.number, reverse=True)


def wanted(image: str, limits: Limits, address: str, port: int, certificate: str = "") -> str:
    """Return the label that says what an instance was made for; equal means nothing has to be replaced."""
    return f"{image[7:19]} {_inside()} {limits.digest()} {address}:{port}{certificate and ' tls:' + certificate}"


@functools.cache
def _inside() -> str:
    """Return what tells what runs inside from that of another product version."""
    told = hashlib.sha256()
    for name in _RUNS_INSIDE:
        told.update((_INSIDE / name).read_bytes())
    return told.hexdigest()[:12]


def create(  # noqa: PLR0913 (what an instance is made of)
    client: Any,
    deck: str,
    image: str,
    limits: Limits,
    address: str,
    port: int,
    old: Instance | None,
    number: int,
    *,
    certificate: Certificate | None = None,
) -> Instance:
    """Make the next instance, all it knows in its volume, not started. At `old`'s place it takes its socket."""
    shown, pem = (certificate.digest(), certificate.pem()) if certificate else ("", "")
    container = client.containers.create(
        image,
        [
            "/usr/bin/python3.11",
            "-S",
            "-E",
            "-c",
            (_INSIDE / "start.py").read_text(encoding="utf-8"),
            f"{VOLUME}/{number}",
            address,
            str(port),
        ],
        name=f"modeldeck-{deck}-gateway-{number}",
        labels={
            "modeldeck.kind": "gateway",
            "modeldeck.deck": deck,
            "modeldeck.instance": str(number),
            "modeldeck.slots": str(limits.slots),
            "modeldeck.wanted": wanted(image, limits, address, port, shown),
            "modeldeck.listens": f"{address}:{port}",
        },
        user=f"{USER}:{USER}",
        network_mode="host",  # a socket handed from one instance to the next has to be of one network
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges:true"],
        mem_limit=_MEMORY,
        memswap_limit=_MEMORY,
        pids_limit=_PROCESSES,
        ulimits=[_open_files(limits)],
        volumes={volume_name(deck): {"bind": VOLUME, "mode": "rw"}},
        log_config={"type": "json-file", "config": {"max-size": "4m", "max-file": "2"}},
    )
    made = Instance(container, number, limits.slots, wanted(image, limits, address, port, shown))
    text = _kept(container)
    place = Place(made.folder, made.speaks_tls)
    contents = {f"{number}/haproxy.cfg": render(State.from_text(text), limits, place), "routes": text}
    if pem:
        contents[f"{number}/tls.pem"] = pem
    for name in _LUA:
        contents[f"{number}/{name}"] = (_INSIDE / name).read_text(encoding="utf-8")
    if old is not None and old.container.labels["modeldeck.listens"] == f"{address}:{port}":
        contents[f"{number}/successor_of"] = old.folder
    container.put_archive(VOLUME, _archive(number, contents))
    return made


def start(instance: Instance) -> Link:
    """Start an instance, wait until it answers, and have the engine restart it from now on.

    Raises:
        PortInUse: another process listens on its port.
        WorkFailed: it ended, or did not answer in time.
    """
    instance.container.start()
    until = time.monotonic() + START_S
    while True:
        instance.container.reload()
        if instance.container.status != "running":
            _say_why(instance)
        try:
            link = Link(instance.container, f"{instance.folder}/admin.sock")
        except Unavailable as error:
            if time.monotonic() > until:
                raise WorkFailed(f"the gateway did not answer within {START_S:.0f} s", error.message) from error
            time.sleep(0.02)
            continue
        instance.container.update(restart_policy={"Name": "always"})
        return link


def retire(instance: Instance) -> None:
    """Have an instance take nothing new, answer what it has, and end by itself; told once."""
    if instance.container.attrs["HostConfig"]["RestartPolicy"]["Name"] == "no":
        return
    instance.container.update(restart_policy={"Name": "no"})
    instance.container.kill(signal="SIGUSR1")


def _say_why(instance: Instance) -> None:
    lines = instance.container.logs(tail=20).decode(errors="replace").splitlines()
    told = next((line for line in lines if "ALERT" in line), lines[-1] if lines else "it said nothing")
    place = instance.container.labels["modeldeck.listens"]
    address, _, port = place.rpartition(":")
    if any("cannot bind" in line for line in lines):
        why = next(
            (word for word in ("Address already in use", "Permission denied") if any(word in line for line in lines)),
            told,
        )
        raise PortInUse(
            f"the gateway cannot listen: port {port} on {address} cannot be bound: {why}",
            "end the other process, or give the host another port in deck.toml and apply",
        )
    raise WorkFailed(f"the gateway ended at its start: {told}", f"docker logs {instance.container.name}")


def _kept(container: Any) -> str:
    """Return what the volume says the gateway knew; a new one knows nothing."""
    import docker

    try:
        parts, _ = container.get_archive(ROUTES)
    except docker.errors.NotFound:
        return State().to_text()
    with tarfile.open(fileobj=io.BytesIO(b"".join(parts))) as whole:
        source = whole.extractfile("routes")
        assert source is not None
        return source.read().decode()


def _archive(number: int, contents: dict[str, str]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as out:
        folder = tarfile.TarInfo(str(number))
        folder.type, folder.mode = tarfile.DIRTYPE, 0o700
        folder.uid = folder.gid = USER
        out.addfile(folder)
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content.encode()), 0o600
            info.uid = info.gid = USER
            out.addfile(info, io.BytesIO(content.encode()))
    return target.getvalue()


def _open_files(limits: Limits) -> Any:
    import docker

    room = limits.connections * 4 + 1000
    return docker.types.Ulimit(name="nofile", soft=room, hard=room)
