"""Every kind of source, and what a person is told when one cannot be read."""

from __future__ import annotations

import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.data.sources import need_columns
from engine.data.sources.files import connect
from store.errors import Refused, WorkFailed

ROWS = [{"x": 1, "y": 2.5}, {"x": 3, "y": 4.5}]
CSV = "x,y\n1,2.5\n3,4.5\n"


def parquet():
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", CSV),
        ("rows.tsv", CSV.replace(",", "\t")),
        ("rows.csv.gz", gzip.compress(CSV.encode(), mtime=0)),
        ("rows.parquet", parquet()),
        ("rows.json", '[{"x": 1, "y": 2.5}, {"x": 3, "y": 4.5}]'),
        ("rows.jsonl", '{"x": 1, "y": 2.5}\n{"x": 3, "y": 4.5}\n'),
        ("rows.ndjson", '{"x": 1, "y": 2.5}\n{"x": 3, "y": 4.5}\n'),
        ("below/ROWS.CSV", CSV),
    ],
)
def test_file_is_read_by_its_kind(write, read, name, content):
    write(name, content)
    assert read(name).to_pylist() == ROWS


def test_absolute_path_is_read(write, read):
    assert read(str(write("rows.csv", CSV))).to_pylist() == ROWS


def test_glob_reads_every_file_by_column_name(write, read):
    write("days/1.csv", "x,y\n1,2.5\n")
    write("days/2.csv", "y,x\n4.5,3\n")
    assert read("days/*.csv").to_pylist() == ROWS


def test_brackets_in_a_file_name_are_no_pattern(write, read):
    write("rows[1].csv", CSV)
    write("rows1.csv", "x,y\n9,9\n")
    assert read("rows[1].csv").to_pylist() == ROWS


@pytest.mark.parametrize(
    "source",
    [
        "SELECT * FROM 'rows.csv' ORDER BY x",
        "  with kept as (select * from 'rows.csv') select * from kept order by x",
        "from 'rows.csv' order by x",
        "SELECT a.x, b.y FROM 'rows.csv' a JOIN read_parquet('rows.parquet') b USING (x) ORDER BY x",
    ],
)
def test_sql_reads_files_of_the_workspace(write, read, source):
    write("rows.csv", CSV)
    write("rows.parquet", parquet())
    assert read(source).to_pylist() == ROWS


@pytest.mark.parametrize(
    "body",
    [
        "import pandas as pd\ndef load():\n    return pd.DataFrame({'x': [1, 3], 'y': [2.5, 4.5]}, index=[7, 8])",
        "import pyarrow as pa\ndef load():\n    return pa.table({'x': [1, 3], 'y': [2.5, 4.5]})",
        "from below.parts import ROWS\nimport pyarrow as pa\ndef load():\n    return pa.Table.from_pylist(ROWS)",
    ],
)
def test_function_gives_a_frame_or_a_table(write, read, body):
    write("loading.py", body)
    write("below/parts.py", f"ROWS = {ROWS}")
    assert read("python:loading:load").to_pylist() == ROWS


def test_function_comes_from_the_bundle_of_its_time(write, read):
    for value in (1, 2):
        write("loading.py", f"import pyarrow as pa\ndef load():\n    return pa.table({{'x': [{value}]}})")
        assert read("python:loading:load").to_pylist() == [{"x": value}]


def test_function_that_raises_is_told_in_one_line_with_its_name_and_line(write, read):
    write("loading.py", "def load():\n    return prices()\n\n\ndef prices():\n    raise KeyError('no\\nprices')\n")
    with pytest.raises(WorkFailed) as raised:
        read("python:loading:load")
    assert raised.value.exit_code == 1
    line = raised.value.line()
    assert line.startswith("source python:loading:load raised KeyError: ")
    assert "(line 6 of loading.py, in prices)" in line
    assert "\n" not in line


def test_function_that_tries_to_leave_is_a_failure_like_any_other(write, read, says):
    write("loading.py", "import sys\ndef load():\n    sys.exit(0)\n")
    with pytest.raises(WorkFailed, check=says(r"raised SystemExit: 0 \(line 3 of loading\.py, in load\)")):
        read("python:loading:load")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("raise OSError('no network')", r"loading\.py failed on import: OSError: no network \(line 1 of loading\.py"),
        ("import sys\nsys.exit(3)", r"loading\.py failed on import: SystemExit: 3 \(line 2 of loading\.py"),
        ("def load(:\n    pass", r"loading\.py failed on import: SyntaxError: .*line 1"),
        ("import notthere", r"loading\.py failed on import: ModuleNotFoundError: .*'notthere'"),
        ("def load():\n    return 3", r"returned int: return a pandas DataFrame or a pyarrow Table"),
        (
            "import pandas as pd\ndef load():\n    return pd.DataFrame({'x': [1, 'a']})",
            r"mixed types: Conversion failed for column x .*give each column one type",
        ),
    ],
)
def test_function_that_gives_no_table_fails_the_work(write, read, body, told, says):
    write("loading.py", body)
    with pytest.raises(WorkFailed, check=says(told)) as raised:
        read("python:loading:load")
    assert "\n" not in raised.value.line()


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("python:loading:laod", "no function 'laod': did you mean 'load'"),
        ("python:loading:fetch", r"no function 'fetch': define it in loading\.py"),
        ("python:loading:VALUE", "no function 'VALUE'"),
        ("python:absent:load", "names a module that the workspace does not have: expected absent.py"),
        ("python:loading", "names no function: write it as python:module:function"),
        ("python::load", "names no function"),
    ],
)
def test_reference_that_leads_nowhere_is_refused(write, read, source, told, says):
    write("loading.py", "VALUE = 1\ndef load():\n    return None\n")
    with pytest.raises(Refused, check=says(told)):
        read(source)


def alike(*names):
    out = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array([1]) for _ in names], names=list(names)), out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("rows.csv", "x,x,y\n1,2,3\n", "source rows.csv gives two columns named 'x'"),
        ("rows.csv", 'price,"a, b","a, b"\n1,2,3\n', "two columns named 'a, b'"),
        ("rows.tsv", "x\ty\tx\n1\t2\t3\n", "two columns named 'x'"),
        ("rows.csv.gz", gzip.compress(b"x,x\n1,2\n", mtime=0), "two columns named 'x'"),
        ("rows.csv", "x,X,y\n1,2,3\n", "columns named 'x' and 'X', which SQL takes for one"),
        ("rows.parquet", alike("x", "x"), "two columns named 'x'"),
        ("rows.parquet", alike("y", "Y"), "columns named 'y' and 'Y', which SQL takes for one"),
        ("rows.jsonl", '{"x": 1, "x": 2}\n', 'has duplicate key "x"'),
    ],
)
def test_a_file_with_two_columns_of_one_name_is_refused_rather_than_renamed(write, read, says, name, content, told):
    write(name, content)
    with pytest.raises(Refused, check=says(told)):
        read(name)


def test_names_that_only_look_renamed_are_taken_as_they_are(write, read):
    write("rows.csv", "x,x_1,y_2\n1,2,3\n")
    assert read("rows.csv").column_names == ["x", "x_1", "y_2"]
    write("rows.csv", "1,2\n3,4\n")
    assert read("rows.csv").column_names == ["column0", "column1"]


def test_two_columns_of_one_name_are_refused(write, read, says):
    write("loading.py", "import pandas as pd\ndef load():\n    return pd.DataFrame([[1, 2]], columns=['x', 'x'])\n")
    for source in ("python:loading:load", "SELECT 1 AS x, 2 AS x"):
        with pytest.raises(Refused, check=says("gives two columns named 'x'")):
            read(source)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("absent.csv", r"source absent\.csv does not exist in .*: put the file there or correct \[data\] source"),
        ("absent/*.csv", "does not exist"),
        ("rows.xlsx", r"of no known kind: known are \.csv, "),
        (".", "of no known kind"),
        ("ftp://host/rows.csv", "of no known kind: known are http, https, s3, postgresql, sqlite"),
        ("broken.parquet", r"source broken\.parquet cannot be read"),
        ("broken.json", r"source broken\.json cannot be read: .*Malformed JSON"),
        ("differing/*.csv", "source differing/.*cannot be read: .*Schema mismatch"),
        ("SELECT * FROM 'absent.csv'", 'the source\'s SQL cannot be read: .*"absent.csv"'),
        ("SELECT price FROM 'rows.csv'", 'Referenced column "price" not found'),
        ("SELECT * FROM", "syntax error"),
        ("SELECT y::DATE FROM 'words.csv'", "cannot be read: Conversion Error"),
    ],
)
def test_source_that_cannot_be_read_is_refused_in_one_line(write, read, source, told, says):
    write("rows.csv", CSV)
    write("words.csv", "y\nmorning\n")
    write("rows.xlsx", b"PK")
    write("broken.parquet", "no parquet at all")
    write("broken.json", '{"x": 1,, "y": 2}')
    write("differing/1.csv", CSV)
    write("differing/2.csv", "x,z\n1,2\n")
    with pytest.raises(Refused, check=says(told)) as raised:
        read(source)
    assert raised.value.exit_code == 2
    assert "\n" not in raised.value.line()


def test_query_that_overflows_fails_the_work(read, says):
    with pytest.raises(WorkFailed, check=says("the source's SQL failed: Out of Range")):
        read("SELECT 9223372036854775807 + count(*)::BIGINT AS x FROM range(3)")


@pytest.mark.parametrize(
    "source", ["SELECT * FROM read_csv('https://host.invalid/rows.csv')", "SELECT * FROM sqlite_scan('a.db', 'rows')"]
)
def test_extension_is_refused_rather_than_downloaded(read, source, says):
    with pytest.raises(Refused, check=says(r"needs an extension, which are off: .*load it in a function")):
        read(source)


def test_connection_neither_installs_nor_loads_extensions(deck):
    with connect(deck.workspace.root) as connection:
        asked = [f"current_setting('{name}')" for name in ("autoinstall_known_extensions", "autoload_known_extensions")]
        assert connection.sql(f"SELECT {', '.join(asked)}").fetchall() == [(False, False)]


def test_absent_column_is_told_with_the_closest_name(says):
    table = pa.table({"price": [1], "arrival": [2]})
    with pytest.raises(Refused, check=says(r"column 'prise' is not in rows\.csv: did you mean 'price'\?")):
        need_columns(table, ["arrival", "prise"], "rows.csv")


def test_absent_column_like_no_other_is_told_with_all_there_are(says):
    with pytest.raises(Refused, check=says(r"column 'zzz' is not in rows\.csv: it has price, arrival")):
        need_columns(pa.table({"price": [1], "arrival": [2]}), ["zzz"], "rows.csv")
