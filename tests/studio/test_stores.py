"""Object stores: runs of the page into them, and photos that lie there and change."""

import shlex

import pytest

from helpers import everything, ics, image_bytes, synthetic_photo
from icsys import compress_folder
from icsys.files.remote_client import connect
from icsys.options import Options
from icsys.run_settings import RunSettings
from icsys.sources.remote.listings import StoreListing
from icsys.studio.images import image_list
from icsys.studio.images.image_list import ImageList
from icsys.studio.workspace import Workspace
from object_servers import BUCKET, ENVIRONMENT, moto

fsspec = pytest.importorskip("fsspec", reason="needs the extra remote")

ASKED = {"options": {"colors": 8, "step": 2}}


def run(client, workspace, destination):
    answer = client.post("/api/run", json={"destination": destination, **ASKED})
    assert answer.status_code == 200, answer.text
    workspace.run.wait(60)
    return client.get("/api/run").json()


def see(found, objects, photos, tmp_path):
    """Check a run and what it wrote."""
    assert (found["state"], found["compressed"], found["failed"]) == ("done", 6, 1)
    assert not found["report"]
    assert "a folder on this machine" in found["report_problem"]
    compress_folder(photos, tmp_path / "folder", Options(colors=8, step=2))
    objects.pop("run.json")  # has times in it
    assert objects == everything(tmp_path / "folder")


def test_a_run_into_memory_writes_what_a_folder_holds(client, workspace, photos, tmp_path):
    place = f"memory://{tmp_path.name}/out"
    assert client.post("/api/run/check", json={"destination": place, **ASKED}).json()["what"] == "remote"
    memory = fsspec.filesystem("memory")
    assert not memory.exists(place)
    found = run(client, workspace, place)
    top = f"/{tmp_path.name}/out/"
    objects = {name.removeprefix(top): memory.cat(name) for name in memory.find(top)}
    memory.rm(f"/{tmp_path.name}", recursive=True)
    see(found, objects, photos, tmp_path)
    assert client.get("/api/run/report").status_code == 404


@pytest.mark.filterwarnings("default")
def test_a_run_into_a_bucket_is_gone_on_with_by_the_copied_command(client, workspace, photos, tmp_path, monkeypatch):
    boto3 = pytest.importorskip("boto3", reason="needs the package moto: make test-extras")
    s3fs = pytest.importorskip("s3fs", reason="needs the package s3fs: make test-extras")
    pytest.importorskip("moto.server", reason="needs the package moto: make test-extras")
    with moto(tmp_path) as address:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": address}.items():
            monkeypatch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()  # an earlier test's instance holds another server's address
        connect.cache_clear()
        refused = client.post("/api/run", json={"destination": "s3://none/out", **ASKED})
        assert (refused.status_code, "s3://none/out" in refused.json()["error"]) == (400, True)
        place = f"s3://{BUCKET}/out"
        found = run(client, workspace, place)
        bucket = boto3.resource("s3").Bucket(BUCKET)
        see(
            found,
            {one.key.removeprefix("out/"): one.get()["Body"].read() for one in bucket.objects.all()},
            photos,
            tmp_path,
        )
        command = client.post("/api/settings", json={"destination": place, **ASKED}).json()["command"]
        assert "6 skipped" in ics(*shlex.split(command)[1:], cwd=tmp_path)[1]


def test_photos_of_a_store_that_change_are_shown_anew(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(image_list, "_PAUSE", 0)
    memory, top = fsspec.filesystem("memory"), f"/{tmp_path.name}/in"
    for path in photos.rglob("*.png"):
        memory.pipe(f"{top}/{path.relative_to(photos).as_posix()}", path.read_bytes())
    workspace = Workspace(f"memory:/{top}", str(tmp_path / "out"), Options(colors=8, step=2), RunSettings())
    images, options = workspace.images, workspace.options
    images.wait()

    def looked():
        images.look_again()
        images.wait_for_look(60)
        names = [images[number].task.source for number in images.present]
        return dict(zip(names, images.present, strict=True)), images.edition

    numbers, edition = looked()
    assert (len(numbers), edition) == (3, 0)
    number = numbers["train/cat/a.png"]
    before = workspace.previews.ask("main", number, options).result()[1]
    small = workspace.thumbnails.jpeg(number)
    memory.pipe(f"{top}/train/cat/a.png", image_bytes(synthetic_photo(50, 70, seed=9)))
    memory.pipe(f"{top}/train/cat/new.png", image_bytes(synthetic_photo(50, 70, seed=8)))
    memory.rm(f"{top}/test/cat/f.png")
    found, edition = looked()
    assert edition > 0
    assert set(found) == {"train/cat/a.png", "train/cat/new.png", "train/dog/c.png"}
    assert found["train/cat/a.png"] == number
    after = workspace.previews.ask("main", number, options).result()[1]
    assert (before.figures["width_in"], after.figures["width_in"]) == (120, 70)
    assert workspace.thumbnails.jpeg(number) != small
    assert images.size(number) == len(memory.cat(f"{top}/train/cat/a.png"))
    assert looked() == (found, edition)
    memory.rm(top, recursive=True)
    assert looked() == (found, edition + 1)
    assert "does not exist" in images.problem
    workspace.close()


def test_a_store_that_lists_no_folder_has_lost_no_photo(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(image_list, "_PAUSE", 0)
    memory, top = fsspec.filesystem("memory"), f"/{tmp_path.name}/in"
    for path in photos.rglob("*.png"):
        memory.pipe(f"{top}/{path.relative_to(photos).as_posix()}", path.read_bytes())
    images = ImageList(f"memory:/{top}", str(tmp_path / "out"), Options(), RunSettings())
    images.wait()
    whole = StoreListing.list

    def listed(listing, key):
        if str(key).endswith("/train"):
            raise PermissionError("not now")
        return whole(listing, key)

    monkeypatch.setattr(StoreListing, "list", listed)
    images.look_again()
    images.wait_for_look(60)
    assert len(images) == 3
    assert "cannot be listed" in images.problem
    monkeypatch.setattr(StoreListing, "list", whole)
    images.look_again()
    images.wait_for_look(60)
    assert (len(images), images.problem) == (3, "")
    images.close()
    memory.rm(top, recursive=True)
