"""Operations on bundles: a version as one signed file, taken from one deck to another that no network joins."""

from __future__ import annotations

from engine.access import Role
from engine.operations.common import Done
from engine.operations.operation import Danger, Operation, argument
from store.rows.frozen import dataclass


@dataclass(frozen=True, slots=True)
class CollectRequest:
    """Sign what a version is made of; the caller then reads it member by member."""

    model: str = argument("the model's name")
    version: int = argument("the version number")
    data: bool = argument("its snapshot's rows too", flag="--with-data", default=False)
    image: bool = argument("its image too", flag="--image", default=False)
    dry_run: bool = argument("only say how large it would be", flag="--dry-run", default=False)


@dataclass(frozen=True, slots=True)
class SignedBundle:
    """A manifest and the signature over it, as they stand at the begin of the file; `bundle` is the manifest's hash.

    `image_bytes` is how large the newest image is that was built of the version, 0 where none was.
    """

    bundle: str
    manifest: str
    signature: str
    of: str
    members: int
    size_bytes: int
    signer: str
    image_bytes: int = 0


@dataclass(frozen=True, slots=True)
class BundlePieceRequest:
    """A piece of a member of a collected bundle, from a byte offset on."""

    bundle: str = argument("the bundle's hash")
    name: str = argument("the member's path")
    offset: int = argument("start at this byte", flag="--offset", default=0)


@dataclass(frozen=True, slots=True)
class BundlePiece:
    """A piece in base64, and where the next starts (None: no more)."""

    data: str
    next_offset: int | None


@dataclass(frozen=True, slots=True)
class BeginImport:
    """Ask what of a bundle this deck lacks. `key` is its signer's where the deck does not trust it yet."""

    name: str = argument("the file's name, for messages")
    manifest: str = argument("the manifest, as signed")
    signature: str = argument("the signature, as it stands in the file")
    key: str = argument("the signer's public key", flag="--key", default="")
    without_image: bool = argument("leave its image aside", flag="--without-image", default=False)


@dataclass(frozen=True, slots=True)
class LackedMember:
    """A member whose bytes this deck has only in part: the first `have` of `size`."""

    name: str
    size: int
    have: int


@dataclass(frozen=True, slots=True)
class ImportBegun:
    """What is lacked, and the version it is here already ("": none yet; then it will be the one of `number`)."""

    bundle: str
    already: str
    number: int
    lacked: tuple[LackedMember, ...]


@dataclass(frozen=True, slots=True)
class PutPiece:
    """The next piece of a lacked member, in base64; `offset` is how many bytes of it are there."""

    bundle: str = argument("the bundle's hash")
    name: str = argument("the member's path")
    offset: int = argument("how many bytes are there", flag="--offset")
    data: str = argument("base64", flag="--data")


@dataclass(frozen=True, slots=True)
class TakeImport:
    """Check all that a bundle holds, and register its version."""

    name: str = argument("the file's name, for messages")
    bundle: str = argument("the bundle's hash")
    key: str = argument("the signer's public key", flag="--key", default="")
    reason: str = argument("why, kept on record", flag="--reason", default="")
    without_image: bool = argument("leave its image aside", flag="--without-image", default=False)


@dataclass(frozen=True, slots=True)
class SignersRequest:
    """The keys of other decks that are trusted here."""

    all: bool = argument("those too that are trusted no more", flag="--all", default=False)


@dataclass(frozen=True, slots=True)
class TrustedSigner:
    """A public key, hexadecimal, whose bundles are imported; `withdrawn_at` is when that ended."""

    public: str
    name: str
    actor: str
    trusted_at: int
    withdrawn_at: int | None


@dataclass(frozen=True, slots=True)
class TrustSigner:
    """Take bundles that are signed with this key."""

    key: str = argument("64 digits, as modeldeck audit key prints them on the other deck", metavar="KEY")
    name: str = argument("what to call it here", metavar="NAME", default="")
    reason: str = argument("why, kept on record", flag="--reason", default="")


@dataclass(frozen=True, slots=True)
class DistrustSigner:
    """Take no more bundles signed with this key; what was imported stays."""

    key: str = argument("the key, or its name here", metavar="KEY")
    reason: str = argument("why, kept on record", flag="--reason", default="")


_HANDLERS = "engine.service.handlers.bundles"

OPERATIONS = (
    Operation(
        "bundle.collect",
        (),
        "sign what a version is made of",
        CollectRequest,
        SignedBundle,
        Role.OPERATOR,
        Danger.CHANGE,
        f"{_HANDLERS}:collect",
        command_line=False,
        personal="copied",  # golden requests are rows, and with data all of them are
    ),
    Operation(
        "bundle.piece",
        (),
        "a piece of a bundle's member",
        BundlePieceRequest,
        BundlePiece,
        Role.OPERATOR,
        Danger.READ,
        f"{_HANDLERS}:piece",
        command_line=False,
    ),
    Operation(
        "bundle.begin",
        (),
        "what of a bundle this deck lacks",
        BeginImport,
        ImportBegun,
        Role.ADMIN,
        Danger.CHANGE,
        f"{_HANDLERS}:begin",
        command_line=False,
        on_record=True,
        takes_rows=True,
    ),
    Operation(
        "bundle.put",
        (),
        "the next piece of a lacked member",
        PutPiece,
        LackedMember,
        Role.ADMIN,
        Danger.CHANGE,
        f"{_HANDLERS}:put",
        command_line=False,
        on_record=True,
        takes_rows=True,
    ),
    Operation(
        "bundle.take",
        (),
        "check a bundle and register its version",
        TakeImport,
        Done,
        Role.ADMIN,
        Danger.CHANGE,
        f"{_HANDLERS}:take",
        command_line=False,
        on_record=True,
    ),
    Operation(
        "bundle.signers",
        ("bundle", "signers"),
        "the keys of other decks that are trusted",
        SignersRequest,
        TrustedSigner,
        Role.VIEWER,
        Danger.READ,
        f"{_HANDLERS}:signers",
        many=True,
    ),
    Operation(
        "bundle.trust",
        ("bundle", "trust"),
        "take bundles that this key signed",
        TrustSigner,
        Done,
        Role.ADMIN,
        Danger.CHANGE,
        f"{_HANDLERS}:trust",
    ),
    Operation(
        "bundle.distrust",
        ("bundle", "distrust"),
        "take no more bundles of this key",
        DistrustSigner,
        Done,
        Role.ADMIN,
        Danger.CHANGE,
        f"{_HANDLERS}:distrust",
    ),
)
