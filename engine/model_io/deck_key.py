"""The key a deck signs with: Ed25519, `.modeldeck/keys/deck`, made on first use. Its public half is on record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store.errors import Refused
from store.secret_files import kept

if TYPE_CHECKING:
    from pathlib import Path

NAME = "deck"


def sign(folder: Path, content: bytes) -> tuple[str, str]:
    """Sign with the key in the deck's key folder; (public key, signature), both hexadecimal.

    Raises:
        Refused: the file is there and holds no such key. StorageUnwritable: the key cannot be made.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    place = folder / NAME
    if not place.is_file():
        made = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        place = kept(folder, NAME, made.decode("ascii"))
    try:
        key = serialization.load_pem_private_key(place.read_bytes(), None)
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise Refused(f"{place} holds no Ed25519 key", "restore it from a backup made --with-keys, or take it away")
    public = key.public_key().public_bytes_raw()
    return public.hex(), key.sign(content).hex()
