"""The same files in every kind of source."""

import io
import json
import tarfile
import zipfile

import pyarrow as pa
from pyarrow import parquet


def put_folder(path, files):
    """Write files (bytes by name) below a folder."""
    path.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return path


def put_zip(path, files, *, compression=zipfile.ZIP_DEFLATED):
    """Write files into a zip archive."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def put_tar(path, files):
    """Write files into a tar archive, compressed as its suffix says; a TarInfo may stand in the place of a name."""
    kind = path.suffix.lstrip(".")
    with tarfile.open(path, f"w:{kind if kind != 'tar' else ''}") as archive:
        for name, data in files.items() if isinstance(files, dict) else files:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(data) if info.isreg() else info.size
            archive.addfile(info, io.BytesIO(data))
    return path


def put_parquet(path, files, *, labels=None, names=(), rows=100):
    """Write files as rows of a table in the layout of Hugging Face, ``labels`` beside them."""
    columns = {"image": [{"bytes": data, "path": name} for name, data in files.items()]}
    types = [("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())]))]
    features = {"image": {"_type": "Image"}}
    if labels is not None:
        columns["label"] = labels
        types.append(("label", pa.int64() if names else pa.string()))
        features["label"] = {"_type": "ClassLabel", "names": list(names)}
    schema = pa.schema(types, {"huggingface": json.dumps({"info": {"features": features}})})
    parquet.write_table(pa.table(columns, schema), path, row_group_size=rows)
    return path
