"""Rows of files the caller names: CSV, JSON, JSONL and stdin."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from console.commands.records import read_records
from store.errors import Refused

TYPES = {"nights": "long", "price": "double", "repeat": "boolean", "country": "string"}


def write(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_csv_cells_become_what_the_signature_says(tmp_path: Path) -> None:
    name = write(tmp_path, "rows.csv", "nights,price,repeat,country\n3,80.5,true,007\n,,no,\n")
    assert read_records(name, io.StringIO(), TYPES) == [
        {"nights": 3, "price": 80.5, "repeat": True, "country": "007"},
        {"nights": None, "price": None, "repeat": False, "country": None},
    ]


def test_a_cell_of_another_type_stays_text_so_that_the_server_names_it(tmp_path: Path) -> None:
    name = write(tmp_path, "rows.csv", "nights\nmany\n")
    assert read_records(name, io.StringIO(), TYPES) == [{"nights": "many"}]


def test_a_byte_order_mark_is_no_part_of_a_column(tmp_path: Path) -> None:
    name = write(tmp_path, "rows.csv", "\ufeffnights\n3\n")
    assert read_records(name, io.StringIO(), TYPES) == [{"nights": 3}]


@pytest.mark.parametrize("text", ['[{"a": 1}, {"a": 2}]', '{"rows": [{"a": 1}, {"a": 2}]}', '{"a": 1}\n{"a": 2}\n'])
def test_json_lists_and_lines_are_rows(tmp_path: Path, text: str) -> None:
    assert read_records(write(tmp_path, "rows.json", text), io.StringIO(), {}) == [{"a": 1}, {"a": 2}]


def test_a_dash_reads_stdin() -> None:
    assert read_records("-", io.StringIO('{"a": 1}\n'), {}) == [{"a": 1}]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("rows.csv", "a,b\n1\n", "line 2: another number of cells"),
        ("rows.csv", "a,b\n", "holds no rows"),
        ("rows.jsonl", '{"a": 1}\n{"a": \n', "line 2"),
        ("rows.json", "[1, 2]", "no list of records"),
        ("rows.json", "", "holds no rows"),
    ],
)
def test_a_broken_file_is_told_with_its_line(tmp_path: Path, name: str, text: str, told: str) -> None:
    with pytest.raises(Refused, match=told):
        read_records(write(tmp_path, name, text), io.StringIO(), {})


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be read"):
        read_records(str(tmp_path / "none.csv"), io.StringIO(), {})
    with pytest.raises(Refused, match="cannot be read"):
        read_records(str(tmp_path), io.StringIO(), {})


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(Refused, match="not UTF-8"):
        read_records(str(path), io.StringIO(), {})
