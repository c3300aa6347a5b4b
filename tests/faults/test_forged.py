"""Forged state files in an output folder: no foreign file is read, written or removed, and nothing hangs."""

import copy
import json
import os
import random
import shutil

import pytest

from fault_runs import QUICK, make_photos, needs_posix
from fork_server import ForkServer
from icsys import layout
from links_between_calls import snapshot

pytestmark = needs_posix
HUGE, VAST = 10**18, 10**400
PACKED = ("--format", "webdataset", "--shard-images", "2", *QUICK)
ARRAYS = ("--format", "arrays", "--size", "9x7", "--fit", "cover", "--colors", "4")
# How an output folder was filled, by a word for it.
FILLED = {
    "files": (QUICK,),
    "shards": (("--shard", "1/2", *QUICK), ("--shard", "2/2", *QUICK)),
    "webdataset": (PACKED,),
    "arrays": (ARRAYS,),
}
COMMANDS = {
    "files": (("report",), ("verify",), ("compress", *QUICK, "--shard", "1/2"), ("merge",), ("compress", *QUICK)),
    "shards": (("compress", *QUICK, "--shard", "1/2"), ("merge",), ("report",)),
    "webdataset": (("report",), ("verify",), ("compress", *PACKED), ("compress", *PACKED, "--shard-images", "3")),
    "arrays": (("report",), ("verify",), ("compress", *ARRAYS), ("compress", *ARRAYS, "--palette", "dataset")),
}
VALUES = [
    *(None, True, 0, -1, 1.5, float("nan"), float("inf"), -float("inf"), HUGE, -HUGE, VAST, "", "x", "\ud800", "a\0b"),
    *("../outside/a.png", "/dev/zero", "cat/../../outside/a.png", "manifest.jsonl", ".ics-lock", "cat", "notes.txt"),
    *("data/../../outside/a.png", "data/train-00000.tar", "x" * 5000, [], {}, [[]], {"": {}}, ["../outside/a.png"]),
    *({"../outside/a.png": "a.png", "/dev/zero": "b.png"}, [HUGE] * 3, "a/" * 3000),
]
STATE_FOLDERS = {
    "files": (layout.MANIFEST, layout.FAILURES, layout.RUN, layout.PENDING, layout.WRITTEN, layout.PALETTE),
    "shards": (
        *(
            f"{layout.STATE_FOLDERS}/1-of-2/{name}"
            for name in sorted(layout.STATE_FILES - {layout.LOCK, layout.FENCING_TOKEN})
        ),
        *(f"{layout.STATE_FOLDERS}/{layout.LISTING_INFO}", layout.MANIFEST, layout.PENDING),
    ),
    "webdataset": (layout.MANIFEST, layout.PACK_INDEX, layout.PENDING, layout.WRITTEN),
    "arrays": (layout.MANIFEST, layout.PACK_INDEX, layout.DATASET, layout.PENDING),
}
WHOLE = {  # what a file may be as a whole, or have in one line of its own
    "nothing": b"",
    "zeros": bytes(5000),
    "no text": b"\xff\xfe\xfd" * 50,
    "many brackets": b"[" * 100_000,
    "a long line": b'["' + b"x" * 5_000_000 + b'"]',
    "lines of nothing": b"\n" * 10_000,
    "a table": b'{"count": 1000000000000000000, "images": 1000000000000000000, "settings": {}}',
    "a task above": b'["../outside/a.png", "a.png"]\n["a.png", "../outside/a.png"]\n',
    "a hash and a name": b'["0", "../outside/a.png"]\n["0", 5]\n{"0": "1"}\n',
    "a list of names": json.dumps(["../outside/a.png", "/dev/zero", "notes.txt", "cat"]).encode(),
    "pending outputs": json.dumps({"../outside/a.png": "a", "notes.txt": "b", "cat": "c", "\ud800": "\ud800"}).encode(),
}
PLACES = {  # what may stand in the place of a file
    "a pipe": os.mkfifo if hasattr(os, "mkfifo") else None,
    "a folder": os.mkdir,
    "a device": lambda place: place.symlink_to("/dev/zero"),
}


@pytest.fixture(scope="module")
def warm():
    """A process that has loaded what commands need, and gives them bounded memory and time."""
    with ForkServer(memory=2**29, seconds=100) as process:
        yield process


@pytest.fixture(scope="module")
def filled(tmp_path_factory, warm):
    """The place of output folders that runs have filled, with a source and a folder of others beside them."""
    place = tmp_path_factory.mktemp("forged")
    make_photos(place / "in", 4)
    (place / "in" / "bad.png").write_bytes(b"no photo")
    for name, runs in FILLED.items():
        for words in runs:
            assert warm.run("compress", place / "in", place / name, *words, log=place / "log")[0] in {0, 1}
        (place / name / "notes.txt").write_text("mine", "utf-8")
        (place / name / "cat").mkdir(exist_ok=True)
        (place / name / "cat" / "mine.png").write_text("mine", "utf-8")
    shutil.copytree(place / "in" / "cat", place / "outside")
    shutil.copy(place / "in" / "cat" / "00000.png", place / "outside" / "a.png")
    return place


class Try:
    """A copy of such a folder to forge something in, and then to run all commands on."""

    def __init__(self, filled, kind, place):
        self.kind, self.place = kind, place
        shutil.copytree(filled, place, ignore=lambda folder, names: set(names) - _kept(filled, kind, folder))
        self.out = place / kind

    def check(self, warm, what, most=4):
        """No command ends with a traceback, at a signal or for want of memory, and no foreign file is changed."""
        theirs = [self.place / "in", self.place / "outside", self.out / "notes.txt", self.out / "cat" / "mine.png"]
        before = [snapshot(path) for path in theirs]
        for name, *words in COMMANDS[self.kind][-most:]:
            places = (self.place / "in", self.out) if name == "compress" else (self.out,)
            more = ("--pictures", 1) if name == "report" else ()
            code, _ = warm.run(name, *places, *words, *more, log=self.place / "log")
            text = (self.place / "log").read_text("utf-8")
            assert code in {0, 1, 2}, (what, name, code, text)
            assert not any(word in text for word in ("Traceback", "not enough memory", "fault of ics")), (what, text)
            assert [snapshot(path) for path in theirs] == before, (what, name)


def _kept(filled, kind, folder):
    return {"in", "outside", kind} if str(folder) == str(filled) else set(os.listdir(folder))  # noqa: PTH208


def forge(path, chance):
    """Change some values in a state file, at any depth, or whole lines; return what was done."""
    text = path.read_text("utf-8") if path.is_file() else ""
    many = not path.name.endswith(".json")
    lines = [json.loads(line) for line in text.splitlines() if line] if many else [json.loads(text or "{}")]
    lines = lines or [{}]
    done = []
    for _ in range(chance.randint(1, 3)):
        value, keys = lines, []
        while isinstance(value, dict | list) and value and (not keys or chance.random() < 0.8):
            keys.append(chance.choice(sorted(value) if isinstance(value, dict) else range(len(value))))
            holder, value = value, value[keys[-1]]
        holder[keys[-1]] = junk = copy.deepcopy(chance.choice(VALUES))
        done.append((keys, junk))
    if chance.random() < 0.3:
        lines *= 2
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) if many else json.dumps(lines[0]), "utf-8")
    return done


TRIES = [(kind, name) for kind, names in STATE_FOLDERS.items() for name in names]


@pytest.mark.fault(0, "forged values in what ICS keeps", "no foreign file is touched; no hang, no traceback")
def test_values_that_are_forged(filled, warm, tmp_path, thorough, observed):
    """Paths that lead out, huge numbers, other types, NaN, lines twice; in manifest, pending outputs, `run.json`,
    `shards.json` and the state folders of shards; then a report, a verification, runs and a merge.
    """
    count = 600 if thorough else 12
    for number in range(count):
        chance = random.Random(number)  # noqa: S311 - what to try, no secret
        kind, name = chance.choice(TRIES)
        attempt = Try(filled, kind, tmp_path / str(number))
        attempt.check(warm, (number, name, forge(attempt.out / name, chance)), 5 if thorough else 2)
        shutil.rmtree(attempt.place)
    observed(f"{count} forgeries; exit 0, 1 or 2, and a message for each fault")


@pytest.mark.fault(0, "forged files in the place of what ICS keeps", "no foreign file is touched; no hang")
def test_files_that_are_forged(filled, warm, tmp_path, thorough, observed):
    """Zeros, bytes that are no text, deep nesting, a line of 5 MB, names of others, a pipe, a folder, `/dev/zero`."""
    tries = [(kind, name, what) for kind, name in TRIES for what in (*WHOLE, *PLACES)]
    for number, (kind, name, what) in enumerate(tries if thorough else random.Random(2).sample(tries, 12)):  # noqa: S311
        attempt = Try(filled, kind, tmp_path / str(number))
        place = attempt.out / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        if what in WHOLE:
            place.write_bytes(WHOLE[what])
        else:
            PLACES[what](place)
        attempt.check(warm, (kind, name, what), 5 if thorough else 2)
        shutil.rmtree(attempt.place)
    observed("exit 0, 1 or 2, and a message for each fault")


@pytest.mark.fault(0, "a file of ICS's that is larger than the memory", "it is refused or passed over, with a message")
def test_files_that_are_huge(filled, warm, tmp_path, thorough, observed):
    """A file with a hole of 670 MB, where a command may take 540 MB."""
    for number, (kind, name) in enumerate(TRIES if thorough else [("files", layout.MANIFEST)]):
        attempt = Try(filled, kind, tmp_path / str(number))
        (attempt.out / name).parent.mkdir(parents=True, exist_ok=True)
        with (attempt.out / name).open("ab") as file:
            file.truncate(5 * 2**27)
        attempt.check(warm, (kind, name), 5 if thorough else 1)
        shutil.rmtree(attempt.place)
    observed("exit 0, 1 or 2, and a message for each fault")


@pytest.mark.fault(0, "forged folders of shards", "no hang, no traceback")
def test_folders_that_are_forged(filled, warm, tmp_path, thorough, observed):
    """Of a division into 10^18, of none, of one that is smaller, with a name that is none; a folder or a pipe."""
    names = (
        f"1-of-{HUGE}",
        "1-of-999999999",
        f"{HUGE}-of-{HUGE}",
        "1-of-0",
        "3-of-2",
        "9-of-3",
        "x",
        "1-of-" + "9" * 200,
    )
    tries = [(name, make) for name in names for make in (os.mkdir, os.mkfifo)]
    for number, (name, make) in enumerate(tries if thorough else (*tries[:2], tries[6])):
        attempt = Try(filled, "shards", tmp_path / str(number))
        make(attempt.out / layout.STATE_FOLDERS / name)
        attempt.check(warm, name, 3 if thorough else 2)
        shutil.rmtree(attempt.place)
    observed("exit 0, 1 or 2, and a message for each fault")
