"""Images and containers on a real engine: made without a registry, small, hardened, found again."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import signal
import struct
import sys
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge

from engine.deploy.containers.link import Link
from engine.deploy.containers.watching import Seen, Watching
from engine.deploy.images import debian, from_engine, host_python
from engine.deploy.images.archive import Image, architecture, archive_size, chain_ids
from engine.deploy.images.base_image import bring_base
from engine.deploy.images.build import made_image
from engine.deploy.images.choosing import choose_base
from engine.deploy.images.container import KEY_FILE, Story
from engine.deploy.images.containers import create, find, remove, start, stop
from engine.deploy.images.layers import Entry, write_layer
from engine.deploy.images.ship import chains_there, load, ship
from engine.serving import golden
from engine.workspace import Workspace
from store import events, images
from store.errors import UnknownName, WorkFailed

from .conftest import LOADED, SECRET, Host, quiet

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

ROW = {"nights": 3, "price": 80.0}
ROUNDING = 1e-14  # the last bit of a dot product depends on where in memory its rows lie: some processors show it
MB = 1_000_000
# what the process says of itself, and what it may write to
LOOK = """
import json, os
status = dict(line.split(":", 1) for line in open("/proc/1/status"))
def writes(place):
    try:
        os.close(os.open(place, os.O_WRONLY | os.O_CREAT)); os.unlink(place); return True
    except OSError:
        return False
print(json.dumps({
    "uid": os.getuid(), "gid": os.getgid(), "caps": [status[c].strip() for c in ("CapEff", "CapPrm", "CapBnd")],
    "no_new_privileges": status["NoNewPrivs"].strip(), "seccomp": status["Seccomp"].strip(),
    "writes": [at for at in ("/x", "/etc/x", "/opt/modeldeck/x", "/tmp/x", "/var/log/modeldeck/x") if writes(at)],
    "key_mode": oct(os.stat("KEY").st_mode & 0o777), "environment": sorted(os.environ),
}))
""".replace("KEY", KEY_FILE)


def ask(
    address: str, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    with closing(http.client.HTTPConnection(address, 8080, timeout=10)) as link:
        link.request(method, path, None if body is None else json.dumps(body), headers or {})
        answer = link.getresponse()
        return answer.status, json.loads(answer.read())


def until_ready(host: Host, name: str) -> str:
    """Wait until a container proves its golden requests; return its address."""
    deadline = time.monotonic() + 60
    while True:
        found = next(one for one in find(host.engine, "dock", host.deck_id) if one.name == name)
        said = host.engine.containers.get(name).logs().decode()
        assert found.state == "running", said
        try:
            if ask(found.address, "GET", "/health/ready")[0] == 200:
                return found.address
        except (OSError, http.client.HTTPException):
            pass
        assert time.monotonic() < deadline, said
        time.sleep(0.05)


def test_a_base_made_twice_is_the_same_layer_and_on_record(workshop: Path, engine: Any, world: Any) -> None:
    first = debian.base(Workspace(workshop.parent.parent), quiet)
    brought = bring_base(world.deck, engine, "dock", quiet, actor="user:anna")
    again = brought.base
    if again.contents != first.contents:  # Debian has newer packages than the base kept from an earlier run
        first = debian.build(Workspace(workshop.parent.parent), quiet)
    assert again == first
    package = again.contents["packages"]["python3.11-minimal"]
    assert package["version"].startswith(again.python)
    assert len(package["sha256"]) == 64
    assert brought.new
    event = events.events(world.deck.database, limit=1)[0]
    assert (event.action, event.subject_id, event.body["base"]) == ("base.built", "dock", again.label)
    LOADED.update(engine.images.get(event.body["image"]).tags)


def test_an_image_of_this_interpreter_runs_and_an_engines_own_image_is_a_base(engine: Any, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "deck")
    base = host_python.base(workspace)
    environment = [*base.environment, f"PYTHON_VERSION={base.python}"]
    image = Image(base.layers, {"Env": environment, "User": "10001"}, architecture(), f"test-{secrets.token_hex(4)}")
    ship(workspace, engine, "dock", image, quiet)
    try:
        needed = "import asyncio, ssl, sqlite3, ctypes; ctypes.CDLL('libstdc++.so.6')"
        said = engine.containers.run(
            image.id, ["python3", "-c", f"{needed}; import sys; print(sys.version)"], remove=True, network_mode="none"
        )
        assert said.decode().strip() == sys.version
        taken, why = choose_base(
            Workspace(tmp_path / "other"),
            {"interpreter": f"CPython {base.python}"},
            quiet,
            engine=engine,
            named=image.tag,
        )
        assert (taken.layers, taken.python, taken.name) == (base.layers, base.python, image.tag)
        assert why == f"the settings name {image.tag}"
        with pytest.raises(UnknownName, match="the engine does not have the base"):
            from_engine.named_base(workspace, engine, "modeldeck:never-made")
    finally:
        engine.images.remove(image.tag, force=True)


def test_the_next_version_of_a_lock_is_a_model_layer_and_the_image_is_small(
    build: Any, host: Host, engine: Any, world_with_images: Any
) -> None:
    first = build(1)
    host.ship(first)
    assert engine.images.get(first.image.id).attrs["Size"] <= 300 * MB
    second = build(2)
    assert second.image.layers[:-1] == first.image.layers[:-1]
    shipped = host.ship(second)
    assert not shipped.whole
    assert shipped.bytes_sent <= 100_000
    assert shipped.id == second.image.id == engine.images.get(second.image.tag).id
    assert host.ship(second).already


def test_an_image_holds_what_serving_opens_and_nothing_to_build_test_or_debug_with(
    build: Any, world_with_images: Any
) -> None:
    made = build(1)
    folder = world_with_images.deck.workspace.images / "layers"
    tars = [layer.file(folder) for layer in made.image.layers]
    assert sum(tar.stat().st_size for tar in tars) <= 300 * MB
    names, libraries = [], 0
    for tar in tars:
        with tarfile.open(tar) as layer:
            for member in layer:
                names.append(member.name)
                if member.isfile() and ".so" in member.name and "/dependencies/" in member.name:
                    content = layer.extractfile(member)
                    assert content is not None
                    libraries += 1
                    assert struct.unpack_from("<HHH", content.read(64), 58) == (0, 0, 0), member.name
    assert libraries > 200
    # settings and empty folders that mmdebstrap wants at its end
    names = [name for name in names if not name.startswith(("./etc/apt", "./etc/dpkg", "./var/lib/apt"))]
    parts = {part for name in names for part in name.split("/")}
    left_out = {"tests", "pip", "setuptools", "wheel", "prettytable", "wcwidth", "ensurepip", "dpkg", "apt", "perl5"}
    assert not parts & left_out
    assert not [name for name in names if name.endswith((".a", ".h", ".c", ".cpp", ".pyi", ".pyx", ".pxd"))]
    assert not [name for name in names if "/share/doc/" in name or "/share/man/" in name or "__pycache__/test_" in name]
    assert {"numpy", "sklearn", "scipy", "pandas", "uvloop"} <= parts


@pytest.mark.parametrize("estimator", [Ridge(), HistGradientBoostingRegressor(max_iter=10)], ids=["linear", "trees"])
def test_an_image_of_a_compiled_version_holds_no_library_of_its_pipeline(
    build: Any, host: Host, engine: Any, world_with_images: Any, estimator: Any
) -> None:
    deck = world_with_images.deck
    version = world_with_images.register(slope=5.0, is_compiled=True, estimator=estimator)
    made = build(version.number)
    record = json.loads(deck.artifacts.read(made.row.record_hash))
    wheels = {wheel["name"] for wheel in record["wheels"]}
    assert {"numpy", "orjson", "uvloop"} <= wheels
    assert not wheels & {"scikit-learn", "scipy", "pandas", "skops", "protobuf"}
    assert ("onnxruntime" in wheels) == isinstance(estimator, HistGradientBoostingRegressor)
    host.ship(made)
    assert engine.images.get(made.image.id).attrs["Size"] <= 200 * MB
    spec = host.spec(made)
    host.create(spec)
    begun = time.perf_counter()
    start(engine, "dock", spec.name)
    address = until_ready(host, spec.name)
    took = time.perf_counter() - begun
    assert ask(address, "GET", "/health/ready")[1]["served"] == "compiled"
    used = engine.containers.get(spec.name).stats(stream=False)
    held = used["memory_stats"]["usage"] - used["memory_stats"]["stats"].get("inactive_file", 0)
    size, cpu = engine.images.get(made.image.id).attrs["Size"], used["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
    told = f"image {size / MB:.1f} MB, holds {held / MB:.1f} MB, ready after {took:.2f} s and {cpu:.2f} s of CPU"
    sys.stdout.write(f"{told}\n")  # pytest -rP shows it
    assert held <= 100 * MB
    recorded = json.loads(deck.artifacts.read(version.golden_hash))
    status, answer = ask(address, "POST", "/predict", recorded["requests"], {"X-Modeldeck-Kind": "golden"})
    assert status == 200
    values = [{"value": each["value"]} for each in answer["predictions"]]
    assert golden.compare(values, recorded["answers"], ROUNDING * 10)[0]


def test_building_again_changes_nothing(build: Any, world_with_images: Any) -> None:
    deck = world_with_images.deck
    first, again = build(1), build(1)
    assert (first.new, again.new) == (True, False)
    assert (again.image, again.row) == (first.image, first.row)
    assert made_image(deck.workspace, first.row.id) == first.image
    assert images.images(deck.database, "rates") == [first.row]
    told = [event for event in events.events(deck.database) if event.action == "image.built"]
    assert [(event.subject_id, event.model, event.body["version"]) for event in told] == [(first.row.id, "rates", 1)]
    record = json.loads(deck.artifacts.read(first.row.record_hash))
    assert record["base"]["why"] == "Debian's Python 3.11 is of the version's minor"
    assert [layer["what"] for layer in record["layers"]] == ["base", "dependencies", "server", "model"]
    assert {"numpy", "scikit-learn", "uvloop"} <= {wheel["name"] for wheel in record["wheels"]}
    assert all(len(wheel["sha256"]) == 64 for wheel in record["wheels"])
    made_image(deck.workspace, first.row.id).layers[-1].file(deck.workspace.images / "layers").unlink()
    with pytest.raises(WorkFailed, match="are gone"):
        made_image(deck.workspace, first.row.id)
    assert build(1).image == first.image


def test_a_container_answers_as_the_process_does_hardened_and_on_record(
    build: Any, host: Host, engine: Any, world_with_images: Any
) -> None:
    world = world_with_images
    made = build(1)
    host.ship(made)
    spec = host.spec(made)
    assert host.create(spec).state == "created"
    start(engine, "dock", spec.name)
    address = until_ready(host, spec.name)
    recorded = json.loads(world.deck.artifacts.read(world.version(1).golden_hash))
    status, answer = ask(address, "POST", "/predict", recorded["requests"], {"X-Modeldeck-Kind": "golden"})
    assert status == 200
    values = [{name: each[name] for name in each if name != "prediction_id"} for each in answer["predictions"]]
    is_as_recorded, seen_of_it = golden.compare(values, recorded["answers"], ROUNDING)
    assert is_as_recorded, seen_of_it
    world.serve()
    status, by_process = world.ask([ROW])
    assert status == 200
    status, by_container = ask(address, "POST", "/predict", [ROW])
    assert status == 200
    told = [[{"value": one["predictions"][0]["value"]}] for one in (by_container, by_process)]
    assert golden.compare(*told, ROUNDING)[0]

    container = engine.containers.get(spec.name)
    seen = json.loads(container.exec_run(["python3", "-c", LOOK]).output)
    assert (seen["uid"], seen["gid"]) == (10001, 10001)
    assert set(seen["caps"]) == {"0" * 16}
    assert (seen["no_new_privileges"], seen["seccomp"]) == ("1", "2")
    assert seen["writes"] == ["/tmp/x", "/var/log/modeldeck/x"]
    assert seen["key_mode"] == "0o600"
    assert SECRET not in json.dumps(container.attrs)
    assert SECRET not in container.logs().decode()
    assert container.exec_run(["cat", KEY_FILE]).output == host.key
    health = container.attrs["Config"]["Healthcheck"]["Test"][1:]
    assert container.exec_run(health).exit_code == 0
    assert container.exec_run([*health[:-1], "1"]).exit_code == 1

    stop(engine, "dock", spec.name)
    content = b"".join(container.get_archive("/var/log/modeldeck")[0])
    assert answer["request_id"].encode() in content
    assert by_container["request_id"].encode() in content
    assert b".jsonl" in content
    assert b".open" not in content


def test_containers_are_found_again_from_labels_alone(build: Any, host: Host, engine: Any) -> None:
    made = build(1)
    host.ship(made)
    spec = host.spec(made)
    created = host.create(spec)
    assert host.create(spec).id == created.id
    (found,) = find(engine, "dock", host.deck_id)
    assert (found.story, found.state, found.restarts) == (spec.story, "created", 0)
    assert find(engine, "dock", host.deck_id, [found])[0] is found  # nothing has changed: nothing more was asked
    start(engine, "dock", spec.name)
    (begun,) = find(engine, "dock", host.deck_id, [found])
    assert begun.state == "running"
    stop(engine, "dock", spec.name)
    assert find(engine, "dock", "of-another-deck") == []
    other = host.spec(made)
    changed = Story(
        **{name: getattr(other.story, name) for name in other.story.__dataclass_fields__} | {"release": "r2"}
    )
    with pytest.raises(WorkFailed, match="has another container named"):
        create(engine, type(spec)(changed), host.key)
    remove(engine, "dock", spec.name)
    assert find(engine, "dock", host.deck_id) == []
    assert engine.volumes.get(spec.log_volume).attrs["Labels"]["modeldeck.deck-id"] == host.deck_id
    remove(engine, "dock", spec.name, with_log=True)
    with pytest.raises(UnknownName, match="has no container"):
        start(engine, "dock", spec.name)


def test_a_server_that_hangs_holds_up_nobody_who_looks_at_it(
    build: Any, host: Host, engine: Any, world_with_images: Any, tmp_path: Path
) -> None:
    made = build(1)
    host.ship(made)
    spec = host.spec(made)
    host.create(spec)
    start(engine, "dock", spec.name)
    watching = Watching(lambda: Link(engine.containers.get(spec.name), "dock"), tmp_path / "segments")
    pid = engine.containers.get(spec.name).attrs["State"]["Pid"]
    (server,) = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()] or [pid]
    with ThreadPoolExecutor(1) as threads:

        def seen() -> Seen:
            watching.begin(threads, artifact=True)
            while (told := watching.seen()) is None:
                time.sleep(0.02)
            return told

        loading = seen()  # told at once, by its own word
        assert (loading.answered, loading.ready) == (True, False)
        until_ready(host, spec.name)
        ready = seen()
        assert (ready.ready, ready.wrong) == (True, "")
        assert ready.artifact == world_with_images.version(1).artifact_hash
        os.kill(server, signal.SIGSTOP)
        try:
            watching.begin(threads, artifact=False)
            time.sleep(0.5)
            assert watching.is_looking
            watching.hang_up()
            assert not watching.is_looking
            threads.submit(time.sleep, 0).result(5)  # the look has ended: the thread is free again
        finally:
            os.kill(server, signal.SIGCONT)
    watching.let_go(for_good=True)


def test_an_engine_that_lacks_a_layer_after_all_is_sent_the_whole_image(engine: Any, tmp_path: Path) -> None:
    layers = tuple(write_layer(tmp_path, [Entry("it", secrets.token_bytes(2000))]) for _ in range(2))
    image = Image(layers, {}, "amd64", f"test-{secrets.token_hex(4)}")
    wrongly_had = chain_ids([layer.diff_id for layer in layers])[:1]
    said: list[str] = []
    try:
        shipped = load(engine, "dock", image, tmp_path, wrongly_had, lambda _, text: said.append(text))
        assert shipped.whole
        assert shipped.bytes_sent == archive_size(image, wrongly_had) + archive_size(image)
        assert "host dock lacks a layer after all: sending the whole image" in said
        assert engine.images.get(image.tag).id == image.id == shipped.id
        assert set(chain_ids([layer.diff_id for layer in layers])) <= chains_there(engine)
    finally:
        engine.images.remove(image.tag)


class SaysContainerd:
    """A real engine that says it keeps images in containerd; none that does can be had from Debian."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def info(self) -> dict[str, Any]:
        told: dict[str, Any] = self._engine.info()
        return {**told, "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}


def test_an_engine_that_stores_by_containerd_is_sent_whole_images(engine: Any, tmp_path: Path) -> None:
    folder = Workspace(tmp_path).images / "layers"
    base = write_layer(folder, [Entry("base", secrets.token_bytes(2000))])
    made = [
        Image(
            (base, write_layer(folder, [Entry("it", secrets.token_bytes(2000))])),
            {},
            "amd64",
            f"test-{secrets.token_hex(4)}",
        )
        for _ in range(2)
    ]
    said = SaysContainerd(engine)
    try:
        sent = [ship(Workspace(tmp_path), said, "dock", image, quiet) for image in made]
        assert [one.bytes_sent for one in sent] == [archive_size(image, ()) for image in made]
        assert all(one.whole for one in sent)
        assert ship(Workspace(tmp_path), said, "dock", made[1], quiet).already
    finally:
        for image in made:
            engine.images.remove(image.tag, force=True)


def test_an_archive_an_engine_does_not_take_is_one_line(engine: Any, tmp_path: Path) -> None:
    layer = write_layer(tmp_path, [Entry("it", secrets.token_bytes(2000))])
    image = Image((layer,), {}, "amd64", f"test-{secrets.token_hex(4)}")
    layer.file(tmp_path).write_bytes(b"\0" * layer.size)
    with pytest.raises(WorkFailed, match="host dock did not take an image") as told:
        load(engine, "dock", image, tmp_path, (), quiet)
    assert "\n" not in told.value.line()
