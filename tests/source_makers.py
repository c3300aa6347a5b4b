"""The same files in every kind of source."""

import io
import json
import tarfile
import zipfile

import pyarrow as pa
from pyarrow import parquet

from icsys import Options
from icsys.sources.archives.archive_access import LocalFiles
from icsys.sources.archives.source import Archives
from icsys.sources.base import Task, Unreadable, read_loaded


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


def read_all(path, **settings):
    """Return the bytes of every image of an archive that can be read, and the codes of what fails."""
    source = Archives("these", LocalFiles(), ((str(path), ""),), **settings)
    found, failed = {}, {}
    plan = list(source.plan(".png"))
    for planned in plan:
        if isinstance(planned, Unreadable):
            assert planned.source not in failed
            failed[planned.source] = planned.code
    for loaded in source.load((t for t in plan if isinstance(t, Task)), Options()):
        work, _ = loaded
        try:
            found[work.source] = read_loaded(source, loaded, Options())[0]
        except Exception as error:  # noqa: BLE001
            failed[work.source] = getattr(error, "code", "io")
    return found, failed
