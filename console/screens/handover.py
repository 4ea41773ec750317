"""The page of what whoever comes has to know, and incidents."""

from __future__ import annotations

from console.render.columns import Column
from console.render.comments import noted
from console.render.handover import handover_lines, incident_lines
from console.render.words import age, person
from console.screens.document_page import DocumentKind, DocumentPage
from console.screens.list_page import ListKind, ListPage
from engine.operations.handover import HandoverRequest, IncidentsRequest, OfIncident
from store.rows import Incident

_COLUMNS = (
    Column(
        "STATE",
        lambda row, context: ("open", "bad") if row.closed_at is None else ("closed", "ok"),
        priority=1,
        least=6,
        most=8,
    ),
    Column("MODELS", lambda row, context: (", ".join(row.models) or "all", "name"), priority=2, least=6, most=26),
    Column("AGE", lambda row, context: age(row.from_at, context.now), priority=2, least=3, align="right"),
    Column("BY", lambda row, context: (person(row.opened_by), "dim"), priority=5, least=4, most=16),
    noted(Column("WHAT", lambda row, context: (row.title, ""), priority=1, least=16, most=110, grow=True, wish=40)),
)


def handover_page() -> DocumentPage:
    """`:handover`."""
    return DocumentPage(
        DocumentKind(
            scope="text",
            name="handover",
            title="Handover",
            command="modeldeck handover",
            lines=handover_lines,
            read=lambda client: client.call("handover.show", HandoverRequest()),
        )
    )


def incidents_page() -> ListPage:
    """`:incidents`."""
    return ListPage(
        ListKind(
            name="incidents",
            title="Incidents",
            command="modeldeck incident --all",
            columns=_COLUMNS,
            key=lambda row: row.id,
            read=lambda client: client.call("incident.list", IncidentsRequest(all=True)),
            empty=("No incident was opened.", 'modeldeck incident open "WHAT GOES WRONG" --model NAME names one.'),
            opens=incident_page,
        )
    )


def incident_page(row: Incident) -> DocumentPage:
    """Return the page of an incident."""
    return DocumentPage(
        DocumentKind(
            scope="incident",
            name=f"incident:{row.id}",
            title=row.title,
            command=f"modeldeck incident show {row.id[:12]}",
            lines=incident_lines,
            read=lambda client: client.call("incident.show", OfIncident(row.id)),
            row=lambda subject: subject.incident,
        )
    )
