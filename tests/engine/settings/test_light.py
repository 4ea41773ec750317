"""What reading a deck's settings loads: the daemon reads them before each training, and keeps what that loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

READ = """
import sys
from pathlib import Path
from engine.settings.files import load
from engine.workspace import Workspace
deck = load(Workspace(Path(sys.argv[1])))
print(*deck.models, *sorted({"numpy", "pandas", "pyarrow", "sklearn", "sqlalchemy"} & set(sys.modules)))
"""
MODEL = """
[model]
name = "rates"
task = "regression"
[data]
source = "rates.csv"
target = "price"
[train]
metric = "mae"
[gates]
mae = { max = 25 }
"""


def test_settings_with_metrics_and_gates_are_read_without_numpy(tmp_path: Path) -> None:
    (tmp_path / "deck.toml").write_text('name = "deck"\n')
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "rates.toml").write_text(MODEL)
    done = subprocess.run([sys.executable, "-c", READ, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("rates\n", "")
