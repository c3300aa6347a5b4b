"""The notebook equals its text twin, runs from top to bottom, and is committed with the outputs of one run."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
TWIN = NOTEBOOKS / "ics.py"
LONGEST = 180  # seconds, on two cores


@pytest.fixture(scope="module")
def committed():
    """The cells of the committed notebook."""
    return json.loads((NOTEBOOKS / "ics.ipynb").read_text("utf-8"))["cells"]


def twin_cells():
    """Read the twin's cells: their kind and their text."""
    for marker, text in re.findall(r"^# %%(.*)\n((?:(?!# %%).*\n)*)", TWIN.read_text("utf-8"), re.MULTILINE):
        if "markdown" in marker:
            yield "markdown", re.sub(r"^# ?", "", text, flags=re.MULTILINE).strip()
        else:
            yield "code", text.strip()


def printed(cells):
    for cell in cells:
        for output in cell.get("outputs", []):
            if output["output_type"] == "stream":
                assert output["name"] == "stdout"
                yield from "".join(output["text"]).splitlines()


def shape(line):
    """Replace every number and its padding in a line: they differ between machines."""
    return re.sub(r"\s+", " ", re.sub(r"[+-]?\d[\d.,e-]*", "#", line)).strip()


def test_it_has_the_cells_of_its_twin(committed):
    assert [(cell["cell_type"], "".join(cell["source"]).strip()) for cell in committed] == list(twin_cells())


def test_its_outputs_come_from_one_run_from_top_to_bottom(committed):
    code = [cell for cell in committed if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} == {"stream", "display_data"}
    drawn = sum("plt.show()" in "".join(cell["source"]) for cell in code)
    assert sum("image/png" in output.get("data", {}) for output in outputs) == drawn
    text = json.dumps([output.get("text", output.get("data", {}).get("text/plain")) for output in outputs])
    assert str(Path.home()) not in text
    assert "/tmp" not in text  # noqa: S108 - no place of the machine that ran it


def test_its_code_runs_as_a_program_and_prints_the_committed_outputs(committed, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", str(TWIN)],
        cwd=tmp_path,
        env=os.environ | {"MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=LONGEST,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [shape(line) for line in done.stdout.splitlines()] == [shape(line) for line in printed(committed)]


@pytest.mark.filterwarnings("default")
def test_it_runs_in_jupyter_with_jupyter_bars(committed):
    for package in ("jupytext", "nbclient", "ipykernel", "ipywidgets"):
        pytest.importorskip(package, reason=f"needs the package {package}: make test-extras")
    spec = importlib.util.spec_from_file_location("execute", NOTEBOOKS / "execute.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    clock = time.monotonic()
    notebook = module.execute()
    assert time.monotonic() - clock < LONGEST
    assert [shape(line) for line in printed(notebook.cells)] == [shape(line) for line in printed(committed)]
    kinds = [set(output.get("data", {})) for cell in notebook.cells for output in cell.get("outputs", [])]
    assert kinds == [set(output.get("data", {})) for cell in committed for output in cell.get("outputs", [])]
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"].state.values()
    bars = [widget.state for widget in states if widget.model_name == "FloatProgressModel"]
    assert len(bars) == 4
    assert all(bar.value == bar.max == 7 and bar.bar_style == "success" for bar in bars)
