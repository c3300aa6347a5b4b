"""Names that a store lists: every one is done or counted."""

import fsspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers import compress_into, image_bytes, synthetic_photo
from icsys import Options
from icsys.files.url import Url
from icsys.sources.base import Ignored, Task, Unreadable
from icsys.sources.remote.fetch import with_retry
from icsys.sources.remote.folder import RemoteFolder
from source_makers import put_zip

VERSION = "?versionId="  # with it, file systems take a name for another one
NAMES = st.text(st.sampled_from("/\\.#?[]*{}%:~ a\n") | st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    [
        "http://h/a",
        "x::s3://b",
        "a/http://me:pw@h/?b#c",
        VERSION,
        f"a{VERSION}/b",
        f"{VERSION}/{VERSION}1",
        f".{VERSION}",
    ]
)


@pytest.fixture(scope="module")
def fs():
    fs = fsspec.filesystem("memory", global_store=True)
    yield fs
    fs.store.clear()


def put(fs, keys):
    """Put images of unlike content by keys, which no method of the file system changes."""
    fs.store.clear()
    for number, key in enumerate(sorted(keys)):
        fs.pipe_file("/x", image_bytes(synthetic_photo(5, 7, seed=number)))
        fs.store[key] = fs.store.pop("/x")


@settings(deadline=None)
@given(st.sets(NAMES.map(lambda name: f"/p/{name}.png"), min_size=1, max_size=8), st.sampled_from(["/p", "/p/"]))
@example({"/p/.a/b.png", "/p/.a/c.png", "/p/.a.png/d.png", "/p/.a.png", "/p/e.png"}, "/p")
@example({f"/p/a{VERSION}/b.png", f"/p/a{VERSION}/c.png", f"/p/a{VERSION}.png", "/p/a"}, "/p")
def test_every_object_is_an_image_with_a_name_of_its_own(fs, keys, root):
    """With any key; hidden ones are counted as left alone, and those that would be read as others as unreadable."""
    put(fs, keys)
    folder = RemoteFolder(Url(f"memory:/{root}"))
    planned = list(folder.plan(".png"))
    tasks = [one for one in planned if isinstance(one, Task)]
    refused = {key: first_refused(key[3:].split("/")) for key in keys}
    passed_over = {place for place in refused.values() if place}
    kinds = [type(one) for one in planned if not isinstance(one, Task)]
    assert sorted(kinds, key=str) == sorted(
        (Ignored if is_hidden(one[0][-1]) else Unreadable for one in passed_over), key=str
    )
    for names in ([one.source for one in planned], [task.output.casefold() for task in tasks]):
        assert len(set(names)) == len(names)
    for task in tasks:
        parts = task.output.split("/")
        assert not [part for part in parts if part.strip(". ") == "" or "\\" in part or "\n" in part]
    known = [key for key in keys if refused[key] is None]
    assert len(tasks) == len(known)
    assert {folder.read(task, Options())[0] for task in tasks} == {fs.store[key].getvalue() for key in known}


def first_refused(parts):
    """Return the parts up to one that is not read, and whether it is a folder; None if all are."""
    for end, part in enumerate(parts, start=1):
        if is_hidden(part) or VERSION in part:
            return tuple(parts[:end]), end < len(parts)
    return None


def is_hidden(part):
    return part.startswith(".") and part.strip(". ") != ""


@pytest.mark.parametrize("prefix", ["p[1]", "p#1", "p?x=1", "p*", "p{1,2}", "p%20x", "p::q", "é ü"])
def test_a_prefix_is_named_as_it_is(fs, prefix, tmp_path):
    put(fs, [f"/b/{prefix}/cat/a.png", "/b/p1/b.png", "/b/p/c.png", "/b/px/d.png"])
    results, summary = compress_into(f"memory://b/{prefix}", tmp_path / "out")
    assert (list(results), summary.failed) == (["cat/a.png"], 0)


@pytest.mark.parametrize("prefix", ["p[1]", "p#1", "p?x=1", "p::q", "a/http://h"])
def test_archives_are_named_as_they_are(fs, prefix, tmp_path):
    path = put_zip(tmp_path / "x.zip", {"cat/a.png": image_bytes(synthetic_photo(5, 7))})
    fs.store.clear()
    fs.pipe_file("/x", path.read_bytes())
    fs.store[f"/b/{prefix}/x[2]#.zip"] = fs.store.pop("/x")
    for number, url in enumerate((f"memory://b/{prefix}", f"memory://b/{prefix}/x[2]#.zip")):
        _, summary = compress_into(url, tmp_path / str(number))
        assert (summary.compressed, summary.failed) == (1, 0)


def test_hostile_names_are_written_out_in_full(fs, tmp_path):
    put(fs, ["/p//a.png", "/p/a\\b.png", "/p/../up.png", "/p/%2F.png", "/p/x///y.png"])
    results, _ = compress_into("memory://p", tmp_path / "out")
    assert {name: result.status for name, result in results.items()} == dict.fromkeys(
        ("%2F/a.png", "a%5Cb.png", "%2E%2E/up.png", "%2F.png", "x/%2F/%2F/y.png"), "compressed"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_object_with_the_name_of_a_folder_is_reported(fs):
    put(fs, ["/p/a", "/p/a/b.png"])
    planned = list(RemoteFolder(Url("memory://p")).plan(".png"))
    assert "an object has the same name" in str(planned)


def test_a_key_with_a_version_in_it_is_a_failure(fs):
    put(fs, ["/p/a.png?versionId=1.png"])
    (planned,) = RemoteFolder(Url("memory://p")).plan(".png")
    assert (planned.code, "versionId" in planned.message) == ("unsupported", True)


def test_retry_after_is_respected_up_to_a_bound(monkeypatch):
    """Retry-After in seconds and as a time, of aiohttp's errors and of botocore's, which stand behind others."""
    slept = []
    monkeypatch.setattr("icsys.files.remote_client.time.sleep", slept.append)
    date = {"Date": "Sun, 29 Nov 2026 07:00:00 GMT", "retry-after": "Sun, 29 Nov 2026 07:00:20 GMT"}
    for attributes, expected in (
        ({"headers": {"Retry-After": "7"}}, 7),
        ({"headers": {"Retry-After": "999999999999"}}, 30),
        ({"headers": date}, 20),
        ({"headers": {"Retry-After": "Sun, 29 Nov 2020 07:00:00 GMT"}}, 0.25),
        ({"headers": {"Retry-After": "soon"}}, 0.25),
        ({"response": {"ResponseMetadata": {"HTTPHeaders": {"retry-after": "3"}}}}, 3),
        ({}, 0.25),
    ):
        slept.clear()

        def fail(attributes=attributes):
            cause = type("ServerError", (Exception,), attributes)("503")
            if slept:
                return "done"
            raise OSError("trouble") from cause

        assert with_retry(fail, Url("s3://b")) == "done"
        assert slept == [expected]
