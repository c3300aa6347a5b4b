"""Photos that change on disk while the studio is open: it shows what a studio shows that is opened anew."""

import os
import shutil
import threading
from pathlib import Path

import pytest

from helpers import image_bytes, synthetic_photo
from icsys.engine.memory_budget import MemoryBudget
from icsys.errors import ImageError
from icsys.image.decode import decode_photo
from icsys.options import Options
from icsys.run_settings import RunSettings
from icsys.studio.cost.population import Populations
from icsys.studio.images import image_list, photo_cache
from icsys.studio.images.run_selection import RunSelection
from icsys.studio.workspace import Workspace

OPTIONS = {"colors": 6, "step": 1}


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "set"
    for number, name in enumerate(("cat/a.png", "cat/b.png", "dog/c.png")):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_bytes(image_bytes(synthetic_photo(40, 60, seed=number)))
    return made


@pytest.fixture
def workspace(folder, tmp_path):
    made = opened(folder, tmp_path)
    yield made
    made.close()


def opened(source, tmp_path):
    made = Workspace(
        source if isinstance(source, list) else str(source), str(tmp_path / "out"), Options(), RunSettings()
    )
    made.images.wait()
    return made


def change(path, data):
    """Replace a file, whose time is another one then, as on a disk that counts whole seconds."""
    before = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 10**9))


def shown(workspace, number):
    """Return all that the studio shows of a photo; sentences for what it cannot show."""

    def told(make):
        try:
            return make()
        except ImageError as error:
            return str(error)

    options = Options(**OPTIONS)
    found = {
        "small": told(lambda: workspace.thumbnails.jpeg(number)),
        "large": told(lambda: workspace.thumbnails.large_jpeg(number)),
    }
    try:
        key, preview = workspace.previews.ask("main", number, options).result()
    except ImageError as error:
        return {**found, "preview": str(error)}
    codec = workspace.previews.lossy("main", key, "jpeg").result()[1]
    return {
        **found,
        "figures": {**preview.figures, "seconds": 0},
        "after": preview.after,
        "before": workspace.previews.before("main", key).result(),
        "quality": workspace.previews.quality("main", key).result(),
        "codec": (codec.figures, codec.after),
    }


def cost(workspace):
    workspace.costs.begin(Options(**OPTIONS), RunSettings())
    workspace.costs.wait(60)
    found = workspace.events.latest("cost")
    return {name: found[name] for name in ("bytes", "bytes_in", "outputs", "failed", "sampled")}


CHANGES = {
    "another photo": lambda path: change(path, image_bytes(synthetic_photo(50, 30, seed=9))),
    "another photo, and the old one again": lambda path: (
        change(path, image_bytes(synthetic_photo(50, 30, seed=9))),
        change(path, image_bytes(synthetic_photo(40, 60, seed=0))),
    ),
    "no photo": lambda path: change(path, b"no picture"),
    "nothing": lambda path: path.unlink(),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("becomes", CHANGES.values(), ids=CHANGES)
def test_a_photo_that_changes_is_shown_as_by_a_new_studio(workspace, folder, tmp_path, becomes):
    before = shown(workspace, 0)
    assert cost(workspace)["failed"] == 0
    assert shown(workspace, 0) == before
    becomes(folder / "cat/a.png")
    found, total = shown(workspace, 0), cost(workspace)
    again = opened(folder, tmp_path)
    if len(again.images) == len(workspace.images):
        assert (shown(again, 0), cost(again)) == (found, total)
    else:
        is_folder = (folder / "cat/a.png").exists()
        sentence = "a folder, a pipe or a device is in the place" if is_folder else "the file has vanished since it was"
        assert set(found) == {"small", "large", "preview"}
        assert all(text.startswith(sentence) for text in found.values())
        assert total["failed"] == 1
    again.close()


def test_a_new_photo_in_the_place_of_one_that_is_gone_is_shown(workspace, folder):
    path = folder / "cat/a.png"
    before, data = shown(workspace, 0), path.read_bytes()
    path.unlink()
    assert shown(workspace, 0)["preview"] == "the file has vanished since it was listed"
    path.write_bytes(data)
    found = shown(workspace, 0)
    assert found["small"].data == before["small"].data
    assert found["after"] == before["after"]


def test_the_figures_of_a_preview_are_about_the_photo_that_it_shows(workspace, folder):
    key, _ = workspace.previews.ask("main", 0, Options(**OPTIONS)).result()
    change(folder / "cat/a.png", image_bytes(synthetic_photo(40, 60, seed=9)))
    kept = workspace.previews.quality("main", key).result()  # of the photo as it was, which is still kept
    workspace.previews._photos = photo_cache.PhotoCache(workspace.images, 0, decode_photo)  # noqa: SLF001 - forgets it
    with pytest.raises(ImageError, match="has changed since this preview was made"):
        workspace.previews.quality("main", key).result()
    with pytest.raises(ImageError, match="has changed since this preview was made"):
        workspace.previews.before("main", key).result()
    assert kept["psnr"] is not None


def test_browsers_keep_pictures_under_the_version_that_they_show(client):
    listed = client.get("/api/images").json()["images"]
    assert len({one["version"] for one in listed}) > 1
    for kind in ("thumbnail", "original"):
        kept = client.get(f"/api/images/0/{kind}", params={"version": listed[0]["version"]})
        assert kept.headers["cache-control"] == "private, max-age=3600"
        for version in ({}, {"version": "1-1"}, {"version": ""}):
            assert client.get(f"/api/images/0/{kind}", params=version).headers["cache-control"] == "no-store"


def test_a_mark_of_a_broken_photo_goes_with_the_file_that_was_broken(client, workspace, folder):
    name, path = "cat/b.png", folder / "cat/b.png"

    def marked():
        return {one["name"]: one["broken"] for one in client.get("/api/images").json()["images"] if "broken" in one}

    change(path, b"no picture")
    workspace.inspection.begin()
    workspace.inspection.wait(60)
    assert list(marked()) == [name]
    change(path, image_bytes(synthetic_photo(20, 30)))
    assert marked() == {}
    path.unlink()
    assert marked() == {name: "the file has vanished since it was listed"}
    answer = client.post("/api/preview", json={"image": 1, "options": {}})
    assert (answer.status_code, answer.json()["photo"], answer.json()["code"]) == (422, name, "changed")


@pytest.mark.parametrize("place", ["dog/c.png", "dog"])
def test_a_link_that_takes_the_place_of_a_file_or_folder_is_not_followed(workspace, folder, tmp_path, place):
    """It comes after the list was made, and after a look at the file: only what is opened counts."""
    number = workspace.images.numbers_of(["dog/c.png"])["dog/c.png"]
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "c.png").write_bytes(image_bytes(synthetic_photo(40, 60, seed=7)))
    target = outside if place == "dog" else outside / "c.png"
    (folder / place).rename(tmp_path / "away")
    try:
        (folder / place).symlink_to(target, target_is_directory=place == "dog")
    except OSError:
        pytest.skip("this user may make no links")
    with pytest.raises(ImageError, match="is a link by now"):
        workspace.images.read(number, Options())
    for read in (lambda task: workspace.images.source.head(task, 9), workspace.images.source.open):
        with pytest.raises(ImageError, match="is a link by now"):
            read(workspace.images[number].task)
    assert set(shown(workspace, number)) == {"small", "large", "preview"}


def test_links_that_are_named_one_by_one_are_followed(folder, tmp_path):
    try:
        (tmp_path / "named.png").symlink_to(folder / "cat/a.png")
    except OSError:
        pytest.skip("this user may make no links")
    studio = opened([str(tmp_path / "named.png"), str(folder / "dog/c.png")], tmp_path)
    read = {one: studio.images.read(one, Options()) for one in range(2)}
    studio.close()
    assert set(read.values()) == {(folder / "cat/a.png").read_bytes(), (folder / "dog/c.png").read_bytes()}


@pytest.mark.parametrize("kind", ["zip", "tar", "gztar"])
def test_an_archive_that_has_changed_is_named_for_each_photo(folder, tmp_path, kind):
    archive = shutil.make_archive(str(tmp_path / "photos"), kind, folder)
    studio = opened(archive, tmp_path)
    assert shown(studio, 0)["after"]
    status = Path(archive).stat()
    os.utime(archive, ns=(status.st_atime_ns, status.st_mtime_ns + 10**9))
    wanted = "the archive has changed since it was listed: open the studio again"
    assert set(shown(studio, 0).values()) == {wanted}
    Path(archive).unlink()
    assert set(shown(studio, 0).values()) == {"the archive has vanished since it was listed"}
    studio.close()


def test_a_photo_that_nobody_looked_at_counts_in_the_estimate_as_it_is_by_now(workspace, folder, monkeypatch):
    """Its size is one of those that decide the sample, and the total; a look tells that it is another file."""
    monkeypatch.setattr(image_list, "_PAUSE", 0)
    selection = RunSelection(workspace.images, Options(), MemoryBudget(10**9).hold)
    kept, never = Populations(workspace.images, selection), threading.Event()
    kept.of(RunSettings(), never)
    edition = workspace.images.edition
    path = folder / "dog/c.png"
    change(path, image_bytes(synthetic_photo(200, 300, seed=3)))
    workspace.images.look_again()
    workspace.images.wait_for_look(60)
    assert workspace.images.edition > edition
    found = kept.of(RunSettings(), never)
    assert found.sizes.tolist() == [path.stat().st_size for path in sorted(folder.rglob("*.png"))]


def test_files_that_are_named_one_by_one_are_looked_at_too(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(image_list, "_PAUSE", 0)
    named = opened([str(path) for path in sorted(folder.rglob("*.png"))], tmp_path)
    before, edition = named.images.size(2), named.images.edition
    change(folder / "dog/c.png", image_bytes(synthetic_photo(200, 300, seed=3)))
    named.images.look_again()
    named.images.wait_for_look(60)
    assert (len(named.images), named.images.edition > edition) == (3, True)
    assert named.images.size(2) != before
    named.close()
