"""A studio for a small tree of photos, without a server: the application behind its guard; and a real browser."""

import pytest
from PIL import Image

from helpers import synthetic_photo
from icsys.options import Options
from icsys.run_settings import RunSettings

testclient = pytest.importorskip("starlette.testclient", reason="needs the extra studio")

from icsys.studio.app import studio_app
from icsys.studio.guard import Access, Guard
from icsys.studio.workspace import Workspace


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Seven photos in two splits and two classes, one of them damaged."""
    folder = tmp_path_factory.mktemp("studio")
    names = ("train/cat/a.png", "train/cat/b.jpg", "train/dog/c.png", "train/dog/d e.jpg", "test/cat/f.png")
    for number, name in enumerate((*names, "test/dog/g.jpg")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(synthetic_photo(90, 120, seed=number)).save(path)
    (folder / "train/dog/bad.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture
def workspace(photos, tmp_path):
    made = Workspace(str(photos), str(tmp_path / "out"), Options(colors=8, step=2), RunSettings())
    made.images.wait()
    yield made
    made.close()


@pytest.fixture
def access():
    return Access("127.0.0.1", 8000, "the-token")


@pytest.fixture
def stranger(workspace, access):
    """A client that has no cookie yet."""
    with testclient.TestClient(Guard(studio_app(workspace), access), "http://127.0.0.1:8000") as client:
        yield client


@pytest.fixture
def client(stranger):
    """A client that was let in."""
    assert stranger.get("/", params={"token": "the-token"}).status_code == 200
    return stranger


@pytest.fixture(scope="module")
def address(tree, tmp_path_factory):
    """The address of a studio for the photos of a module, its fixture ``tree``; it writes elsewhere."""
    from studio_pages import serving  # noqa: PLC0415 - skips where there is no Playwright

    with serving(tree, tmp_path_factory.mktemp("cwd")) as found:
        yield found


@pytest.fixture
def page(browser, address):
    """A page of this studio on a desktop."""
    from studio_pages import DESK, visiting  # noqa: PLC0415 - likewise

    with visiting(browser, address, viewport=DESK) as opened:
        yield opened
