"""Keeps pandas out of a process that has no use for it.

pyarrow imports pandas for the first array it makes wherever it is installed: a third of a second and 60 MB, for a look
that counts columns. Refused, it goes on without.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Refused:
    """A finder that has no pandas."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Refuse pandas, and know nothing of the rest."""
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not wanted in this process", name=name)
        return None


def without_pandas() -> None:
    """Refuse every import of pandas from now on; what has imported it already keeps it."""
    if not any(isinstance(one, _Refused) for one in sys.meta_path):
        sys.meta_path.insert(0, _Refused())
