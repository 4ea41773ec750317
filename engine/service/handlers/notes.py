"""Handlers of tags, notes, descriptions, deletion and restoring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engine.operations.common import Done
from engine.operations.notes import (
    DescribeModel,
    DescribeVersion,
    NoteRun,
    OnModel,
    OnRun,
    OnVersion,
    TagModel,
    TagRun,
    TagVersion,
)
from engine.service.context import ServiceContext
from store.errors import Refused

if TYPE_CHECKING:
    from store.database import Reader, Write
    from store.things import Thing

    Find = Callable[[Reader], Thing]
    Act = Callable[[Write, Thing], bool]


def tag_run(context: ServiceContext, request: TagRun) -> Done:
    """Set and remove tags of a run."""
    return _tag(context, request, _run(request.id))


def tag_model(context: ServiceContext, request: TagModel) -> Done:
    """Set and remove tags of a model."""
    return _tag(context, request, _model(request.model))


def tag_version(context: ServiceContext, request: TagVersion) -> Done:
    """Set and remove tags of a version."""
    return _tag(context, request, _version(request.model, request.version))


def note_run(context: ServiceContext, request: NoteRun) -> Done:
    """Write a note on a run."""
    return _write(context, request, _run(request.id))


def describe_model(context: ServiceContext, request: DescribeModel) -> Done:
    """Write what a model is for."""
    return _write(context, request, _model(request.model))


def describe_version(context: ServiceContext, request: DescribeVersion) -> Done:
    """Write what a version is."""
    return _write(context, request, _version(request.model, request.version))


def delete_run(context: ServiceContext, request: OnRun) -> Done:
    """Hide a run and its trials."""
    return _delete(context, request, _run(request.id))


def delete_model(context: ServiceContext, request: OnModel) -> Done:
    """Hide a model that nothing needs."""
    return _delete(context, request, _model(request.model))


def delete_version(context: ServiceContext, request: OnVersion) -> Done:
    """Hide a version that nothing needs."""
    return _delete(context, request, _version(request.model, request.version))


def restore_run(context: ServiceContext, request: OnRun) -> Done:
    """Bring a deleted run back."""
    return _restore(context, request, _run(request.id))


def restore_model(context: ServiceContext, request: OnModel) -> Done:
    """Bring a deleted model back."""
    return _restore(context, request, _model(request.model))


def restore_version(context: ServiceContext, request: OnVersion) -> Done:
    """Bring a deleted version back."""
    return _restore(context, request, _version(request.model, request.version))


def parse_tags(pairs: Sequence[str]) -> dict[str, str | None]:
    """Read `KEY=VALUE` as a tag to set, `KEY=` as one to take away.

    Raises:
        Refused: there is no `=`, or nothing at all.
    """
    found: dict[str, str | None] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign:
            raise Refused(f"{pair[:60]!r} is no tag", f"write {pair[:40] or 'KEY'}=VALUE; KEY= takes one away")
        found[key.strip()] = value.strip() or None
    if not found:
        raise Refused("no tag is named", "write KEY=VALUE; KEY= takes one away")
    return found


def _tag(context: ServiceContext, request: TagRun | TagModel | TagVersion, find: Find) -> Done:
    from store import notes

    changes = parse_tags(request.tags)
    caller = context.caller

    def act(tx: Write, thing: Thing) -> bool:
        return notes.tag(tx, thing, changes, actor=caller.actor, reason=request.reason, via=caller.via)

    return _change(context, request.dry_run, find, act, "tagged")


def _write(context: ServiceContext, request: NoteRun | DescribeModel | DescribeVersion, find: Find) -> Done:
    from store import notes

    caller = context.caller

    def act(tx: Write, thing: Thing) -> bool:
        return notes.write_text(
            tx, thing, request.text.strip(), actor=caller.actor, reason=request.reason, via=caller.via
        )

    return _change(context, request.dry_run, find, act, "noted" if isinstance(request, NoteRun) else "described")


def _delete(context: ServiceContext, request: OnRun | OnModel | OnVersion, find: Find) -> Done:
    from store import deletion

    caller = context.caller

    def act(tx: Write, thing: Thing) -> bool:
        return deletion.delete(tx, thing, actor=caller.actor, reason=request.reason, via=caller.via)

    return _change(context, request.dry_run, find, act, "deleted")


def _restore(context: ServiceContext, request: OnRun | OnModel | OnVersion, find: Find) -> Done:
    from store import deletion

    caller = context.caller

    def act(tx: Write, thing: Thing) -> bool:
        return deletion.restore(tx, thing, actor=caller.actor, reason=request.reason, via=caller.via)

    return _change(context, request.dry_run, find, act, "restored")


def _change(context: ServiceContext, dry_run: bool, find: Find, act: Act, done: str) -> Done:
    """Change a thing in one transaction; a dry run does the same and rolls it back."""
    with context.deck.database.write(dry_run=dry_run) as tx:
        thing = find(tx)
        changed = act(tx, thing)
    if dry_run and changed:
        done = f"would be {done}"
    said = f"{thing.kind} {thing.id[:16] if thing.kind == 'run' else thing.id}"
    if not changed:
        return Done(f"already {done}: {said}", already=True, body={"kind": thing.kind, "id": thing.id})
    back = ""
    if done == "deleted":
        words = thing.id[:16] if thing.kind == "run" else thing.id.replace("@", " ")
        back = f"; back: modeldeck {thing.kind}s restore {words}"
    return Done(f"{said} {done}{back}", body={"kind": thing.kind, "id": thing.id})


def _run(id: str) -> Find:
    def find(reader: Reader) -> Thing:
        from store.things import run_thing

        return run_thing(reader, id)

    return find


def _model(name: str) -> Find:
    def find(reader: Reader) -> Thing:
        from store.things import model_thing

        return model_thing(reader, name)

    return find


def _version(model: str, number: int) -> Find:
    def find(reader: Reader) -> Thing:
        from store.things import version_thing

        return version_thing(reader, model, number)

    return find
