"""The prediction log, outcomes and kept attributions of one model without a person's rows.

Each file is written anew beside itself and takes its name, so a kill leaves the one or the other. What came of a
prediction goes before the prediction: as long as the log says which were the person's, the rest can be found.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from engine.governance.erasing.places import Place
from engine.monitoring.attributions import folder_of
from engine.monitoring.columns import FEATURES
from engine.monitoring.layout import alone, endpoint_folder, sync_folder, write_durably, write_parquet
from engine.monitoring.segments import parsed
from engine.monitoring.uncollected import uncollected_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.deck import Deck
    from engine.model_io.persons import Persons

IDS = ("prediction_id", "client_id")


class Logs:
    """The files of one model, looked through."""

    def __init__(self, deck: Deck, model: str, people: Persons) -> None:
        self._deck, self._model, self._people = deck, model, people

    def look(self) -> list[Place]:
        """Return every file that holds rows of theirs, or what came of their predictions."""
        ids: set[str] = set()
        predictions = []
        for path in self._collected():
            mine = self._ids_in(path)
            ids.update(mine)
            predictions += [self._place("predictions", path, len(mine))] if mine else []
        for row in uncollected_rows(self._deck.workspace, self._model):
            if self._is_of(row):
                ids.add(str(row.get("prediction_id")))
        waiting = [
            self._place("log", path, rows) for path in self._segments() if (rows := len(self._lines_of(path, ids)))
        ]
        return [
            *(self._place("outcomes", path, rows) for path in self._outcomes() if (rows := _count(path, ids))),
            *(self._place("attributions", path, rows) for path in self._attributions() if (rows := _count(path, ids))),
            *waiting,
            *predictions,
        ]

    def references(self) -> list[Path]:
        """Return what is kept of the versions' training rows as profiles: made anew when it is asked for."""
        folder = self._deck.workspace.predictions / "reference"
        return sorted(folder.glob(f"{self._model}@*.json")) if folder.is_dir() else []

    def erase(self, places: list[Place]) -> None:
        """Write the files of these places anew without the rows.

        Raises:
            StorageUnwritable: the disk is full or read-only; each file is as it was, or without them.
        """
        workspace = self._deck.workspace
        with alone(workspace.predictions, "collect.lock"):
            ids = {one for path in self._collected() for one in self._ids_in(path)}
            ids |= {
                str(row.get("prediction_id")) for row in uncollected_rows(workspace, self._model) if self._is_of(row)
            }
            with alone(workspace.outcomes / self._model, "record.lock"):
                for place in (one for one in places if one.kind == "outcomes"):
                    _without(workspace.root / place.name, ids)
            for place in (one for one in places if one.kind == "attributions"):
                _without(workspace.root / place.name, ids)
            for place in (one for one in places if one.kind == "log"):
                self._cut(workspace.root / place.name)
            for place in (one for one in places if one.kind == "predictions"):
                self._rewrite(workspace.root / place.name)

    def in_open_segments(self) -> int:
        """Return how many rows of theirs lie in segments that servers are writing to."""
        rows = 0
        for path in sorted(self._deck.workspace.segments.rglob("*.open")):
            rows += len(self._lines_of(path, set()))
        return rows

    def _rewrite(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not path.is_file():  # merged into another since it was found: a later look finds that one
            return
        table = pq.ParquetFile(path).read()
        _replace(path, table.filter(pa.array(~self._mask(table))))

    def _cut(self, path: Path) -> None:
        if not path.is_file():
            return
        kept = []
        for line in path.read_bytes().splitlines(keepends=True):
            rows = parsed(line)
            others = [row for row in rows if not self._is_of(row)]
            if len(others) == len(rows):
                kept.append(line)
            else:  # a line of several rows may hold other people's too
                kept += [orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in others]
        write_durably(b"".join(kept), path)

    def _mask(self, table: pa.Table) -> Any:
        mine = self._people.rows_in(table, FEATURES)
        if "client_id" in self._people.tokens and "client_id" in table.column_names:
            mine |= self._people.rows_in(table.select(["client_id"]))
        return mine

    def _ids_in(self, path: Path) -> list[str]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        file = pq.ParquetFile(path)
        wanted = {FEATURES + name for name in self._people.tokens} | set(IDS)
        table = file.read([name for name in file.schema_arrow.names if name in wanted])
        return [str(one) for one in table.filter(pa.array(self._mask(table)))["prediction_id"].to_pylist()]

    def _is_of(self, row: dict[str, Any]) -> bool:
        if (row.get("endpoint") or row.get("model")) != self._model:
            return False
        return self._people.is_of(row.get("features") or {}) or (
            "client_id" in self._people.tokens and self._people.holds("client_id", row.get("client_id"))
        )

    def _lines_of(self, path: Path, ids: set[str]) -> list[str]:
        """Return the prediction ids of their rows in a segment, which `ids` gets too."""
        try:
            lines = path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        found = []
        for line in lines:
            mine = [str(row.get("prediction_id")) for row in parsed(line) if self._is_of(row)]
            found += mine
            ids.update(mine)
        return found

    def _place(self, kind: str, path: Path, rows: int) -> Place:
        return Place(kind, self._model, path.relative_to(self._deck.workspace.root).as_posix(), rows)

    def _collected(self) -> Iterator[Path]:
        yield from sorted(endpoint_folder(self._deck.workspace, self._model).rglob("*.parquet"))

    def _segments(self) -> Iterator[Path]:
        """Yield segments that nobody writes to: closed ones, and those set aside for their broken lines."""
        for pattern in ("*.jsonl", "*.broken"):
            yield from sorted(self._deck.workspace.segments.rglob(pattern))

    def _outcomes(self) -> Iterator[Path]:
        yield from sorted((self._deck.workspace.outcomes / self._model).glob("*.parquet"))

    def _attributions(self) -> Iterator[Path]:
        yield from sorted(folder_of(self._deck.workspace, self._model).rglob("*.parquet"))


def _count(path: Path, ids: set[str]) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if not ids:
        return 0
    column = pq.ParquetFile(path).read(["prediction_id"])["prediction_id"]
    return pc.sum(pc.is_in(column, value_set=pa.array(sorted(ids), pa.string()))).as_py() or 0


def _without(path: Path, ids: set[str]) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if path.is_file() and ids:
        table = pq.ParquetFile(path).read()
        theirs = pc.is_in(table["prediction_id"], value_set=pa.array(sorted(ids), pa.string()))
        _replace(path, table.filter(pc.invert(theirs)))


def _replace(path: Path, table: pa.Table) -> None:
    if table.num_rows:
        write_parquet(table, path)
        return
    path.unlink()
    sync_folder(path.parent)
