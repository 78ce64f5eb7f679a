"""Run the notebooks of this folder from top to bottom and keep what their cells show.

    python examples/record.py                    # all of them
    python examples/record.py auditor.ipynb

Each is run in a folder of its own, which is removed again.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent


def record(path: Path) -> None:
    """Run one notebook and write it back with its outputs; cells keep short, stable ids."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": folder}}
        ).execute()
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":  # progress bars say how fast this machine is
            cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
    notebook.metadata.language_info = {"name": "python"}
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for each in [Path(one) for one in sys.argv[1:]] or sorted(HERE.glob("*.ipynb")):
        record(HERE / each.name)
        sys.stdout.write(f"{each.name}\n")
