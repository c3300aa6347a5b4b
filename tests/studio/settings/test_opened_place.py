"""Files that options name are read where they were found: no link leads out that takes their place after the check."""

import os
from pathlib import Path

import pytest

from icsys.files.links import LinkError
from icsys.options import Options
from icsys.report.learned import read_learned
from icsys.report.learned.learn_json import write_learn_file
from icsys.run_settings import RunSettings
from icsys.studio.settings.opened_files import is_in_opened, opened_place
from icsys.studio.surveys import shared_palettes
from icsys.studio.workspace import Workspace
from learned_results import learned_result

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a user of Windows may make no links")
OURS, THEIRS = (
    f'{{"format": "icsys-palette", "version": 1, "colors": ["#{one}", "#{two}"]}}'
    for one, two in (("000000", "ffffff"), ("010203", "fefdfc"))
)


@pytest.fixture
def folder(tmp_path):
    """An opened destination with a palette and a result, and the same names with others elsewhere."""
    for name, palette in (("out", OURS), ("elsewhere", THEIRS)):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep/p.json").write_text(palette)
        write_learn_file(learned_result(), tmp_path / name / "learn.json")
    (tmp_path / "out/inside").symlink_to("deep")
    return tmp_path / "out"


def swap(folder, what):
    """Let a link to a place elsewhere take the place of a file, or of a folder on the way to it."""
    (folder / what).rename(folder / f"{what}.before")
    (folder / what).symlink_to(folder.parent / "elsewhere" / what)


@pytest.mark.parametrize("what", ["deep/p.json", "deep"])
def test_a_palette_that_becomes_a_link_after_the_check_is_not_read(client, folder, monkeypatch, what):
    options = {"palette": str(folder / "deep/p.json"), "step": 2}
    body = {"image": 0, "options": options, "slot": "main"}
    assert sorted(client.post("/api/preview", json=body).json()["palette"]) == [[0, 0, 0], [255, 255, 255]]
    assert (
        client.post(
            "/api/preview", json=body | {"options": {**options, "palette": str(folder / "inside/p.json")}}
        ).status_code
        == 200
    )
    whole = shared_palettes.with_file

    def late(*given, **named):
        if not (folder / what).is_symlink():
            swap(folder, what)
        return whole(*given, **named)

    monkeypatch.setattr(shared_palettes, "with_file", late)
    refused = client.post("/api/preview", json=body)
    assert (refused.status_code, "it is a link" in refused.json()["error"]) == (400, True)
    # Now it is one before the check.
    refused = client.post("/api/preview", json=body)
    assert (refused.status_code, "source and destination only" in refused.json()["error"]) == (400, True)


def test_a_result_that_becomes_a_link_after_the_check_is_not_read(client, folder, monkeypatch):
    path = str(folder.resolve() / "learn.json")
    assert client.post("/api/learn/file", json={"file": path}).status_code == 200
    whole = read_learned.read_learned

    def late(place):
        swap(folder, "learn.json")
        return whole(place)

    monkeypatch.setattr(read_learned, "read_learned", late)
    refused = client.post("/api/learn/file", json={"file": path})
    assert (refused.status_code, "it is a link" in refused.json()["error"]) == (400, True)


def test_the_users_own_palette_is_read_wherever_it_lies_and_through_links(photos, folder, tmp_path):
    (tmp_path / "link.json").symlink_to(tmp_path / "elsewhere/deep/p.json")
    options = Options(palette=str(tmp_path / "link.json"), step=2)
    workspace = Workspace(str(photos), str(folder), options, RunSettings())
    workspace.images.wait()
    assert workspace.shared_palettes.of(0, options).palette.tolist() == [[1, 2, 3], [254, 253, 252]]
    workspace.close()


def test_a_place_is_that_of_its_name_and_read_without_a_link(folder):
    roots = (str(folder),)
    for name in ("deep/p.json", "inside/p.json", "deep/../deep/p.json"):
        assert opened_place(str(folder / name), roots).read_bytes().decode() == OURS
    for name in (folder.parent / "elsewhere/deep/p.json", folder / "../elsewhere/deep/p.json", "", "\0", "~"):
        assert opened_place(str(name), roots) is None
        assert not is_in_opened(str(name), roots)
    place = opened_place(str(folder / "deep/p.json"), roots)
    swap(folder, "deep")
    with pytest.raises(LinkError):
        place.read_bytes()
    assert Path(folder / "deep/p.json").read_text() == THEIRS
