"""Threads of the daemon allocate from one heap."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# Prints how many heaps of 64 MB glibc has set aside once eight threads have allocated.
COUNTED = """
import sys, threading
from engine.daemon.heap import share_one_heap
if sys.argv[1] == "one":
    share_one_heap()
ready = threading.Barrier(8)
def allocate():
    ready.wait()
    kept = [bytes(5000) for _ in range(200)]
    ready.wait()
threads = [threading.Thread(target=allocate) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
heaps = 0
for line in open("/proc/self/maps"):
    first, last = (int(end, 16) for end in line.split()[0].split("-"))
    heaps += line.split()[1] == "---p" and last - first > 60 << 20
print(heaps)
"""


def heaps(how: str) -> int:
    ran = subprocess.run([sys.executable, "-P", "-c", COUNTED, how], capture_output=True, text=True, check=True)
    return int(ran.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives threads heaps of their own")
def test_threads_share_one_heap() -> None:
    assert heaps("one") == 0
    assert heaps("as it is") > 1
