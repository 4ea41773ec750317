"""Tokens for personal columns: a keyed hash of column and value, the same wherever the deck's log key is used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class LogKey:
    """A deck's log key; `id` is written with every row, the secret never is."""

    id: str
    secret: bytes

    def __repr__(self) -> str:
        """Show the id only."""
        return f"LogKey({self.id})"

    @classmethod
    def read(cls, path: Path) -> LogKey:
        """Read `{"id", "key"}` from a key file.

        Raises:
            OSError: it cannot be read.
            ValueError: it holds no key.
        """
        body = json.loads(path.read_bytes())
        return cls(str(body["id"]), bytes.fromhex(body["key"]))

    def token(self, column: str, value: Any) -> str | None:
        """Return 32 hex digits for a value of a column; a null stays null. Numbers and text of one look differ."""
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # 3 and 3.0 are one value in JSON
        told = f"{column}\0{json.dumps(value, ensure_ascii=False)}".encode()
        return hashlib.blake2b(told, key=self.secret, digest_size=16).hexdigest()

    def hide(self, row: Mapping[str, Any], columns: Collection[str]) -> dict[str, Any]:
        """Return the row with its personal columns replaced by tokens."""
        return {name: self.token(name, value) if name in columns else value for name, value in row.items()}
