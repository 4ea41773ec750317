"""The job that sends: all that is due for one target, in order, each attempt claimed before and recorded after.

Killed between the two, the claim runs out and the same message goes again with the same id: at least once, and a
receiver that remembers ids has it once. Secrets are read here, used here, and taken out of every text that is kept.
"""

from __future__ import annotations

import json
import random
import time
from typing import Any

from engine.jobs.context import JobContext
from engine.jobs.notifying.message import CONTRACT, Message, body, text, title
from engine.jobs.notifying.outbox import turn_of
from engine.jobs.notifying.outcome import Outcome
from engine.jobs.notifying.pacing import LONGEST_WAIT_S, SETTLE_S, Wait, backoff_s
from engine.jobs.notifying.webhook import post
from engine.settings.apply import current_settings
from engine.settings.model import DeckSettings
from engine.settings.notify import NotifySettings
from engine.settings.notify_address import address_problem
from engine.settings.secrets import is_reference, secret_of
from store import events, notifying
from store.errors import Refused, UnknownName, WorkFailed
from store.rows import Notification

LINGER_S = 12.0  # a message due this soon is waited for: the first retries need no job of their own
LOOK_EVERY_S = 1.0  # meanwhile: a target that is corrected is tried at once
__all__ = ["CONTRACT", "send"]


def send(context: JobContext) -> dict[str, Any]:
    """Send what is due to the target `args["target"]`; with `args["test"]` one test message instead.

    Raises:
        UnknownName: the settings name no such target. WorkFailed: the test message did not arrive.
    """
    name = str(context.args["target"])
    if context.args.get("test"):
        return _test(context, name)
    counts = {"delivered": 0, "missed": 0, "given_up": 0}
    while True:
        deck, _ = current_settings(context.deck)
        if name not in deck.notify:
            return counts  # the outbox ends what waits
        one, wait_s = _claim(context, name, deck)
        if one is None:
            if wait_s is None or wait_s > LINGER_S:
                return counts
            time.sleep(min(max(0.05, wait_s), LOOK_EVERY_S))
            continue
        outcome = _attempt(context, deck, one)
        counts[_record(context, one, outcome)] += 1
        context.progress(0.0, f"{one.id[:12]}: {outcome.error or 'delivered'}")


def _claim(context: JobContext, name: str, deck: DeckSettings) -> tuple[Notification | None, float | None]:
    """Take the next message, or return in how many seconds there is one; (None, None) where nothing waits."""
    target = deck.notify[name]
    with context.deck.database.write(context.fence) as tx:
        turn = turn_of(tx, name, target, tx.at, deck.time_zone)
        if isinstance(turn, Wait):
            return None, None if turn.until_at is None else (turn.until_at - tx.at) / 1_000_000
        one = notifying.notification(tx, turn.id)
        if one.attempts and one.attempts >= notifying.most_attempts(tx, one.id):
            notifying.give_up(tx, one, one.error or "its sender was killed", one.status, one.response)
            return None, 0.0
        lease_s = target.timeout_s + SETTLE_S + (backoff_s(one.attempts, 0.5) if one.attempts else 0.0)
        return notifying.claim(tx, one.id, turn.merged, tx.at + round(lease_s * 1_000_000)), None


def _record(context: JobContext, one: Notification, outcome: Outcome) -> str:
    with context.deck.database.write(context.fence) as tx:
        if not outcome.error:
            notifying.delivered(tx, one.id, outcome.status, outcome.response)
            return "delivered"
        most = notifying.most_attempts(tx, one.id)
        if outcome.final or one.attempts >= most:
            notifying.give_up(tx, one, outcome.error, outcome.status, outcome.response)
            return "given_up"
        tried = one.attempts - (most - notifying.MOST_ATTEMPTS)  # since it was replayed, if it was
        wait_s = backoff_s(tried, random.random())  # noqa: S311 (spreads load, guards nothing)
        wait_s = max(wait_s, min(outcome.retry_after_s or 0.0, LONGEST_WAIT_S))
        again_at = tx.at + round(wait_s * 1_000_000)
        notifying.missed(tx, one.id, outcome.error, outcome.status, outcome.response, again_at)
        return "missed"


def _attempt(context: JobContext, deck: DeckSettings, one: Notification) -> Outcome:
    with context.deck.database.reading() as reader:
        told = tuple(notifying.told_with(reader, one))
        found = [events.event(reader, each.event_seq) for each in told if each.event_seq is not None]
    message = Message(one.id, deck.name, deck.time_zone, one.target, told, {each.seq: each for each in found if each})
    return deliver(context, deck.notify[one.target], message, one.attempts)


def deliver(context: JobContext, target: NotifySettings, message: Message, attempt: int) -> Outcome:
    """Make one attempt; what came of it holds no secret."""
    root = context.deck.workspace.root
    try:
        url = secret_of(target.url, root) if is_reference(target.url) else target.url
        secrets = [secret_of(one, root) for one in target.secrets]
    except Refused as error:
        return Outcome(error.line())  # names where it should lie, which settings say as well
    hidden = [*secrets, *([url] if is_reference(target.url) else [])]
    if target.kind == "webhook":
        if problem := address_problem(url, target.plain_http):
            return Outcome(f"the url {problem}").without(hidden)
        payload = json.dumps(body(message), ensure_ascii=False, separators=(",", ":")).encode()
        outcome = post(
            url,
            secrets,
            payload,
            id=message.id,
            attempt=attempt,
            now_s=context.deck.clock.now() // 1_000_000,
            timeout_s=target.timeout_s,
        )
    else:
        from engine.jobs.notifying.through_apprise import tell

        outcome = tell(url, title(message), text(message), message.severity, target.timeout_s)
    return outcome.without(hidden)


def _test(context: JobContext, name: str) -> dict[str, Any]:
    deck, _ = current_settings(context.deck)
    if name not in deck.notify:
        raise UnknownName(f"no target named {name!r}", f"deck.toml declares {', '.join(deck.notify) or 'none'}")
    target = deck.notify[name]
    with context.deck.database.write(context.fence) as tx:
        until_at = tx.at + round((target.timeout_s + SETTLE_S) * 1_000_000)
        one = notifying.put_test(tx, name, target.kind, f"a test, asked for by {context.job.actor}", until_at)
    outcome = _attempt(context, deck, one)
    with context.deck.database.write(context.fence) as tx:
        notifying.end_test(tx, one, outcome.error, outcome.status, outcome.response)
        if not outcome.error:
            notifying.hurry(tx, name)
    if outcome.error:
        raise WorkFailed(f"the test message to {name} did not arrive: {outcome.error}", f"notification {one.id[:12]}")
    answered = f", which answered {outcome.status}" if outcome.status is not None else ""
    said = f" {outcome.response!r}" if outcome.response else ""
    told = f"the test message {one.id[:12]} reached {name}{answered}{said}"
    return {"notification": one.id, "status": outcome.status, "response": outcome.response, "told": told}
