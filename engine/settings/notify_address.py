"""Whether a webhook's address may stand in settings, and be sent to. Standard library only."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from engine.settings.secrets import holds_credential

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SECRET_PART = 20  # letters and digits in a row, both in it: a token, not a word of a path


def has_secret(url: str) -> bool:
    """Say whether an address holds a password, a user, a named key, or a part of its path that reads like a token."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return True  # nobody can tell: it is not shown
    words = re.split(r"[/=&;._]", f"{parts.path}/{parts.query}/{parts.fragment}")
    return "@" in parts.netloc or holds_credential(url) or any(map(_is_token, words))


def _is_token(word: str) -> bool:
    return len(word) >= _SECRET_PART and bool(re.search(r"\d", word)) and bool(re.search(r"[A-Za-z]", word))


def address_problem(url: str, plain_http: bool) -> str:
    """Return why a webhook may not be sent to an address, without repeating it; empty where it may."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "is no address: write https://HOST/PATH"
    if parts.scheme not in ("https", "http") or not host:
        return "is no address: write https://HOST/PATH"
    if any(sign <= " " or sign == "\x7f" for sign in url):
        return "holds a space or control character"
    if parts.scheme == "http" and host not in _LOOPBACK and not plain_http:
        return "is not https: whoever is between could read it; use https, or say plain_http = true"
    return ""
