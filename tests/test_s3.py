"""S3 as a source: moto's server on loopback, read through s3fs as in a run."""

import gzip

import pytest

from helpers import compress_into, image_bytes, synthetic_photo, tree
from icsys import Options, compress_folder
from icsys.files.remote_client import connect
from source_makers import put_folder, put_tar, put_zip

boto3 = pytest.importorskip("boto3", reason="needs the package moto: make test-extras")
s3fs = pytest.importorskip("s3fs", reason="needs the package s3fs: make test-extras")
server = pytest.importorskip("moto.server", reason="needs the package moto: make test-extras")

pytestmark = [pytest.mark.usefixtures("unsynced"), pytest.mark.filterwarnings("default")]
SO = Options(strategy="SO")
FILES = {f"{name}/{i}.png": image_bytes(synthetic_photo(20, 30, seed=i)) for name in ("cat", "dog") for i in range(4)}


@pytest.fixture(scope="module")
def client():
    """A server; where it is and who may read it stand in the environment, as for every tool of S3."""
    running = server.ThreadedMotoServer("127.0.0.1", 0)
    running.start()
    host, port = running.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        s3fs.S3FileSystem.clear_instance_cache()  # an earlier test's instance holds another server's address
        connect.cache_clear()
        client = boto3.client("s3")
        client.create_bucket(Bucket="photos")
        yield client
    running.stop()


@pytest.fixture
def bucket(client):
    """A bucket with photos."""
    for name, data in FILES.items():
        client.put_object(Bucket="photos", Key=f"in/{name}", Body=data)
    return client


def test_a_bucket_gives_what_a_folder_gives(bucket, tmp_path):
    compress_folder(put_folder(tmp_path / "in", FILES), tmp_path / "expected", SO)
    for path in (
        put_zip(tmp_path / "x.zip", FILES),
        put_tar(tmp_path / "x.tar.gz", FILES),
        put_tar(tmp_path / "x.tar", FILES),
    ):
        bucket.put_object(Bucket="photos", Key=path.name, Body=path.read_bytes())
    for number, name in enumerate(("in", "x.zip", "x.tar.gz", "x.tar")):
        out = tmp_path / str(number)
        summary = compress_folder(f"s3://photos/{name}", out, SO)
        assert (summary.compressed, summary.failed) == (len(FILES), 0)
        assert tree(out) == tree(tmp_path / "expected")
        assert compress_folder(f"s3://photos/{name}", out, SO).skipped == len(FILES)
        assert not any(b"s3cret" in file.read_bytes() for file in out.rglob("*") if file.is_file())


def test_what_changes_and_goes_in_a_bucket_is_noticed(bucket, tmp_path):
    compress_folder("s3://photos/in", tmp_path / "out", SO)
    bucket.put_object(Bucket="photos", Key="in/cat/0.png", Body=FILES["dog/3.png"])
    bucket.delete_object(Bucket="photos", Key="in/dog/1.png")
    summary = compress_folder("s3://photos/in", tmp_path / "out", SO)
    assert (summary.compressed, summary.stale) == (1, ["dog/1.png"])


def test_processes_read_a_bucket_too(bucket, tmp_path):  # noqa: ARG001 - the bucket is there
    assert compress_folder("s3://photos/in", tmp_path / "out", SO, engine="processes", jobs=2).failed == 0


HOSTILE = (
    "//a.png",
    "/b\\c.png",
    "/%2F.png",
    "/[1]/#?/d.png",
    "/x///e.png",
    "/f+g h.png",
    "/é.png",
    "/i.png/",
    "/j.png/k.png",
    "/ll::m.png",
)


@pytest.mark.parametrize("prefix", ["p", "q[1]", "r#2", "s?t=3", "u*{1}"])
def test_every_key_of_a_bucket_is_done_or_counted(prefix, client, tmp_path):
    data = dict(zip(HOSTILE, FILES.values(), strict=False)) | {
        HOSTILE[-2]: FILES["cat/0.png"],
        HOSTILE[-1]: FILES["dog/0.png"],
    }
    for name, image in data.items():
        client.put_object(Bucket="photos", Key=prefix + name, Body=image)
    client.put_object(Bucket="photos", Key=f"{prefix}/", Body=b"")
    client.put_object(Bucket="photos", Key=f"{prefix}/../up.png", Body=image)
    results, summary = compress_into(f"s3://photos/{prefix}", tmp_path / "out")
    assert summary.images + summary.ignored == len(data) + 2
    done = ["%2F/a.png", "b%5Cc.png", "%2F.png", "[1]/#?/d.png", "x/%2F/%2F/e.png", "f+g h.png", "é.png", "i.png/%2F"]
    done += ["j.png/k.png", "ll::m.png", "%2E%2E/up.png"]
    assert {name: result.status for name, result in results.items()} == dict.fromkeys(done, "compressed")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_object_that_is_stored_in_gzip_is_unpacked(bucket, tmp_path):
    compress_folder("s3://photos/in", tmp_path / "expected", SO)
    for name, data in FILES.items():
        bucket.put_object(Bucket="photos", Key=f"packed/{name}", Body=gzip.compress(data), ContentEncoding="gzip")
    assert compress_folder("s3://photos/packed", tmp_path / "out", SO).failed == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "expected")
