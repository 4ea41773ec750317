"""`modeldeck bundle export, check, import`: a version as one signed file, where the caller stands.

The daemon opens no path that a caller names: members come and go in pieces, each checked by its hash on either side.
"""

from __future__ import annotations

import base64
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.commands import render
from console.commands.session import Session
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
    target = Path(said.file).expanduser()
    refuse_taken(target)
    with session.client() as client:
        made: SignedBundle = client.call(
            "bundle.collect", CollectRequest(said.model, said.version, said.with_data, said.image)
        )
        manifest: Manifest = read_manifest(target.name, made.manifest.encode(), made.signature.encode())
        write_new(target, lambda file: write(manifest, lambda member: _pieces(client, made.bundle, member), file))
    size = file_size(manifest)
    done = BundleWritten(str(target), made.of, manifest.hash, size, made.members, made.signer)
    if out.as_json:
        out.data(done)
    else:
        out.line(f"{done.file}: {done.of}, {done.members} members, {done.size_bytes} bytes, signed by {done.signer}")
        out.note(f"there: modeldeck bundle import {target.name} --key {done.signer}")
        out.note("where the model is new: --with-settings too")
    return 0


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
    from engine.interop.bundle_check import looked, trusted_signer

    said, out = session.said.request, session.output
    path = Path(said.file).expanduser()
    manifest = _manifest(path)
    with session.client() as client:
        trusted_signer(path.name, manifest, _trusted(client), said.key)
        _, content = looked(path)
        model = content.version.model
        if said.with_settings:
            added = _take_settings(session, client, path, manifest, content)
            if added and said.dry_run:
                done = Done(f"would apply {', '.join(added)}, and import {manifest.about['of']} as {model}@1")
                out.data(done) if out.as_json else render.done(done, out)
                return 0
        signature = {"signer": manifest.signer, "signature": manifest.signature}
        begun: ImportBegun = client.call("bundle.begin", _begin(path, manifest, signature, said.key))
        if said.dry_run:
            done = _would(manifest, begun)
        else:
            with path.open("rb") as file:
                for one in begun.lacked:
                    _send(client, file, manifest, begun.bundle, one)
            done = client.call("bundle.take", TakeImport(path.name, begun.bundle, said.key, said.reason))
    out.data(done) if out.as_json else render.done(done, out)
    return 0


def _begin(path: Path, manifest: Manifest, signature: dict[str, str], key: str) -> BeginImport:
    from engine.interop.bundle_file import canonical

    return BeginImport(path.name, manifest.text.decode(), canonical(signature).decode(), key)


def _would(manifest: Manifest, begun: ImportBegun) -> Done:
    of, maker = manifest.about["of"], manifest.about["deck"]
    if begun.already:
        return Done(f"imported: {of} of {maker} is {begun.already} here", already=True)
    model = str(of).rpartition("@")[0]
    size = sum(one.size - one.have for one in begun.lacked)
    told = f"would import {of} of {maker} as {model}@{begun.number}: {size} bytes are lacked here"
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
