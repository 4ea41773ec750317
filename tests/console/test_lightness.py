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
