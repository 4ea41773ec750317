"""A version as a folder of plain Python that answers without modeldeck: what is in it, file by file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import engine.serving
from engine.deck import Deck
from engine.deploy.images.code import distributions_of
from engine.deploy.stage import stage
from engine.settings.model import ModelSettings
from store.rows import Version

# of engine.serving what answers rows, without the server around it; class paths in the artifact lead there
SERVED = (
    "artifact",
    "contract",
    "direct",
    "features",
    "forecasting",
    "frames",
    "golden",
    "lags",
    "outputs",
    "predict",
    "ranking",
    "ranks",
    "strict_skops",
    "values",
)
NEEDED = ("numpy", "pandas", "scikit-learn", "scipy", "skops")
README = """# {model}@{number}

{estimator}, as it was trained; it runs without modeldeck. {interpreter}, {platform} is what it was trained with.

    python -m venv .venv
    .venv/bin/pip install -r requirements.txt
    .venv/bin/python predict.py --check       # the {golden} golden requests, answered as on record
    .venv/bin/python predict.py rows.csv      # CSV with a header, a JSON list, or one JSON row a line; - reads stdin

Columns: {inputs}.

In Python:

    from engine.serving.predict import Predictor
    predictor = Predictor.from_folder(pathlib.Path("."))
    predictor.predict([{{...}}])

`model.skops` holds the fitted pipeline, `manifest.json` its signature, decision and sha256, `code/` the workspace's own
modules, `engine/` what reads rows and the transformers of the pipeline. The artifact is loaded only if its sha256 is
the manifest's and it holds no types beside those the manifest trusts.
"""


def exported(deck: Deck, version: Version, settings: ModelSettings) -> dict[str, bytes | Path]:
    """Return each file by its path in the folder: its bytes, or where they lie.

    Raises:
        CorruptArtifact, WorkFailed, StorageUnwritable: as `stage`.
    """
    folder = stage(deck, version, settings)
    files: dict[str, bytes | Path] = {
        str(path.relative_to(folder)): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    own = Path(engine.serving.__file__).parent
    files["engine/__init__.py"] = b""
    files["engine/serving/__init__.py"] = b""
    files |= {f"engine/serving/{name}.py": own / f"{name}.py" for name in SERVED}
    files["predict.py"] = own / "standalone.py"
    lock = json.loads(deck.artifacts.read(version.environment_hash))
    manifest = json.loads((folder / "manifest.json").read_bytes())
    pins = {name: str(each["version"]) for name, each in lock["distributions"].items()}
    needed = [name for name in (*NEEDED, *distributions_of(folder, manifest, lock)) if name in pins]
    files["requirements.txt"] = _lines("-c constraints.txt", *(f"{name}=={pins[name]}" for name in needed))
    files["constraints.txt"] = _lines(*(f"{name}=={pin}" for name, pin in pins.items()))
    files["README.md"] = _readme(version, lock, folder).encode()
    return files


def _lines(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _readme(version: Version, lock: dict[str, Any], folder: Path) -> str:
    inputs = version.signature.get("inputs") or ()
    return README.format(
        model=version.model,
        number=version.number,
        estimator=version.estimator,
        interpreter=lock["interpreter"],
        platform=lock["platform"],
        golden=len(json.loads((folder / "golden.json").read_bytes())["requests"]),
        inputs=", ".join(f"{one['name']} ({one['type']})" for one in inputs),
    )
