"""`modeldeck audit export, bundle, check, witness, compare`: files where the caller stands; the daemon opens none."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.commands.session import Session
from console.version_names import named_version
from console.writing import refuse_taken, write_new
from engine.operations.audit import EvidenceMade, EvidencePieceRequest, EvidenceRequest, HeadsRequest, SignedHead
from store.errors import CorruptArtifact, ModeldeckError, Refused

if TYPE_CHECKING:
    from engine.client import Client

BROKEN = 1
MOST_HEADS = 2000


@dataclass(frozen=True, slots=True)
class EvidenceWritten:
    """A signed file, written where the caller stands."""

    file: str
    of: str
    size_bytes: int
    events: int
    head: str
    signer: str
    made_at: int


def export(session: Session) -> int:
    """Write the whole record as one signed file."""
    return _write(session, session.said.request.file, EvidenceRequest())


def bundle(session: Session) -> int:
    """Write the record and everything that speaks for a version as one signed file."""
    said = session.said.request
    with session.client() as client:
        version = named_version(client, said.model, said.version)
    return _write(session, said.file or f"{said.model}-{version}.evidence", EvidenceRequest(said.model, version))


def check(session: Session) -> int:
    """Check such a file; without a key it must be signed with one of this deck's."""
    from engine.governance.evidence_check import check as look

    said, out = session.said.request, session.output
    keys = tuple(said.key.split(",")) if said.key else _keys_here(session)
    found = look(Path(said.file).expanduser(), keys)
    if out.as_json:
        out.data(found)
        return 0
    of = f"evidence for {found.of} and the record" if found.of else "the record"
    out.line(f"{found.file}: {of} of deck {found.deck}, signed {out.time(found.made_at)} by {found.signer[:16]}")
    out.line(f"{found.events} events, every link holds, head {found.head}")
    out.line(f"{len(found.members)} members as signed: {', '.join(found.members)}")
    return 0


def witness(session: Session) -> int:
    """Give the signed head of the record to each witness that is named; one that does not take it fails the line.

    Raises:
        Refused: none is named, or one that nobody could rely on.
        WorkFailed: a witness did not take it; those named before it did.
    """
    from console.commands import witnessing

    said, out = session.said.request, session.output
    takers = witnessing.takers(said.file, said.url, said.command)
    with session.client() as client:
        head: SignedHead = client.call("audit.head")
    line = (json.dumps(asdict(head), sort_keys=True) + "\n").encode()
    for name, take in takers:
        take(line)
        if not out.as_json:
            out.line(f"{name}: event {head.seq}, {head.hash}")
    if said.file and not session.is_shared:
        why = witnessing.is_near(Path(said.file).expanduser(), session.workspace().state)
        if why:
            out.note(why)
    if out.as_json:
        out.data(head)
    return 0


def compare(session: Session) -> int:
    """Compare what a witness file holds with the record; exit 1 where the record is not what was seen."""
    said, out = session.said.request, session.output
    heads = _heads(Path(said.file).expanduser())
    with session.client() as client:
        found = client.call("audit.compare", HeadsRequest(tuple(f"{one.seq}:{one.hash}" for one in heads)))
    if out.as_json:
        out.data(found)
    else:
        out.line(f"{found.compared} of {len(heads)} heads: {found.detail}")
    return 0 if found.ok else BROKEN


def _write(session: Session, file: str, request: EvidenceRequest) -> int:
    out, target = session.output, Path(file).expanduser()
    refuse_taken(target)
    with session.client() as client:
        made: EvidenceMade = client.call("audit.collect", request)
        write_new(target, lambda file: _copy(client, made, file))
    done = EvidenceWritten(str(target), made.of, made.size_bytes, made.events, made.head, made.signer, made.made_at)
    if out.as_json:
        out.data(done)
    else:
        out.line(f"{done.file}: {done.of or 'the record'}, {done.events} events, {done.size_bytes} bytes")
        out.note(f"check it anywhere: modeldeck audit check {done.file} --key {done.signer}")
    return 0


def _copy(client: Client, made: EvidenceMade, written: Any) -> None:
    digest, offset = hashlib.sha256(), 0
    while True:
        piece = client.call("audit.file", EvidencePieceRequest(made.hash, offset))
        data = base64.b64decode(piece.data)
        digest.update(data)
        written.write(data)
        if piece.next_offset is None:
            break
        offset = piece.next_offset
    if f"sha256:{digest.hexdigest()}" != made.hash:
        raise CorruptArtifact("the evidence is not what was made", "look: modeldeck audit verify --deep")


def _keys_here(session: Session) -> tuple[str, ...]:
    try:
        with session.client() as client:
            known = tuple(one.public for one in client.call("audit.key"))
    except ModeldeckError:
        known = ()
    if not known:
        raise Refused("whose signature should it bear?", "--key with what modeldeck audit key prints on that deck")
    return known


def _heads(path: Path) -> list[SignedHead]:
    """Read a witness file: every line of it is a head and signed by the key it names.

    Raises:
        Refused: it cannot be read, or a line is none; the line's number is told.
    """
    from engine.governance.witness import is_signed

    try:
        lines = (sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        told = getattr(error, "strerror", None) or "it is no text"
        raise Refused(f"{path} cannot be read: {told}", "name a file made by audit witness") from None
    heads = []
    for number, line in enumerate(lines, 1):
        try:
            head = SignedHead(**json.loads(line))
            is_fine = is_signed(head)
        except (ValueError, TypeError):
            is_fine = False
        if not is_fine:
            raise Refused(f"line {number} of {path} is no signed head", "somebody changed it, or it is another file")
        heads.append(head)
    if not heads:
        raise Refused(f"{path} holds no head", "add one: modeldeck audit witness FILE")
    return heads[-MOST_HEADS:]
