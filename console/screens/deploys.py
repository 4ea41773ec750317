"""`5` Deploys: what runs where, and the rollout under way; behind it every release there has been."""

from __future__ import annotations

from typing import Any

from console.poller import Asks
from console.render import deploys
from console.render.deploys import DeployRow
from console.screens.catalog import release_page
from console.screens.document_page import DocumentKind, DocumentPage
from console.screens.list_page import MOST, NO_MODEL, ListKind, ListPage
from console.screens.page import Page
from engine.operations.serving import ReleaseDetail, ReleaseRequest, ReleasesRequest

_ROLES = {"champion": 0, "challenger": 1, "shadow": 2}


def _rows(client: Asks) -> list[DeployRow]:
    """Return every deployment, the endpoints with a rollout first, a champion before what stands beside it."""
    listed = client.call("releases.list", ReleasesRequest(limit=MOST))
    rollouts: dict[str, ReleaseDetail] = {
        row.endpoint: client.call("releases.detail", ReleaseRequest(row.id)) for row in listed if row.is_open
    }
    found = [
        deploys.deploy_row(detail, rollouts.get(detail.deployment.endpoint))
        for detail in client.call("deployments.list")
    ]
    return sorted(
        found, key=lambda row: (row.rollout is None, not row.trouble, row.endpoint, row.host, _ROLES.get(row.role, 9))
    )


def deploys_page() -> ListPage:
    """`5` Deploys."""

    def opens(row: DeployRow) -> Page:
        return release_page(row.rollout.release) if row.rollout is not None else deploy_page(row)

    return ListPage(
        ListKind(
            name="deploys",
            title="Deploys",
            command="modeldeck deployments",
            columns=deploys.COLUMNS,
            key=lambda row: row.id,
            read=_rows,
            empty=(
                "Nothing is deployed yet.",
                "{releases.promote} on a model or version promotes it, plan shown first.",
                NO_MODEL,
            ),
            opens=opens,
            detail=deploys.deploy_lines,
        )
    )


def deploy_page(row: DeployRow) -> DocumentPage:
    """Return the page of a deployment."""

    def read(client: Asks) -> Any:
        return next((one for one in _rows(client) if one.id == row.id), None)

    kind = DocumentKind(
        scope="deploy",
        name=f"deploy:{row.id}",
        title=f"{row.endpoint} v{row.version} on {row.host}",
        command=f"modeldeck show deployment {row.id[:12]}",
        lines=deploys.deploy_page,
        read=read,
    )
    return DocumentPage(kind, row)
