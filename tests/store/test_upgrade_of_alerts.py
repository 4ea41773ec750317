"""A registry of schema 5 with alerts upgrades: each is what it was, and goes on by the rules of today."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import store.upgrade
from store import alerts, settings
from store.clock import FrozenClock
from store.database import Database
from store.errors import Refused
from store.opening import create_or_upgrade
from store.whole import damage

ALERT = (
    "INSERT INTO alert (id, model, kind, key, state, severity, title, evidence, count, opened_at, seen_at,"
    " acknowledged_by, acknowledged_at, resolved_by, resolved_at) VALUES (:id, :model, 'monitor', :key, :state,"
    " 'critical', 'why', '{\"n\":1}', 3, 7, 8, :by, :at, NULL, NULL)"
)


@pytest.fixture
def old(
    tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch, settings_body: Callable[..., dict[str, Any]]
) -> Path:
    """A registry of schema 5 with alerts of two models."""
    path = tmp_path / "registry.db"
    path.touch()
    with monkeypatch.context() as older:
        older.setattr(store.upgrade, "SCHEMA", 5)
        store.upgrade.migrate(path)
    database = Database(path, clock)
    with database.write() as tx:
        settings.apply(tx, settings_body("rates", "posts"), "user:anna")
        rows = (
            ("1", "rates", "missed", "open", None, None),
            ("2", "posts", "missed", "open", None, None),
            ("3", "rates", "drift:rates@1", "acknowledged", "user:anna", 9),
            ("4", "rates", "drift:rates@1", "resolved", None, None),
        )
        for number, model, key, state, by, at in rows:
            tx.execute(ALERT, {"id": number * 32, "model": model, "key": key, "state": state, "by": by, "at": at})
    database.close()
    return path


def test_each_alert_is_what_it_was_and_its_key_names_its_model(old: Path, clock: FrozenClock) -> None:
    database = create_or_upgrade(old, clock)
    assert damage(old) == []
    found = {one.id[0]: one for one in alerts.alerts(database, open_only=False)}
    assert [found[number].key for number in "1234"] == [
        "silent:monitor:rates", "silent:monitor:posts", "drift:rates@1", "drift:rates@1",
    ]  # fmt: skip
    assert (found["3"].owner, found["3"].acknowledged_by, found["3"].count) == ("user:anna", "user:anna", 3)
    assert found["1"].evidence == {"n": 1}
    with database.write() as tx:
        again, is_new = alerts.raise_alert(
            tx, model="rates", kind="drift", key="drift:rates@1", severity="critical", title="why", evidence={},
            actor="trigger:monitor:rates",
        )  # fmt: skip
        assert (again.id[0], again.count, is_new) == ("3", 4, False)
        with pytest.raises(Refused, match="is resolved"):
            alerts.acknowledge(tx, "4", "user:anna")
    database.close()
