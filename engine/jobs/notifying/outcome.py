"""What came of one attempt to send, and how secrets are kept out of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from engine.settings.secrets import HIDDEN, redacted
from store.rows.frozen import dataclass

SHOWN = 200  # characters of an answer or error that are kept
_LEAST = 4  # a shorter part of an address hides nothing, and would blot out half of a text


@dataclass(frozen=True, slots=True)
class Outcome:
    """An attempt. `error` is empty where it arrived; `final` says that trying again is asked not to happen."""

    error: str = ""
    status: int | None = None
    response: str = ""
    retry_after_s: float | None = None
    final: bool = False

    def without(self, secrets: Iterable[str]) -> Outcome:
        """Return the same without any secret, or part of one, in its texts."""
        known = sorted({part for one in secrets for part in parts_of(one)}, key=len, reverse=True)
        return Outcome(
            _clean(self.error, known), self.status, _clean(self.response, known), self.retry_after_s, self.final
        )


def parts_of(secret: str) -> set[str]:
    """Return a secret, and of an address each part that may give it away, also as it is written in a URL.

    The host is left out: it says where a message went, and a person needs to know.
    """
    found = {secret}
    if "://" in secret:
        scheme, _, rest = secret.partition("://")
        try:
            host = urlsplit(secret).hostname or ""
        except ValueError:
            host = ""
        words = re.split(r"[/?#&=@:;,]", rest)
        found |= {word for word in words if len(word) >= _LEAST and word.lower() != host.lower()}
        found |= {rest, f"{scheme}:{rest}"}
    return found | {unquote(one) for one in found}


def _without_cut_end(text: str, known: list[str]) -> str:
    """Hide the beginning of a secret at the very end: an answer is read only so far, and the cut may go through one."""
    for secret in known:
        for length in range(min(len(secret), len(text)), _LEAST - 1, -1):
            if text.endswith(secret[:length]):
                return f"{text[:-length]}{HIDDEN}"
    return text


def _clean(text: str, known: list[str]) -> str:
    for secret in known:
        text = text.replace(secret, HIDDEN)
    text = _without_cut_end(text, known)
    shown = " ".join("".join(sign if sign.isprintable() else " " for sign in redacted(text)).split())
    return shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 1]}…"
