"""What a change of an alert or of maintenance came to, in one line that names who has it and until when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.output import Output
from engine.operations.alerts import AlertDetail, left
from engine.operations.operation import from_body
from store.rows import Alert, Maintenance

if TYPE_CHECKING:
    from engine.client import Client

SETTLED = ("alerts.ack", "alerts.resolve")


def state(alert: Alert, out: Output) -> str:
    """Return how bad an open alert is, else what became of it: who has it, or when it comes back."""
    if alert.state == "open":
        return f"{alert.severity}, {left(alert)}" if left(alert) else alert.severity
    if alert.state == "acknowledged":
        return f"acked {(alert.owner or '').removeprefix('user:')}".rstrip()
    return f"snoozed {out.minute(alert.until_at)}" if alert.state == "snoozed" else alert.state


def detail(body: dict[str, Any]) -> AlertDetail:
    """Return what `show alert` gives as the page draws it: in its body the fields of the alert stand first."""
    around = ("series", "changes", "life", "maintenance", "returnable")
    alert = {name: value for name, value in body.items() if name not in around}
    made: AlertDetail = from_body(AlertDetail, {"alert": alert, **{name: body[name] for name in around}})
    return made


def changed(answer: Alert | Maintenance, out: Output, *, would: bool = False) -> str:
    """Say how it stands now, or would."""
    if isinstance(answer, Maintenance):
        of = answer.model or "the whole deck"
        if answer.ended_by is not None:
            return f"maintenance of {of} {'would be' if would else 'is'} over"
        return f"maintenance of {of} {'would last' if would else 'lasts'} until {_moment(answer.to_at, out)}"
    head = f"alert {answer.id[:16]}: {'would be ' * would}{answer.state}"
    owned = answer.state == "acknowledged" and answer.owner not in (None, answer.acknowledged_by)
    by = f" for {answer.owner}" if owned else f" by {answer.owner}" * (answer.state == "acknowledged" and not would)
    until = f" until {_moment(answer.until_at, out)}" if answer.until_at is not None else ""
    return f"{head}{by}{until}"


def already(client: Client, operation: str, request: Any) -> str:
    """Return a line where an alert is so already, with who has it; "" where there is something to change."""
    from engine.operations.deck import ShowRequest

    body = client.call("deck.show", ShowRequest("alert", request.id)).body
    state, owner = body["state"], body.get("owner")
    if state == "resolved":
        return f"already resolved: alert {body['id'][:16]}"
    asks_more = operation == "alerts.ack" and (request.owner or request.until or request.lasts)
    if operation == "alerts.ack" and state == "acknowledged" and not asks_more:
        return f"already acknowledged by {owner}: alert {body['id'][:16]}"
    return ""


def _moment(at: int | None, out: Output) -> str:
    return f"{out.time(at)} {out.zone}"
