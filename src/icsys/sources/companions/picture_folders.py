"""Find the folders of the pictures that the files of a folder belong to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from icsys.sources.companions.layout import Endings
from icsys.sources.companions.name_words import after_mask_word, before_mask_word, is_picture_word
from icsys.sources.companions.pairing import NamedPicture, count_endings, evenly_spread, pair_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from icsys.sources.companions.tree_names import TreeNames
    from icsys.sources.sorted_names import SortedNames

_IsLike = Callable[[str], bool]

NAMED, USUAL, BESIDE_IT, ELSEWHERE = range(4)
"""How sure it is by the names that a folder holds the pictures: the name is part of the other's, it is a usual name of
a folder of pictures, it is any folder beside the other, or any that ends alike."""

ENOUGH = 0.9
"""The share of files with a picture that makes a folder one of masks."""

_SAMPLE = 200  # names
_MOST_SIBLINGS = 2000
_MOST_ELSEWHERE = 64
_MOST_ENDINGS = 32
_MOST_UNITED = 64


class PictureFolders(NamedTuple):
    """The folders of pictures that files belong to.

    Attributes
    ----------
    folders
        Their paths.
    rank
        The least sure of ``NAMED``, ``USUAL``, ``BESIDE_IT`` and ``ELSEWHERE``.
    endings
        With which names are the same.
    paired, files
        Number of files with a picture, and of all files.
    others
        Folders that would be as good.
    """

    folders: tuple[str, ...]
    rank: int
    endings: tuple[Endings, ...]
    paired: int
    files: int
    others: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """The share of files with a picture."""
        return self.paired / self.files if self.files else 0.0


class PictureSearch:
    """Looks for the folders of pictures in a tree.

    Parameters
    ----------
    pictures
        Returns the names of the pictures in a folder, without masks.
    """

    def __init__(self, tree: TreeNames, pictures: Callable[[str], Iterator[str]]) -> None:
        self._tree, self._pictures = tree, pictures
        self._by_last: dict[str, list[str]] | None = None

    def find(self, folder: str, files: SortedNames, is_like: _IsLike | None) -> PictureFolders | None:
        """Return the folders that most files have their pictures in; None if hardly any file has one.

        Parameters
        ----------
        folder, files
            A folder, and the names there that are to be paired.
        is_like
            Whether a folder's name is one of what is no picture; None for files that the user has named, whatever their
            folder is.
        """
        sample = evenly_spread(files, len(files), _SAMPLE)
        counted: dict[str, tuple[int, Counter[Endings]]] = {}
        for rank in (NAMED, USUAL, BESIDE_IT, ELSEWHERE):
            for path in self._candidates(folder, is_like, rank):
                if path not in counted and path != folder and self._tree.images(path):
                    endings = count_endings(sample, self._pictures(path))
                    if endings:
                        counted[path] = rank, endings
            good = [path for path, (_, found) in counted.items() if found.total() >= ENOUGH * len(sample)]
            if good:
                chosen = max(good, key=lambda path: counted[path][1].total())
                equal = tuple(path for path in good if path != chosen and counted[path][0] == counted[chosen][0])
                return self._counted(files, [chosen], counted)._replace(others=equal)
        # Some trees have one folder of masks for several of pictures.
        united = sorted(counted, key=lambda path: -counted[path][1].total())[:_MOST_UNITED]
        return self._counted(files, united, counted) if united else None

    def _counted(
        self, files: SortedNames, folders: Sequence[str], counted: dict[str, tuple[int, Counter[Endings]]]
    ) -> PictureFolders:
        """Pair all files, and return the counts."""
        endings = sum((counted[path][1] for path in folders), Counter[Endings]())
        rank = max(counted[path][0] for path in folders)
        while True:
            best = sorted(endings, key=lambda one: (len(one.file) + len(one.picture), one))
            most = {one for one, _ in endings.most_common(_MOST_ENDINGS)}
            chosen = tuple(one for one in best if one in most)
            pictures = (NamedPicture(i, name, "") for i, path in enumerate(folders) for name in self._pictures(path))
            alone = [name for name, picture in pair_files(files, chosen, pictures) if picture is None]
            # A sample lacks rare endings.
            again = evenly_spread(alone, len(alone), _SAMPLE)
            rare = count_endings(again, (name for path in folders for name in self._pictures(path))) if again else None
            if not rare or most.issuperset(rare) or len(most) == _MOST_ENDINGS:
                return PictureFolders(tuple(folders), rank, chosen, len(files) - len(alone), len(files))
            endings += rare

    def _candidates(self, folder: str, is_like: _IsLike | None, rank: int) -> Iterator[str]:
        """Yield paths where pictures may be, for a rank; there may be no such folder."""
        parts = folder.split("/")
        for place in reversed(range(len(parts))):
            name = parts[place]
            if is_like and not is_like(name):
                continue
            before = parts[:place]
            for tail in _tails(parts[place + 1 :], is_like):
                if rank == NAMED:
                    own = filter(None, [before_mask_word(name), after_mask_word(name)])
                    yield from ("/".join([*before, one, *tail]) for one in own)
                elif rank == ELSEWHERE:
                    yield from self._ending_with(before, tail, is_like)
                    if before:  # such as training/v1.2/labels beside training/images
                        yield from self._ending_with(before[:-1], tail, is_like)
                else:
                    yield from self._beside(before, name, tail, is_like, usual=rank == USUAL)

    def _beside(
        self, before: list[str], name: str, tail: list[str], is_like: _IsLike | None, *, usual: bool
    ) -> Iterator[str]:
        """Yield what has the same path below a folder beside one."""
        if usual:
            yield "/".join([*before, *tail])
        siblings = self._tree.children("/".join(before))
        if len(siblings) > _MOST_SIBLINGS and not usual:
            return
        for sibling in siblings:
            own = sibling.rpartition("/")[2]
            if own != name and is_picture_word(own) == usual and not (is_like and is_like(own)):
                yield "/".join([sibling, *tail])

    def _ending_with(self, before: list[str], tail: list[str], is_like: _IsLike | None) -> Iterator[str]:
        """Yield the folders of images below a folder whose paths end alike, if they are few."""
        if self._by_last is None:
            self._by_last = defaultdict(list)
            for path, seen in self._tree.folders.items():
                if seen.images:
                    self._by_last[path.rpartition("/")[2]].append(path)
                    self._by_last[""].append(path)
        start, end = "".join(f"{one}/" for one in before), "/".join(tail)
        found = self._by_last.get(tail[-1] if tail else "", [])
        if len(found) > _MOST_ELSEWHERE:
            return
        for path in found:
            inside = path.startswith(start) and f"/{path}".endswith(f"/{end}" if end else "")
            if inside and not (is_like and any(map(is_like, path[len(start) :].split("/")))):
                yield path


def _tails(tail: list[str], is_like: _IsLike | None) -> list[list[str]]:
    """Return ways to read the path below a folder: as it is, and without what only names a kind of labels."""
    if is_like is None:
        return [tail, []] if tail else [tail]
    found = [tail, [name for name in tail if not is_like(name)]]
    if tail:
        above = [name for name in tail[:-1] if not is_like(name)]
        found += [[*above, own] for own in (before_mask_word(tail[-1]), after_mask_word(tail[-1])) if own]
    return [one for number, one in enumerate(found) if one not in found[:number]]
