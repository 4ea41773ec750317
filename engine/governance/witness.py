"""Heads of the record that somebody keeps where the deck cannot change them, and what they prove.

A chain proves that nothing within it was changed, to whoever knows its head: who can write to the registry can write
another chain, or cut off its end. A head that lies elsewhere shows either.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from engine.operations.audit import Compared, SignedHead
from engine.serving.ed25519 import holds
from store import events
from store.database import Reader
from store.errors import Refused

PURPOSE = b"modeldeck head 1\n"


def head_bytes(deck: str, seq: int, hash: str, at_us: int) -> bytes:
    """Return the bytes that are signed for a head."""
    told = {"deck": deck, "seq": seq, "hash": hash, "at": at_us}
    return PURPOSE + json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def is_signed(head: SignedHead) -> bool:
    """Say whether a head is signed by the key that it names."""
    try:
        public, signature = bytes.fromhex(head.signer), bytes.fromhex(head.signature)
    except ValueError:
        return False
    return holds(public, head_bytes(head.deck, head.seq, head.hash, head.at), signature)


def compared(reader: Reader, heads: Sequence[str]) -> Compared:
    """Compare heads, each as `SEQ:HASH`, with the record.

    Raises:
        Refused: one cannot be read.
    """
    seen = [_read(one) for one in heads]
    newest = max((seq for seq, _ in seen), default=0)
    chain = events.verify(reader)
    count = events.head(reader)
    if not chain.ok:
        return Compared(False, 0, newest, count, chain.broken_seq or 0, chain.detail)
    for done, (seq, hash) in enumerate(sorted(seen)):
        found = events.event(reader, seq)
        if found is None:
            told = f"event {seq} was witnessed, and the record ends with {count}"
            return Compared(False, done, newest, count, seq, told)
        if found.hash != hash:
            told = f"event {seq} is not the one that was witnessed: the record was written anew"
            return Compared(False, done, newest, count, seq, told)
    return Compared(True, len(seen), newest, count, 0, f"the record holds all that was witnessed, up to event {newest}")


def _read(text: str) -> tuple[int, str]:
    seq, _, hash = text.partition(":")
    if not seq.isascii() or not seq.isdecimal() or len(hash) != len(events.GENESIS):
        raise Refused(f"{text[:40]!r} is no head", "a head is SEQ:HASH")
    return int(seq), hash
