"""A recorded change in the words of whoever asks what changed. Pure."""

from __future__ import annotations

from store.rows import Event

_RELEASED = {"promote": "promoted", "rollback": "rolled back", "deploy": "deployed"}
_RELEASE = {"promote": "promotion", "rollback": "rollback"}
_COMMENT = {"added": "commented on", "edited": "edited a comment on", "withdrawn": "withdrew a comment on"}
_WATCH = {"begun": "watched from here on", "ended": "watched no more"}
_STATES = {"requested": "asked for"}
_FAULTS = {"found": "fault on", "cleared": "fault over on", "converge": "mending asked on"}


def words(event: Event) -> str:
    """Return what happened without its subject's model: `rolled back v2 → v1`, `v2 registered`, `alert opened`."""
    noun, _, verb = event.action.partition(".")
    verb = verb.replace("_", " ")
    move = _move(event)
    if noun == "release" and move:
        kind = str(event.body.get("kind") or "release")
        if verb == "completed" and kind in _RELEASED:
            return f"{_RELEASED[kind]} {move}"
        said = "resumed" if verb == "running" and event.reason else _STATES.get(verb, verb)  # nobody resumes without
        return f"{_RELEASE.get(kind, kind)} {move} {said}"
    if noun == "version" and "@" in event.subject_id:
        return f"v{event.subject_id.rpartition('@')[2]} {verb}"
    if noun == "alias" and ":" in event.subject_id:
        name = event.subject_id.rpartition(":")[2]
        return f"{name} {move}" if verb == "moved" and move else f"{name} {verb}"
    if noun == "fault" and "host" in event.body:
        return f"{_FAULTS.get(verb, verb)} {event.body['host']}"
    if noun == "approval" and "version" in event.body:
        so_far = f", {event.body['granted']} of {event.body['asked']}" if verb == "granted" else ""
        return f"{event.body.get('kind', noun)} of v{event.body['version']} {verb}{so_far}"
    if noun == "comment" and "subject" in event.body:
        of, told = str(event.body.get("kind")), str(event.body["subject"])
        named = told if of in ("model", "version") else told.removeprefix("sha256:")[:12]
        return f"{_COMMENT.get(verb, verb)} {of} {named}"
    if noun == "duty":
        to = str(event.body.get("to") or "nobody").removeprefix("user:")
        return f"watch taken by {to}" if verb == "taken" else f"watch given to {to}"
    if noun == "incident":
        return f"incident {verb}: {event.body.get('title', '')}"
    if noun == "watch":
        return f"{event.subject_kind} {_WATCH.get(verb, verb)}"
    if noun == "alert" and event.body.get("kind"):
        noun = f"{event.body['kind']} alert"
    return f"{noun.replace('_', ' ')} {verb}".strip()


def _move(event: Event) -> str:
    """Return `v2 → v1`, or `v1` where nothing was before, or where the version stays."""
    before, after = event.body.get("from"), event.body.get("to")
    if not isinstance(after, int):
        return ""
    return f"v{before} → v{after}" if isinstance(before, int) and before != after else f"v{after}"
