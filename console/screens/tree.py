"""The page of a model's tree."""

from __future__ import annotations

from typing import Any

from console.poller import Asks
from console.render.tree import Grown, tree_lines
from console.screens.document_page import DocumentKind, DocumentPage
from console.screens.list_page import MOST
from engine.operations.models import VersionsRequest
from engine.operations.serving import ReleasesRequest


def tree_page(model: str) -> DocumentPage:
    """Return the tree of a model."""

    def read(client: Asks) -> Any:
        row = next((one for one in client.call("models.list") if one.name == model), None)
        if row is None:
            return None
        return Grown(
            row,
            tuple(client.call("versions.list", VersionsRequest(model))),
            tuple(client.call("releases.list", ReleasesRequest(model=model, limit=MOST))),
            tuple(one for one in client.call("deployments.list") if one.deployment.endpoint == model),
            next((one for one in client.call("monitors.newest") if one.model == model), None),
        )

    kind = DocumentKind(
        scope="text",
        name=f"tree:{model}",
        title=f"tree of {model}",
        command=f"modeldeck show model {model}",
        lines=tree_lines,
        read=read,
        row=lambda subject: subject.model,
    )
    return DocumentPage(kind)
