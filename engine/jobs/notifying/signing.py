"""The signature of a webhook: `t=SECONDS,v1=HEX`, an HMAC-SHA256 of `SECONDS.BODY` per valid secret.

While one secret replaces another both sign, so a receiver that knows either can verify. The time is signed with the
body: a receiver that refuses old ones cannot be shown a message twice much later.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

SIGNATURE = "X-Modeldeck-Signature"
ID = "X-Modeldeck-Id"
TIMESTAMP = "X-Modeldeck-Timestamp"
ATTEMPT = "X-Modeldeck-Attempt"


def signature(secrets: Sequence[str], timestamp: int, body: bytes) -> str:
    """Return the header's value; `timestamp` is seconds since 1970."""
    signed = str(timestamp).encode() + b"." + body
    made = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={timestamp}", *(f"v1={one}" for one in made)])
