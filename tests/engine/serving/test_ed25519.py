"""Signatures that hold and those that do not: the RFC's own, another library's, and forged ones."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.serving.ed25519 import holds

ORDER = 2**252 + 27742317777372353535851937790883648493
# RFC 8032, section 7.1: public key, message, signature
OF_THE_RFC = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("public", "message", "signature"), OF_THE_RFC)
def test_the_signatures_of_the_rfc_hold(public: str, message: str, signature: str) -> None:
    assert holds(bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature))


def other_says(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@settings(max_examples=30, deadline=None)
@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=300), bit=st.integers(0, 511))
def test_it_says_what_the_library_says_of_a_signature_and_of_another_bit(seed: bytes, message: bytes, bit: int) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), key.sign(message)
    forged = (int.from_bytes(signature, "little") ^ (1 << bit)).to_bytes(64, "little")
    assert holds(public, message, signature)
    assert not holds(public, message + b"\0", signature)
    assert holds(public, message, forged) is other_says(public, message, forged) is False


def test_the_same_signature_in_another_form_does_not_hold() -> None:
    key = Ed25519PrivateKey.generate()
    public, signature = key.public_key().public_bytes_raw(), key.sign(b"told")
    answer = int.from_bytes(signature[32:], "little") + ORDER
    assert not holds(public, b"told", signature[:32] + answer.to_bytes(32, "little"))


@pytest.mark.parametrize("small", [bytes([1, *[0] * 31]), bytes(32), bytes([0xEC, *[0xFF] * 30, 0x7F])])
def test_a_key_under_which_anything_would_hold_is_refused(small: bytes) -> None:
    assert not holds(small, b"anything", small + bytes(32))
    assert not holds(small, b"anything", bytes([1, *[0] * 31]) + bytes(32))


def test_what_is_no_point_or_of_another_length_does_not_hold() -> None:
    key = Ed25519PrivateKey.generate()
    public, signature = key.public_key().public_bytes_raw(), key.sign(b"told")
    beyond = bytes([0xEE, *[0xFF] * 30, 0x7F])  # p + 1: the form of 1 that is not canonical
    for one, other in ((public[:31], signature), (public, signature[:63]), (bytes([2, *[0] * 31]), signature)):
        assert not holds(one, b"told", other)
    assert not holds(beyond, b"told", signature)
