"""MLflow's part of benchmarks/training.py: milliseconds of one fit, bare, in a run, and with autolog.

training_mlflow.py FOLDER REPEATS
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)


def main() -> None:
    import mlflow
    from training_fit import unit

    folder, repeats = sys.argv[1], int(sys.argv[2])
    fit = unit()
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.create_experiment("bench", artifact_location=f"{folder}/artifacts")
    mlflow.set_experiment("bench")
    mlflow.sklearn.autolog(silent=True, disable=True)

    def tracked() -> None:
        with mlflow.start_run():
            fit()

    def timed(act) -> list[float]:  # type: ignore[no-untyped-def]
        act()
        taken = []
        for _ in range(repeats):
            begun = time.perf_counter()
            act()
            taken.append((time.perf_counter() - begun) * 1000)
        return taken

    bare = timed(fit)
    mlflow.sklearn.autolog(silent=True, disable=False)
    print(json.dumps({"bare": bare, "autolog": timed(tracked)}))


main()
