"""Mail, Slack, Teams and the rest, by an address that Apprise reads; the library is loaded in the sending job only."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from engine.jobs.notifying.outcome import Outcome

MISSING = "Apprise is not installed: pip install 'modeldeck[notify]', then restart the daemon"
_KINDS = {"info": "info", "warning": "warning", "critical": "failure"}


def tell(url: str, title: str, text: str, severity: str, timeout_s: float) -> Outcome:
    """Send one attempt and tell what came of it; Apprise says yes or no, and its warnings say why.

    What takes longer than `timeout_s` counts as not arrived; where it does arrive later, it arrives twice.
    """
    try:
        import apprise
    except ImportError:
        return Outcome(MISSING)
    with _warnings() as said:
        targets = apprise.Apprise()
        if not targets.add(url) or len(targets) != 1:
            return Outcome(f"Apprise cannot read the address as one target{_because(said)}")
        only = targets[0]
        only.socket_connect_timeout = only.socket_read_timeout = timeout_s
        sent: list[bool] = []

        def send() -> None:
            try:
                sent.append(bool(targets.notify(text, title=title, notify_type=_KINDS[severity], body_format="text")))
            except Exception as error:  # a plugin of a library: whatever it raises is an attempt that failed
                said.append(f"{type(error).__name__}: {error}")
                sent.append(False)

        sending = threading.Thread(target=send, daemon=True)
        sending.start()
        sending.join(timeout_s)
        if not sent:
            return Outcome(f"no answer within {timeout_s:g} s{_because(said)}")
        return Outcome("" if sent[0] else f"not sent{_because(said)}")


def _because(said: list[str]) -> str:
    return f": {'; '.join(dict.fromkeys(said))}" if said else ""


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """Collect what Apprise warns of, and keep it out of the job's log: it repeats parts of addresses."""
    said: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger, collector = logging.getLogger("apprise"), Collector(logging.WARNING)
    before = logger.propagate, logger.level
    logger.addHandler(collector)
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    try:
        yield said
    finally:
        logger.removeHandler(collector)
        logger.propagate, logger.level = before
