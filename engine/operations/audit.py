"""Operations on evidence: the deck's public keys, signed files for auditors, heads of the record for witnesses."""

from __future__ import annotations

from engine.access import Role
from engine.operations.common import Done, NoRequest
from engine.operations.operation import Danger, Operation, argument
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class DeckKey:
    """The public half of a key that the deck signs with, hexadecimal; the last one made signs now."""

    public: str
    made_at: int


@dataclass(frozen=True, slots=True)
class EvidenceRequest:
    """The whole record; with a model everything that speaks for a version too: the champion, else the newest."""

    model: str | None = argument("also what speaks for a version of this model", metavar="MODEL", default=None)
    version: int | None = argument("the version number", flag="--version", metavar="VERSION", default=None)


@dataclass(frozen=True, slots=True)
class EvidenceMade:
    """A signed file of evidence among the artifacts, to be read in pieces by its hash."""

    hash: str
    size_bytes: int
    of: str  # the version, "" of the record alone
    events: int
    head: str
    signer: str
    made_at: int


@dataclass(frozen=True, slots=True)
class EvidencePieceRequest:
    """A piece of a file of evidence, from a byte offset on."""

    hash: str = argument("the file's hash")
    offset: int = argument("start at this byte", flag="--offset", default=0)


@dataclass(frozen=True, slots=True)
class EvidencePiece:
    """A piece in base64, and where the next starts (None: no more)."""

    data: str
    next_offset: int | None


@dataclass(frozen=True, slots=True)
class SignedHead:
    """The newest event's number and hash, signed, for somebody who keeps it where the deck cannot change it."""

    deck: str
    seq: int
    hash: str
    at: int
    signer: str
    signature: str


@dataclass(frozen=True, slots=True)
class HeadsRequest:
    """Heads that a witness kept, each as `SEQ:HASH`."""

    heads: tuple[str, ...] = argument("SEQ:HASH", flag="--head")


@dataclass(frozen=True, slots=True)
class Compared:
    """Whether the record still holds what witnesses saw: the first head that it does not, 0 where it holds all."""

    ok: bool
    compared: int
    newest: int  # the newest event that a witness saw
    events: int  # how many the record has
    broken_seq: int
    detail: str


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that its caller's own program refused before the deck saw it: a bundle, or a folder's tar."""

    what: str = argument("bundle or folder")
    name: str = argument("the file's name")
    why: str = argument("what was wrong with it, in one line")


_HANDLERS = "engine.service.handlers.audit"

OPERATIONS = (
    Operation(
        "audit.key",
        ("audit", "key"),
        "the public keys that this deck signs with",
        NoRequest,
        DeckKey,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:keys",
        many=True,
    ),
    Operation(
        "audit.collect",
        (),
        "make a signed file of evidence",
        EvidenceRequest,
        EvidenceMade,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:collect",
        command_line=False,
    ),
    Operation(
        "audit.file",
        (),
        "a piece of a file of evidence",
        EvidencePieceRequest,
        EvidencePiece,
        Role.OPERATOR,
        Danger.READ,
        f"{_HANDLERS}:piece",
        command_line=False,
    ),
    Operation(
        "audit.head",
        (),
        "the newest event's hash, signed",
        NoRequest,
        SignedHead,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:head",
        command_line=False,
    ),
    Operation(
        "audit.refused",
        (),
        "put on record that a file was refused",
        RefusedFile,
        Done,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:refused",
        command_line=False,
    ),
    Operation(
        "audit.compare",
        (),
        "whether the record holds what witnesses saw",
        HeadsRequest,
        Compared,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:compare",
        command_line=False,
    ),
)
