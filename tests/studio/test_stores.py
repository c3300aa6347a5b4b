"""Runs of the page into object stores: what a folder would hold, or a refusal that says why."""

import shlex

import pytest

from helpers import everything, ics
from icsys import compress_folder
from icsys.files.remote_client import connect
from icsys.options import Options
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
