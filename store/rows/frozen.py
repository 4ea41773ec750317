"""Frozen dataclasses with slots, made in half the time: a hundred of them are most of what a short command loads.

The standard decorator compiles six functions for each class. Four of them say the same of every class, so here they are
written once; to type checkers, and to everything in `dataclasses`, it is the standard one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    import dataclasses
    from reprlib import recursive_repr

    def dataclass(*, frozen, slots):
        """Make a class of rows; both words are to be said, as they are what it is."""
        if not (frozen and slots):
            raise TypeError("rows are frozen and have slots")
        make = dataclasses.dataclass(frozen=True, slots=True, repr=False, eq=False)

        def made(kind):
            kind = make(kind)
            for function in (__eq__, __hash__, __repr__):
                if function.__name__ not in vars(kind):
                    setattr(kind, function.__name__, function)
            return kind

        return made

    def _values(row):
        return tuple([getattr(row, name) for name in row.__match_args__])

    def __eq__(self, other):
        return _values(self) == _values(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self):
        return hash(_values(self))

    @recursive_repr()
    def __repr__(self):
        told = ", ".join([f"{name}={getattr(self, name)!r}" for name in self.__match_args__])
        return f"{self.__class__.__qualname__}({told})"
