"""The code blocks of all pages run and print the shown output; links, tables and figures match their sources."""

import ast
import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import fork_server

ROOT = Path(__file__).parents[1]
PAGES = sorted(path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = {page: BLOCK.findall(page.read_text("utf-8")) for page in PAGES}
RUNNABLE = {"python", "sh", "console"}
AS_A_USER = {"README.md", "resume.md"}  # with the installed command; other pages in forks, which start at once
EXTRAS = {  # large: in make test-extras
    "datasets",
    "distributed",
    "jax",
    "keras",
    "lightning",
    "pycocotools",
    "tensorflow",
    "torch",
    "torchvision",
}
TOO_LARGE = {"tensorflow": "pip install tensorflow-cpu"}  # for make test-extras, too
ALTERNATIVES = {"frameworks.md"}  # what a block needs, others do without: a test for each


def imported(text):
    """Return the names of the packages that a Python block imports."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name.removeprefix("icsys.").partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").removeprefix("icsys.").partition(".")[0]


def needed_by(kind, text):
    """Return the large packages that a block imports."""
    return frozenset(imported(text) if kind == "python" else ()) & EXTRAS


def needed(page):
    """Return the large packages that the blocks of a page import."""
    return frozenset().union(*(needed_by(*block) for block in BLOCKS[page]))


def steady(text):
    """Remove times, rates and the folder of the run from the output of a command; return its words and numbers."""
    text = re.sub(r"[\d.]+ s\b( \([\d.]+ images/s\))?", "some time", text)
    text = re.sub(r"Look in: .*[/\\]", "Look in: ", text).strip()
    number = r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?"
    return re.sub(number, "#", text), [float(found.replace(",", "")) for found in re.findall(number, text)]


def assert_same_output(output, expected):
    """Compare words exactly, and numbers to 2 %: with other decoders or encoders a file may be a little larger."""
    words, numbers = steady(output)
    expected_words, expected_numbers = steady(expected)
    assert words == expected_words
    assert numbers == pytest.approx(expected_numbers, rel=0.02)


def execute(command, folder, *, forked=False):
    """Run a command with the programs of this environment first on the path; return exit code and output."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = os.environ | {"PATH": path, "HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(folder / ".cache")}
    env["PYTHONUNBUFFERED"] = "1"  # errors and reports come in their order, as at a terminal
    env |= {"KERAS_BACKEND": env.get("KERAS_BACKEND", "torch"), "KERAS_HOME": str(folder / ".keras")}
    for program, do in ((["ics"], "command"), ([sys.executable, "-c"], "code")):
        if forked and command[: len(program)] == program:
            words = command[len(program) :]
            return fork_server.shared_server().command(words, cwd=folder, env=env, do=do, together=True)[:2]
    done = subprocess.run(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


def run_blocks(page, folder, *, forked=False, packages=None):
    """Run the blocks of a page; with ``packages``, those that need these and those that need none."""
    for kind, text in BLOCKS[page]:
        if packages is not None and needed_by(kind, text) not in {packages, frozenset()}:
            continue
        if kind == "console":
            for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
                _, output = execute(shlex.split(command), folder, forked=forked)
                assert_same_output(output, expected)
        elif kind in RUNNABLE:
            lines = [[sys.executable, "-c", text]] if kind == "python" else map(shlex.split, text.splitlines())
            for command in lines:
                code, output = execute(command, folder, forked=forked)
                assert code == 0, f"{command}\n{output}"
                assert " 0 compressed" not in output, f"{command} only skipped the images of the command before it"


def test_blocks_are_found_and_every_one_has_a_known_language():
    """A pattern that stops matching would skip every block without a failure."""
    kinds = [kind for blocks in BLOCKS.values() for kind, _ in blocks]
    assert all(kinds.count(kind) >= 1 for kind in RUNNABLE)
    fences = sum(page.read_text("utf-8").count("\n```") for page in PAGES)
    assert fences == 2 * len(kinds)
    assert set(kinds) <= RUNNABLE | {"text", "toml", "json", "mermaid", "bash", "yaml"}
    for blocks in BLOCKS.values():
        assert all(text.startswith("$ ") for kind, text in blocks if kind == "console")


def load(name):
    """Import a program of the folder docs."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pages(*, large):
    """Return the pages with blocks to run: with large packages, or without."""
    runnable = [page for page, blocks in BLOCKS.items() if any(kind in RUNNABLE for kind, _ in blocks)]
    return [page for page in runnable if bool(needed(page)) == large]


@pytest.mark.parametrize("page", pages(large=False), ids=lambda page: page.name)
def test_the_blocks_of_a_page_run_in_order(page, tmp_path):
    run_blocks(page, tmp_path, forked=fork_server.AVAILABLE and page.name not in AS_A_USER)


def runs():
    """Return pages with the large packages that are needed: once, or for each of its alternatives."""
    for page in pages(large=True):
        if page.name in ALTERNATIVES:
            alternatives = {needed_by(*block) for block in BLOCKS[page]} - {frozenset()}
            yield from ((page, packages) for packages in sorted(alternatives, key=sorted))
        else:
            yield page, needed(page)


@pytest.mark.parametrize(
    ("page", "packages"), [*runs()], ids=lambda one: getattr(one, "name", None) or "-".join(sorted(one))
)
def test_the_blocks_that_need_large_packages_run_in_order(page, packages, tmp_path):
    missing = sorted(name for name in packages if importlib.util.find_spec(name) is None)
    if missing:
        remedy = TOO_LARGE.get(missing[-1], "make test-extras")
        pytest.skip(f"needs {', '.join(missing)}: {remedy}")
    run_blocks(page, tmp_path, packages=packages if page.name in ALTERNATIVES else None)


def test_links_between_pages_lead_to_files():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_palette_table_of_costs_has_the_figures_of_the_benchmark():
    rows = {
        "**MKM, fast** (the default)": "MKM, fast",
        "**MKM, balanced**": "MKM, balanced",
        "**MKM, best**": "MKM, best",
        "`KMeans`, one start, all pixels": "KMeans(n_init=1), all pixels",
        "`KMeans`, ten starts, distinct colours": "KMeans(n_init=10), distinct colours",
        "libimagequant": "libimagequant, defaults",
    }
    page = (ROOT / "docs" / "benchmarks" / "kmeans.md").read_text("utf-8")
    costs = (ROOT / "docs" / "costs.md").read_text("utf-8")
    for name, row in rows.items():
        cells = re.search(rf"^\| {re.escape(name)} \|(.*)\|$", costs, re.MULTILINE)[1].split("|")
        measured = re.findall(rf"^\| {re.escape(row)} +\| +([\d.]+) \| +[\d.]+ \| +([\d.,]+) \|", page, re.MULTILINE)
        assert len(cells) == len(measured) == 4
        for cell, (error, ms) in zip(cells, measured, strict=True):
            shown_error, shown_ms = map(float, cell.split(","))
            assert abs(shown_error - float(error)) <= 0.00051, name
            assert abs(shown_ms - float(ms.replace(",", ""))) <= 0.51, name


def rows_of(text):
    """Return the cells of all rows of tables in a text."""
    lines = (line.strip("|").split("|") for line in text.splitlines() if line.startswith("| "))
    return [[cell.strip() for cell in line] for line in lines]


def cells_of(page):
    """Return the cells of all rows of tables in a page."""
    return rows_of((ROOT / page).read_text("utf-8"))


def test_the_table_of_fewer_colours_has_the_figures_of_the_benchmark():
    expected = []
    for kind, size, k, weight, *errors in (row for row in cells_of("docs/benchmarks/lossy.md") if "(" in row[0]):
        png, _, jpeg, _, webp, least = errors
        shown = {"PNG": png, "JPEG": jpeg, "WebP": webp}
        shown[least] = f"**{shown[least]}**"
        expected.append([kind.partition(" (")[0], size, k, weight, *shown.values()])
    assert expected
    rows = cells_of("docs/when-fewer-colors-pay.md")
    assert [row for row in rows if row[0] in {"photos", "drawings"}] == expected


def test_the_table_of_the_readme_has_the_figures_of_the_benchmark():
    measured = {row[0]: row for row in cells_of("docs/benchmarks/folder.md")}
    shown = {row[0]: row[1:] for row in cells_of("README.md")}
    names = {
        "**ICS, 32 colours**": "ICS MKM",
        "**ICS, all colours** (`--strategy SO`)": "ICS SO",
        "vipsthumbnail, then pngquant `--nofs`, 32 colours": "vipsthumbnail + pngquant --nofs",
        "vipsthumbnail, then pngquant, 32 colours, dithered": "vipsthumbnail + pngquant",
        "ImageMagick, 32 colours, dithered": "ImageMagick mogrify",
    }
    for name, row in names.items():
        _, seconds, *_, megabytes, factor, error, _ = measured[row]
        expected = (f"{float(megabytes):.2f}", f"{float(factor):.1f}", f"{float(seconds):.2f}", f"{float(error):.0f}")
        assert tuple(shown[name]) == expected, name


def loading_figures():
    """Return images a second as float32, as uint8 and cold as uint8, and bytes an image, by what is read."""
    page = (ROOT / "docs/benchmarks/loading.md").read_text("utf-8")
    parts = {part.partition("\n")[0]: part for part in page.split("\n## ")}
    tables = {
        title: {row[0]: [cell.partition(" ")[0] for cell in row[1:]] for row in rows_of(parts[title])}
        for title in ("float32", "uint8", "Memory")
    }
    return {
        name: (float32[0], tables["uint8"][name][0], tables["uint8"][name][1], tables["Memory"][name][0])
        for name, float32 in tables["float32"].items()
        if name in tables["Memory"]
    }


def test_the_tables_of_loading_have_the_figures_of_the_benchmark():
    measured = loading_figures()
    jpeg, raw = "ImageFolder, JPEG of the final size", "raw uint8 in .npy, NumPy"
    names = {
        "torchvision's `ImageFolder`, originals": "ImageFolder, originals",
        "`ImageFolder`, JPEG of that size": jpeg,
        "FFCV, JPEG": "FFCV, JPEG of the final size",
        "FFCV, raw pixels": "FFCV, raw pixels",
        "raw pixels in `.npy`, NumPy": raw,
        "arrays of 256 colours, `icsys.torch.loader`": "ICS arrays, 256 colours, `loader`",
        "arrays of 16 colours, `icsys.torch.loader`": "ICS arrays, 16 colours, `loader`",
        "arrays of 16 colours, `data.pixels` into one array": "ICS arrays, 16 colours, `pixels`",
    }
    shown = {row[0]: tuple(row[1:]) for row in cells_of("docs/arrays.md")}
    assert {name: shown[name] for name in names} == {name: measured[row] for name, row in names.items()}
    columns = [measured[name] for name in (jpeg, raw, "FFCV, raw pixels", "ICS arrays, 16 colours, `loader`")]
    float32, uint8, _, size = map(list, zip(*columns, strict=True))
    shown = {row[0]: row[1:] for row in cells_of("README.md")}
    assert shown["images a second to your model, uint8"] == uint8
    assert shown["the same, float32, normalised"] == float32
    assert shown["bytes an image on the disk"] == size


def test_the_table_of_rare_colours_has_the_figures_of_the_benchmark():
    page = (ROOT / "docs/benchmarks/rare-colors.md").read_text("utf-8")
    lights, errors = page.partition("## MKM, K = 32")[::2]
    errors = errors.partition("##")[0]
    text = (ROOT / "docs/tasks/colors.md").read_text("utf-8")
    shown = re.findall(r"^\| ([\d.]+) \| (.+) \| (\d+) \|$", text, re.MULTILINE)
    assert len(shown) == 4
    for power, cells, kept in shown:
        [row] = re.findall(rf"^\| {power} +\|(.+)\|$", errors, re.MULTILINE)
        assert [cell.strip() for cell in row.split("|")] == cells.split(" | ")
        name = "plain" if power == "1" else f"--count-power {power}"
        assert re.search(rf"^\| {name} .*\| {kept} of 40 \|$", lights, re.MULTILINE)


def test_the_figures_equal_those_of_the_notebook():
    for name, data in load("figures").figures().items():
        assert (ROOT / "docs" / "figures" / f"{name}.png").read_bytes() == data, "run: make notebook"


def test_the_figures_of_mkm_can_be_drawn_and_are_committed(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    load("mkm_figures").main(tmp_path)
    drawn = sorted(tmp_path.iterdir())
    assert [path.name for path in drawn] == ["mkm-search.png", "mkm-time.png"]
    for path in drawn:
        with Image.open(path) as new, Image.open(ROOT / "docs" / "figures" / path.name) as committed:
            assert new.size == committed.size


def test_the_command_reference_is_up_to_date():
    page = load("reference").reference()
    assert (ROOT / "docs" / "reference.md").read_text("utf-8") == page, "run: python docs/reference.py"
    _, shown = execute([sys.executable, "-m", "icsys", "compress", "--help-all"], ROOT)
    flags = set(re.findall(r"(?<!\w)--[a-z][a-z-]+", shown))
    assert flags - {"--help", "--help-all"} <= set(re.findall(r"--[a-z][a-z-]+", page))
