"""Frozen dataclasses with slots, made in a tenth of the time: hundreds of them are most of what a short command loads.

The standard decorator compiles six functions for each class. Five of them say the same of every class, so here they are
written once; the sixth, `__init__`, is compiled when the first row is made, which of most classes is never. To type
checkers, and to everything in `dataclasses`, it is the standard one.

A row is filled while it is of a twin of its class, one with the same slots that is not frozen: plain assignments take
half the time of `object.__setattr__`, which lists of ten thousand rows wait for on both sides of the socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    import dataclasses
    from functools import cache, partial
    from reprlib import recursive_repr

    _set = object.__setattr__
    _made = object()  # stands for a default that is made anew for each row

    def dataclass(*, frozen, slots):
        """Make a class of rows; both words are to be said, as they are what it is."""
        if not (frozen and slots):
            raise TypeError("rows are frozen and have slots")
        make = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)

        def made(kind):
            kind = make(kind)
            shared = (__eq__, __hash__, __repr__, __setattr__, __delattr__, __getstate__, __setstate__)
            for function in shared:
                if function.__name__ not in vars(kind):
                    setattr(kind, function.__name__, function)
            if "__init__" not in vars(kind):
                kind.__init__ = _compiled_at_first_use(kind)
            return kind

        return made

    def _compiled_at_first_use(kind):
        def __init__(self, *values, **named):
            if kind.__init__ is __init__:
                kind.__init__ = _init_of(kind, quick=kind.__bases__ == (object,))
            kind.__init__(self, *values, **named)

        return __init__

    @cache
    def _init_of(kind, *, quick):
        """Compile `__init__` of a class: a parameter for each field, then one assignment each.

        `quick` fills the row as of its twin, but one of a class derived from it, which is laid out in its own way.
        """
        parameters, lines, told = [], [], {"_set": _set, "_made": _made}
        for field in dataclasses.fields(kind):
            name, value = field.name, field.name
            if not field.init or field.kw_only:
                raise TypeError(f"{kind.__qualname__}.{name}: rows are made of all their fields, by place or by name")
            if field.default is not dataclasses.MISSING:
                told[f"_default_{name}"] = field.default
                parameters.append(f"{name}=_default_{name}")
            elif field.default_factory is not dataclasses.MISSING:
                told[f"_make_{name}"] = field.default_factory
                parameters.append(f"{name}=_made")
                value = f"_make_{name}() if {name} is _made else {name}"
            else:
                parameters.append(name)
            lines.append(f"    self.{name} = {value}" if quick else f"    _set(self, {name!r}, {value})")
        if quick and lines:
            told["_kind"], told["_twin"] = kind, type("filling", (), {"__slots__": kind.__slots__})
            told["_slowly"] = partial(_init_slowly, kind)
            given = ", ".join(("self", *(field.name for field in dataclasses.fields(kind))))
            first = ["    if self.__class__ is not _kind:", f"        return _slowly({given})"]
            lines = [*first, "    _set(self, '__class__', _twin)", *lines, "    self.__class__ = _kind"]
        if hasattr(kind, "__post_init__"):
            lines.append("    self.__post_init__()")
        text = f"def __init__(self, {', '.join(parameters)}):\n" + ("\n".join(lines) or "    pass")
        exec(text, told)  # noqa: S102  names of fields and nothing else are in it
        init = told["__init__"]
        init.__qualname__ = f"{kind.__qualname__}.__init__"
        return init

    def _init_slowly(kind, *values):
        _init_of(kind, quick=False)(*values)

    def _values(row):
        return tuple([getattr(row, name) for name in row.__match_args__])

    def __eq__(self, other):
        return _values(self) == _values(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self):
        return hash(_values(self))

    def __setattr__(self, name, value):
        raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")

    def __delattr__(self, name):
        raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")

    def __getstate__(self):
        return list(_values(self))

    def __setstate__(self, state):
        for name, value in zip(self.__match_args__, state, strict=True):
            _set(self, name, value)

    @recursive_repr()
    def __repr__(self):
        told = ", ".join([f"{name}={getattr(self, name)!r}" for name in self.__match_args__])
        return f"{self.__class__.__qualname__}({told})"
