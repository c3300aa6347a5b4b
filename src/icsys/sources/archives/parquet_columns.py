"""The columns of a Parquet file that hold images, their companions, names and labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from icsys.errors import ImageError
from icsys.files.parsing import from_json
from icsys.records.import_pyarrow import NUMBER
from icsys.sources.packed_companions import COMPANIONS_KEY
from icsys.sources.parquet_format.column import Column
from icsys.sources.parquet_format.footer import BYTE_ARRAY, INT64, Footer, Leaf

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LONGEST_LABEL = 2**16
"""Bytes of a name or a label."""

_DESCRIBING = "path", "label", "number", "beside"
_LONGEST_NOTE = 2**22  # bytes of Hugging Face's metadata


class TableColumns(NamedTuple):
    """The columns of a table: images, paths and labels, and the names of the classes.

    Only tables of ICS (``is_ours``) have the others: ``number`` holds class numbers beside names in ``label``,
    ``companions`` the masks, annotations and sidecars of images, and ``beside`` what these are.
    """

    image: Leaf
    path: Leaf | None
    label: Leaf | None
    number: Leaf | None
    beside: Leaf | None
    companions: Sequence[tuple[str, Leaf]]
    classes: Sequence[str]
    is_ours: bool

    @property
    def described(self) -> dict[str, Leaf]:
        """Columns of names and labels."""
        return {name: leaf for name in _DESCRIBING if (leaf := getattr(self, name)) is not None}


def columns_of_table(footer: Footer) -> TableColumns:
    """Return the columns of a table; ImageError if none holds images."""
    leaves = footer.leaves
    structs = [name for name in footer.names if _is_bytes(leaves.get((name, "bytes")))]
    plain = [
        name
        for name in footer.names
        if _is_bytes(leaf := leaves.get((name,))) and leaf and leaf.converted is None and not leaf.is_logical
    ]
    names = structs or plain
    if not names:
        raise ImageError("unsupported", "no column holds images: expected a struct of bytes and path, or bytes")
    image = "image" if "image" in names else names[0]
    path = leaves.get((image, "path")) if image in structs else None
    features = _features(footer)
    named = "label" if "label" in footer.names else next(_class_labels(features), "label")
    label, number = (
        leaf if leaf and Column.can_read(leaf) else None for leaf in map(leaves.get, ((named,), (NUMBER,)))
    )
    is_ours, beside = b"icsys" in footer.notes, leaves.get((COMPANIONS_KEY,))
    return TableColumns(
        leaves[(image, "bytes") if image in structs else (image,)],
        path if _is_bytes(path) else None,
        label,
        number if is_ours and _is_bytes(label) and number and number.kind == INT64 else None,
        beside if is_ours and _is_bytes(beside) else None,
        _companion_leaves(footer) if is_ours else (),
        _classes(footer, features, named),
        is_ours,
    )


def _companion_leaves(footer: Footer) -> Sequence[tuple[str, Leaf]]:
    """Return the columns of companions that the metadata of ICS states, with their names."""
    note = _note(footer, b"icsys")
    names = note.get("companions") if isinstance(note, dict) else None
    found = []
    for name in names if isinstance(names, list) else ():
        leaf = footer.leaves.get((name, "bytes")) or footer.leaves.get((name,))
        if leaf is not None and _is_bytes(leaf):
            found.append((name, leaf))
    return found


def _is_bytes(leaf: Leaf | None) -> bool:
    return leaf is not None and leaf.kind == BYTE_ARRAY and not leaf.repeated


def _features(footer: Footer) -> dict[str, Any]:
    """Return the columns in Hugging Face's metadata."""
    try:
        features = _note(footer, b"huggingface")["info"]["features"]
    except (KeyError, TypeError):
        return {}
    return features if isinstance(features, dict) else {}


def _class_labels(features: dict[str, Any]) -> Iterator[str]:
    """Return the names of the columns that hold classes."""
    return (name for name, note in features.items() if isinstance(note, dict) and note.get("_type") == "ClassLabel")


def _classes(footer: Footer, features: dict[str, Any], label: str) -> Sequence[str]:
    """Return the names of the classes in the metadata of ICS, which are exact, or of Hugging Face."""
    for note, key in ((_note(footer, b"icsys"), "classes"), (features.get(label), "names")):
        names = note.get(key) if isinstance(note, dict) else None
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            if max(map(len, names), default=0) > LONGEST_LABEL:
                raise ImageError("too_large", f"a class of more than {LONGEST_LABEL} characters")
            return names
    return ()


def _note(footer: Footer, key: bytes) -> Any:  # noqa: ANN401 - whatever JSON says
    """Return the value of a note in the metadata; None if it has none."""
    note = footer.notes.get(key, b"")
    if len(note) > _LONGEST_NOTE:
        raise ImageError("too_large", f"metadata of {len(note)} bytes: expected at most {_LONGEST_NOTE}")
    try:
        return from_json(note)
    except ValueError:
        return None
