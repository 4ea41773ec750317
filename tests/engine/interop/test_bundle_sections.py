"""A part of a bundle's file is read as a file of its own, by what looks before its first byte too."""

from __future__ import annotations

import io
import zipfile

import pytest

from engine.interop.bundle_check import Section, check_zip


def test_the_code_of_a_workspace_without_any_is_a_zip_of_nothing():
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    file = io.BytesIO(b"x" * 600 + empty.getvalue() + b"y" * 600)
    check_zip("a.bundle", "code.zip", Section(file, 600, len(empty.getvalue())), 10)


def test_a_place_before_the_first_byte_is_none():
    with pytest.raises(OSError, match="before the first byte"):
        Section(io.BytesIO(b"abc"), 0, 3).seek(-4, 2)
