"""Libraries of the system: which a wheel asks for, which a base has, and what becomes of those it lacks."""

from __future__ import annotations

import importlib.metadata
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.deploy.images import build, debian
from engine.deploy.images.archive import Image
from engine.deploy.images.base import Base
from engine.deploy.images.below import Below
from engine.deploy.images.elf import needed
from engine.deploy.images.layers import Entry, write_layer
from engine.deploy.images.libraries import AT, library_layer, missing, names_in, objects_in
from engine.deploy.images.places import layer_folder, wheel_folder
from engine.deploy.images.wheels import Wheel
from engine.workspace import Workspace
from store.errors import Refused


def quiet(_fraction, _text):
    """Take progress and say nothing."""


def installed(name):
    """Return the files of a distribution of this environment: name in a wheel -> path."""
    files = importlib.metadata.files(name) or ()
    return {str(file): Path(str(file.locate())) for file in files if Path(str(file.locate())).is_file()}


def wheel_of(workspace, name):
    """Put a distribution's shared objects, and those it brings, into the wheelhouse as its wheel."""
    place = wheel_folder(workspace) / f"{name}.whl"
    place.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(place, "w") as out:
        for told, path in installed(name).items():
            if ".so" in path.name:
                out.write(path, told)
    return Wheel(name, "1", place.name, f"{name:0<64}")


@pytest.fixture(name="workspace")
def workspace_of_its_own(tmp_path):
    return Workspace(tmp_path)


@pytest.fixture(name="base")
def base_with_some_libraries(workspace):
    """Return a function that makes a base with these shared objects."""

    def make(*names):
        entries = [Entry(f"usr/lib/x86_64-linux-gnu/{name}", b"") for name in names]
        layer = write_layer(layer_folder(workspace), [*entries, Entry("etc/passwd", b"root")])
        return Base("debian-bookworm", "3.11.2", (layer,), (), {})

    return make


def test_what_an_object_needs_is_read_from_it_as_the_loader_does():
    pytest.importorskip("lightgbm")
    path = next(path for told, path in installed("lightgbm").items() if path.name == "lib_lightgbm.so")
    _, names = needed(path.read_bytes())
    assert "libgomp.so.1" in names
    assert "libc.so.6" in names
    assert needed(b"\x7fELF and no more") == ("", ())
    assert needed(b"") == ("", ())
    assert needed(path.read_bytes()[:2000]) == ("", ())


def test_of_wheels_only_what_none_of_them_brings_is_missing(workspace):
    pytest.importorskip("lightgbm")
    light, sklearn, numpy = (wheel_of(workspace, name) for name in ("lightgbm", "scikit-learn", "numpy"))
    assert missing(workspace, [sklearn, numpy]) == {}  # theirs have names of their own and come along
    assert missing(workspace, [light, sklearn, numpy]) == {"libgomp.so.1": "lightgbm"}
    needs, brings = objects_in(wheel_folder(workspace) / sklearn.file)
    assert any(name.startswith("libgomp-") for name in brings & needs)


def test_a_base_that_has_it_needs_no_layer(workspace, base):
    pytest.importorskip("lightgbm")
    light, has_it = wheel_of(workspace, "lightgbm"), base("libgomp.so.1", "libc.so.6")
    assert names_in(workspace, has_it) == {"libgomp.so.1", "libc.so.6"}
    assert library_layer(workspace, has_it, [light], quiet) is None


def test_what_a_base_lacks_is_brought_along_once(workspace, base, monkeypatch):
    pytest.importorskip("lightgbm")
    asked = []

    def files_of(_workspace, packages, names):
        asked.append((packages, names))
        return dict.fromkeys(names, b"an object")

    monkeypatch.setattr(debian, "why_not", lambda: "")
    monkeypatch.setattr(debian, "files_of", files_of)
    light, plain = wheel_of(workspace, "lightgbm"), base("libc.so.6")
    layer = library_layer(workspace, plain, [light], quiet)
    assert library_layer(workspace, plain, [light], quiet) == layer
    assert asked == [(("libgomp1",), ("libgomp.so.1",))]
    made = Base("", "3.11.2", (layer,), (), {})
    assert names_in(workspace, made) == {"libgomp.so.1"}
    assert AT == "opt/modeldeck/libraries"


def test_what_cannot_be_brought_along_is_refused_in_one_line(workspace, base, monkeypatch):
    pytest.importorskip("lightgbm")
    monkeypatch.setattr(debian, "why_not", lambda: "mmdebstrap is not installed")
    with pytest.raises(Refused) as told:
        library_layer(workspace, base("libc.so.6"), [wheel_of(workspace, "lightgbm")], quiet)
    assert told.value.line() == (
        "lightgbm needs libgomp.so.1, which the base debian-bookworm lacks, and mmdebstrap is not installed:"
        " as root: apt-get install mmdebstrap, so that libgomp1 is brought along; or load a python:3.11-slim that has"
        " libgomp1 into the engine"
    )


def test_a_library_of_no_known_package_is_refused(workspace, base, monkeypatch):
    monkeypatch.setattr("engine.deploy.images.libraries.missing", lambda *_told: {"libcuda.so.1": "torch"})
    with pytest.raises(Refused, match=r"torch needs libcuda\.so\.1, .* no package of it is known: libcuda\.so\.1"):
        library_layer(workspace, base("libc.so.6"), [], quiet)


def test_an_image_with_libraries_says_where_they_are_and_keeps_their_layer_on_record(workspace, base):
    version = SimpleNamespace(model="rates", number=1, artifact_hash="sha256:a", environment_hash="sha256:e")
    plain = base("libc.so.6")
    layer = write_layer(layer_folder(workspace), [Entry(f"{AT}/libgomp.so.1", b"an object")])
    config = build._config(version, plain, has_libraries=True)
    assert f"LD_LIBRARY_PATH=/{AT}" in config["Env"]
    assert not any("LD_LIBRARY_PATH" in each for each in build._config(version, plain, has_libraries=False)["Env"])
    image = Image((*plain.layers, layer, layer, layer, layer), config, "amd64", "rates-1")
    told = json.loads(build._record(image, Below(plain, "", layer, layer, ())))
    assert [each["what"] for each in told["layers"]] == ["base", "libraries", "dependencies", "server", "model"]


def test_libraries_are_looked_for_before_those_that_a_base_has_of_its_own(base):
    version = SimpleNamespace(model="rates", number=1, artifact_hash="sha256:a", environment_hash="sha256:e")
    own = replace(base("libc.so.6"), environment=("LD_LIBRARY_PATH=/opt/python/lib",))
    assert f"LD_LIBRARY_PATH=/{AT}:/opt/python/lib" in build._config(version, own, has_libraries=True)["Env"]
    assert "LD_LIBRARY_PATH=/opt/python/lib" in build._config(version, own, has_libraries=False)["Env"]
