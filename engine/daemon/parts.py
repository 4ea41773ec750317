"""The parts that act: worker, reconciler, scheduler, ingester, collector, outbox; each imported in its own thread."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from engine.daemon.fleet import Fleet
from engine.daemon.ticker import Ticker
from engine.deck import Deck

if TYPE_CHECKING:
    from engine.daemon.collector import Collector
    from engine.deploy.deeds import Deed
    from engine.deploy.reconcile import Reconciler
    from engine.jobs.notifying.outbox import Outbox
    from engine.jobs.schedule import Scheduler
    from engine.jobs.worker import Worker

RECOVER_EVERY_S = 5.0  # a host that comes back leaves servers behind that an ended release no longer needs


class Parts:
    """Starts, wakes and stops them."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        self._worker: Worker | None = None
        self._reconciler: Reconciler | None = None
        self._fleet = Fleet(deck)
        self._scheduler: Scheduler | None = None
        self._importing = threading.Lock()
        self._collector: Collector | None = None
        self._outbox: Outbox | None = None
        self._recover_due = 0.0
        self._working = Ticker("worker", self._work, idle_s=0.5, busy_s=0.05)
        self._reconciling = Ticker("reconciler", self._reconcile, idle_s=0.25, busy_s=0.1)
        self._tickers = (
            self._working,
            self._reconciling,
            Ticker("fleet", self._fleet.tick, idle_s=2.0, busy_s=1.0),
            Ticker("scheduler", self._schedule, idle_s=1.0, busy_s=1.0),
            Ticker("ingester", self._ingest, idle_s=1.0, busy_s=0.5),
            Ticker("collector", self._collect_segments, idle_s=2.0, busy_s=2.0),
            Ticker("outbox", self._tell, idle_s=1.0, busy_s=0.05),
        )

    def start(self) -> None:
        """Start every part."""
        for ticker in self._tickers:
            ticker.start()

    def wake(self) -> None:
        """Something was asked for: look now."""
        self._working.wake()
        self._reconciling.wake()
        self._fleet.wake()

    @property
    def last_deed(self) -> Deed | None:
        """What the reconciler did last."""
        return self._reconciler.deeds.last if self._reconciler is not None else None

    def close(self, *, stop_servers: bool) -> None:
        """Stop every part. Jobs go on; servers and router too, unless `stop_servers`."""
        for ticker in reversed(self._tickers):
            ticker.stop()
        if self._scheduler is not None:
            self._scheduler.close()
        if stop_servers and self._reconciler is None:
            self._reconciler = self._make_reconciler()
        if self._reconciler is not None:
            self._reconciler.close(stop_servers=stop_servers)
        self._fleet.close(stop_servers=stop_servers)

    def _work(self) -> bool:
        first = self._worker is None
        if self._worker is None:
            from engine.jobs.worker import Worker

            self._worker = Worker(self._deck, self._working.wake)
        changed = self._worker.tick()
        now = time.monotonic()
        if first or changed or now >= self._recover_due:
            from engine.release.recovery import recover

            self._recover_due = now + RECOVER_EVERY_S
            recovered = bool(recover(self._deck))
            if first or changed or recovered:
                self._reconciling.wake()
                self._fleet.wake()
            changed = recovered or changed
        return changed

    def _reconcile(self) -> bool:
        if self._reconciler is None:
            self._reconciler = self._make_reconciler()
        return self._reconciler.tick()

    def _make_reconciler(self) -> Reconciler:
        from engine.deploy.reconcile import Reconciler

        return Reconciler(self._deck)

    def _schedule(self) -> bool:
        if self._scheduler is None:
            from engine.jobs.schedule import Scheduler

            scheduler = Scheduler(self._deck, self.wake)
            scheduler.start()
            self._scheduler = scheduler  # not before: one that could not start is tried again
            return True
        return self._scheduler.refresh()

    def _ingest(self) -> bool:
        from store.spool import ingest

        return ingest(self._deck.database, self._deck.workspace.spool) > 0

    def _collect_segments(self) -> bool:
        if self._collector is None:
            from engine.daemon.collector import Collector

            self._collector = Collector(self._deck)
        return self._collector.tick()

    def _tell(self) -> bool:
        if self._outbox is None:
            from engine.jobs.notifying.outbox import Outbox

            self._outbox = Outbox(self._deck, self._working.wake)
        return self._outbox.tick()
