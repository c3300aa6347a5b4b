"""Names that ICS keeps for itself: all in one place, and refused where a link or something else has them."""

import ast
from pathlib import Path

import pytest

import icsys
from icsys import UsageError, layout
from icsys.files.reserved_names import check_names, check_state_folders
from icsys.files.rooted_path import RootedPath

NAMES = {value for value in vars(layout).values() if isinstance(value, str) and value.startswith((".ics-", "manifest"))}
FILES = {*layout.RESERVED, layout.PENDING, layout.WRITTEN, layout.LOCK}
FOLDERS = {
    layout.STATE_FOLDERS,
    layout.MERGED_FOLDERS,
    layout.STATE_DRAFT,
    layout.CLUSTER_FOLDER,
    layout.UNPACKED,
    layout.STAGED_PACKS,
    layout.PACKS,
}


def put(place, kind, decoy):
    if kind == "folder":
        place.mkdir()
    elif kind == "file":
        place.touch()
    else:
        place.symlink_to({"link": decoy, "dangling link": decoy / "none"}[kind])


@pytest.mark.parametrize("kind", ["link", "dangling link", "folder", "file"])
@pytest.mark.parametrize("name", sorted(FILES | FOLDERS))
def test_a_name_is_free_or_ours(name, kind, tmp_path):
    out, decoy = tmp_path / "out", tmp_path / "decoy"
    out.mkdir()
    decoy.mkdir()
    put(out / name, kind, decoy)
    if kind == ("folder" if name in FOLDERS else "file"):
        check_names(RootedPath(out), packed=True)
        return
    with pytest.raises(UsageError, match="is a link" if "link" in kind else "is no") as caught:
        check_names(RootedPath(out), packed=True)
    assert repr(name) in str(caught.value)


def test_a_class_may_have_the_name_of_the_folder_of_shards_where_there_are_none(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "elsewhere")
    check_names(RootedPath(tmp_path))
    (tmp_path / "shards.json").touch()
    with pytest.raises(UsageError, match="'data' is a link"):
        check_names(RootedPath(tmp_path))


@pytest.mark.parametrize("name", ["", "/manifest.jsonl", "/turn", "/.ics-lock"])
def test_the_books_of_a_shard_are_no_links(name, tmp_path):
    books = tmp_path / ".ics-books"
    (books / "1-of-2").mkdir(parents=True)
    check_state_folders(RootedPath(tmp_path), ["1-of-2", "2-of-2"])
    place = books / f"1-of-2{name}"
    if not name:
        place.rmdir()
    place.symlink_to(tmp_path)
    with pytest.raises(UsageError, match="is a link"):
        check_state_folders(RootedPath(tmp_path), ["1-of-2", "2-of-2"])


def test_all_names_are_here():
    """No other file of the package holds one of these names as a text of its own."""
    assert len(NAMES) > 10
    for path in Path(icsys.__file__).parent.rglob("*.py"):
        if path.name == "layout.py":
            continue
        tree = ast.parse(path.read_text("utf-8"))
        texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        assert not texts & (NAMES | set(layout.RESERVED)), path
