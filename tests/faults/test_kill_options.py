"""A run is killed, at any system call, others with other options follow, then the first again: nothing is mixed."""

import hashlib
import json
import random
import shutil
import signal
from collections import Counter

import pytest

from fault_runs import make_photos, needs_posix
from helpers import image_bytes, synthetic_photo
from icsys.dataset import layout
from warm import Warm

pytestmark = needs_posix
SMALL = ("--step", "2")
PACKED = ("--shard-images", "2", "--strategy", "SO", *SMALL)
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
}
PLACES_OF_PACKS = (layout.PACKS, layout.PARTS)  # what lies there is looked at when it is packed
BOOKS = {layout.MANIFEST, layout.RUN, layout.LOCK, layout.INDEX, layout.PALETTE, layout.GIMP_PALETTE}


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
    with Warm() as process:
        yield process


class Folder:
    """An output folder that runs fill, and what undisturbed runs have made of the same."""

    clean: dict = {}  # noqa: RUF012 - shared by all of them
    calls: dict = {}  # noqa: RUF012 - likewise

    def __init__(self, place, warm, chance):
        self.place, self._warm, self._chance = place, warm, chance
        self.asked = []

    def run(self, source, options, *, kill=False):
        """Run to the end, or be killed at a random call, if the run comes to it."""
        self.asked.append((source, options))
        number = self._chance.randint(1, self._calls(source, options))
        said = self.place.parent / "said"
        code, _ = self._warm.run("compress", source, self.place, *options, said=said, kill=number if kill else None)
        text = said.read_text("utf-8")
        assert code == 0 or (code == -signal.SIGKILL and kill), (self.asked, text)
        assert "Traceback" not in text
        return code != 0

    def _calls(self, source, options):
        key = source, options
        if key not in self.calls:
            out = self.place.parent / f"clean-{len(self.calls)}"
            code, self.calls[key] = self._warm.run("compress", source, out, *options, said=self.place.parent / "said")
            assert code == 0, (self.place.parent / "said").read_text("utf-8")
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
        if (self.place / layout.INDEX).exists():
            assert found == clean, self.asked
            assert done == {row["file_name"] for row in rows}, self.asked
        else:
            assert {row["file_name"]: row["sha256"] for row in rows} == {
                name: hashlib.sha256(data).hexdigest() for name, data in found.items()
            }, self.asked
            assert {name: found[name] for name in done} == clean, self.asked
        assert names(self.place) <= BOOKS | found.keys(), self.asked
        left = [path for path in self.place.iterdir() if path.name.startswith(layout.OURS)]
        assert [path.name for path in left] == [layout.LOCK], self.asked


def outputs(folder):
    """Return the bytes of all images and shards below a folder."""
    ours = (layout.OURS, "manifest", "run.json", "failures", "shards.json", "palette")
    return {
        name: (folder / name).read_bytes()
        for name in names(folder)
        if not name.rpartition("/")[2].startswith(ours) and not name.startswith((layout.STAGE, layout.BOOKS))
    }


def names(folder):
    """Return the files below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.fault(
    34, "kill -9, then other options, then the first again", "every output has its line, no orphan, nothing is mixed"
)
@pytest.mark.parametrize("kind", OPTIONS)
def test_killed_then_other_options_then_the_first_again(kind, warm, sources, tmp_path, request):
    """A run is killed at a random system call, or in the middle of a write; one or two others with other options or
    another source are killed or not; then the first is run to its end. The folder is kept for the next of such rounds.
    """
    chance = random.Random(kind)  # noqa: S311 - what to try, no secret
    thorough, observed = map(request.getfixturevalue, ("thorough", "observed"))
    rounds = {"files": 600, "webdataset": 300, "parquet": 100}[kind] if thorough else {"files": 8}.get(kind, 4)
    killed, folder = 0, None
    for number in range(rounds):
        if number % 5 == 0:
            folder = Folder(tmp_path / f"out{number}", warm, chance)
        first = sources[0], chance.choice(OPTIONS[kind])
        killed += folder.run(*first, kill=True)
        folder.check_meanwhile()
        for _ in range(chance.randint(1, 2)):
            other = chance.choice(sources), chance.choice(OPTIONS[kind])
            killed += folder.run(*other, kill=chance.random() < 0.7)
            folder.check_meanwhile()
        folder.run(*first)
        folder.check()
        if number % 5 == 4:
            shutil.rmtree(folder.place)
    assert killed
    observed(f"{rounds} rounds; every output with its line, no orphan, options never mixed")
