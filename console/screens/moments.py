"""What was, and whether its record holds: the pages that `at` and `audit verify` open."""

from __future__ import annotations

import re
import shlex

from console.poller import Asks
from console.render.cells import Line
from console.render.moments import moment_lines
from console.render.sheet import Sheet
from console.screens.document_page import DocumentKind, DocumentPage
from engine.operations.deck import AuditReport, AuditRequest
from engine.operations.history import AtRequest, Moment


def moment_page(time: str) -> DocumentPage:
    """Return what served at a time, which is in the deck's zone where it has no offset."""

    def lines(subject: Moment, width: int, now: int) -> list[Line]:
        return moment_lines(subject, width, now)

    def read(client: Asks) -> Moment:
        found: Moment = client.call("deck.at", AtRequest(time))
        return found

    title = f"at {re.sub(r'[.][0-9]+', '', time)}"  # asked to the microsecond, told to the second
    return DocumentPage(DocumentKind("text", f"at:{time}", title, f"modeldeck at {shlex.quote(time)}", lines, read))


def verify_page() -> DocumentPage:
    """Return what the record's chain of hashes proves, looked at once."""
    found: list[AuditReport] = []

    def lines(subject: AuditReport, width: int, now: int) -> list[Line]:
        sheet = Sheet(width)
        if subject.ok:
            sheet.pair("Holds", ("✓ ", "ok"), (f"{subject.verified:,} events verified", ""))
            sheet.pair("Head", subject.head[:19])
        elif subject.broken_seq is not None:
            sheet.pair("Broken", ("✗ ", "bad"), (f"at event {subject.broken_seq}: {subject.detail}", ""))
        for one in subject.damage:
            sheet.pair("Damaged", ("✗ ", "bad"), (f"{one.what} {one.name}: {one.detail}", ""))
        sheet.pair("Artifacts", ("modeldeck audit verify --deep reads them too", "dim"))
        return sheet.lines

    def read(client: Asks) -> AuditReport:
        if not found:  # a page reads again with every change; the whole record is not walked each time
            found.append(client.call("audit.verify", AuditRequest()))
        return found[0]

    return DocumentPage(DocumentKind("text", "audit:verify", "audit verify", "modeldeck audit verify", lines, read))
