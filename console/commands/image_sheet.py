"""One image as the command line writes it: what it is, then a line for each package within."""

from __future__ import annotations

from console.commands.values import kilobytes
from console.output import Column, Output
from engine.operations.images import ImageDetail

PACKAGES = (
    Column("package", "name", shrink=True),
    Column("version", lambda row, _: row.version),
    Column("licence", lambda row, _: row.licence, shrink=True),
)

OF_BASE = (Column("package of the base", "name", shrink=True), PACKAGES[1])


def image(answer: ImageDetail, out: Output) -> None:
    """Write an image."""
    shown = answer.image
    out.pairs(
        [
            ("image", shown.digest),
            ("version", f"{shown.model}@{shown.version}"),
            ("platform", f"{shown.platform}, server contract {shown.contract}"),
            ("base", f"{answer.base}, Python {answer.python}: {answer.why}"),
            ("built", f"{out.time(shown.built_at)}, {kilobytes(shown.size_bytes)}"),
        ]
    )
    out.line("")
    out.table(PACKAGES, answer.packages)
    unknown = sum(one.licence == "unknown" for one in answer.packages)
    if unknown:
        out.note(f"{unknown} of {len(answer.packages)} packages name no licence")
    if answer.base_packages:
        out.line("")
        out.table(OF_BASE, answer.base_packages)
        out.note(
            f"licences of the base's {len(answer.base_packages)} packages: Debian's copyright file of each version"
        )
