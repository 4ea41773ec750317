"""What each style name looks like: dark, light, the terminal's own colours, or none at all."""

from __future__ import annotations

from functools import lru_cache

from rich.style import Style

# What is to be read has a contrast of 4.5 to 1 (WCAG 2, AA) on the page and on the bar, of 4 on the cursor's row.
# Colours are points of the 256-colour cube, so that a remote terminal without truecolor shows the same picture.
_DARK = {
    "": "#c6c6c6 on #121212",
    "strong": "bold #eeeeee",
    "dim": "#9e9e9e",
    "faint": "#808080",
    "title": "#9e9e9e",
    "accent": "#87afd7",
    "name": "#eeeeee",
    "ok": "#87af87",
    "busy": "#87afd7",
    "warn": "#d7af5f",
    "bad": "#d7875f",
    "key": "bold #87afd7",
    "match": "#121212 on #d7af5f",
    "badge": "bold #121212 on #d7af5f",
    "bar": "on #262626",
    "brand": "bold #87afd7",
    "cursor": "on #303030",
    "box": "on #1c1c1c",
    "danger": "bold #121212 on #d7875f",
    "chosen": "bold #121212 on #87afd7",
    "spark": "#5f87af",
    "rule": "#444444",
}
_LIGHT = {
    "": "#303030 on #eeeeee",
    "strong": "bold #080808",
    "dim": "#585858",
    "faint": "#767676",
    "title": "#585858",
    "accent": "#005f87",
    "name": "#080808",
    "ok": "#005f00",
    "busy": "#005f87",
    "warn": "#875f00",
    "bad": "#af0000",
    "key": "bold #005f87",
    "match": "#eeeeee on #875f00",
    "badge": "bold #eeeeee on #875f00",
    "bar": "on #e4e4e4",
    "brand": "bold #005f87",
    "cursor": "on #dadada",
    "box": "on #e4e4e4",
    "danger": "bold #eeeeee on #af0000",
    "chosen": "bold #eeeeee on #005f87",
    "spark": "#005f87",
    "rule": "#bcbcbc",
}
_ANSI = {
    "": "default on default",
    "strong": "bold",
    "dim": "bright_black",
    "faint": "bright_black",
    "title": "bright_black",
    "accent": "cyan",
    "name": "bold",
    "ok": "green",
    "busy": "cyan",
    "warn": "yellow",
    "bad": "red",
    "key": "bold cyan",
    "match": "reverse",
    "badge": "bold reverse",
    "bar": "",
    "brand": "bold cyan",
    "cursor": "reverse",
    "box": "",
    "danger": "bold reverse",
    "chosen": "bold reverse",
    "spark": "blue",
    "rule": "bright_black",
}
_MONO = {
    name: ("default on default" if not name else "")
    if name in ("", "dim", "faint", "title", "accent", "ok", "busy", "warn", "bad", "spark", "rule", "box")
    else look
    for name, look in {**_ANSI, "key": "bold", "brand": "bold", "bar": "reverse"}.items()
}

THEMES: dict[str, dict[str, str]] = {"dark": _DARK, "light": _LIGHT, "ansi": _ANSI, "mono": _MONO}


@lru_cache(maxsize=1024)
def style(theme: str, names: str) -> Style:
    """Return the Rich style of space-separated style names, of which the first lies on top.

    A cursor or a box is laid *under* a cell: it brings its background where the cell has none of its own.
    """
    table = THEMES[theme]
    result = Style.parse(table[""])
    if native(theme) and "cursor" in names.split():
        return result + Style.parse(table["cursor"])  # reversed ink of many colours would be a patchwork
    for name in reversed(names.split()):
        result += Style.parse(table[name])
    return result


def native(theme: str) -> bool:
    """Say whether the theme uses the terminal's own colours."""
    return theme in ("ansi", "mono")
