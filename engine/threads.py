"""How many threads numeric libraries take in the processes that we start."""

from __future__ import annotations

from collections.abc import Mapping

# Threads of OpenMP wait for each other by spinning: beside other work two answered a day's rows fifteen times slower
# than one. A server answers one row at a time, and jobs share their machine with servers.
ONE_THREAD: Mapping[str, str] = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)
