"""Copy the figures of the docs from the notebook, where a cell's tag is the name of its figure.

Run it with ``python docs/figures.py`` after ``make notebook``.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

HERE = Path(__file__).parent
NOTEBOOK = HERE.parent / "notebooks" / "ics.ipynb"


def figures() -> dict[str, bytes]:
    """Return the PNG files by name."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return {
        cell["metadata"]["tags"][0]: base64.b64decode(output["data"]["image/png"])
        for cell in cells
        if cell["metadata"].get("tags")
        for output in cell["outputs"]
        if "image/png" in output.get("data", {})
    }


def main() -> None:
    """Write them into the folder ``figures`` beside this file."""
    folder = HERE / "figures"
    folder.mkdir(exist_ok=True)
    for name, data in figures().items():
        (folder / f"{name}.png").write_bytes(data)


if __name__ == "__main__":
    main()
