"""What an apply changes, a line for each key: never a dict of Python."""

from __future__ import annotations

from engine.settings.apply import differences


def body(**deploy):
    return {
        "hosts": [{"name": "local", "kind": "process", "port": 8080}],
        "models": {"rates": {"deploy": {"rollout": [{"weight": 50, "hold_s": 0.0}, {"weight": 100}], **deploy}}},
    }


def test_lists_of_tables_differ_by_key():
    before, after = body(), body(rollout=[{"weight": 20, "hold_s": 0.0}, {"weight": 100}, {"weight": 100}])
    after["hosts"] = [{"name": "local", "kind": "process", "port": 8081}, {"name": "edge", "kind": "docker"}]
    assert differences(before, after) == [
        "hosts.edge.kind: absent -> docker",
        "hosts.local.port: 8080 -> 8081",
        "models.rates.deploy.rollout.1.weight: 50 -> 20",
        "models.rates.deploy.rollout.3.weight: absent -> 100",
    ]


def test_lists_and_truths_read_as_they_are_written():
    before, after = body(hosts=["local"], warm=True), body(hosts=["local", "edge"], warm=False)
    assert differences(before, after) == [
        "models.rates.deploy.hosts: local -> local, edge",
        "models.rates.deploy.warm: true -> false",
    ]


def test_a_key_that_nobody_wrote_is_no_difference():
    before, after = body(), body(shadow="", hosts=[], note=None, replicas=2)
    assert differences(before, after) == ["models.rates.deploy.replicas: absent -> 2"]
    assert differences(after, body(shadow="x")) == [
        "models.rates.deploy.replicas: 2 -> absent",
        "models.rates.deploy.shadow: none -> x",
    ]
