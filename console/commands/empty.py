"""What a list says when nothing is in it: why, and what fills it."""

from __future__ import annotations

import re
from typing import Any

from console.render.reasons import NONE_KEPT

EMPTY = {
    "models.list": "no models yet: modeldeck models new NAME FILE --target COLUMN, then modeldeck apply",
    "versions.list": "no versions yet: modeldeck train MODEL",
    "runs.list": "no runs",
    "runs.artifacts": "this run kept no files",
    "alerts.list": "no open alerts",
    "audit.key": "no key yet: it is made with the first version, or when one from before keys is looked at",
    "approvals.list": "no approval is requested or granted; --all shows those that have ended",
    "incident.list": "no incident is open; --all shows those that are closed",
    "comments.list": "nothing is said yet: modeldeck comments add KIND ID TEXT",
    "comments.watching": "you watch nothing: modeldeck comments watch model NAME",
    "notifications.list": "nothing was told yet: docs/notifications.md says who can be, modeldeck events what happened",
    "runs.curves": "no metric of these runs has more than one step",
    "monitors.newest": "nothing is watched yet: [monitor] in models/NAME.toml says how, then modeldeck apply",
    "monitors.windows": "no windows yet: modeldeck monitors run MODEL",
    "monitors.attributions": NONE_KEPT,
    "monitors.parts": "no such parts yet: slices are the columns of [gates] slices, hosts come with the next window",
    "aliases.history": "no alias of this model has moved yet",
    "data.snapshots": "no snapshots yet: modeldeck data ingest MODEL",
    "data.checks": "no data yet to infer checks from: modeldeck data ingest MODEL",
    "access.log": "no read of personal columns is on the log: [data] personal marks them",
    "bundle.signers": "nobody else's bundles are taken: modeldeck bundle trust KEY NAME",
    "deployments.cost": "nothing runs, or no server was looked at since it started: modeldeck deployments",
    "erasures.list": "nobody's rows were erased: modeldeck data erase COLUMN=VALUE --reason WHY --dry-run looks",
    "data.quarantine": "no rows are in quarantine",
    "tests.list": "no behaviour tests ran: [tests.NAME] in models/NAME.toml, then modeldeck tests run MODEL VERSION",
    "keys.list": "no keys: modeldeck keys add MODEL NAME",
    "endpoints.list": "nothing is deployed yet: modeldeck promote MODEL",
}


def filled(operation_id: str, request: Any) -> str:
    """Say that a list has nothing yet, and what fills it; the model that was asked about is named."""
    said = EMPTY.get(operation_id, f"no {operation_id.partition('.')[0]}")
    model = getattr(request, "model", None)
    return re.sub(r"\bMODEL\b", lambda _: model, said) if isinstance(model, str) and model else said
