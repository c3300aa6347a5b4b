"""Companions and images left out in the journal: after any runs it says what one run into a new folder says."""

import hashlib
import json
import os
import shutil
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from helpers import everything, image_bytes, synthetic_photo
from icsys import Options, compress_folder, verify_folder
from icsys.files.rooted_path import RootedPath
from icsys.journal.journal import load_journal
from icsys.journal.ledger import Ledger
from icsys.journal.ledger_context import LedgerContext
from icsys.outputs.base import NewOutput
from icsys.outputs.folder import FolderOutputs
from icsys.records.pending_outputs import WrittenHashes
from icsys.results import (
    ANNOTATION,
    FOREIGN,
    NOT_FAILED,
    UNCHANGED,
    CompanionWritten,
    Compressed,
    Failed,
    LeftOut,
    Skipped,
)
from icsys.run_settings import RunSettings
from icsys.sources.base import Companion, Task
from icsys.sources.folder import Folder

pytestmark = pytest.mark.usefixtures("unsynced")
SO = Options(strategy="SO", step=2)
TIMES = count(10**18, 10**9)


class KilledError(Exception):
    """The run ends here."""


def put(folder, files):
    """Make a folder hold these files and nothing else; what stays the same keeps its time."""
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path.relative_to(folder).as_posix() not in files:
            path.unlink()
    for name, data in files.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != data:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            os.utime(path, ns=(0, next(TIMES)))


class Run:
    """A run that knows pictures (``.jpg``) and files about them of the same stem (``.txt``).

    A picture fails if it begins with ``bad``, and is left out if it begins with ``small`` and ``rule`` is set. Options
    are a word that outputs begin with.
    """

    def __init__(self, source, out, *, options="o", rule=True, lives=None, **choices):
        self.source = Folder(source, out)
        self.files = sorted(path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file())
        self.options, self.rule, self.lives = options, rule, lives
        written = WrittenHashes(RootedPath(out))
        self.outputs = FolderOutputs(RootedPath(out), written=written)
        self.dry_run = choices.get("dry_run", False)
        self.results = {}
        self.ledger = Ledger(
            LedgerContext(
                source=self.source,
                destination=RootedPath(out),
                state_folder=RootedPath(out),
                outputs=self.outputs,
                written=written,
                settings=RunSettings(**choices),
                hash_of=lambda _: options,
            )
        )

    def do(self):
        pictures = {Path(name).stem: Task(name, name.replace(".jpg", ".png")) for name in self.files if ".jpg" in name}
        companions = [
            Companion(Task(name, name, options_hash=f"c{self.options}"), ANNOTATION, "yolo", pictures[Path(name).stem])
            for name in self.files
            if ".txt" in name and Path(name).stem in pictures
        ]
        for task in pictures.values():
            self._do(task, None)
        for companion in companions:
            if not self.ledger.is_without_output(companion.picture.source):
                self._do(companion.task, companion)
        self.stale = self.ledger.close(complete=True)
        return self

    def _do(self, task, companion):
        decision = self.ledger.decide(task, companion)
        if not isinstance(decision, Task):
            row = self.ledger.recorded(task.output) if decision.status == "skipped" and self.rule else None
            if row is not None and row["kind"] == "image" and row["mode"] == "small":  # the rule is new
                decision = LeftOut(source=task.source, rule="min_side", message="it is small")
            self.ledger.record(decision, task)
            self.results[decision.source] = decision
            return
        self.ledger.mark_pending([decision])
        result, mtime_ns = self._worked(decision, companion)
        if self.lives is not None:
            self.lives -= 1
            if self.lives < 0:
                self.ledger._journal.close()  # noqa: SLF001 - as the end of a process does
                raise KilledError
        self.ledger.record(result, decision, mtime_ns=mtime_ns)
        self.results[decision.source] = result

    def _worked(self, task, companion):
        data, mtime_ns = (self.source.path / task.source).read_bytes(), self.source.stat(task)[1]
        if data.startswith(b"bad"):
            kind = companion.kind if companion else "image"
            return Failed(source=task.source, code="bad", message="m", kind=kind), None
        if data.startswith(b"small") and self.rule and not companion:
            return LeftOut(source=task.source, rule="min_side", message="it is small"), None
        source_sha256 = hashlib.sha256(data).hexdigest()
        if source_sha256 == task.done_sha256:
            return Skipped(source=task.source, output=task.output, reason=UNCHANGED), mtime_ns
        output = data if companion else self.options.encode() + data
        sha256 = hashlib.sha256(output).hexdigest()
        if not self.dry_run:
            assert self.outputs.write_all([NewOutput(task.output, output, sha256)]) == [None]
        values = {"source": task.source, "output": task.output, "bytes_in": len(data), "bytes_out": len(output)}
        values |= {"source_mtime_ns": mtime_ns, "source_sha256": source_sha256, "sha256": sha256, "seconds": 0.0}
        values |= {"redone": task.redone}
        if companion:
            values |= {"kind": companion.kind, "form": companion.form, "picture": companion.picture.source}
            return CompanionWritten(**values, options_hash=task.options_hash, labels=len(data)), None
        sizes = dict.fromkeys(("source_width", "source_height", "width", "height", "orientation", "frames"), 1)
        sizes |= {"elements_in": 3, "elements_out": 1, "colors": 2, "mse": 0.0, "format": "JPEG"}
        sizes["mode"] = data[:5].decode()
        return Compressed(**values, **sizes, kmeans_seconds=0.0), None


def rows(out, name="manifest.jsonl"):
    path = out / name
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def outputs_in(out):
    return {name: data for name, data in everything(out).items() if Path(name).suffix in {".png", ".txt"}}


NAMES = st.sampled_from(["a.jpg", "a.txt", "b.jpg", "b.txt", "d/c.jpg", "d/c.txt"])
CONTENTS = st.sampled_from([b"photo", b"other", b"small", b"bad", b""])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(
    runs=st.lists(
        st.tuples(
            st.dictionaries(NAMES, CONTENTS), st.sampled_from("op"), st.booleans(), st.none() | st.integers(0, 4),
            st.booleans(),
        ),
        min_size=1,
        max_size=4,
    )
)  # fmt: skip
@example(runs=[({"a.jpg": b"photo", "a.txt": b"small"}, "o", rule, None, False) for rule in (False, True)])
def test_after_any_runs_the_journal_says_what_a_run_into_a_new_folder_says(runs, tmp_path):
    source, out, new = tmp_path / "in", tmp_path / "out", tmp_path / "new"
    for folder in (source, out, new):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    for files, options, rule, lives, prune in runs:
        put(source, {name: data for name, data in files.items() if data or name.endswith(".txt")})
        try:
            done = Run(source, out, options=options, rule=rule, lives=lives, prune=prune).do()
        except KilledError:
            continue
        shutil.rmtree(new)
        new.mkdir()
        Run(source, new, options=options, rule=rule).do()
        current = [row for row in rows(out) if row["status"] != "stale"]
        stale = {row["file_name"] for row in rows(out) if row["status"] == "stale"}
        assert current == rows(new)
        assert rows(out, "failures.jsonl") == rows(new, "failures.jsonl")
        assert {name: data for name, data in outputs_in(out).items() if name not in stale} == outputs_in(new)
        assert [row["source_path"] for row in rows(out)] == sorted(row["source_path"] for row in rows(out))
        kinds = [row.get("kind", "image") for row in rows(out) if "file_name" in row]
        if kinds:
            found = verify_folder(out)
            assert found.is_intact
            assert (found.checked, found.companions) == (kinds.count("image"), len(kinds) - kinds.count("image"))
        if prune and not stale <= set(done.ledger.pruned):
            without = {row["source_path"] for row in rows(out, "failures.jsonl")}
            for row in rows(out):  # an adopted output of a killed run has a row without facts
                if row["status"] == "stale" and row["options_hash"]:
                    assert {row["source_path"], row.get("picture")} & without
        before = everything(out)
        repeated = Run(source, out, options=options, rule=rule).do()
        assert {type(result) for result in repeated.results.values()} <= {Skipped, Failed, LeftOut}
        assert everything(out) == before


@pytest.fixture
def done(tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    out.mkdir()
    put(source, {"a.jpg": b"photo", "a.txt": b"", "b.jpg": b"small", "b.txt": b"1 2", "c.jpg": b"bad", "c.txt": b"3"})
    return source, out, Run(source, out).do()


def test_every_image_and_companion_has_a_row_and_what_follows_no_output_has_none(done):
    _, out, first = done
    kinds = [(row["source_path"], row["kind"], row["status"]) for row in rows(out)]
    assert kinds == [
        ("a.jpg", "image", "compressed"),
        ("a.txt", "annotation", "compressed"),
        ("b.jpg", "image", "left_out"),
    ]
    assert rows(out)[2] | {"tool_version": ""} == {
        "source_path": "b.jpg",
        "kind": "image",
        "code": "min_side",
        "message": "it is small",
        "tool_version": "",
        "status": "left_out",
    }
    assert [(row["source_path"], row["kind"]) for row in rows(out, "failures.jsonl")] == [("c.jpg", "image")]
    assert [first.ledger.is_without_output(name) for name in ("a.jpg", "b.jpg", "c.jpg")] == [False, True, True]
    assert load_journal(RootedPath(out)).done.get("a.txt").kind == "annotation"


def test_a_companion_that_is_done_is_skipped_and_one_that_changed_is_done_again(done):
    source, out, _ = done
    again = Run(source, out).do().results["a.txt"]
    assert (again.kind, again.reason) == ("annotation", UNCHANGED)
    os.utime(source / "a.txt", ns=(0, next(TIMES)))  # the same bytes
    assert Run(source, out).do().results["a.txt"].reason == UNCHANGED
    assert rows(out)[1]["source_mtime_ns"] == (source / "a.txt").stat().st_mtime_ns
    put(source, {"a.jpg": b"photo", "a.txt": b"5"})
    assert Run(source, out).do().results["a.txt"].redone == "source"
    assert Run(source, out, options="p").do().results["a.txt"].redone == "options"


def test_a_foreign_file_in_the_place_of_a_companion_stays(done):
    source, out, _ = done
    put(source, {"a.jpg": b"photo", "z.jpg": b"photo", "z.txt": b"ours"})
    (out / "z.txt").write_bytes(b"mine")
    found = Run(source, out).do().results["z.txt"]
    assert (found.kind, found.reason, (out / "z.txt").read_bytes()) == ("annotation", FOREIGN, b"mine")
    (out / "z.txt").unlink()
    (out / "z.txt").mkdir()
    blocked = Run(source, out).do().results["z.txt"]
    assert (blocked.kind, blocked.code) == ("annotation", "blocked")


@pytest.mark.parametrize("change", ["gone", "left out", "companion gone", "failed"])
def test_a_companion_is_pruned_with_its_source_or_its_image_unless_the_image_failed(done, change):
    source, out, _ = done
    files = {"a.jpg": b"photo", "a.txt": b""}
    files |= {"left out": {"a.jpg": b"small"}, "failed": {"a.jpg": b"bad"}}.get(change, {})
    files.pop({"gone": "a.jpg", "companion gone": "a.txt"}.get(change), None)
    put(source, files)
    named = Run(source, out, prune=True, dry_run=True).do()
    assert outputs_in(out).keys() == {"a.png", "a.txt"}
    run = Run(source, out, prune=True).do()
    gone = {"gone": ["a.png", "a.txt"], "left out": ["a.png", "a.txt"], "companion gone": ["a.txt"], "failed": []}[
        change
    ]
    assert run.ledger.pruned == named.ledger.pruned == gone
    assert outputs_in(out).keys() == {"a.png", "a.txt"} - set(gone)


def test_a_companion_that_was_changed_by_hand_is_not_pruned(done):
    source, out, _ = done
    put(source, {})
    (out / "a.txt").write_bytes(b"mine")
    assert Run(source, out, prune=True).do().ledger.pruned == ["a.png"]
    assert (out / "a.txt").read_bytes() == b"mine"


def test_only_the_companions_of_images_that_failed_are_retried(done):
    source, out, _ = done
    put(source, {"a.jpg": b"photo", "a.txt": b"", "b.jpg": b"small", "b.txt": b"1 2", "c.jpg": b"photo", "c.txt": b"3"})
    results = Run(source, out, retry_failed=True).do().results
    assert {name: getattr(result, "reason", "") for name, result in results.items()} == {
        **dict.fromkeys(("a.jpg", "a.txt", "b.jpg", "b.txt"), NOT_FAILED),
        **dict.fromkeys(("c.jpg", "c.txt"), ""),
    }
    assert [row["status"] for row in rows(out)] == ["compressed", "compressed", "left_out", "compressed", "compressed"]


def test_an_output_of_a_killed_run_is_known_although_its_kind_is_not(done):
    source, out, _ = done
    put(source, {"a.jpg": b"photo", "a.txt": b"", "d.jpg": b"photo", "d.txt": b""})
    with pytest.raises(KilledError):
        Run(source, out, lives=1).do()
    assert (out / "d.txt").exists()
    put(source, {"a.jpg": b"photo", "a.txt": b"", "d.jpg": b"photo"})
    assert "d.txt" in Run(source, out).do().stale
    assert verify_folder(out).is_intact


def test_a_mask_of_an_earlier_run_never_becomes_a_picture_unasked(tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    for seed in range(4):
        for folder, pixels in (("images", synthetic_photo(24, 32, seed=seed)), ("masks", np.eye(24, 32, dtype="u1"))):
            (source / folder).mkdir(parents=True, exist_ok=True)
            (source / folder / f"{seed}.png").write_bytes(image_bytes(pixels))
    assert compress_folder(source, out, SO).masks == 4
    masks = {path.name: path.read_bytes() for path in (out / "masks").iterdir()}
    (source / "images" / "0.png").unlink()
    (source / "images" / "1.png").unlink()
    for choices in ({}, {"overwrite": "always"}):
        summary = compress_folder(source, out, SO, **choices)
        assert {failure.code for failure in summary.failures} <= {"was_mask"}
        assert {path.name: path.read_bytes() for path in (out / "masks").iterdir()} == masks
    assert not summary.is_whole
    assert compress_folder(source, out, SO, masks="none").failed == 0
    assert {path.name: path.read_bytes() for path in (out / "masks").iterdir()} != masks
