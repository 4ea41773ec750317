"""One model server process: held folder, bound port, checked model, golden proof, then traffic until a signal.

The port listens before the model libraries load, so that what arrives meanwhile waits in the kernel's queue instead of
being refused. The ready file `{"pid", "pid_started", "port", "state", "detail", …}` is replaced at each change of
state: starting, ready, unready, failed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.serving.cpus import allowed, fit_threads
from engine.serving.log import FolderTaken, SegmentLog, close_leftovers, fsync_and_close, hold
from engine.serving.process_id import pid_started

if TYPE_CHECKING:
    from engine.serving.app import ServerApp
    from engine.serving.predict import Predictor

BACKLOG = 2048
SELF_CHECK_S = 60.0
STOP_S = 10  # seconds that requests in flight get at SIGTERM
TAKEN_EXIT = 75  # another process already is this replica
PORT_EXIT = 98


@dataclass(frozen=True, slots=True)
class Options:
    """The command line."""

    folder: Path
    port: int
    segments: Path
    deployment: str
    host: str
    ready_file: Path
    key_file: Path | None
    self_check_s: float
    address: str


def parse(arguments: list[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser("engine.serving", description="serve one version of one model")
    parser.add_argument("--folder", type=Path, required=True, help="the server folder")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--address", default="127.0.0.1", help="0.0.0.0 within a container, whose network is its own")
    parser.add_argument("--segments", type=Path, required=True, help="where the prediction log goes")
    parser.add_argument("--deployment", required=True)
    parser.add_argument("--host", default="local")
    parser.add_argument("--ready-file", type=Path, required=True)
    parser.add_argument("--key-file", type=Path)
    parser.add_argument("--self-check", type=float, default=SELF_CHECK_S, metavar="SECONDS")
    told = parser.parse_args(arguments)
    return Options(
        told.folder,
        told.port,
        told.segments,
        told.deployment,
        told.host,
        told.ready_file,
        told.key_file,
        told.self_check,
        told.address,
    )


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM. Returns 0, 1 with one line on stderr, 75 (replica already runs) or 98 (port in use)."""
    options = parse(arguments)
    try:
        held = hold(options.segments)
    except FolderTaken as error:
        return _fail(str(error), TAKEN_EXIT)
    except OSError as error:
        return _fail(f"{options.segments} cannot be written: {error.strerror}", 1)
    try:
        listener = _listen(options.address, options.port)
    except OSError as error:
        return _fail(f"port {options.port} cannot be bound: {error.strerror}", PORT_EXIT)
    ready_file = ReadyFile(options, listener.getsockname()[1])
    try:
        close_leftovers(options.segments)
        ready_file.write("starting", "loading")
        run(options, listener, ready_file)
    except Exception as error:  # the process boundary: whatever stops a start is said in one line
        detail = str(error) or type(error).__name__
        with contextlib.suppress(OSError):
            ready_file.write("failed", detail)
        return _fail(detail, 1)
    finally:
        os.close(held)
    return 0


def _fail(line: str, code: int) -> int:
    sys.stderr.write(f"{' '.join(line.split())}\n")
    return code


def _listen(address: str, port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(BACKLOG)
    return listener


class ReadyFile:
    """What the process says of itself, for whoever adopts it."""

    def __init__(self, options: Options, port: int) -> None:
        self._path = options.ready_file
        self._fixed = {
            "pid": os.getpid(),
            "pid_started": pid_started(os.getpid()),
            "port": port,
            "folder": str(options.folder),
            "deployment": options.deployment,
        }

    def write(self, state: str, detail: str) -> None:
        """Replace the file."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._path.with_suffix(f".{os.getpid()}.tmp")
        fresh.write_text(json.dumps({**self._fixed, "state": state, "detail": detail}), encoding="utf-8")
        os.replace(fresh, self._path)


def run(options: Options, listener: socket.socket, ready_file: ReadyFile) -> None:
    """Load, prove and serve."""
    fit_threads(os.environ, allowed())  # before any library that counts CPUs is imported
    import uvloop

    from engine.serving.app import ServerApp
    from engine.serving.metrics import ServerMetrics
    from engine.serving.predict import read_manifest
    from engine.serving.record import Recorder
    from engine.serving.seal import SIGNERS
    from engine.serving.seal import check as check_seal
    from engine.serving.tokens import LogKey

    manifest = read_manifest(options.folder)
    signers = os.environ.get(SIGNERS, "")
    if signers:
        check_seal(options.folder, manifest, signers.split(","))
    key = LogKey.read(options.key_file) if options.key_file else None
    recorder = Recorder(manifest, options.deployment, options.host, key, endpoint=manifest["model"])
    recorded = json.loads((options.folder / manifest["golden"]).read_bytes())
    predictor = _loaded(options.folder)
    log = SegmentLog(options.segments)
    metrics = ServerMetrics(manifest["model"], manifest["version"], options.deployment)
    app = ServerApp(manifest, predictor, recorder, log, metrics, _product)
    app.examples = recorded["requests"]
    try:
        uvloop.run(_serve(options, listener, ready_file, app, log, recorded))
    finally:
        with contextlib.suppress(OSError):  # the next holder of the folder closes it
            log.roll()


def _loaded(folder: Path) -> Predictor:
    """Return the version's compiled form where it has one and what that needs is here, else its pipeline."""
    from engine.serving.predict import Predictor

    try:
        return Predictor.from_folder(folder, compiled=True)
    except ImportError as error:
        sys.stderr.write(f"{error.name} is not installed: the pipeline serves instead of its compiled form\n")
        return Predictor.from_folder(folder)


async def _proven(options: Options, app: ServerApp, log: SegmentLog, recorded: Any) -> bool:
    """Prove the model on the path of every request; a compiled one that fails here gives way to its pipeline."""
    from engine.serving.artifact import ArtifactError
    from engine.serving.batch import QUEUE_S, Batcher, hush, tune
    from engine.serving.predict import Predictor, read_manifest

    manifest = read_manifest(options.folder)
    durable = manifest["log"]["mode"] != "best-effort"
    queue_s = manifest.get("queue_ms", QUEUE_S * 1000) / 1000
    for _ in range(2):
        if not app.predictor.is_compiled:
            tune()
            app.predictor.shorten(recorded["requests"])
        else:
            hush()  # before anything is scheduled: what runs later in this loop takes it over
            app.predictor.hush()
        app.batcher = Batcher(app.predictor, log, app.metrics, durable=durable, queue_s=queue_s)
        for _ in range(2):  # the second time caches and lazy imports are warm
            ready = await app.prove(recorded)
        app.batcher.forget()
        if ready or not app.predictor.is_compiled:
            break
        sys.stderr.write(f"the pipeline serves instead of its compiled form: {app.proof}\n")
        app.batcher.close()
        try:
            app.predictor = Predictor.from_folder(options.folder)
        except (ImportError, ArtifactError):  # an image of the compiled form alone: it stays unready, and says why
            break
    return ready


async def _serve(
    options: Options, listener: socket.socket, ready_file: ReadyFile, app: ServerApp, log: SegmentLog, recorded: Any
) -> None:
    from engine.serving.connection import Connections, affordable

    ready = await _proven(options, app, log, recorded)
    ready_file.write("ready" if ready else "unready", app.proof)
    gc.collect()
    gc.freeze()  # model and libraries stay: no collection looks at them again
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    connections = Connections(app, affordable())
    server = await loop.create_server(connections.make, sock=listener, backlog=BACKLOG)
    chores = [
        asyncio.create_task(_keep_log(log, app)),
        asyncio.create_task(_keep_proven(app, recorded, options, ready_file)),
        asyncio.create_task(connections.watch()),
    ]
    try:
        await stopped.wait()
        server.close()
        await connections.finish(STOP_S)
    finally:
        for chore in chores:
            chore.cancel()
        if app.batcher is not None:
            app.batcher.close()


async def _keep_log(log: SegmentLog, app: ServerApp) -> None:
    """Once a second force what was written to disk, close a segment that is old enough, and count memory."""
    while True:
        await asyncio.sleep(1.0)
        app.usage.look()
        handle = log.take_sync()
        if handle is not None:
            with contextlib.suppress(OSError):  # the next write meets the same disk and refuses
                await asyncio.to_thread(fsync_and_close, handle)
        if log.is_due():
            with contextlib.suppress(OSError):
                log.roll()


async def _keep_proven(app: Any, recorded: Mapping[str, Any], options: Options, ready_file: ReadyFile) -> None:
    """Ask the golden requests again for the whole life of the server: those that its folder has by then."""
    while True:
        await asyncio.sleep(options.self_check_s)
        recorded = golden_now(options.folder, recorded)
        app.examples = recorded["requests"]
        was = app.metrics.ready
        if await app.prove(recorded) != was:
            with contextlib.suppress(OSError):
                ready_file.write("ready" if app.metrics.ready else "unready", app.proof)


def golden_now(folder: Path, before: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the golden requests of a server folder; an erasure takes a person's out of it while the server runs.

    Those from before stay where the folder is not as it was sealed: it may be in the middle of being rewritten.
    """
    from engine.serving.artifact import ArtifactError
    from engine.serving.predict import read_manifest
    from engine.serving.seal import SIGNERS, SealError
    from engine.serving.seal import check as check_seal

    try:
        manifest = read_manifest(folder)
        fresh: Mapping[str, Any] = json.loads((folder / manifest["golden"]).read_bytes())
        if fresh == before:
            return before
        signers = os.environ.get(SIGNERS, "")
        if signers:
            check_seal(folder, manifest, signers.split(","))
    except (OSError, ValueError, KeyError, ArtifactError, SealError):
        return before
    return fresh


@cache
def _product() -> str:
    """Return this product's version, for who asks: where it is looked up is slow to import."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("modeldeck")
    except PackageNotFoundError:
        return "0"
