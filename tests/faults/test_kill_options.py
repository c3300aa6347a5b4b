"""A run is killed, at any system call, others with other options follow, then the first again: nothing is mixed."""

import hashlib
import json
import random
import shutil
import signal
from collections import Counter

import pytest

from fault_runs import make_photos, needs_posix
from fork_server import ForkServer
from helpers import image_bytes, synthetic_photo
from icsys import layout

pytestmark = needs_posix
SMALL = ("--step", "2")
PACKED = ("--shard-images", "2", "--strategy", "SO", *SMALL)
CROPPED = ("--size", "9x7", "--fit", "cover")
# Options by the kind of folder that they fill; those of one kind may follow one another.
OPTIONS = {
    "files": (
        ("--strategy", "SO", *SMALL),
        ("--strategy", "SO", "--step", "3"),
        ("--colors", "4", *SMALL),
        ("--colors", "2", "--format", "webp", *SMALL),
        ("--format", "jpeg", "--strategy", "SO", *SMALL),
        ("--colors", "4", "--palette", "dataset", *SMALL),
        ("--colors", "4", "--palette", "class", *SMALL),
        ("--strategy", "SO", "--overwrite", "always", *SMALL),
    ),
    "webdataset": (
        ("--format", "webdataset", *PACKED),
        ("--format", "webdataset", *PACKED, "--step", "3"),
        ("--format", "webdataset", *PACKED, "--shard-images", "3"),
        ("--format", "webdataset", "--colors", "4", *PACKED[:2], *SMALL),
    ),
    "parquet": (
        ("--format", "parquet", *PACKED),
        ("--format", "parquet", *PACKED, "--shard-images", "3", "--step", "3"),
        ("--format", "parquet", *PACKED, "--palette", "class", "--strategy", "MKM", "--colors", "4"),
    ),
    "arrays": (
        ("--format", "arrays", *CROPPED, "--colors", "4"),
        ("--format", "arrays", *CROPPED, "--colors", "3"),
        ("--format", "arrays", *CROPPED, "--colors", "4", "--palette", "dataset"),
        ("--format", "arrays", *CROPPED, "--strategy", "SO"),
    ),
}
SHARED_BY_NONE = tuple(words for words in OPTIONS["files"] if "--palette" not in words)
PLACES_OF_PACKS = (
    layout.PACKS,
    layout.UNPACKED,
    layout.NO_SPLIT,
    layout.DATASET,
)  # what lies there is looked at when it is packed
STATE_FOLDERS = {layout.MANIFEST, layout.RUN, layout.LOCK, layout.PACK_INDEX, layout.PALETTE, layout.GIMP_PALETTE}


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Folders of the same photos but for one that changed, one that came, one that went, and a class that moved."""
    first = make_photos(tmp_path_factory.mktemp("sources") / "first", 5)
    second = shutil.copytree(first, first.parent / "second")
    (second / "cat" / "00002.png").write_bytes(image_bytes(synthetic_photo(24, 32, seed=50)))
    (second / "cat" / "0.png").write_bytes(image_bytes(synthetic_photo(24, 32, seed=51)))
    (second / "dog" / "00003.png").unlink()
    third = shutil.copytree(first, first.parent / "third")
    (third / "dog").rename(third / "wolf")
    return first, second, third


@pytest.fixture(scope="module")
def warm():
    """A process that has loaded what runs need."""
    with ForkServer() as process:
        yield process


class Folder:
    """An output folder that runs fill, and what undisturbed runs have made of the same."""

    clean: dict = {}  # noqa: RUF012 - shared by all of them
    calls: dict = {}  # noqa: RUF012 - likewise

    def __init__(self, place, warm, chance):
        self.place, self._warm, self._chance = place, warm, chance
        self.asked = []

    def run(self, source, options, *more, kill=False):
        """Run to the end, or be killed at a random call, if the run comes to it; return whether it was."""
        self.asked.append((source, options))
        number = self._chance.randint(1, self._calls(source, options))
        return self._do("compress", source, self.place, *options, *more, kill=number if kill else None)

    def merge(self):
        """Merge shards; be killed meanwhile now and then, and do it again."""
        if (
            self._do("merge", self.place, kill=self._chance.randint(1, 400))
            and (self.place / layout.STATE_FOLDERS).exists()
        ):
            assert not self._do("merge", self.place)

    def _do(self, *words, kill=None):
        log = self.place.parent / "log"
        code, _ = self._warm.run(*words, log=log, kill=kill)
        text = log.read_text("utf-8")
        assert code == 0 or (code == -signal.SIGKILL and kill), (self.asked, words, text)
        assert "Traceback" not in text
        return code != 0

    def _calls(self, source, options):
        key = source, options
        if key not in self.calls:
            out = self.place.parent / f"clean-{len(self.calls)}"
            code, self.calls[key] = self._warm.run("compress", source, out, *options, log=self.place.parent / "log")
            assert code == 0, (self.place.parent / "log").read_text("utf-8")
            self.clean[key] = outputs(out)
        return self.calls[key]

    def check_meanwhile(self):
        """No file of an image is torn: each is what an undisturbed run with some of the options makes."""
        for name, data in outputs(self.place).items():
            made = [self.clean[key].get(name) for key in self.asked if key in self.clean]
            assert name.startswith(PLACES_OF_PACKS) or data in made, (name, self.asked)

    def check(self):
        """Every output has its line, every line its output; what is done is done with the last options."""
        source, options = self.asked[-1]
        self._calls(source, options)
        clean = self.clean[source, options]
        rows = [json.loads(line) for line in (self.place / layout.MANIFEST).read_bytes().splitlines()]
        found = outputs(self.place)
        assert max(Counter(row["file_name"] for row in rows).values()) == 1, self.asked
        done = {row["file_name"] for row in rows if row["status"] == "compressed"}
        if (self.place / layout.PACK_INDEX).exists():
            assert found == clean, self.asked
            assert done == {row["file_name"] for row in rows}, self.asked
        else:
            assert {row["file_name"]: row["sha256"] for row in rows} == {
                name: hashlib.sha256(data).hexdigest() for name, data in found.items()
            }, self.asked
            assert {name: found[name] for name in done} == clean, self.asked
        assert names(self.place) <= STATE_FOLDERS | found.keys(), self.asked
        left = [path for path in self.place.iterdir() if path.name.startswith(layout.OWN_PREFIX)]
        assert [path.name for path in left] == [layout.LOCK], self.asked


def outputs(folder):
    """Return the bytes of all images and shards below a folder."""
    ours = (layout.OWN_PREFIX, "manifest", "run.json", "failures", "shards.json", "palette.")
    return {
        name: (folder / name).read_bytes()
        for name in names(folder)
        if not name.rpartition("/")[2].startswith(ours)
        and not name.startswith((layout.STAGED_PACKS, layout.STATE_FOLDERS))
    }


def names(folder):
    """Return the files below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


class Rounds:
    """Rounds of a test, each with a folder in which the last has been, or a new one."""

    def __init__(self, name, warm, place):
        self.chance = random.Random(name)  # noqa: S311 - what to try, no secret
        self._warm, self._place = warm, place
        self.killed = 0

    def __call__(self, count):
        """Yield output folders, one for each round; check each after its round."""
        for number in range(count):
            if number % 5 == 0:
                folder = Folder(self._place / f"out{number}", self._warm, self.chance)
            yield folder
            folder.check()
            if number % 5 == 4:
                shutil.rmtree(folder.place)

    def outcome(self, count):
        """Return what happened."""
        assert self.killed
        return f"{count} rounds; every output with its line, no orphan, options never mixed"


FAULT = pytest.mark.fault(
    34, "kill -9, then other options, then the first again", "every output has its line, no orphan, nothing is mixed"
)


@FAULT
@pytest.mark.parametrize("kind", OPTIONS)
def test_killed_then_other_options_then_the_first_again(kind, warm, sources, tmp_path, request):
    """A run is killed at a random system call, or in the middle of a write; one or two others with other options or
    another source are killed or not; then the first is run to its end. The folder is kept for the next of such rounds.
    """
    thorough, observed = map(request.getfixturevalue, ("thorough", "observed"))
    count = (
        {"files": 500, "webdataset": 250, "parquet": 100, "arrays": 150}[kind]
        if thorough
        else {"files": 10}.get(kind, 5)
    )
    rounds = Rounds(kind, warm, tmp_path)
    for folder in rounds(count):
        first = sources[0], rounds.chance.choice(OPTIONS[kind])
        rounds.killed += folder.run(*first, kill=True)
        folder.check_meanwhile()
        for _ in range(rounds.chance.randint(1, 2)):
            other = rounds.chance.choice(sources), rounds.chance.choice(OPTIONS[kind])
            rounds.killed += folder.run(*other, kill=rounds.chance.random() < 0.7)
            folder.check_meanwhile()
        folder.run(*first)
    observed(rounds.outcome(count))


@FAULT
def test_shards_killed_then_with_other_options_then_with_the_first_again(warm, sources, tmp_path, thorough, observed):
    """Two shards with `--shard`, each killed a few times with any options; both to their end; a merge that is killed,
    too; a run over all.
    """
    count = 130 if thorough else 5
    rounds = Rounds("shards", warm, tmp_path)
    for folder in rounds(count):
        choose = rounds.chance.choice
        if choose((True, False)):
            rounds.killed += folder.run(choose(sources), choose(OPTIONS["files"]), kill=choose((True, False)))
        for _ in range(rounds.chance.randint(1, 3)):
            words = choose(sources), choose(SHARED_BY_NONE), "--shard", choose(("1/2", "2/2"))
            rounds.killed += folder.run(*words, kill=True)
            folder.check_meanwhile()
        first = choose(sources), choose(SHARED_BY_NONE)
        for shard in ("1/2", "2/2"):
            folder.run(*first, "--shard", shard)
        folder.merge()
        folder.run(*first)  # which removes what a merge has left that was killed once all was merged
    observed(rounds.outcome(count))


@FAULT
def test_isolated_runs_killed(warm, sources, tmp_path, thorough, observed):
    """The same with `--isolate`: the worker processes of a run that was killed are left to themselves."""
    count = 20 if thorough else 1
    rounds = Rounds("isolate", warm, tmp_path)
    for folder in rounds(count):
        first = sources[0], rounds.chance.choice(OPTIONS["files"])
        jobs = ("--isolate", "--jobs", 2 if thorough else 1)
        rounds.killed += folder.run(*first, *jobs, kill=True)
        rounds.killed += folder.run(sources[2], rounds.chance.choice(OPTIONS["files"]), *jobs, kill=True)
        folder.run(*first)
    observed(rounds.outcome(count))
