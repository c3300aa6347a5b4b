"""What the pages show can be run as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = {page: BLOCK.findall(page.read_text("utf-8")) for page in PAGES}
RUNNABLE = {"python", "sh"}


def test_blocks_are_found_and_every_one_says_what_it_is():
    """A pattern that stops matching would skip every block in silence."""
    kinds = [kind for blocks in BLOCKS.values() for kind, _ in blocks]
    assert kinds.count("python") >= 1
    assert kinds.count("sh") >= 1
    fences = sum(page.read_text("utf-8").count("\n```") for page in PAGES)
    assert fences == 2 * len(kinds)
    assert set(kinds) <= RUNNABLE | {"text", "toml", "json", "mermaid", "bash", "yaml"}


@pytest.mark.parametrize(
    "page",
    [page for page, blocks in BLOCKS.items() if any(kind in RUNNABLE for kind, _ in blocks)],
    ids=lambda page: page.name,
)
def test_the_blocks_of_a_page_run_in_their_order(page, tmp_path):
    # The commands are those of this environment, whatever else is on the path.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for kind, text in BLOCKS[page]:
        if kind not in RUNNABLE:
            continue
        commands = [[sys.executable, "-c", text]] if kind == "python" else [line.split() for line in text.splitlines()]
        for command in commands:
            done = subprocess.run(
                command, cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{command}\n{done.stderr}"
            assert " 0 compressed" not in done.stdout, f"{command} only skipped what the one before it made"


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
