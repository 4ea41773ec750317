"""What a console does not carry: it speaks to a socket of this machine, so nothing of OpenSSL."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CONSOLE = """
import sys
from console.main import main  # as the entry point does, before it knows that a console is asked for
from engine.workspace import Workspace
from pathlib import Path
from console.terminal import leave_out_openssl
leave_out_openssl()
import console.deck_app, engine.client
print(Workspace(Path(sys.argv[1])).socket)
print([line for line in open("/proc/self/maps") if "libssl" in line or "libcrypto" in line])
"""


@pytest.mark.skipif(not Path("/proc/self/maps").is_file(), reason="what is loaded is read from Linux's /proc")
def test_a_console_carries_no_openssl_and_finds_the_same_socket(tmp_path: Path) -> None:
    from engine.workspace import Workspace

    ran = subprocess.run(
        [sys.executable, "-P", "-c", CONSOLE, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.splitlines() == [str(Workspace(tmp_path).socket), "[]"]


LIST = """
import sys
from console.main import main
from console.output import Output
from console.parser import parse
parse(["models"])
import console.commands.reading, console.commands.lists, engine.client
from console.commands.tables import columns_of
from store.rows import Model
columns_of(Model)
print(*sys.modules)
"""
NOT_FOR_A_LIST = {"sqlite3", "_hashlib", "shutil", "rich", "tomllib", "difflib", "textwrap", "console.commands.verbs"}
ITS_OPERATIONS = {"catalog", "serving", "deck", "work", "hosts", "comments", "alerts"}


def test_a_list_that_a_daemon_answers_loads_what_it_shows_and_little_else() -> None:
    ran = subprocess.run([sys.executable, "-P", "-c", LIST], capture_output=True, text=True, timeout=60, check=True)
    assert (
        set(ran.stdout.split()) & (NOT_FOR_A_LIST | {f"engine.operations.{name}" for name in ITS_OPERATIONS}) == set()
    )
