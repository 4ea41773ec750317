"""The two models that servers are compared by, fitted in the environment of whoever serves them.

light: scaled columns and a logistic regression over 30 numbers (breast cancer, of scikit-learn)
heavy: scaled columns and 1,000 trees over histograms, of ten classes over 64 numbers (digits, of scikit-learn)

`python serving_models.py FOLDER joblib|mlflow|onnx [KIND]` writes both, or the one, below FOLDER, with the bodies
that are posted.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

KINDS = ("light", "heavy")


def columns_of(kind: str) -> list[str]:
    """Return the names of the columns."""
    return [f"c{number}" for number in range(30 if kind == "light" else 64)]


def data(kind: str) -> tuple[Any, Any]:
    """Return rows and classes."""
    from sklearn.datasets import load_breast_cancer, load_digits

    found = load_breast_cancer() if kind == "light" else load_digits()
    return found.data, found.target


def fitted(kind: str, rows: Any, classes: Any, names: list[Any]) -> Any:
    """Return the fitted pipeline; `names` are the columns by name, or by place."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    half = len(names) // 2
    scaled = ColumnTransformer([("a", StandardScaler(), names[:half]), ("b", MinMaxScaler(), names[half:])])
    light = LogisticRegression(max_iter=5000)
    heavy = HistGradientBoostingClassifier(max_iter=100, early_stopping=False, random_state=0)
    return Pipeline([("features", scaled), ("estimator", light if kind == "light" else heavy)]).fit(rows, classes)


def main(folder: Path, form: str, kinds: tuple[str, ...]) -> None:
    """Write the models in one form."""
    import numpy as np

    for kind in kinds:
        place = folder / kind
        place.mkdir(parents=True, exist_ok=True)
        rows, classes = data(kind)
        model = fitted(kind, rows, classes, list(range(rows.shape[1])))
        if form == "joblib":
            import joblib

            joblib.dump(model, place / "model.joblib")
        elif form == "mlflow":
            import mlflow
            import pandas as pd
            from mlflow.models import infer_signature

            frame = pd.DataFrame(rows, columns=columns_of(kind))
            model = fitted(kind, frame, classes, columns_of(kind))
            mlflow.sklearn.save_model(
                model, place / "mlflow", signature=infer_signature(frame, model.predict(frame)),
                serialization_format="cloudpickle",
            )  # fmt: skip
        else:
            from skl2onnx import to_onnx

            made = to_onnx(model, rows[:1].astype(np.float32), options={id(model): {"zipmap": False}})
            (place / "model.onnx").write_bytes(made.SerializeToString())


def bodies(folder: Path, kinds: tuple[str, ...] = KINDS, counts: tuple[int, ...] = (1, 100)) -> None:
    """Write what is posted: the same rows in the form of each server."""
    for kind in kinds:
        rows, _ = data(kind)
        names = columns_of(kind)
        place = folder / kind
        place.mkdir(parents=True, exist_ok=True)
        for count in counts:
            listed, flat = rows[:count].tolist(), rows[:count].ravel().tolist()
            told = {
                "records": [dict(zip(names, row, strict=True)) for row in listed],
                "rows": {"rows": listed},
                "frame": {"dataframe_split": {"columns": names, "data": listed}},
                "v2": {"inputs": [{"name": "x", "shape": [count, len(names)], "datatype": "FP64", "data": flat}]},
            }
            for form, body in told.items():
                (place / f"body-{form}-{count}.json").write_text(json.dumps(body, separators=(",", ":")))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], tuple(sys.argv[3:]) or KINDS)
