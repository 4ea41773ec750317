"""An SVG document of ours as PNG bytes, for where SVG cannot be shown: mail, chat, slides. Pure.

Only what `console.render.svg` writes is drawn: filled shapes, lines and text. Pillow brings the font, so a server
without any draws the same.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from store.errors import Refused

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

SCALE = 2  # pixels to a unit of the document: sharp on screens of today
TEXT, LINE = 12, 1  # units: a font's size, a line's width
BOLD = 0.4  # pixels around each stroke of a letter: the font has no bold of its own
ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}
REMEDY = "pip install 'modeldeck[png]', or name it FILE.svg, which needs nothing"


def require() -> None:
    """Look that PNG can be written.

    Raises:
        Refused: Pillow is not installed.
    """
    try:
        import PIL  # noqa: F401
    except ImportError as error:
        raise Refused("PNG needs Pillow, which is not installed", REMEDY) from error


def png(document: str) -> bytes:
    """Return a document of `console.render.svg` as PNG.

    Raises:
        Refused: Pillow is not installed.
    """
    require()
    from PIL import Image, ImageDraw

    root = ElementTree.fromstring(document)  # noqa: S314 (our own document)
    size = (round(float(root.attrib["width"]) * SCALE), round(float(root.attrib["height"]) * SCALE))
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for element in root:
        _DRAWN[element.tag.rpartition("}")[2]](draw, element)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _at(element: ElementTree.Element, *names: str) -> list[float]:
    return [float(element.get(name, 0)) * SCALE for name in names]


def _rect(draw: ImageDraw, element: ElementTree.Element) -> None:
    x, y, wide, high = _at(element, "x", "y", "width", "height")
    draw.rectangle((x, y, x + wide, y + high), fill=element.get("fill"))


def _line(draw: ImageDraw, element: ElementTree.Element) -> None:
    draw.line(_at(element, "x1", "y1", "x2", "y2"), fill=element.get("stroke"), width=LINE * SCALE)


def _circle(draw: ImageDraw, element: ElementTree.Element) -> None:
    x, y, radius = _at(element, "cx", "cy", "r")
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=element.get("fill"))


def _points(element: ElementTree.Element) -> list[tuple[float, float]]:
    pairs = (pair.split(",") for pair in element.get("points", "").split())
    return [(float(x) * SCALE, float(y) * SCALE) for x, y in pairs]


def _polygon(draw: ImageDraw, element: ElementTree.Element) -> None:
    draw.polygon(_points(element), fill=element.get("fill"))


def _polyline(draw: ImageDraw, element: ElementTree.Element) -> None:
    width = round(float(element.get("stroke-width", LINE)) * SCALE)
    draw.line(_points(element), fill=element.get("stroke"), width=width, joint="curve")


def _text(draw: ImageDraw, element: ElementTree.Element) -> None:
    x, y = _at(element, "x", "y")
    bold = BOLD if element.get("font-weight") == "bold" else 0.0
    anchor = ANCHORS[element.get("text-anchor", "start")]
    draw.text((x, y), element.text or "", element.get("fill"), _font(), anchor=anchor, stroke_width=bold)


def _font() -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size=TEXT * SCALE)


_DRAWN = {
    "rect": _rect,
    "line": _line,
    "circle": _circle,
    "polygon": _polygon,
    "polyline": _polyline,
    "text": _text,
}
