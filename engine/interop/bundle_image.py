"""The image in a bundle: what of it leaves one deck, and what another takes in to build its own without a network.

Another deck takes the lower layers, which are the costly ones and name no deck: base, libraries, dependencies, and the
gateway's. Server and model it makes itself, since servers tell its own numbers and are known by its own seals.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.deploy.haproxy import image as gateway
from engine.deploy.images.archive import architecture, saved_files
from engine.deploy.images.base import Base
from engine.deploy.images.below import BASE, DEPENDENCIES, LIBRARIES, Below, forget_broken, is_carried, keep_carried
from engine.deploy.images.build import made_image
from engine.deploy.images.layers import Layer
from engine.deploy.images.places import gateway_folder, layer_folder
from engine.interop.bundle_file import IMAGE, Manifest, Member, bad, is_hex
from store import images, seals
from store.rows.frozen import dataclass
from store.storage import writing_to

if TYPE_CHECKING:
    from engine.deck import Deck

PACKAGES = f"{IMAGE}packages.json"
GATEWAY_LAYER, GATEWAY_PACKAGES = f"{IMAGE}gateway/layer.tar", f"{IMAGE}gateway/packages.json"
_LOWER = (BASE, LIBRARIES, DEPENDENCIES)


@dataclass(frozen=True, slots=True)
class Carried:
    """What of a bundle's image another deck takes in, as its manifest says.

    `image` is the id it has there, `platform` what it runs on, `layers` the lower ones from the base up by sha256
    (hexadecimal), `gateway` the form of the gateway's layer (empty: it has none).
    """

    image: str
    platform: str
    layers: tuple[str, ...]
    gateway: str


def image_files(deck: Deck, digest: str) -> tuple[dict[str, bytes | Path], dict[str, Any]]:
    """Return an image as `docker save` writes it with what is known of it, and what the manifest says of it.

    Raises:
        WorkFailed: a layer of it is gone. CorruptArtifact: what is known of it is damaged.
    """
    image = made_image(deck.workspace, digest)
    files: dict[str, bytes | Path] = {
        f"{IMAGE}{name}": source for name, source in saved_files(image, layer_folder(deck.workspace)).items()
    }
    record = images.image(deck.database, digest).record_hash
    if not record:
        return files, {}
    packages = deck.artifacts.read(record)
    files[PACKAGES] = packages
    known = json.loads(packages).get("layers", [])
    carries = {
        "platform": f"linux/{image.architecture}",
        "layers": [one["diff_id"].removeprefix("sha256:") for one in known if one["what"] in _LOWER],
        "gateway": "",
    }
    there = gateway.kept_layer(gateway_folder(deck.workspace))
    if there is not None:
        carries["gateway"] = gateway.form()
        files[GATEWAY_LAYER], files[GATEWAY_PACKAGES] = there[0], there[1].read_bytes()
    return files, carries


def place_here(deck: Deck, member: Member) -> Path | None:
    """Return where the bytes of an image's layer lie in the deck that made it, None where it is no layer."""
    if member.name == GATEWAY_LAYER:
        there = gateway.kept_layer(gateway_folder(deck.workspace))
        return there[0] if there else gateway_folder(deck.workspace) / "layer.tar"
    if member.name.startswith(IMAGE) and member.name.endswith(".tar"):
        return layer_folder(deck.workspace) / f"{member.sha256}.tar"
    return None


def wanted(deck: Deck, manifest: Manifest) -> tuple[Member, ...]:
    """Return the members that make up what this deck takes in of a bundle's image: none where it is of no use here."""
    carried, lock = carries(manifest), _lock(manifest)
    if carried is None or carried.platform != f"linux/{architecture()}" or not lock:
        return ()
    if manifest.signer in seals.signers(deck.database):
        return ()  # it was made here, and so were its layers
    found: list[Member] = []
    if not is_carried(deck.workspace, lock, carried.image):
        names = [PACKAGES, _config_name(carried), *(f"{IMAGE}{layer}.tar" for layer in carried.layers)]
        found += [member for name in names if (member := manifest.member(name)) is not None]
    if carried.gateway == gateway.form() and gateway.kept_layer(gateway_folder(deck.workspace)) is None:
        names = [GATEWAY_LAYER, GATEWAY_PACKAGES]
        found += [member for name in names if (member := manifest.member(name)) is not None]
    return tuple(found)


def left_aside(deck: Deck, manifest: Manifest) -> str:
    """Say in one line what of a bundle's image is of no use here and what follows of it, "" where all of it is."""
    carried = carries(manifest)
    if carried is None or manifest.signer in seals.signers(deck.database):
        return ""
    if carried.platform != f"linux/{architecture()}":
        here = f"linux/{architecture()}"
        return f"its image is of {carried.platform} and left aside: a docker host's is made here, of {here}"
    if carried.gateway == gateway.form() or gateway.kept_layer(gateway_folder(deck.workspace)) is not None:
        return ""
    why = "is of another list of packages than this modeldeck's" if carried.gateway else "was not made there yet"
    return f"the gateway's layer {why}: this deck fetches the gateway's packages when a docker host first serves"


def begin(deck: Deck, manifest: Manifest) -> None:
    """Make ready for what is wanted of an image: what came of it before and is not whole is forgotten."""
    carried = carries(manifest)
    if carried is not None:
        forget_broken(deck.workspace, _lock(manifest), carried.image)


def place_of(deck: Deck, member: Member) -> Path:
    """Return where a member that is wanted is put: layers with those that images are made of, texts among artifacts."""
    if member.name.endswith(".tar"):
        return layer_folder(deck.workspace) / f"{member.sha256}.tar"
    return deck.artifacts.place(f"sha256:{member.sha256}")


def put(deck: Deck, member: Member, part: Path) -> None:
    """Put a whole wanted member, already checked against its hash, where it belongs."""
    if not member.name.endswith(".tar"):
        deck.artifacts.put_file(part)
        return
    place = place_of(deck, member)
    with writing_to(place):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.replace(part, place)


def take(deck: Deck, name: str, manifest: Manifest) -> bool:
    """Make what came of an image ready to be built with; False where there is nothing new of it.

    Raises:
        BadBundle: its parts do not fit together; nothing is made of them.
    """
    members = wanted(deck, manifest)
    carried = carries(manifest)
    if not members or carried is None:
        return False
    texts = {one.name: deck.artifacts.read(f"sha256:{one.sha256}") for one in members if not one.name.endswith(".tar")}
    below = _below(name, manifest, carried, texts) if PACKAGES in texts else None
    if GATEWAY_PACKAGES in texts:
        _take_gateway(deck, name, manifest, texts[GATEWAY_PACKAGES])
    if below is not None:
        keep_carried(deck.workspace, _lock(manifest), carried.image, below)
    return True


def carries(manifest: Manifest) -> Carried | None:
    """Return what a manifest says that its image brings, None where it has none that can be taken in."""
    told, image = manifest.about.get("carries"), manifest.about.get("image")
    if not isinstance(told, dict) or not isinstance(image, str) or not is_hex(image.removeprefix("sha256:"), 64):
        return None
    layers = told.get("layers")
    if not isinstance(layers, list) or not layers or not all(is_hex(each, 64) for each in layers):
        return None
    return Carried(image, str(told.get("platform", "")), tuple(layers), str(told.get("gateway", "")))


def _below(name: str, manifest: Manifest, carried: Carried, texts: dict[str, bytes]) -> Below:
    """Return the lower layers, after looking that configuration, packages and members tell the same of them."""
    config_text = texts.get(_config_name(carried), b"")
    if f"sha256:{hashlib.sha256(config_text).hexdigest()}" != carried.image:
        raise bad(name, "the configuration of its image is not that of its image")
    try:
        config, record = json.loads(config_text), json.loads(texts[PACKAGES])
        lower = [each for each in record["layers"] if each["what"] in _LOWER]
        ids = [str(each["diff_id"]) for each in lower]
        order = [str(each) for each in config["rootfs"]["diff_ids"]][: len(ids)]
        made = [Layer(f"sha256:{one.sha256}", one.size) for one in _layers(manifest, carried)]
        if not [layer.diff_id for layer in made] == ids == order:
            raise bad(name, "the layers of its image are not those that its record names")
        by_kind = {kind: tuple(m for m, e in zip(made, lower, strict=True) if e["what"] == kind) for kind in _LOWER}
        (dependencies,) = by_kind[DEPENDENCIES]
        told = record["base"]
        environment = tuple(str(each) for each in config["config"]["Env"])
        base = Base(str(told["name"]), str(told["python"]), by_kind[BASE], environment, dict(told["contents"]))
        packages = tuple(
            {key: str(each[key]) for key in ("name", "version", "sha256", "licence")} for each in record["wheels"]
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise bad(name, "what it says of its image cannot be read") from None
    came = f"with {manifest.about.get('of')} of deck {manifest.about.get('deck')}"
    return Below(base, came, next(iter(by_kind[LIBRARIES]), None), dependencies, packages)


def _layers(manifest: Manifest, carried: Carried) -> list[Member]:
    found = [manifest.member(f"{IMAGE}{layer}.tar") for layer in carried.layers]
    return [one for one, layer in zip(found, carried.layers, strict=True) if one is not None and one.sha256 == layer]


def _take_gateway(deck: Deck, name: str, manifest: Manifest, packages: bytes) -> None:
    layer = manifest.member(GATEWAY_LAYER)
    try:
        told = json.loads(packages)
        fits = layer is not None and told["layer"] == layer.sha256 and isinstance(told["packages"], dict)
    except (ValueError, KeyError, TypeError, RecursionError):
        fits = False
    if layer is None or not fits:
        raise bad(name, "the gateway's layer is not that of its packages")
    came = place_of(deck, layer)
    with writing_to(came):
        gateway.keep_layer(gateway_folder(deck.workspace), came, packages)


def _config_name(carried: Carried) -> str:
    return f"{IMAGE}{carried.image.removeprefix('sha256:')}.json"


def _lock(manifest: Manifest) -> str:
    member = manifest.member("environment.json")
    return f"sha256:{member.sha256}" if member is not None else ""
