"""A file behind an HTTP(S) or S3 address, brought here and read as any file."""

from __future__ import annotations

import http.client
import shutil
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

from engine.data.sources.files import read_paths, reader_of
from engine.settings.secrets import redacted
from store.errors import ModeldeckError, Refused

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.data.sources.since import Since
    from engine.workspace import Workspace

WAIT_S = 60.0  # for a server that says nothing
CONNECT_S = 10.0
_KINDS = ("http", "https", "s3")
_CHUNK = 1 << 20


def from_url(source: str, credential: str, workspace: Workspace, since: Since | None) -> pa.Table:
    """Fetch and read it.

    The credential of HTTP is a bearer token, or a whole `Authorization` value that begins with `Basic ` or `Bearer `;
    that of S3 is `KEY_ID:SECRET_KEY`. Without one S3's usual environment holds (AWS_ACCESS_KEY_ID, AWS_PROFILE, …);
    AWS_ENDPOINT_URL names another store than Amazon's.

    Raises:
        Refused: it is of no known kind, or cannot be fetched or read.
    """
    kind = urlsplit(source).scheme.lower()
    shown = redacted(source)
    if kind not in _KINDS:
        raise Refused(f"source {shown} is of no known kind", f"known are {', '.join(_KINDS)}, postgresql, sqlite")
    name = Path(urlsplit(source).path).name
    reader_of(name)
    with tempfile.TemporaryDirectory(prefix="modeldeck-") as folder:
        place = Path(folder) / name
        try:
            with place.open("wb") as target:
                if kind == "s3":
                    _from_s3(source, credential, target)
                else:
                    _from_http(source, credential, target)
        except (OSError, ValueError, http.client.HTTPException) as error:  # a refused connection, a 404, a cut answer
            told = redacted(" ".join(f"{error or type(error).__name__}".split()), credential)
            raise Refused(
                f"source {shown} cannot be fetched: {told}", "see that it is there and may be read"
            ) from error
        try:
            return read_paths([place], name, workspace, since, shown)
        except ModeldeckError as error:
            raise type(error)(error.message.replace(str(place), name), error.hint) from error


def _from_http(source: str, credential: str, target: BinaryIO) -> None:
    request = urllib.request.Request(source, headers={"User-Agent": "modeldeck"})  # noqa: S310 (http and https only)
    if credential:  # never sent on to where a redirect leads
        whole = credential if credential.startswith(("Basic ", "Bearer ")) else f"Bearer {credential}"
        request.add_unredirected_header("Authorization", whole)
    try:
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:  # noqa: S310
            shutil.copyfileobj(answer, target, _CHUNK)
            size = answer.headers.get("Content-Length")
    except urllib.error.HTTPError as error:
        error.close()
        raise
    if size is not None and target.tell() != int(size):
        raise http.client.IncompleteRead(b"", int(size) - target.tell())


def _from_s3(source: str, credential: str, target: BinaryIO) -> None:
    import os

    from pyarrow import fs

    key, _, secret = credential.partition(":")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    told = {"access_key": key, "secret_key": secret} if credential else {}
    if endpoint:
        told["endpoint_override"] = endpoint
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if region or endpoint:
        told["region"] = region or "us-east-1"
    store = fs.S3FileSystem(connect_timeout=CONNECT_S, request_timeout=WAIT_S, **told)
    with store.open_input_stream(source.partition("://")[2]) as content:
        while piece := content.read(_CHUNK):
            target.write(piece)
