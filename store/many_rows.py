"""Many rows of one kind, held as the values of each field: a list that is shown or sent needs no object for each row.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, overload

_THOUSANDS = 1000  # rows from which their own way of making them pays for being compiled


class Rows(Sequence[Any]):
    """Rows of a kind. A row is made where it is asked for; all of them, once, where they are gone through.

    `columns` hold one value for each row, all fields of the kind in their order.
    """

    __slots__ = ("_columns", "_made", "kind")

    def __init__(self, kind: type, columns: Mapping[str, Sequence[Any]]) -> None:
        self.kind = kind
        self._columns = columns
        self._made: list[Any] | None = None

    def column(self, name: str) -> Sequence[Any]:
        """Return the values of one field.

        Raises:
            KeyError: the kind has no such field.
        """
        return self._columns[name]

    def columns(self) -> Mapping[str, Sequence[Any]]:
        """Return the values of every field."""
        return self._columns

    def __len__(self) -> int:
        return len(next(iter(self._columns.values()), ()))

    def __iter__(self) -> Iterator[Any]:
        if self._made is None:
            rows = zip(*self._columns.values(), strict=True)
            if len(self) < _THOUSANDS:
                self._made = [self.kind(*row) for row in rows]
            else:
                from store.rows.making import all_of  # what lists of a few do without

                self._made = all_of(self.kind, rows)
        return iter(self._made)

    @overload
    def __getitem__(self, place: int) -> Any: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Any]: ...

    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return Rows(self.kind, {name: values[place] for name, values in self._columns.items()})
        return self.kind(*[values[place] for values in self._columns.values()])

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Rows | list | tuple) else NotImplemented

    __hash__ = None  # type: ignore[assignment]


class MadeRows(Rows):
    """Rows that were made when they were read: who goes through them waits for no columns, who asks gets those."""

    __slots__ = ()

    def __init__(self, kind: type, made: list[Any]) -> None:
        super().__init__(kind, {})
        self._made: list[Any] = made

    def column(self, name: str) -> Sequence[Any]:
        """Return the values of one field.

        Raises:
            KeyError: the kind has no such field.
        """
        if name not in self._fields():
            raise KeyError(name)
        return list(map(attrgetter(name), self._made))

    def columns(self) -> Mapping[str, Sequence[Any]]:
        """Return the values of every field."""
        return {name: self.column(name) for name in self._fields()}

    def _fields(self) -> Mapping[str, Any]:
        fields: Mapping[str, Any] = vars(self.kind)["__dataclass_fields__"]
        return fields

    def __len__(self) -> int:
        return len(self._made)

    def __getitem__(self, place: Any) -> Any:
        return MadeRows(self.kind, self._made[place]) if isinstance(place, slice) else self._made[place]


def column(rows: Sequence[Any], name: str) -> Sequence[Any]:
    """Return what rows of any kind of sequence hold in one field."""
    return rows.column(name) if isinstance(rows, Rows) else list(map(attrgetter(name), rows))
