"""Who keeps heads of the record: a file, whoever listens at a URL, a program of the caller's. Each takes one line."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

from store.errors import Refused, WorkFailed

WITHIN_S = 30.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")

Take = Callable[[bytes], None]


def takers(file: str | None, url: str, command: str) -> list[tuple[str, Take]]:
    """Return each witness that is named, with how it takes a line.

    Raises:
        Refused: none is, or one that nobody could rely on.
    """
    found: list[tuple[str, Take]] = []
    if file:
        target = Path(file).expanduser()
        found.append((str(target), partial(to_file, target)))
    if url:
        _check_url(url)
        found.append((url, partial(to_url, url)))
    if command:
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise Refused(f"--command cannot be read: {error}", "quote it as a shell would") from None
        if not words:
            raise Refused("--command names no program", "such as 'ssh other tee -a heads.jsonl'")
        found.append((words[0], partial(to_command, words)))
    if not found:
        raise Refused("who is to keep the head?", "name a file, --url or --command; see modeldeck audit witness --help")
    return found


def to_file(target: Path, line: bytes) -> None:
    """Add a line to a file, and have it on the disk.

    Raises:
        WorkFailed: it cannot be written.
    """
    try:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            os.write(handle, line)
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise WorkFailed(f"{target} cannot be written: {error.strerror}", "name a file that you may write to") from None


def to_url(url: str, line: bytes) -> None:
    """Send a line by POST; only a status of 200 to 299 counts, and nobody is followed elsewhere.

    Raises:
        WorkFailed: nobody answers, or something else.
    """
    import http.client
    from urllib.parse import urlsplit

    told = urlsplit(url)
    kind = http.client.HTTPSConnection if told.scheme == "https" else http.client.HTTPConnection
    connection = kind(told.hostname or "", told.port, timeout=WITHIN_S)
    path = f"{told.path or '/'}{f'?{told.query}' if told.query else ''}"
    try:
        connection.request("POST", path, line, {"Content-Type": "application/json"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise WorkFailed(
            f"{told.hostname} does not take the head: {error}", "see that it answers, then again"
        ) from None
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise WorkFailed(f"{told.hostname} does not take the head: it answers {status}", "see why there, then again")


def to_command(words: list[str], line: bytes) -> None:
    """Give a line to a program on its standard input; no shell reads the words.

    Raises:
        WorkFailed: it is not there, takes too long, or says that it failed.
    """
    try:
        ran = subprocess.run(words, input=line, capture_output=True, timeout=WITHIN_S, check=False)
    except OSError as error:
        raise WorkFailed(f"{words[0]} cannot be run: {error.strerror}", "name a program of this machine") from None
    except subprocess.TimeoutExpired:
        raise WorkFailed(f"{words[0]} did not end within {WITHIN_S:g} s", "the head may not be kept; again") from None
    if ran.returncode:
        said = (ran.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1][:200]
        raise WorkFailed(f"{words[0]} ended with {ran.returncode}: {said}", "the head is not kept; again")


def is_near(target: Path, state: Path) -> str:
    """Say what a witness file on the deck's own disk is worth, "" of one that lies elsewhere."""
    try:
        same = target.resolve().stat().st_dev == state.stat().st_dev
    except OSError:
        return ""
    told = "lies on the deck's own disk: whoever writes the record anew may write it too"
    return f"{target} {told}; a mount of another machine, --url or --command is out of reach" if same else ""


def _check_url(url: str) -> None:
    from urllib.parse import urlsplit

    try:
        told = urlsplit(url)
        host, port = told.hostname, told.port
    except ValueError:
        host = port = None
    del port
    if not host or told.scheme not in ("http", "https"):
        raise Refused(f"{url[:80]!r} is no URL", "such as https://witness.example.com/heads")
    if told.scheme == "http" and host not in LOOPBACK:
        raise Refused(f"{url[:80]} is not encrypted: anybody on the way may answer for it", "use https")
    if told.username or told.password:
        raise Refused(
            "a secret in a URL is seen by everybody who lists processes", "let --command send it: curl -K FILE"
        )
