"""A version leaves one deck as a file, and another that no network reaches takes it in, checks it and serves it."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from apart_deck import fresh, without_network
from made_bundles import CODE, HOSTILE, Made
from tiny_deck import COMMAND, Said, Tiny

from engine.access import Caller, Role
from engine.deck import make_deck, open_deck
from engine.deploy.images.archive import Image
from engine.deploy.images.layers import Entry, keep, told, write_layer
from engine.deploy.images.places import layer_folder, record_folder
from engine.interop.bundle_check import looked
from engine.interop.bundle_file import Manifest, manifest_of
from engine.service.call import call
from engine.service.context import ServiceContext
from engine.serving import artifact
from engine.workspace import Workspace
from store import images, versions
from store.artifacts import hash_bytes
from store.errors import BadBundle, NotAllowed, Refused, UnknownName

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(name="other")
def another_deck(tmp_path: Path) -> Iterator[Tiny]:
    """A deck of another person, with nothing in it."""
    other = fresh(tmp_path / "other")
    yield other
    assert other("daemon", "stop", "--all").code == 0


@pytest.fixture(name="apart")
def deck_without_a_network(tmp_path: Path) -> Iterator[Tiny]:
    """A deck whose every process sees no network but its own loopback."""
    with without_network(tmp_path / "apart") as apart:
        yield apart


def test_a_host_without_a_network_takes_a_version_in_and_serves_it(made: Made, apart: Tiny) -> None:
    here = apart.home / "carried.bundle"
    shutil.copy(made.file, here)
    unknown = apart("bundle", "import", str(here), "--with-settings").refusal(2)
    assert unknown == (
        f"carried.bundle is signed by {made.key}, which this deck does not trust: "
        f"ask its maker what modeldeck audit key prints there; if it is that: --key {made.key}"
    )
    assert apart("bundle", "check", str(here), "--key", made.key).code == 0
    assert "has no model named 'rates'" in apart("bundle", "import", str(here), "--key", made.key).refusal(3)
    before = apart("events", "--all", "--json").data
    told = apart("bundle", "import", str(here), "--key", made.key[:32], "--with-settings", "--dry-run")
    assert told.out == "would apply models/rates.toml, hotel.py, and import rates@1 as rates@1\n"
    assert apart("events", "--all", "--json").data == before
    done = apart("bundle", "import", str(here), "--key", made.key, "--with-settings", "--reason", "carried").out
    assert done == "rates@1 of tiny imported as rates@1; 20 of 20 golden answers as recorded, worst difference 0\n"
    assert (apart.root / "hotel.py").read_text() == CODE
    _is_on_record(made, apart)
    sampled = apart("data", "sample", "rates").refusal(2)
    assert sampled.startswith("rates was imported from deck tiny, and its rows stayed there")
    again = apart("bundle", "import", str(here), "--json").data
    assert (again["already"], again["message"]) == (True, "imported: rates@1 of tiny is rates@1 here")
    assert len(apart("versions", "rates", "--json").data) == 1
    assert apart("gc", "--grace", "0s").code == 0
    assert apart("promote", "rates", "1", "--yes").code == 0
    asked = shutil.copy(made.tiny.asked(3), apart.home / "asked.csv")
    answers = [one["value"] for one in apart("predict", "rates", str(asked), "--json").data]
    assert answers == _answers_of_the_file_alone(made, apart.home)
    assert apart("audit", "verify", "--deep", "--json").data["ok"] is True


def _is_on_record(made: Made, apart: Tiny) -> None:
    """Look that the version says where it came from, in its lineage, its sheet, its card and the record."""
    [imported] = apart("events", "action=version.imported", "--json").data
    assert (imported["reason"], imported["body"]["signer"]) == ("carried", made.key)
    [first] = made.tiny("events", "seq=1", "--json").data
    assert imported["body"]["deck_id"] == first["hash"]
    [trusted] = apart("bundle", "signers", "--json").data
    assert (trusted["public"], trusted["name"]) == (made.key, "tiny")
    behind = apart("lineage", "version", "rates@1", "--json").data["behind"]
    assert (behind[0]["kind"], behind[0]["id"]) == ("bundle", imported["body"]["bundle"])
    assert behind[0]["detail"] == f"rates@1 of deck tiny, signed by {made.key[:16]}"
    assert next(one for one in behind if one["kind"] == "snapshot")["detail"].endswith("its rows are not here")
    origin = apart("show", "version", "rates@1", "--json").data["body"]["origin"]
    assert (origin["deck"], origin["origin_number"], origin["signer"]) == ("tiny", 1, made.key)
    assert "rates@1 of deck tiny, signed by" in apart("cards", "rates", "1").out


def _answers_of_the_file_alone(made: Made, home: Path) -> list[float]:
    """Return what the unpacked tar answers by itself, without modeldeck."""
    place = home / "unpacked"
    place.mkdir()
    subprocess.run(["tar", "-xf", str(made.file), "-C", str(place)], check=True)
    asked = [str(COMMAND.with_name("python")), "-I", str(place / "server" / "predict.py"), str(home / "asked.csv")]
    ran = subprocess.run(asked, capture_output=True, text=True, cwd="/", check=True)
    return [one["value"] for one in json.loads(ran.stdout)]


def test_evidence_is_checked_where_no_network_and_no_deck_is(made: Made, apart: Tiny) -> None:
    evidence = apart.home / "v1.evidence"
    assert made.tiny("audit", "bundle", "rates", "1", str(evidence)).code == 0
    nowhere = Tiny(apart.home, apart.home, [], prefix=apart.prefix)
    found = nowhere("audit", "check", str(evidence), "--key", made.key, "--json").data
    assert (found["of"], found["signer"]) == ("rates@1", made.key)
    content = bytearray(evidence.read_bytes())
    content[len(content) // 2] ^= 1
    evidence.write_bytes(content)
    assert "is not to be trusted" in nowhere("audit", "check", str(evidence), "--key", made.key).refusal(1)


def test_with_its_rows_an_imported_version_can_be_fitted_again_and_compared(made: Made, other: Tiny) -> None:
    file = other.home / "whole.bundle"
    assert made.tiny("bundle", "export", "rates", "1", str(file), "--with-data").code == 0
    taken = other("bundle", "import", str(file), "--key", made.key, "--with-settings")
    assert taken.code == 0, taken
    assert other("reproduce", "rates", "1").code == 0
    assert other("promote", "rates", "1", "--yes").code == 0
    assert "is there already" in made.tiny("bundle", "export", "rates", "1", str(file)).refusal(2)


def test_a_signer_that_is_trusted_no_more_is_refused_again(made: Made, other: Tiny) -> None:
    assert other("bundle", "trust", made.key, "tiny").out.startswith(f"trusted: {made.key[:16]}")
    assert other("bundle", "trust", made.key, "tiny").out.startswith("already trusted")
    assert other("bundle", "check", str(made.file)).code == 0
    assert other("bundle", "distrust", "tiny", "--reason", "the host was lost").code == 0
    assert "which this deck does not trust" in other("bundle", "import", str(made.file)).refusal(2)
    assert "which this deck does not trust" in other("bundle", "check", str(made.file)).refusal(2)
    assert "is no public key" in other("bundle", "trust", "0" * 64).refusal(2)
    assert "is no public key" in other("bundle", "import", str(made.file), "--key", made.key[:16]).refusal(2)
    stranger = "0" * 31 + made.key[31:]
    assert "not by the key that was given" in other("bundle", "import", str(made.file), "--key", stranger).refusal(2)
    assert [one["action"] for one in other("events", "subject_kind=signer", "--json").data] == [
        "signer.distrusted",
        "signer.trusted",
    ]


def test_the_deck_that_made_it_has_it_already(made: Made) -> None:
    assert made.tiny("bundle", "import", str(made.file)).out == "already imported: rates@1 of tiny is rates@1 here\n"


def test_a_damaged_byte_is_found_and_named_and_nothing_is_left_of_it(made: Made, other: Tiny) -> None:
    content = bytearray(made.file.read_bytes())
    place = content.index(made.parts()["server/model.skops"][:64])
    content[place + 40] ^= 1
    file = other.home / "damaged.bundle"
    file.write_bytes(content)
    said = other("bundle", "import", str(file), "--key", made.key, "--with-settings")
    assert said.refusal(1).startswith("damaged.bundle is not to be trusted: server/model.skops is not what was signed")
    assert other("models", "--json").data == []
    assert other("bundle", "signers", "--json").data == []
    [told] = other("events", "action=request.refused", "--json").data
    assert (told["subject_id"], told["reason"] in said.err) == ("bundle.begin", True)


def test_a_path_that_leads_out_is_refused_on_record(
    made: Made, other: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {**made.parts(), "server/../../evil.py": b"import os\n"}
    with monkeypatch.context() as careless:  # its maker signs it whatever it holds
        careless.setattr("engine.interop.bundle_file.is_plain", lambda _name: True)
        file = made.written(tmp_path / "out.bundle", parts)
    said = other("bundle", "import", str(file), "--key", made.key, "--with-settings").refusal(1)
    assert "out.bundle is not to be trusted: 'server/../../evil.py' leads out of it" in said
    [told] = other("events", "action=request.refused", "--json").data
    assert told["reason"] in said
    assert not list(tmp_path.rglob("evil.py"))


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_bundle_that_its_own_deck_signed_is_still_refused_where_its_parts_do_not_fit(
    made: Made, tmp_path: Path, attack: str
) -> None:
    change, told = HOSTILE[attack]
    seal = made.parts()["seal.json"]
    parts = change(made, made.parts())
    if attack in ("another model", "other golden answers", "another environment"):
        assert parts["seal.json"] == seal
    file = made.written(tmp_path / "hostile.bundle", parts)
    with pytest.raises(BadBundle) as raised:
        looked(file)
    assert told in raised.value.message
    assert "\n" not in raised.value.message


def _by_hand(other: Tiny, made: Made, file: Path) -> tuple[Manifest, Callable[..., Said]]:
    with file.open("rb") as opened:
        manifest = manifest_of(opened, file.name)
    return manifest, lambda *words: other("bundle", "import", str(file), "--key", made.key, *words)


def test_types_that_nobody_trusts_here_are_refused_with_the_line_that_would_trust_them(
    made: Made, other: Tiny, tmp_path: Path
) -> None:
    import argparse

    model = artifact.dump(argparse.Namespace(rate=1.0))
    parts = made.sealed({**made.parts(), "server/model.skops": model}, artifact_hash=hash_bytes(model))
    _, take = _by_hand(other, made, made.written(tmp_path / "odd.bundle", parts))
    said = take("--with-settings").refusal(1)
    assert said == (
        "the artifact of rates@1 in odd.bundle holds types nobody trusted: argparse.Namespace: "
        'if you trust these classes, say [train] trusted = ["argparse.Namespace"]'
    )
    assert other("versions", "rates", "--json").data == []
    assert other("bundle", "signers", "--json").data == []


def test_a_model_of_another_task_is_refused(made: Made, other: Tiny) -> None:
    model = '[model]\nname = "rates"\ntask = "classification"\nowner = "a"\n'
    other.write_model(f'{model}\n[data]\nsource = "rates.csv"\ntarget = "price"\n')
    assert other("apply").code == 0
    said = other("bundle", "import", str(made.file), "--key", made.key).refusal(2)
    assert said.startswith("rates@1 is of task regression, and rates is of task classification here")


def test_a_file_of_another_content_is_not_overwritten(made: Made, other: Tiny) -> None:
    (other.root / "hotel.py").write_text("MINE = True\n")
    said = other("bundle", "import", str(made.file), "--key", made.key, "--with-settings").refusal(2)
    assert said.startswith("hotel.py is here already, and says something else")
    assert (other.root / "hotel.py").read_text() == "MINE = True\n"


@pytest.mark.parametrize("place", ["/dev/zero", "/nowhere", "."])
def test_what_is_no_file_of_ours_is_told_in_one_line(made: Made, other: Tiny, place: str) -> None:
    assert other("bundle", "import", place, "--key", made.key).code in (1, 2)
    assert other("bundle", "check", place, "--key", made.key).code in (1, 2)


def test_rows_are_an_admins_to_give_away_and_nothing_but_a_bundles_members_is_read(made: Made) -> None:
    deck = open_deck(Workspace(made.tiny.root))
    try:
        operator = ServiceContext(deck, Caller("user:ola", Role.OPERATOR))
        with pytest.raises(NotAllowed, match="the rows of a version are an admin's to give away"):
            call(operator, "bundle.collect", {"model": "rates", "version": 1, "data": True})
        admin = ServiceContext(deck, Caller("user:ada", Role.ADMIN))
        whole = call(admin, "bundle.collect", {"model": "rates", "version": 1, "data": True})
        rows = next(one["name"] for one in json.loads(whole.manifest)["members"] if one["name"].startswith("data/"))
        with pytest.raises(NotAllowed, match="admin's to give away"):
            call(operator, "bundle.piece", {"bundle": whole.bundle, "name": rows})
        assert call(admin, "bundle.piece", {"bundle": whole.bundle, "name": rows}).data
        artifact_hash = versions.version(deck.database, "rates", 1).artifact_hash
        with pytest.raises(UnknownName, match="no bundle"):
            call(admin, "bundle.piece", {"bundle": artifact_hash, "name": "card.md"})
        with pytest.raises(UnknownName, match="the bundle has no member"):
            call(admin, "bundle.piece", {"bundle": whole.bundle, "name": "../registry.db"})
    finally:
        deck.database.close()


def test_the_deck_itself_refuses_what_a_callers_own_program_might_send(made: Made, other: Tiny) -> None:
    other.write_model((made.tiny.root / "models" / "rates.toml").read_text())
    assert other("apply").code == 0
    with made.file.open("rb") as file:
        manifest = manifest_of(file, "v1.bundle")
    parts = made.parts()
    deck = make_deck(Workspace(other.root))
    try:
        admin = ServiceContext(deck, Caller("user:ada", Role.ADMIN))
        begin = {**made.begin(), "key": ""}
        with pytest.raises(Refused, match="which this deck does not trust"):
            call(admin, "bundle.begin", begin)
        with pytest.raises(BadBundle, match="the signature is not of"):
            call(admin, "bundle.begin", {**begin, "manifest": begin["manifest"] + " ", "key": made.key})
        bundle = {"bundle": manifest.hash}
        with pytest.raises(UnknownName, match="no import of bundle"):
            call(admin, "bundle.put", {**bundle, "name": "card.md", "offset": 0, "data": ""})
        begun = call(admin, "bundle.begin", {**begin, "key": made.key})
        assert begun.already == ""
        assert {"server/model.skops", "code.zip", "card.md"} < {one.name for one in begun.lacked}
        assert "server/predict.py" not in {one.name for one in begun.lacked}
        with pytest.raises(Refused, match="has not come yet"):
            call(admin, "bundle.take", {**bundle, "name": "v1.bundle", "key": made.key})
        card = {**bundle, "name": "card.md", "offset": 0}
        with pytest.raises(BadBundle, match=r"card\.md is not what was signed"):
            call(admin, "bundle.put", {**card, "data": base64.b64encode(bytes(len(parts["card.md"]))).decode()})
        with pytest.raises(Refused, match="0 bytes are there"):
            call(admin, "bundle.put", {**card, "data": base64.b64encode(parts["card.md"] + b"more").decode()})
        with pytest.raises(Refused, match=r"holds no '\.\./evil' that is kept"):
            call(admin, "bundle.put", {**card, "name": "../evil", "data": ""})
        with pytest.raises(UnknownName, match="no import of bundle"):
            call(admin, "bundle.put", {**card, "bundle": "sha256:../../evil", "data": ""})
        half = parts["card.md"][:10]
        assert call(admin, "bundle.put", {**card, "data": base64.b64encode(half).decode()}).have == 10
        again = call(admin, "bundle.begin", {**begin, "key": made.key})
        assert next(one.have for one in again.lacked if one.name == "card.md") == 10
    finally:
        deck.database.close()
    assert other("bundle", "import", str(made.file), "--key", made.key).code == 0  # goes on from there


def test_an_image_leaves_as_docker_save_writes_it(made: Made) -> None:
    tiny, file = made.tiny, made.tiny.home / "image.bundle"
    said = tiny("bundle", "export", "rates", "1", str(file), "--image").refusal(2)
    assert said.startswith("no image of rates@1 was built here")
    deck = open_deck(Workspace(tiny.root))
    try:
        layers = tuple(
            write_layer(layer_folder(deck.workspace), [Entry(name, name.encode())]) for name in ("base", "model")
        )
        image = Image(layers, {"Labels": {}}, "amd64", "rates-1")
        keep(record_folder(deck.workspace) / f"image-{image.id.removeprefix('sha256:')}.json", told_of(image))
        record = deck.artifacts.put_bytes(b'{"wheels": []}')
        with deck.database.write() as tx:
            images.add_image(
                tx,
                model="rates",
                version=1,
                base="base",
                contract=1,
                platform="linux/amd64",
                digest=image.id,
                size_bytes=image.size,
                record_hash=record,
                actor="user:ola",
            )
    finally:
        deck.database.close()
    exported = tiny("bundle", "export", "rates", "1", str(file), "--image")
    assert exported.code == 0, exported
    assert f"with image {image.id[:19]}" in tiny("bundle", "check", str(file)).out
    with tarfile.open(file) as tar:
        [saved] = json.load(tar.extractfile("image/manifest.json"))  # type: ignore[arg-type]
        config = tar.extractfile(f"image/{saved['Config']}").read()  # type: ignore[union-attr]
        assert f"sha256:{hashlib.sha256(config).hexdigest()}" == image.id
        found = [tar.extractfile(f"image/{name}").read() for name in saved["Layers"]]  # type: ignore[union-attr]
    assert [f"sha256:{hashlib.sha256(each).hexdigest()}" for each in found] == [one.diff_id for one in layers]
    assert saved["RepoTags"] == [image.tag]


def told_of(image: Image) -> dict[str, object]:
    """Return an image's record as it is kept when it is built."""
    return {
        "layers": told(image.layers),
        "config": image.config,
        "architecture": image.architecture,
        "name": image.name,
    }
