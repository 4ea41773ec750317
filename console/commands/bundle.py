"""`modeldeck bundle export, check, import`: a version as one signed file, where the caller stands.

The daemon opens no path that a caller names: members come and go in pieces, each checked by its hash on either side.
"""

from __future__ import annotations

import base64
import contextlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.commands import render
from console.commands.session import Session
from console.commands.told_refusal import refusal_on_record
from console.commands.values import kilobytes
from console.version_names import named_version
from console.writing import refuse_taken, write_new
from engine.operations.bundles import (
    BeginImport,
    BundlePieceRequest,
    CollectRequest,
    ImportBegun,
    LackedMember,
    PutPiece,
    SignedBundle,
    TakeImport,
)
from engine.operations.common import Done, NoRequest
from engine.operations.deck import ApplyRequest
from engine.operations.files import DeckFiles, FileText, FolderRequest
from store.errors import ModeldeckError, Refused, UnknownName

if TYPE_CHECKING:
    from console.output import Output
    from engine.client import Client
    from engine.interop.bundle_check import Content
    from engine.interop.bundle_file import Manifest, Member

PIECE_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class BundleWritten:
    """A bundle, written where the caller stands."""

    file: str
    of: str
    bundle: str
    size_bytes: int
    members: int
    signer: str


@dataclass(frozen=True, slots=True)
class BundleChecked:
    """What a bundle holds that holds: each member is as its signer signed it, and the version as its deck sealed it."""

    file: str
    of: str
    deck: str
    deck_id: str
    signer: str
    made_at: int
    bundle: str
    size_bytes: int
    data: bool
    image: str
    members: tuple[str, ...]


def export(session: Session) -> int:
    """Write a version as one signed file: whole or not at all."""
    from engine.interop.bundle_file import file_size, read_manifest, write

    said, out = session.said.request, session.output
    with session.client() as client:
        version = named_version(client, said.model, said.version)
        target = Path(said.file or f"{said.model}-{version}.bundle").expanduser()
        refuse_taken(target)
        made: SignedBundle = client.call(
            "bundle.collect", CollectRequest(said.model, version, said.with_data, said.image, said.dry_run)
        )
        manifest: Manifest = read_manifest(target.name, made.manifest.encode(), made.signature.encode())
        if said.dry_run:
            told = f"would write {target}: {made.of}, {_sizes(manifest)}"
            done = Done(told, body={"of": made.of, "size_bytes": file_size(manifest)})
            out.data(done) if out.as_json else render.done(done, out)
            return 0
        out.note(f"{target.name} takes {_sizes(manifest)}")
        write_new(target, lambda file: write(manifest, lambda member: _pieces(client, made.bundle, member), file))
    size = file_size(manifest)
    written = BundleWritten(str(target), made.of, manifest.hash, size, made.members, made.signer)
    if out.as_json:
        out.data(written)
    else:
        told = f"{written.file}: {written.of}, {written.members} members, {written.size_bytes} bytes"
        out.line(f"{told}, signed by {written.signer}")
        out.note(f"there: modeldeck bundle import {target.name} --key {written.signer}")
        out.note("where the model is new: --with-settings too")
        if made.image_bytes and not said.image:
            more = kilobytes(made.image_bytes)
            out.note(f"its image stays here: a docker host that no network reaches needs it too: --image, {more}")
    return 0


def _sizes(manifest: Manifest) -> str:
    """Say how large a bundle is, and what of it: `152.1 MB: image 148.0 MB, rows 2.1 MB, the rest 2.0 MB`."""
    from engine.interop.bundle_file import DATA, IMAGE, file_size

    parts = {
        word: sum(one.size for one in manifest.members if one.name.startswith(prefix))
        for word, prefix in (("image", IMAGE), ("rows", DATA))
    }
    whole = kilobytes(file_size(manifest))
    if not any(parts.values()):
        return whole
    rest = manifest.size - sum(parts.values())
    told = [f"{word} {kilobytes(size)}" for word, size in parts.items() if size]
    return f"{whole}: {', '.join(told)}, the rest {kilobytes(rest)}"


def check(session: Session) -> int:
    """Check a bundle's every byte, its signature and its seal; without a key its signer must be trusted here."""
    from engine.interop.bundle_check import looked, trusted_signer

    said, out = session.said.request, session.output
    path = Path(said.file).expanduser()
    manifest = _manifest(path)
    trusted_signer(path.name, manifest, () if said.key else _trusted_here(session), said.key)
    _, content = looked(path)
    found = _checked(path, manifest, content)
    if out.as_json:
        out.data(found)
        return 0
    out.line(f"{found.file}: {found.of} of deck {found.deck}, signed {out.time(found.made_at)} by {found.signer}")
    more = [word for word, there in (("its rows", found.data), (f"image {found.image[:19]}", found.image)) if there]
    told = f", with {' and '.join(more)}" if more else ""
    out.line(f"{len(found.members)} members as signed, {found.size_bytes} bytes{told}; the seal of {found.of} holds")
    return 0


def take(session: Session) -> int:
    """Import a version: its signer is trusted first, then every byte is checked, then the deck takes what it lacks."""
    from engine.interop.bundle_check import trusted_signer

    said, out = session.said.request, session.output
    path = Path(said.file).expanduser()
    with refusal_on_record(session, "bundle", path.name):
        manifest = _manifest(path)
    with session.client() as client:
        known = _trusted(client)
        with refusal_on_record(session, "bundle", path.name):
            trusted_signer(path.name, manifest, known, said.key)
        with _key_given_anew(out, is_new=manifest.signer not in known and not said.dry_run):
            done = _taken(session, client, path, manifest)
    out.data(done) if out.as_json else render.done(done, out)
    return 0


@contextlib.contextmanager
def _key_given_anew(out: Output, *, is_new: bool) -> Iterator[None]:
    """Say of an import that fails that its signer's key was not remembered: that is done with the first that ends."""
    try:
        yield
    except ModeldeckError:
        if is_new:
            out.note("nothing was imported and the key is not remembered: give --key again")
        raise


def _taken(session: Session, client: Client, path: Path, manifest: Manifest) -> Done:
    """Check a bundle of a trusted signer, and let the deck take what it lacks of it; a dry run only says what."""
    from engine.interop.bundle_check import looked

    said = session.said.request
    with refusal_on_record(session, "bundle", path.name):
        _, content = looked(path)
    model = content.version.model
    if said.with_settings:
        added = _take_settings(session, client, path, manifest, content)
        if added and said.dry_run:
            return Done(f"would apply {', '.join(added)}, and import {manifest.about['of']} as {model}@1")
    begun: ImportBegun = client.call("bundle.begin", _begin(path, manifest, said.key, without_image=said.without_image))
    if said.dry_run:
        return _would(manifest, begun)
    image = _image_bytes(begun)
    if image:
        session.output.note(f"taking its image in: {kilobytes(image)}")
    with path.open("rb") as file:
        for one in begun.lacked:
            _send(client, file, manifest, begun.bundle, one)
    taking = TakeImport(path.name, begun.bundle, said.key, said.reason, said.without_image)
    done: Done = client.call("bundle.take", taking)
    return done


def _begin(path: Path, manifest: Manifest, key: str, *, without_image: bool) -> BeginImport:
    from engine.interop.bundle_file import canonical

    signature = {"signer": manifest.signer, "signature": manifest.signature}
    return BeginImport(path.name, manifest.text.decode(), canonical(signature).decode(), key, without_image)


def _image_bytes(begun: ImportBegun) -> int:
    """Return how many bytes of an image are lacked."""
    from engine.interop.bundle_file import IMAGE

    return sum(one.size - one.have for one in begun.lacked if one.name.startswith(IMAGE))


def _would(manifest: Manifest, begun: ImportBegun) -> Done:
    of, maker = manifest.about["of"], manifest.about["deck"]
    image = _image_bytes(begun)
    if begun.already and image:
        told = f"would take in the image of {of} of {maker}, which is {begun.already} here: {kilobytes(image)}"
        return Done(told, body={"version": begun.already, "size_bytes": image})
    if begun.already:
        return Done(f"imported: {of} of {maker} is {begun.already} here", already=True)
    model = str(of).rpartition("@")[0]
    size = sum(one.size - one.have for one in begun.lacked)
    told = f"would import {of} of {maker} as {model}@{begun.number}: {size} bytes are lacked here"
    if image:
        told += f", of them its image {kilobytes(image)} (--without-image leaves it aside)"
    return Done(told, body={"version": f"{model}@{begun.number}", "size_bytes": size})


def _take_settings(
    session: Session, client: Client, path: Path, manifest: Manifest, content: Content
) -> tuple[str, ...]:
    """Apply the bundle's own model file and code beside this deck's; return their paths, none where it has the model.

    Raises:
        Refused: the bundle has no such file, or a file of another content is there.
    """
    from engine.interop.bundle_file import CODE, MODEL_FILE

    model, said = content.version.model, session.said.request
    try:
        found: DeckFiles | None = client.call("deck.files", NoRequest())
    except Refused:
        if client.call("models.list"):
            raise
        found = None  # nothing is applied yet
    if found is not None and model in _declared(found):
        return ()
    member = manifest.member(f"{MODEL_FILE}{model}.toml")
    if member is None:
        raise Refused(
            f"{path.name} holds no settings file of {model}: its deck's files said something else than was applied",
            f"write models/{model}.toml; settings.json in it says what was applied",
        )
    more = {f"models/{model}.toml": _content(path, manifest, member).decode()}
    if CODE in content.texts:
        with zipfile.ZipFile(BytesIO(content.texts[CODE])) as source:
            more |= {name: source.read(name).decode() for name in source.namelist()}
    if said.dry_run:
        return tuple(more)
    if found is None:
        client.call("deck.apply", ApplyRequest(said.reason))
        found = client.call("deck.files", NoRequest())
    here = {one.path: one.text for one in found.files}
    for name, text in more.items():
        if here.get(name, text) != text:
            raise Refused(f"{name} is here already, and says something else", "make it the same, or apply by hand")
    files = tuple(FileText(name, text) for name, text in {**here, **more}.items())
    client.call("deck.apply_folder", FolderRequest(files, said.reason or f"model of {path.name}"))
    return tuple(more)


def _declared(found: DeckFiles) -> set[str]:
    import tomllib

    files = [one.text for one in found.files if one.path.startswith("models/")]
    return {str(tomllib.loads(text)["model"]["name"]) for text in files}


def _content(path: Path, manifest: Manifest, wanted: Member) -> bytes:
    from engine.interop.bundle_file import manifest_of, members_of

    with path.open("rb") as file:
        manifest_of(file, path.name)
        for member, pieces in members_of(file, path.name, manifest):
            content = b"".join(pieces)
            if member == wanted:
                return content
    raise UnknownName(f"{path.name} has no member {wanted.name}")


def _send(client: Client, file: Any, manifest: Manifest, bundle: str, one: LackedMember) -> None:
    """Send what is lacked of a member, from where it was left."""
    from engine.interop.bundle_file import place_in

    start, have = place_in(manifest, one.name), one.have
    if not one.size:
        client.call("bundle.put", PutPiece(bundle, one.name, 0, ""))
    while have < one.size:
        file.seek(start + have)
        data = file.read(min(PIECE_BYTES, one.size - have))
        encoded = base64.b64encode(data).decode("ascii")
        have = client.call("bundle.put", PutPiece(bundle, one.name, have, encoded)).have


def _pieces(client: Client, bundle: str, member: Member) -> Iterator[bytes]:
    offset: int | None = 0
    while offset is not None:
        piece = client.call("bundle.piece", BundlePieceRequest(bundle, member.name, offset))
        yield base64.b64decode(piece.data)
        offset = piece.next_offset


def _manifest(path: Path) -> Manifest:
    from engine.interop.bundle_file import manifest_of

    try:
        with path.open("rb") as file:
            return manifest_of(file, path.name)
    except OSError as error:
        told = error.strerror or "it is no file"
        raise Refused(f"{path} cannot be read: {told}", "name a file made by modeldeck bundle export") from None


def _checked(path: Path, manifest: Manifest, content: Content) -> BundleChecked:
    from engine.interop.bundle_file import file_size

    about = manifest.about
    made_at = about.get("made_at")
    return BundleChecked(
        path.name,
        f"{content.version.model}@{content.version.number}",
        str(about.get("deck", "")),
        str(about.get("deck_id", "")),
        manifest.signer,
        made_at if isinstance(made_at, int) else 0,
        manifest.hash,
        file_size(manifest),
        bool(about.get("data")),
        str(about.get("image") or ""),
        tuple(member.name for member in manifest.members),
    )


def _trusted(client: Client) -> tuple[str, ...]:
    return tuple(one.public for one in (*client.call("bundle.signers"), *client.call("audit.key")))


def _trusted_here(session: Session) -> tuple[str, ...]:
    try:
        with session.client() as client:
            return _trusted(client)
    except ModeldeckError:
        return ()
