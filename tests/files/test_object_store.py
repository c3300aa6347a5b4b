"""Requests to an object store: which, how many, and the errors that report a refusal."""

import errno
import pickle

import pytest

from icsys import MissingExtraError, UsageError
from icsys.files import object_store as objects
from icsys.files.object_store import Objects
from icsys.outputs.base import NewOutput
from icsys.outputs.objects import ObjectOutputs
from memory_store import memory_store


@pytest.fixture
def store(monkeypatch):
    monkeypatch.setattr(objects, "_FIRST_PAUSE", 0.0)
    return memory_store(monkeypatch)


@pytest.mark.usefixtures("store")
def test_objects_are_written_listed_read_and_removed(tmp_path):
    place = Objects("memory://small")
    place.write("a[1]*?.png", b"one")
    place.write("cat/b.png", b"two")
    (tmp_path / "file").write_bytes(b"three")
    place.send(tmp_path / "file", "cat/c.png")
    assert place.listing() == {"a[1]*?.png": 3, "cat": None}
    assert place.listing("cat") == {"b.png": 3, "c.png": 5}
    assert place.listing("dog") == {}
    assert place.read("a[1]*?.png") == b"one"
    place.fetch("cat/c.png", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"three"
    place.remove(["a[1]*?.png", "none"])
    assert place.listing() == {"cat": None}
    with pytest.raises(FileNotFoundError, match="no such object"):
        place.read("none")


def test_one_is_created_once(store):
    Objects("memory://small").create("lock", b"one")
    with pytest.raises(FileExistsError):
        Objects("memory://small").create("lock", b"two")
    assert store.objects("small") == {"lock": b"one"}


def test_another_process_gets_the_url_and_connects_anew(store):
    outputs = pickle.loads(pickle.dumps(ObjectOutputs(Objects("memory://small"), commit=lambda **_: None)))  # noqa: S301
    assert outputs.write_all([NewOutput("a.png", b"one", "")]) == [None]
    outputs.commit()
    assert store.objects("small") == {"a.png": b"one"}


def test_an_output_that_cannot_be_written_leaves_the_others(store):
    def trouble(_number, _kind, path):
        if "b.png" in str(path):
            raise PermissionError(13, "denied")

    store.trouble = staticmethod(trouble)
    outputs = ObjectOutputs(Objects("memory://small"))
    errors = outputs.write_all([NewOutput(f"{name}.png", name.encode(), "") for name in "abc"])
    assert [error is None for error in errors] == [True, False, True]
    assert isinstance(errors[1], OSError)
    store.trouble = staticmethod(lambda *_: None)
    assert store.objects("small") == {"a.png": b"a", "c.png": b"c"}


@pytest.mark.parametrize("failures", range(6))
def test_passing_errors_are_retried_and_lasting_ones_reported(store, failures):
    def trouble(number, _kind, _path):
        if number < failures:
            raise ConnectionResetError(104, "reset")

    store.trouble = staticmethod(trouble)
    place = Objects("memory://small")
    if failures < objects.ATTEMPTS:
        place.write("a", b"one")
        assert store.objects("small") == {"a": b"one"}
    else:
        with pytest.raises(OSError, match="the store did not write it") as caught:
            place.write("a", b"one")
        assert caught.value.errno == errno.EHOSTUNREACH
    assert store.asked["write"] == min(failures + 1, objects.ATTEMPTS)


@pytest.mark.parametrize(
    ("error", "what", "number"),
    [
        (PermissionError("Access Denied"), "write", errno.EROFS),
        (PermissionError("Access Denied"), "read", errno.EACCES),
        (OSError(errno.ENOSPC, "quota"), "write", errno.ENOSPC),
    ],
)
def test_a_refusal_is_final(store, error, what, number):
    def trouble(*_):
        raise error

    store.trouble = staticmethod(trouble)
    place = Objects("memory://small")
    with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is looked at
        place.write("a", b"one") if what == "write" else place.read("a")
    assert caught.value.errno == number
    assert store.asked[what] == 1


def test_no_message_holds_credentials(store):
    def trouble(*_):
        raise RuntimeError("PUT https://me:secret@host/a?X-Amz-Signature=secret failed")

    store.trouble = staticmethod(trouble)
    with pytest.raises(OSError, match=r"\(PUT https://host/a\)") as caught:
        Objects("memory://small").write("a", b"one")
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "url",
    [
        "s3://key:secret@bucket/small",
        "s3://bucket/small?token=secret",
        "az://user@host/small",
        "abfs://me:secret@host/a",
    ],
)
def test_a_url_with_credentials_is_refused_without_showing_them(url):
    with pytest.raises(UsageError, match="expected a URL without them") as caught:
        Objects(url)
    assert "secret" not in str(caught.value)


def test_a_container_is_no_user():
    assert Objects("abfs://container@account.dfs.core.windows.net/a").protocol == "abfs"


@pytest.mark.parametrize("url", ["http://host/a", "hf://datasets/me/a", "sftp://host/a", "simplecache::s3://bucket/a"])
def test_what_may_leave_half_an_object_is_refused(url):
    with pytest.raises(UsageError, match="appears whole or not at all"):
        Objects(url)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "fsspec.core", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'icsys\[remote\]'"):
        Objects("memory://small").connect()


def test_a_folder_is_listed_once_and_one_that_is_not_there_never(store):
    place = Objects("memory://small")
    for name in ("a.png", "cat/b.png", "cat/old/c.png"):
        place.write(name, b"one")
    outputs = ObjectOutputs(place)
    for _ in range(2):
        assert outputs.stat("a.png").size == 3
        assert outputs.stat("x.png").size is None
        assert outputs.stat("cat").size is None  # a folder takes no object's place
        assert outputs.stat("cat/b.png").size == 3
        assert outputs.stat("cat/old/c.png").size == 3
        assert outputs.stat("dog/big/b.png").size is None
    assert store.asked["list"] == 3


def test_a_folder_that_cannot_be_listed_is_no_empty_one(store):
    def trouble(_number, kind, _path):
        if kind == "list":
            raise ConnectionResetError(104, "reset")

    Objects("memory://small").write("a.png", b"one")
    store.trouble = staticmethod(trouble)
    outputs = ObjectOutputs(Objects("memory://small"))
    for _ in range(3):
        with pytest.raises(OSError, match="the store did not list it"):
            outputs.stat("a.png")
    assert store.asked["list"] == objects.ATTEMPTS  # the wait is not for every image


def test_a_retry_after_header_of_a_store_is_respected(store, monkeypatch):
    """Though its package has tried again and again by itself."""
    slept = []
    monkeypatch.setattr("icsys.files.remote_client.time.sleep", slept.append)
    monkeypatch.setattr(objects, "_RETRYING_PACKAGES", {"memory"})

    def trouble(*_):
        if len(slept) < 2:
            cause = type(
                "ClientError", (Exception,), {"response": {"ResponseMetadata": {"HTTPHeaders": {"retry-after": "9"}}}}
            )
            raise OSError(errno.EIO, "SlowDown") from cause()

    store.trouble = staticmethod(trouble)
    Objects("memory://small").write("a", b"one")
    assert slept == [9, 9]


@pytest.mark.parametrize("prefix", ["run#3", "a[1]", "b/c::d", "e%20f*{2}"])
def test_a_prefix_is_named_as_it_is(prefix, store):
    Objects(f"memory://small/{prefix}/").write("a#b?.png", b"one")
    assert [*store.store] == [f"/small/{prefix}/a#b?.png"]
    assert Objects(f"memory://small/{prefix}").all() == ["a#b?.png"]


def test_a_name_that_is_a_version_to_s3fs_is_an_obstacle():
    assert "versionId" in ObjectOutputs(Objects("memory://small")).stat("a.png?versionId=b.png").obstacle


def test_a_name_that_is_not_utf_8_is_an_obstacle(store):
    assert store.objects() == {}
    assert "UTF-8" in ObjectOutputs(Objects("memory://small")).stat("caf\udce9.png").obstacle
