"""`modeldeck explain`: why a version predicts what it predicts, drawn here, and written as SVG or PNG where asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.commands.predict import note_ignored
from console.commands.records import read_records
from console.commands.session import Session
from console.output import Output
from console.usage import UsageError
from console.writing import write_whole
from engine.operations.deck import ShowRequest
from engine.operations.explain import ExplainRequest, Explanation
from engine.operations.tracing import Trace, TraceRequest
from store.errors import Refused, UnknownName

if TYPE_CHECKING:
    from engine.client import Client


def run(session: Session) -> int:
    """Explain a version, rows of a file, or a logged prediction."""
    said, out = session.said.request, session.output
    target = _target(said.export, said.force)
    with session.client() as client:
        session.name_versions(client)
        said = session.said.request
        if said.version is None:
            said = replace(said, version=_version_of(client, said.model, said.prediction))
        rows: list[dict[str, Any]] = []
        if said.row:
            version = client.call("deck.show", ShowRequest("version", f"{said.model}@{said.version}"))
            types = {each["name"]: each["type"] for each in version.body["signature"].get("inputs", ())}
            rows = read_records(said.row, out.stdin, types)
        request = ExplainRequest(said.model, said.version, said.against, tuple(rows), said.prediction)
        found: Explanation = client.call("versions.explain", request)
    note_ignored(found.ignored, out)
    if target is not None:
        from console.render.charts import charts_of
        from console.render.svg import svg

        drawn = svg(charts_of(found))
        if target.suffix.lower() == ".png":
            from console.render.png import png

            write_whole(target, png(drawn))
        else:
            write_whole(target, drawn)
        out.note(f"written: {target}")
    if out.as_json:
        out.data(found)
    else:
        _draw(found, out)
    return 0


def _version_of(client: Client, model: str, prediction: str | None) -> int:
    """Return the version that made a logged prediction.

    Raises:
        UsageError: no prediction is named.
        UnknownName: no such prediction is on the log, or another model made it.
    """
    if prediction is None:
        raise UsageError(f"which version of {model}?", f"modeldeck explain {model} VERSION, or --prediction ID")
    traced: Trace = client.call("predictions.trace", TraceRequest(prediction))
    if traced.model != model:
        raise UnknownName(
            f"{model} did not make {prediction!r}",
            f"it is of {traced.model}: modeldeck explain {traced.model} --prediction {prediction}",
        )
    return traced.version


def _target(name: str, force: bool) -> Path | None:
    """Return the file to write; looked at first, so that no long work ends in a refusal.

    Raises:
        Refused: it is there already, is neither SVG nor PNG, or lies in no folder; or PNG cannot be written here.
    """
    if not name:
        return None
    target = Path(name)
    if target.suffix.lower() not in (".svg", ".png"):
        told = f"charts are written as SVG or PNG, not {target.suffix or 'without an ending'}"
        raise Refused(told, "name it FILE.svg or FILE.png")
    if target.suffix.lower() == ".png":
        from console.render.png import require

        require()
    if target.exists() and not force:
        raise Refused(f"{target} is there already", "name another, or overwrite it with --force")
    if not target.parent.is_dir():
        raise Refused(f"there is no folder {target.parent}", "make it first")
    return target


def _draw(found: Explanation, out: Output) -> None:
    from console.render.cells import plain
    from console.render.explain import explanation_lines
    from console.render.signs import to_ascii

    blocks = (getattr(out.stdout, "encoding", None) or "utf-8").lower().replace("-", "") == "utf8"
    for line in explanation_lines(found, out.width()):
        text = plain(line).rstrip()
        out.line(text if blocks else to_ascii(text))
