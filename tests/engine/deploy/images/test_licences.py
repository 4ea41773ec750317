"""The licence of a wheel: what its own metadata names, and nothing guessed."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from engine.deploy.images.licences import licence_of


@pytest.mark.parametrize(
    ("said", "licence"),
    [
        ("License-Expression: BSD-3-Clause AND MIT\nLicense: something else\n", "BSD-3-Clause AND MIT"),
        ("License: Apache 2.0\n", "Apache 2.0"),
        ("License: BSD 3-Clause License\n        \n        Copyright (c) 2007, somebody\n", "BSD 3-Clause License"),
        (
            "Classifier: License :: OSI Approved :: MIT License\nClassifier: Programming Language :: Python\n",
            "MIT License",
        ),
        ("License: UNKNOWN\nClassifier: License :: OSI Approved :: ISC License\n", "ISC License"),
        ("Summary: says nothing\n", "unknown"),
    ],
)
def test_what_the_metadata_names(tmp_path: Path, said: str, licence: str) -> None:
    wheel = tmp_path / "some-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as content:
        content.writestr(
            "some-1.0.dist-info/METADATA", f"Metadata-Version: 2.4\nName: some\nVersion: 1.0\n{said}\ntext\n"
        )
    assert licence_of(wheel) == licence


def test_a_wheel_that_is_gone_or_none_at_all_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "no.whl").write_bytes(b"no zip")
    assert licence_of(tmp_path / "no.whl") == licence_of(tmp_path / "gone.whl") == "unknown"
