"""Reserved names: defined in one module, and refused if a link or something else has them."""

import ast
from pathlib import Path

import pytest

import icsys
from icsys import UsageError, layout
from icsys.files.reserved_names import check_names, check_state_folders
from icsys.files.rooted_path import RootedPath

NAMES = {value for name, value in vars(layout).items() if name.isupper() and isinstance(value, str)}
# "turn", "data", "all", "mask" and "masks" are ordinary words too.
WORDS = {layout.FENCING_TOKEN, layout.PACKS, layout.NO_SPLIT, layout.ONE_MASK, "masks"}
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
def test_a_reserved_name_is_missing_or_of_the_right_kind(name, kind, tmp_path):
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


def test_without_packs_a_class_may_have_the_name_of_their_folder(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "elsewhere")
    check_names(RootedPath(tmp_path))
    (tmp_path / "shards.json").touch()
    with pytest.raises(UsageError, match="'data' is a link"):
        check_names(RootedPath(tmp_path))


@pytest.mark.parametrize("name", ["", "/manifest.jsonl", "/turn", "/.ics-lock"])
def test_links_in_state_folders_are_refused(name, tmp_path):
    states = tmp_path / ".ics-books"
    (states / "1-of-2").mkdir(parents=True)
    check_state_folders(RootedPath(tmp_path), ["1-of-2", "2-of-2"])
    place = states / f"1-of-2{name}"
    if not name:
        place.rmdir()
    place.symlink_to(tmp_path)
    with pytest.raises(UsageError, match="is a link"):
        check_state_folders(RootedPath(tmp_path), ["1-of-2", "2-of-2"])


def test_only_the_layout_module_holds_names_of_files():
    """No other module has one of these names as a text, or the prefix inside a text; docstrings may name them."""
    names = NAMES - WORDS
    assert len(names) > 20
    for path in Path(icsys.__file__).parent.rglob("*.py"):
        if path.name == "layout.py":
            continue
        tree = ast.parse(path.read_text("utf-8"))
        statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        texts = {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in statements
        }
        assert not texts & names, path
        assert not [text for text in texts if layout.OWN_PREFIX in text], path
