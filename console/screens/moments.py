"""What served at a past moment: the page that `at` opens."""

from __future__ import annotations

import re
import shlex

from console.poller import Asks
from console.render.cells import Line
from console.render.moments import moment_lines
from console.screens.document_page import DocumentKind, DocumentPage
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
