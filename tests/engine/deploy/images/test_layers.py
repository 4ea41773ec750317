"""Layers and archives without an engine: the same content is the same bytes, and only what is missing is in them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

from engine.deploy.images.archive import Image, archive, archive_size, chain_ids, missing
from engine.deploy.images.layers import CREATED, EPOCH, Entry, Layer, layers_of, told, tree, write_layer


def folder_with(root: Path, names: list[str], stamp: int) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"this is {name}")
        os.utime(path, (stamp, stamp))
    return root


def image_of(folder: Path, *contents: bytes) -> Image:
    layers = tuple(write_layer(folder, [Entry("etc/thing", content)]) for content in contents)
    return Image(layers, {"User": "10001:10001"}, "amd64", "rates-1")


def test_the_same_files_are_the_same_layer_whenever_and_wherever_they_were_written(tmp_path: Path) -> None:
    names = ["b/two", "a/one", "a.txt", "a/deep/three"]
    first = write_layer(tmp_path / "layers", tree(folder_with(tmp_path / "x", names, 1_000_000_000), "opt/it"))
    second = write_layer(tmp_path / "layers", tree(folder_with(tmp_path / "y", names[::-1], 1_700_000_123), "opt/it"))
    assert first == second
    with tarfile.open(first.file(tmp_path / "layers")) as members:
        found = members.getmembers()
        inside = [each.name for each in found]
    assert inside == sorted(inside, key=lambda name: name.split("/"))
    assert inside[:2] == ["opt", "opt/it"]
    assert {(each.mtime, each.uid, each.uname) for each in found} == {(EPOCH, 0, "")}
    assert [path.name for path in (tmp_path / "layers").iterdir()] == [f"{first.diff_id[7:]}.tar"]


def test_another_mode_owner_or_link_is_another_layer(tmp_path: Path) -> None:
    kinds = [Entry("x", b"1"), Entry("x", b"1", 0o755), Entry("x", b"1", owner=10001), Entry("x", link="y"), Entry("x")]
    assert len({write_layer(tmp_path, [each]).diff_id for each in kinds}) == 5


def test_long_and_foreign_names_stay_whole(tmp_path: Path) -> None:
    name = f"{'long/' * 40}żółw.py"
    layer = write_layer(tmp_path, [Entry(name, b"x")])
    with tarfile.open(layer.file(tmp_path)) as members:
        assert members.getnames()[-1] == name


def test_chain_ids_are_those_of_the_image_specification() -> None:
    first, second, third = (f"sha256:{digit * 64}" for digit in "abc")
    chain = chain_ids([first, second, third])
    assert chain[0] == first
    assert chain[1] == "sha256:" + hashlib.sha256(f"{first} {second}".encode()).hexdigest()
    assert chain[2] == "sha256:" + hashlib.sha256(f"{chain[1]} {third}".encode()).hexdigest()


def test_an_archive_holds_what_is_missing_and_is_as_long_as_it_said(tmp_path: Path) -> None:
    image = image_of(tmp_path, b"base", b"dependencies", b"model")
    have = set(chain_ids([layer.diff_id for layer in image.layers])[:2])
    whole, delta = (b"".join(archive(image, tmp_path, left_out)) for left_out in ((), have))
    assert (len(whole), len(delta)) == (archive_size(image), archive_size(image, have))
    with tarfile.open(fileobj=io.BytesIO(delta)) as members:
        names = members.getnames()
        manifest = json.load(members.extractfile("manifest.json"))  # type: ignore[arg-type]
        config = members.extractfile(manifest[0]["Config"]).read()  # type: ignore[union-attr]
    model = image.layers[-1]
    assert names == [manifest[0]["Config"], "manifest.json", f"{model.diff_id[7:]}.tar"]
    assert [f"sha256:{name.removesuffix('.tar')}" for name in manifest[0]["Layers"]] == [
        layer.diff_id for layer in image.layers
    ]
    assert image.id == f"sha256:{hashlib.sha256(config).hexdigest()}"
    assert manifest[0]["RepoTags"] == [f"modeldeck:rates-1-{image.id[7:19]}"]
    assert b"".join(archive(image, tmp_path)) == whole


def test_a_layer_is_had_only_with_all_that_lies_below_it(tmp_path: Path) -> None:
    image = image_of(tmp_path, b"base", b"model")
    other = image_of(tmp_path, b"other base", b"model")
    have = set(chain_ids([layer.diff_id for layer in other.layers]))
    assert missing(image, have) == list(image.layers)


def test_nothing_in_a_configuration_tells_when_it_was_made(tmp_path: Path) -> None:
    body = json.loads(image_of(tmp_path, b"x").configuration())
    assert body["created"] == CREATED
    assert body["rootfs"] == {
        "type": "layers",
        "diff_ids": [layer.diff_id for layer in image_of(tmp_path, b"x").layers],
    }


def test_a_record_whose_layer_is_gone_or_cut_short_is_made_anew(tmp_path: Path) -> None:
    layer = write_layer(tmp_path, [Entry("x", b"1" * 5000)])
    record = {"layers": told([layer])}
    assert layers_of(record, tmp_path) == (layer,)
    layer.file(tmp_path).write_bytes(b"short")
    assert layers_of(record, tmp_path) is None
    layer.file(tmp_path).unlink()
    assert layers_of(record, tmp_path) is None
    assert layers_of({"layers": told([Layer("sha256:00", 1)])}, tmp_path) is None
