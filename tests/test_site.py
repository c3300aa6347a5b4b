"""The pages build into a site without a warning, and the site loads nothing from other hosts."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built into a folder of its own."""
    pytest.importorskip("material", reason="needs the package mkdocs-material: make test-extras")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_is_in_the_site_and_programs_stay_out(site):
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    assert all((site / page).is_file() for page in pages)
    assert not list(site.rglob("*.py"))


def test_no_page_loads_anything_from_another_host(site):
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r"<(?:script|img|link|iframe|source)\b[^>]*?(?:src|href)=\"([^\"]+)", page.read_text("utf-8")
        )
        assert loaded
        assert not [address for address in loaded if re.match(r"(https?:)?//", address)], page.name
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", style.read_text("utf-8")), style.name


def test_pipes_and_lists_are_rendered_correctly(site):
    text = (site / "reference.html").read_text("utf-8")
    assert "<td><code>--strategy</code> SO, MKM, FKM or MBKM</td>" in text
    assert text.count("<td><code>--") > 60
    assert "<td>image</td>" in text
    lists = (site / "palettes.html").read_text("utf-8")
    assert lists.count("<li>") > 3
