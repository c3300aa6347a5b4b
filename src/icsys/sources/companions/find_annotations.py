"""Find the annotations and sidecars of single images: beside their pictures, or in folders of their own."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from icsys.results import ANNOTATION, SIDECAR
from icsys.sources.companions.contents import json_form, pose_form, text_form, xml_form
from icsys.sources.companions.layout import BY_CONTENT, Endings, PairRule
from icsys.sources.companions.name_words import folder_words, is_label_word
from icsys.sources.companions.pairing import NamedPicture, evenly_spread, pair_files
from icsys.sources.companions.picture_folders import NAMED, PictureFolders, PictureSearch
from icsys.sources.companions.tree_files import name_suffix
from icsys.sources.folder_entries import path_in
from icsys.sources.sorted_names import SortedNames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from icsys.sources.companions.notes import Notes
    from icsys.sources.companions.tree_files import TreeFiles
    from icsys.sources.companions.tree_names import TreeNames

COPY, _NUMBERS = "copy", "numbers"
_READ = 16  # files whose content is read
_SEEN = 1000  # names
_LIKELY = 0.5  # of the files with a picture's stem
_LABELS = frozenset({"labels", "label", "yolo", "obb"})
_FORMS: dict[str, Callable[[TreeFiles, str], str | None]] = {".txt": text_form, ".xml": xml_form, ".json": json_form}
_TEXTS = frozenset({".txt", ".caption", ".captions", ".tags", ".tag"})
_NO_SIDECARS = frozenset(
    {
        "",
        *(".mov", ".mp4", ".avi", ".mkv", ".webm", ".m4v", ".3gp", ".wav", ".mp3", ".m4a", ".ogg", ".flac"),
        *(".zip", ".tar", ".gz", ".bz2", ".xz", ".7z", ".rar", ".tgz", ".zst", ".parquet", ".arrow"),
        *(".xmp", ".aae", ".thm", ".pp3", ".dop", ".psd", ".xcf", ".kra", ".ai", ".svg", ".pdf", ".blend"),
        *(".exe", ".dll", ".so", ".py", ".pyc", ".ipynb", ".sh", ".bat", ".js", ".html", ".htm", ".css", ".php"),
        *(".tmp", ".part", ".crdownload", ".lock", ".bak", ".log", ".db", ".ini", ".lnk", ".md5", ".sha256"),
    }
)
"""Suffixes of files that tell nothing about a picture to train on, although they share its stem."""

_is_label_word = lru_cache(4096)(is_label_word)


class FoundForm(NamedTuple):
    """The kind and form of several files; ``is_unknown`` if they hold numbers of no known format."""

    kind: str
    form: str
    is_unknown: bool = False


def form_of(files: TreeFiles, path: str) -> str:
    """Return the form of a file whose folder has several, from its content.

    Numbers beside labels of YOLO are taken for such labels: they fail, and the message names the line. As a copy they
    would have places that are wrong in silence.
    """
    look = _FORMS.get(name_suffix(path))
    found = look(files, path) if look else None
    return "yolo" if found == _NUMBERS else found or COPY


def kind_of_form(form: str) -> str:
    """Return the kind of files of a form."""
    return SIDECAR if form == COPY else ANNOTATION


class AnnotationSearch:
    """Looks for the annotations of single images in a tree.

    Attributes
    ----------
    rules
        What it found, by folder.

    Parameters
    ----------
    pictures
        Returns the names of the pictures in a folder, without masks.
    """

    def __init__(self, tree: TreeNames, pictures: Callable[[str], Iterator[str]], found: Notes, unclear: Notes) -> None:
        self._tree, self._pictures = tree, pictures
        self._found, self._unclear = found, unclear
        self._search = PictureSearch(tree, pictures)
        self.rules: dict[str, list[PairRule]] = {}

    def run(self) -> None:
        """Look at all folders that hold other files than images."""
        for folder, seen in self._tree.folders.items():
            suffixes = sorted(seen.suffixes - _NO_SIDECARS)
            if not suffixes:
                continue
            left = self._look_beside(folder, suffixes) if seen.images else suffixes
            if left and any(map(_is_label_word, folder.split("/"))):
                for suffix in left:
                    self._look_elsewhere(folder, suffix)

    def _files(self, folder: str, suffix: str) -> SortedNames:
        files = SortedNames()
        for name in self._tree.names(folder)[1]:
            if name.lower().endswith(suffix):
                files.add(name)
        return files

    def _look_beside(self, folder: str, suffixes: list[str]) -> list[str]:
        """Find files with the stem of a picture in their folder; return the suffixes that have none."""
        left = []
        for suffix in suffixes:
            files = self._files(folder, suffix)
            have = (NamedPicture(0, name, "") for name in self._pictures(folder))
            paired = SortedNames()
            for name, picture in pair_files(files, [Endings("")], have, whole_names=True):
                if picture:
                    paired.add(name)
            if not len(paired):
                left.append(suffix)
                continue
            form = self._form(folder, suffix, paired)
            if form.is_unknown:
                self._tell_unknown(folder, suffix, len(paired), "copied unchanged")
            beside = PictureFolders((folder,), NAMED, (Endings(""),), len(paired), len(files))
            self._add(folder, suffix, form, beside)
        return left

    def _look_elsewhere(self, folder: str, suffix: str) -> None:
        """Find files with the stems of pictures in other folders."""
        files = self._files(folder, suffix)
        folders = self._search.find(folder, files, _is_label_word)
        if folders is None:
            return
        form = self._form(folder, suffix, files)
        is_known = not form.is_unknown and (form.form != COPY or suffix in _TEXTS)
        if not is_known:
            if folders.share >= _LIKELY:
                self._tell_unknown(folder, suffix, folders.files, "left out")
            return
        why = ""
        if folders.share < _LIKELY and form.form == COPY:
            why = f"only {folders.paired} have the stem of a picture"
        elif folders.others:
            why = f"both {folders.folders[0]} and {folders.others[0]} have their stems"
        if why:
            self._unclear.add(
                folder, folders.files, f"{{count}} file{{s}} *{suffix} in {{folders}} are left out: {why}"
            )
            return
        self._add(folder, suffix, form, folders)
        if folders.paired < folders.files:
            alone = folders.files - folders.paired
            self._unclear.add(
                folder, alone, f"{{count}} file{{s}} *{suffix} in {{folders}} are left out: they have no picture"
            )

    def _form(self, folder: str, suffix: str, files: SortedNames) -> FoundForm:
        """Return what files are, from the content of a few."""
        look = _FORMS.get(suffix)
        if look is None:
            return FoundForm(SIDECAR, COPY)
        names = evenly_spread(files, len(files), _READ)
        forms = Counter(look(self._tree.files, path_in(folder, name)) for name in names)
        empty = forms.pop(None, 0)
        if not forms:
            is_labels = any(folder_words(part) in _LABELS for part in folder.split("/"))
            return FoundForm(ANNOTATION, "yolo") if empty and is_labels else FoundForm(SIDECAR, COPY)
        best, count = max(forms.items(), key=lambda one: (one[1], one[0] not in {COPY, _NUMBERS}))
        form = COPY if best in {_NUMBERS, None} else str(best)
        if form == COPY and any(one not in {COPY, _NUMBERS} for one in forms):
            return FoundForm(SIDECAR, BY_CONTENT)
        if form != COPY and 2 * count < forms.total():
            return FoundForm(ANNOTATION, BY_CONTENT)
        return FoundForm(kind_of_form(form), form, is_unknown=best == _NUMBERS)

    def _yolo_form(self, folder: str) -> str:
        """Return the form of YOLO labels: with keypoints if a YAML file above them states so."""
        above = folder
        while above:
            above = above.rpartition("/")[0]
            for name in self._tree.names(above)[1]:
                if name.lower().endswith((".yaml", ".yml")):
                    form = pose_form(self._tree.files, path_in(above, name))
                    if form:
                        return form
        return "yolo"

    def _add(self, folder: str, suffix: str, form: FoundForm, folders: PictureFolders) -> None:
        rule = PairRule(
            kind=form.kind,
            form=self._yolo_form(folder) if form.form == "yolo" else form.form,
            pictures=folders.folders,
            suffixes=frozenset({suffix}),
            endings=folders.endings,
        )
        self.rules.setdefault(folder, []).append(rule)
        what = {"yolo": "YOLO label{s}", "voc": "VOC annotation{s}", "labelme": "LabelMe annotation{s}"}
        what |= {"cityscapes": "Cityscapes annotation{s}", COPY: "sidecar{s}", BY_CONTENT: "label{s} or sidecar{s}"}
        where = "beside pictures" if folders.folders == (folder,) else "with the stems of pictures in other folders"
        self._found.add(
            folder, folders.paired, f"{{count}} {what[form.form]} *{suffix} in {{folders}}: {where}, by their content"
        )

    def _tell_unknown(self, folder: str, suffix: str, count: int, what: str) -> None:
        self._unclear.add(
            folder,
            count,
            f"{{count}} file{{s}} *{suffix} in {{folders}} belong to pictures and hold no format of labels that ics "
            f"knows: they are {what}, and coordinates of pixels in them do not follow",
        )
