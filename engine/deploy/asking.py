"""Ask an endpoint over HTTP through its router, and pass its typed error on."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from engine.model_io.asked import counted_from_one
from engine.operations.serving import Predictions
from engine.serving.request_ids import CLIENT_HEADER, VERSION_HEADER
from store.errors import ModeldeckError, Refused, StorageUnwritable, Unavailable, WorkFailed
from store.rows import Endpoint

if TYPE_CHECKING:
    from engine.deck import Deck

ANSWER_WITHIN_S = 60.0
LOG_FULL, OVERLOADED = "log_full", "overloaded"  # a server's own words


def ask_endpoint(
    endpoint: Endpoint,
    records: Sequence[Mapping[str, Any]],
    key: str = "",
    certificates: Mapping[str, Path] | None = None,
    version: int | None = None,
    client_id: str = "",
) -> Predictions:
    """Return the prediction records of these rows, in row order. `key` opens an endpoint that needs one.

    With `version` that one answers, and the request is no part of the traffic that versions are compared by.
    `client_id` is logged with them.

    `certificates` are what gateways show, by host: where one speaks TLS no other certificate is believed.

    Raises:
        Refused: the endpoint was stopped, or the rows do not fit: the error names row, the first being 1, and column.
        Unavailable: nothing answers there, or no version is loaded.
        StorageUnwritable: the prediction log is full, and nothing is predicted unrecorded.
        WorkFailed: the server failed.
    """
    if not records:
        raise Refused("there are no rows to predict", "give at least one")
    if endpoint.stopped_at is not None or not endpoint.addresses:
        raise Refused(f"{endpoint.model} is not serving", f"modeldeck promote {endpoint.model} VERSION")
    host = "local" if "local" in endpoint.addresses else next(iter(endpoint.addresses))
    address = endpoint.addresses[host]
    shown = (certificates or {}).get(host)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    headers |= {VERSION_HEADER: str(version)} if version is not None else {}
    headers |= {CLIENT_HEADER: client_id} if client_id else {}
    status, body = _post(f"{address.rstrip('/')}/predict", json.dumps({"rows": list(records)}).encode(), headers, shown)
    if status != http.client.OK:
        raise _error(endpoint.model, status, body)
    return Predictions(endpoint.model, int(body["version"]), tuple(body["predictions"]))


def ask_as_the_deck(
    deck: Deck, model: str, records: Sequence[Mapping[str, Any]], version: int | None = None, client_id: str = ""
) -> Predictions:
    """Ask a model's endpoint with the deck's own key, believing the certificates that its hosts are declared with.

    Raises:
        UnknownName: the model has no endpoint. And whatever `ask_endpoint` raises.
    """
    from engine.deploy.keys import endpoint_key
    from engine.settings.apply import current_settings
    from store import deployments

    endpoint = deployments.endpoint(deck.database, model)
    hosts = current_settings(deck)[0].hosts
    shown = {host.name: deck.workspace.root / host.tls_cert for host in hosts if host.tls_cert}
    return ask_endpoint(endpoint, records, endpoint_key(deck.workspace.keys), shown, version, client_id)


def _post(url: str, payload: bytes, headers: Mapping[str, str], shown: Path | None) -> tuple[int, dict[str, Any]]:
    parts = urlsplit(url)
    where = parts.hostname or "127.0.0.1", parts.port
    connection = http.client.HTTPConnection(*where, timeout=ANSWER_WITHIN_S)
    try:
        if parts.scheme == "https":
            believed = _believing(shown)
            connection = http.client.HTTPSConnection(*where, timeout=ANSWER_WITHIN_S, context=believed)
        connection.request("POST", parts.path, payload, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(f"nothing answers at {url} ({error})", "look: modeldeck deployments") from error
    finally:
        connection.close()
    try:
        said = json.loads(body)
    except ValueError:
        said = {"error": body.decode(errors="replace")[:200]}
    return answer.status, said if isinstance(said, dict) else {"error": str(said)[:200]}


def _believing(shown: Path | None) -> ssl.SSLContext:
    """Return what believes one certificate, whatever name it is reached by: the deck itself says which it is."""
    believed = ssl.create_default_context(cafile=shown)
    if shown is not None:
        believed.check_hostname = False
        believed.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    return believed


def _error(model: str, status: int, body: dict[str, Any]) -> ModeldeckError:
    said = body.get("error", f"HTTP {status}")
    message = counted_from_one(str(said.get("message", said)) if isinstance(said, dict) else str(said))
    if isinstance(said, dict) and said.get("code") == LOG_FULL:
        return StorageUnwritable(f"{model}: {message}", "free disk space and ask again: modeldeck gc --dry-run")
    if isinstance(said, dict) and said.get("code") == OVERLOADED:
        return Unavailable(f"{model}: {message}", "ask again in a second; more servers: replicas under [deploy]")
    if status == http.client.SERVICE_UNAVAILABLE:
        return Unavailable(f"{model}: {message}", "look: modeldeck deployments")
    if status == http.client.TOO_MANY_REQUESTS:
        return Refused(f"{model}: {message}", "ask again in a second; its file sets the limit under [endpoint]")
    if status < http.client.INTERNAL_SERVER_ERROR:
        return Refused(f"{model}: {message}", "correct the rows and ask again")
    return WorkFailed(f"{model}: {message}", "see the server's log: modeldeck deployments")
