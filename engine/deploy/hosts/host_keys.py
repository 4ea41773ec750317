"""The public keys by which hosts behind SSH are known: asked once, pinned in the settings, never learned in passing."""

from __future__ import annotations

import base64
import hashlib
import subprocess

from engine.settings.addresses import EngineAddress
from store.errors import Refused, Unavailable

SCAN_S = 5
_BEST_FIRST = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa")


def fingerprint(key: str) -> str:
    """Return `SHA256:…` of a key written as `ssh-ed25519 AAAA…`, as ssh-keygen -l and ssh itself print it."""
    blob = base64.b64decode(key.split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def offered(address: EngineAddress) -> list[str]:
    """Return the keys that a host offers now, the best kind first. Nothing says yet that it is the right host.

    Raises:
        Unavailable: nothing answers there, or ssh-keyscan is not installed.
    """
    command = ["ssh-keyscan", "-T", str(SCAN_S), "-p", str(address.port), "--", address.host]
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, timeout=3 * SCAN_S, check=False, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise Unavailable("ssh is not installed here", "apt-get install -y openssh-client") from None
    except subprocess.TimeoutExpired:
        raise Unavailable(f"no SSH server answers at {address.host} port {address.port}", _REACH) from None
    keys = [line.split(maxsplit=1)[1].strip() for line in asked.stdout.splitlines() if line and line[0] != "#"]
    found = sorted(
        (key for key in keys if key.split()[0] in _BEST_FIRST), key=lambda k: _BEST_FIRST.index(k.split()[0])
    )
    if not found:
        raise Unavailable(f"no SSH server answers at {address.host} port {address.port}", _REACH)
    return found


_REACH = "check the address, the port and the way there"


def pin(address: EngineAddress, said: str) -> str:
    """Return the key to pin: the one that was given whole, or the offered one whose fingerprint the person knows.

    Raises:
        Refused: nobody vouched for a key yet, or the host offers none of that fingerprint; the line says which it has.
        Unavailable: the host does not answer.
    """
    if said and not said.startswith("SHA256:"):
        return " ".join(said.split()[:2])
    keys = offered(address)
    for key in keys:
        if said and fingerprint(key) == said:
            return key
    best = keys[0]
    shown = f"{best.split()[0]} {fingerprint(best)}"
    if said:
        raise Refused(f"{address.host} has no key {said}: it offers {shown}", "do not go on before you know why")
    raise Refused(
        f"{address.host} offers the key {shown}",
        f"if its administrator confirms that, add --host-key {fingerprint(best)}",
    )


def known_hosts(address: EngineAddress, key: str) -> str:
    """Return the one line of a known_hosts file that believes this key for this host and no other."""
    return f"{address.known_as} {key}\n"
