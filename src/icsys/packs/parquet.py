"""Parquet packs in the layout of Hugging Face's ``datasets``: one row per image, with its bytes and its class."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from icsys.errors import ImageError
from icsys.files.parsing import from_json
from icsys.packs.companion_names import column_of
from icsys.packs.packed_image import BINARIES, IMAGES, REPEATED_COLUMNS, TEXTS, NotTextError, utf8
from icsys.packs.parquet_places import image_places
from icsys.records.import_pyarrow import NUMBER, load_pyarrow
from icsys.sources.pack_member_names import to_utf8_name
from icsys.sources.packed_companions import COMPANIONS_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

    from icsys.packs.member_place import MemberPlace
    from icsys.packs.packed_image import PackedCompanion, PackedImage
    from icsys.records.classes import Classes

_MOST_CLASSES = 2**16
_ROWS_PER_GROUP = 100  # readers load one group at a time; Hugging Face recommends 100 rows for images
_DTYPES = {str: "string", int: "int64", float: "float64", bool: "bool"}


class ParquetFormat:
    """Parquet files for the ``datasets`` package: an image, its class and its facts are one row."""

    suffix = ".parquet"

    def prepare(self) -> tuple[Any, Any]:
        """Return the modules ``pyarrow`` and ``pyarrow.parquet``; MissingExtraError if they are not installed."""
        return load_pyarrow("format='parquet'")

    def member(self, file_name: str, sample: str = "") -> str:  # noqa: ARG002 - each row stands alone
        """Return the path of an image in a pack; :func:`icsys.sources.pack_member_names.path_in_pack` turns it back."""
        return to_utf8_name(file_name)

    def companion(self, member: str, name: str) -> str:
        """Return the name of a companion: that of its row, and its column.

        Examples
        --------
        >>> ParquetFormat().companion("cat/1.png", "mask.png")
        'cat/1.png#mask'
        """
        return f"{member}#{column_of(name)}"

    def is_facts(self, member: str) -> bool:  # noqa: ARG002
        """Return False: facts have columns of their own."""
        return False

    def write(
        self, file: BinaryIO, images: Iterable[PackedImage], classes: Classes, columns: Mapping[str, str]
    ) -> None:
        """Write one row per image: ``image`` (bytes and path), ``label`` if there are classes, facts and companions.

        Raises
        ------
        NotTextError
            If a companion in a column of texts is none.
        """
        pa, parquet = self.prepare()
        names = _class_names(classes)
        schema = _schema(pa, classes, names, columns)
        label = _number if names or not classes.are_named else _name_and_number
        facts = [name for name in schema.names if name != "image" and name not in columns]
        images = iter(images)
        # Compression and dictionaries cannot make images smaller: they are compressed, and all different.
        settings: dict[str, Any] = {"compression": "NONE", "use_dictionary": False, "write_statistics": facts}
        with parquet.ParquetWriter(file, schema, **settings) as writer:
            while group := list(islice(images, _ROWS_PER_GROUP)):
                rows = [_row(image, label) | _beside(image, columns) for image in group]
                writer.write_table(pa.Table.from_pylist(rows, schema))

    def places(self, file: BinaryIO) -> Generator[MemberPlace]:
        """Yield where each image lies, in order.

        Raises
        ------
        OSError
            If the pack cannot be read, or is not a Parquet file as ICS writes it.
        """
        try:
            yield from image_places(file)
        except ImageError as error:
            raise OSError(f"not a complete Parquet file: {error}") from error

    def read(self, file: BinaryIO) -> Generator[tuple[str, bytes]]:
        """Yield name and bytes of each image, in order, and of its companions.

        Raises
        ------
        OSError
            If the pack cannot be read, or is not a Parquet file as ICS writes it.
        """
        pa, parquet = self.prepare()
        try:
            with parquet.ParquetFile(file) as table:
                columns = _companions_in(table)
                _check_plain(table.metadata, columns)
                for batch in table.iter_batches(_ROWS_PER_GROUP, columns=["image", *columns]):
                    for row in batch.to_pylist():
                        path = row["image"]["path"]
                        yield path, row["image"]["bytes"]
                        for column in columns:
                            if row[column] is not None:
                                yield self.companion(path, column), _bytes(row[column])
        except (
            pa.ArrowException,
            ValueError,
            KeyError,
            TypeError,
        ) as error:  # the last two: columns are missing or have other types
            raise OSError(f"not a complete Parquet file: {error}") from error


def _class_names(classes: Classes) -> list[str]:
    """Return the class names for Hugging Face's ClassLabel, by number; an empty list if a ClassLabel cannot hold them.

    A number without a class is named by its digits.
    """
    if not classes.are_named or not classes.numbers or classes.numbers[0] < 0 or classes.numbers[-1] >= _MOST_CLASSES:
        return []
    known = dict(zip(classes.numbers, classes.names, strict=True))
    names = [known.get(number, str(number)) for number in range(classes.numbers[-1] + 1)]
    return names if len(set(map(utf8, names))) == len(names) else []


def _number(image: PackedImage) -> dict[str, Any]:
    return {"label": image.number}


def _name_and_number(image: PackedImage) -> dict[str, Any]:
    return {"label": None if image.label is None else to_utf8_name(image.label), NUMBER: image.number}


def _row(image: PackedImage, label: Callable[[PackedImage], dict[str, Any]]) -> dict[str, Any]:
    info = {name: utf8(value) if isinstance(value, str) else value for name, value in image.info.items()}
    return {"image": {"bytes": image.data, "path": image.member}, **label(image), **info}


def _beside(image: PackedImage, columns: Mapping[str, str]) -> dict[str, Any]:
    """Return the columns of the companions of an image."""
    if not columns:
        return {}
    values = {column: _value(one, columns[column]) for one in image.companions for column in [column_of(one.name)]}
    facts = {column_of(one.name): one.facts for one in image.companions}
    return values | {COMPANIONS_KEY: utf8(json.dumps(facts)) if facts else None}


def _value(one: PackedCompanion, kind: str) -> bytes | str | dict[str, Any]:
    """Return a companion as its column has it; NotTextError if it does not fit."""
    if kind == IMAGES:
        return {"bytes": one.data, "path": to_utf8_name(one.path)}
    if kind == BINARIES:
        return one.data
    try:
        return one.data.decode()
    except UnicodeDecodeError:
        raise NotTextError(column_of(one.name)) from None


def _bytes(value: bytes | str | dict[str, Any]) -> bytes:
    """Return the bytes of a companion from its column."""
    if isinstance(value, dict):
        return bytes(value["bytes"])
    return value.encode() if isinstance(value, str) else value


def _companions_in(table: Any) -> list[str]:  # noqa: ANN401 - modules without types
    """Return the columns of companions in a pack of ICS."""
    note = from_json((table.schema_arrow.metadata or {}).get(b"icsys", b"{}"))
    columns = note.get("companions", []) if isinstance(note, dict) else []
    if not (isinstance(columns, list) and set(columns) <= set(table.schema_arrow.names)):
        raise ValueError("it has not the columns that it states")
    return columns


def _schema(pa: Any, classes: Classes, names: list[str], columns: Mapping[str, str]) -> Any:  # noqa: ANN401 - likewise
    """Return the columns, with metadata for Hugging Face's ``datasets`` and the exact class names for ICS.

    Named classes become a ClassLabel, unnamed ones plain numbers. If a ClassLabel cannot hold the names, names and
    numbers get a column each.
    """
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    types = {name: _DTYPES[kind] for name, kind in REPEATED_COLUMNS.items()}
    if names:
        types = {"label": "int64"} | types
    elif classes.names:
        types = ({"label": "string", NUMBER: "int64"} if classes.are_named else {"label": "int64"}) | types
    features: dict[str, Any] = {"image": {"_type": "Image"}}
    features |= {name: {"dtype": dtype, "_type": "Value"} for name, dtype in types.items()}
    if names:
        features["label"] = {"names": list(map(utf8, names)), "_type": "ClassLabel"}
    fields = [("image", image), *((name, pa.type_for_alias(dtype)) for name, dtype in types.items())]
    own: dict[str, Any] = {"classes": names}
    if columns:
        kinds = {**columns, COMPANIONS_KEY: TEXTS}
        fields += [(name, image if kind == IMAGES else pa.type_for_alias(kind)) for name, kind in kinds.items()]
        features |= {
            name: {"_type": "Image"} if kind == IMAGES else {"dtype": kind, "_type": "Value"}
            for name, kind in kinds.items()
        }
        own["companions"] = list(columns)
    about = {"huggingface": {"info": {"features": features}}, "icsys": own}
    return pa.schema(fields, {name: json.dumps(value) for name, value in about.items()})


def _check_plain(metadata: Any, companions: Sequence[str]) -> None:  # noqa: ANN401 - modules without types
    """Refuse compressed columns of images and companions: a small file could fill the memory."""
    checked = {"image", *companions}
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            if column.path_in_schema.partition(".")[0] in checked and (
                column.compression != "UNCOMPRESSED" or column.has_dictionary_page
            ):
                raise OSError(
                    f"the column {column.path_in_schema!r} is compressed: expected a plain column, as ics writes"
                )
