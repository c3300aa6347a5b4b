"""Execute the text twin ics.py from top to bottom and write it with its outputs into ics.ipynb.

Run it with ``make notebook``. Only the twin is edited.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING

import jupytext
import nbformat
from nbclient import NotebookClient

if TYPE_CHECKING:
    from nbformat import NotebookNode

TWIN = Path(__file__).with_name("ics.py")
NOTEBOOK = TWIN.with_suffix(".ipynb")
_WIDGET = "application/vnd.jupyter.widget-view+json"
_STATE = "application/vnd.jupyter.widget-state+json"


def read_twin() -> NotebookNode:
    """Return the notebook of the twin, without outputs."""
    notebook = jupytext.read(TWIN)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"  # a random id would change with every run
    return notebook


def execute() -> NotebookNode:
    """Return the notebook with its outputs.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell raises.
    """
    notebook = read_twin()
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(TWIN.parent)}},
        record_timing=False,
    )
    client.execute()
    _show_bars(notebook)
    return notebook


def _show_bars(notebook: NotebookNode) -> None:
    """Give every bar its last state as text, for pages without widgets: Jupyter keeps the first state."""
    states = notebook.metadata.get("widgets", {}).get(_STATE, {}).get("state", {})
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if _WIDGET not in output.get("data", {}):
                continue
            children = states[output.data[_WIDGET]["model_id"]]["state"]["children"]
            before, bar, after = (states[child.removeprefix("IPY_MODEL_")]["state"] for child in children)
            done = "█" * round(20 * bar["value"] / bar["max"])
            line = f"{before['value']}|{done:<20}|{after['value']}"
            output.data["text/plain"] = html.unescape(line).replace("\u2007", " ")


if __name__ == "__main__":
    nbformat.write(execute(), NOTEBOOK)
