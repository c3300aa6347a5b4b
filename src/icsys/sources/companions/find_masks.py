"""Find the folders of masks, and masks beside their pictures: by their names, then by the content of a few."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from icsys.choices import AUTO
from icsys.errors import ImageError, UsageError
from icsys.image.mask import mask_values
from icsys.results import MASK
from icsys.run_settings import NONE
from icsys.sources.companions.layout import PairRule, is_named
from icsys.sources.companions.name_words import folder_words, is_mask_word, known_ending
from icsys.sources.companions.pairing import NamedPicture, count_endings, evenly_spread, pair_files, stem_of
from icsys.sources.companions.picture_folders import BESIDE_IT, ENOUGH, NAMED, PictureFolders, PictureSearch
from icsys.sources.companions.tree_names import LOSSLESS_SUFFIXES
from icsys.sources.folder_entries import path_in
from icsys.sources.sorted_names import SortedNames

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from icsys.image.mask import MaskFacts
    from icsys.sources.companions.layout import CompanionSettings
    from icsys.sources.companions.notes import Notes
    from icsys.sources.companions.tree_names import TreeNames

_CHECKED = 32  # files whose content is read
_CHECKED_PICTURES = 8
_CHECKED_ALONE = 4
_MOST_ALONE = 100  # folders
_FEW_VALUES = 64  # that photos in grey have more of
_SUSPICIOUS = 0.5  # of the files with a picture's stem: masks are likely, and worth a word
_IMAGES_ONLY = frozenset({"image", "images", "img", "imgs", "jpegimages", "photos", "pictures", "leftimg8bit"})
_CLEAR = ("mask", "label", "seg", "trimap", "annot")  # parts of words that photos are hardly named with

_is_mask_word = lru_cache(4096)(is_mask_word)


class MaskSearch:
    """Looks for masks in a tree.

    Attributes
    ----------
    rules
        What it found, by folder.
    """

    def __init__(self, tree: TreeNames, settings: CompanionSettings, found: Notes, unclear: Notes) -> None:
        self._tree, self._settings = tree, settings
        self._found, self._unclear = found, unclear
        self.rules: dict[str, PairRule] = {}
        self._alone = 0
        self._examples: dict[str, str] = {}
        self._patterns = [] if settings.masks in {AUTO, NONE} else settings.masks.split(",")

    def run(self) -> None:
        """Find masks as the settings say.

        Raises
        ------
        UsageError
            If a pattern matches no image, or a named mask has no picture.
        """
        if self._patterns:
            self._find_named()
        elif self._settings.masks == AUTO:
            candidates = [folder for folder, seen in self._tree.folders.items() if seen.images]
            within = {folder for folder in candidates if may_hold_masks(folder)}
            # Pictures are known once masks beside them are, so other folders come first.
            self._look_at_all(folder for folder in candidates if folder not in within)
            search = PictureSearch(self._tree, self.pictures)
            looked_at = {folder for folder in candidates if folder in within and self._look_at(folder, search)}
            self._look_at_all(folder for folder in candidates if folder in within - looked_at)
            for folder in candidates:
                if folder not in self.rules:
                    self._look_at_twins(folder)

    def pictures(self, folder: str) -> Iterator[str]:
        """Yield the names of the pictures in a folder, without masks."""
        images, rule = self._tree.names(folder)[0], self.rules.get(folder)
        if self._patterns:
            return (name for name in images if not is_named(path_in(folder, name), self._patterns))
        if rule is None:
            return iter(images)
        if rule.is_whole:
            return iter(())
        endings = tuple({ending.file for ending in rule.endings})
        return (name for name in images if not stem_of(name).endswith(endings))

    def _look_at_all(self, folders: Iterable[str]) -> None:
        for folder in folders:
            if self._tree.folders[folder].has_mask_words:
                self._look_beside(folder)

    def _look_beside(self, folder: str) -> None:
        """Find masks beside their pictures."""
        images = self._tree.names(folder)[0]
        masks, pictures = SortedNames(), SortedNames()
        for name in images:
            (masks if known_ending(stem_of(name)) else pictures).add(name)
        endings = count_endings(evenly_spread(masks, len(masks), 1000), pictures, beside=True)
        if not endings or not len(pictures):
            return
        chosen = tuple(one for one, _ in endings.most_common())
        have = (NamedPicture(0, name, "") for name in pictures)
        paired = [name for name, picture in pair_files(masks, chosen, have) if picture]
        folders = PictureFolders((folder,), NAMED, chosen, len(paired), len(masks))
        self._decide(folder, paired, folders, is_whole=False)

    def _look_at(self, folder: str, search: PictureSearch) -> bool:
        """Find out whether the images of a folder are masks; return whether they have the stems of pictures."""
        images = self._tree.names(folder)[0]
        folders = search.find(folder, images, _is_mask_word)
        if folders is None or folders.share < _SUSPICIOUS:
            self._look_at_alone(folder, len(images))
            return False
        self._decide(folder, images, folders, is_whole=True)
        return True

    def _look_at_alone(self, folder: str, count: int) -> None:
        """Tell of images that look like masks and have other stems than any picture."""
        if not any(word in folder_words(folder) for word in _CLEAR):
            return
        # Where many folders are alike, the ones read stand for the rest.
        if self._alone >= _MOST_ALONE or self._look_like_masks(folder, count):
            self._alone += 1
            self._unclear.add(
                folder,
                count,
                "{count} image{s} in {folders} may be masks, but few have the stem of a picture. They are compressed "
                "like pictures, which changes their values. Masks are kept if they have the stems of their pictures "
                "(--masks names them); --no-masks takes them for pictures",
            )

    def _look_at_twins(self, folder: str) -> None:
        """Tell of images that look like masks and have the stem of a picture in a lossy format beside them."""
        seen = self._tree.folders[folder]
        if not 0 < seen.lossless < seen.images or self._alone >= _MOST_ALONE:
            return
        images = self._tree.names(folder)[0]
        lossless = list(evenly_spread(filter(_is_lossless_name, images), seen.lossless, _CHECKED_ALONE))
        stems = set(map(stem_of, lossless))
        twins = stems.intersection(stem_of(name) for name in images if not _is_lossless_name(name))
        if len(twins) == len(stems) and self._have_few_values(folder, lossless):
            self._alone += 1
            pattern = path_in(folder, f"*{lossless[0].removeprefix(stem_of(lossless[0]))}")
            self._unclear.add(
                folder,
                seen.lossless,
                "{count} image{s} in {folders} may be masks, for pictures beside them have the same stem. They are "
                "compressed like pictures; " + self._advice("", pattern),
            )

    def _look_like_masks(self, folder: str, count: int) -> bool:
        """Return whether some images of a folder have so few values as photos hardly have."""
        return self._have_few_values(folder, evenly_spread(self._tree.names(folder)[0], count, _CHECKED_ALONE))

    def _have_few_values(self, folder: str, images: Iterable[str]) -> bool:
        names = list(images)
        facts = list(self._facts(folder, filter(_is_lossless_name, names)))
        return len(facts) == len(names) and all(one.values is not None and one.values <= _FEW_VALUES for one in facts)

    def _decide(self, folder: str, masks: Iterable[str], folders: PictureFolders, *, is_whole: bool) -> None:
        """Take images for masks, or tell why not."""
        names = list(evenly_spread(masks, folders.files if is_whole else folders.paired, _CHECKED))
        reason = self._reason_against(folder, names, folders)
        if reason is None:
            self.rules[folder] = PairRule(
                kind=MASK, form=MASK, pictures=folders.folders, endings=folders.endings, is_whole=is_whole
            )
            self._found.add(folder, folders.paired, f"{{count}} mask{{s}} in {{folders}}: {_how(folder, folders)}")
        elif reason:
            pattern = _pattern(folder, folders, is_whole=is_whole)
            self._unclear.add(
                folder,
                folders.files,
                f"{{count}} image{{s}} in {{folders}} may be masks, but {reason}. They are compressed like pictures; "
                + self._advice(f"{reason} {'/'.join(pattern.split('/')[-2:])}", pattern),
            )

    def _advice(self, group: str, pattern: str) -> str:
        """Return what the user can do; the first pattern of a group stands for all, so that one sentence is told."""
        return f"--masks {self._examples.setdefault(group, pattern)!r} takes them for masks, --no-masks for pictures"

    def _reason_against(self, folder: str, names: list[str], folders: PictureFolders) -> str | None:
        """Return why images are not clearly masks; empty if they are clearly none, None if they are."""
        facts = list(self._facts(folder, names))
        many = sum(one.values is None for one in facts)
        if not all(map(_is_lossless_name, names)) or not all(one.lossless for one in facts):
            reason = "their format changes values"
        elif not facts:
            reason = "none of them can be read"
        elif many == len(facts) and not _is_clear(folder, folders):
            reason = ""
        elif many:
            reason = "some have more than 256 values"
        else:
            return self._reason_of_place(folders)
        return reason

    def _reason_of_place(self, folders: PictureFolders) -> str | None:
        """Return why images that could be masks may have another purpose; None if nothing says so."""
        if folders.share < ENOUGH:
            return f"only {folders.paired} of {folders.files} have the stem of a picture"
        if folders.others:
            beside = " and ".join(folders.others[:2])
            return f"their stems are those of {folders.folders[0]} and of {beside}"
        if folders.rank == BESIDE_IT and self._are_alike(folders.folders[0]):
            return f"the images of {folders.folders[0]} are like them, as classes are"
        return None

    def _are_alike(self, folder: str) -> bool:
        """Return whether the images of a folder could be masks themselves."""
        names = evenly_spread(self.pictures(folder), self._tree.images(folder), _CHECKED_PICTURES)
        facts = list(self._facts(folder, names))
        return bool(facts) and all(one.lossless and one.values is not None for one in facts)

    def _facts(self, folder: str, names: Iterable[str]) -> Iterator[MaskFacts]:
        """Yield what the content of images shows; a broken one shows nothing."""
        options = self._settings.options
        for name in names:
            try:
                yield mask_values(self._tree.files.read(path_in(folder, name), options), options)
            except (ImageError, OSError):
                continue

    def _find_named(self) -> None:
        """Find the pictures of masks that the user names."""
        unmet = set(self._patterns)
        search = PictureSearch(self._tree, self.pictures)
        for folder, seen in self._tree.folders.items():
            masks = SortedNames()
            for name in self._tree.names(folder)[0] if seen.images else ():
                path = path_in(folder, name)
                if is_named(path, self._patterns):
                    masks.add(name)
                    unmet -= {pattern for pattern in unmet if is_named(path, [pattern])}
            if len(masks):
                self._add_named(folder, masks, search)
        if unmet:
            pattern = next(pattern for pattern in self._patterns if pattern in unmet)
            raise UsageError(
                f"masks={self._settings.masks!r}: no image below {self._tree.files.shown!r} matches "
                f"{pattern!r}; expected paths below it, such as 'gt/*.png', or 'auto' or 'none'"
            )

    def _add_named(self, folder: str, masks: SortedNames, search: PictureSearch) -> None:
        own = count_endings(list(masks), self.pictures(folder))
        folders = None if own.total() >= ENOUGH * len(masks) else search.find(folder, masks, None)
        endings = tuple(sorted(own, key=lambda one: (len(one.file) + len(one.picture), one)))
        places = [folder] * bool(endings) + [one for one in (folders.folders if folders else ()) if one != folder]
        endings += tuple(one for one in (folders.endings if folders else ()) if one not in endings)
        have = (NamedPicture(i, name, "") for i, place in enumerate(places) for name in self.pictures(place))
        for name, picture in pair_files(masks, endings, have):
            if picture is None:
                raise UsageError(
                    f"masks={self._settings.masks!r}: mask {path_in(folder, name)!r} has no picture; "
                    "expected one of the same stem in a folder beside, or beside the mask with a shorter name"
                )
        self.rules[folder] = PairRule(
            kind=MASK, form=MASK, pictures=tuple(places), endings=endings, patterns=tuple(self._patterns)
        )
        self._found.add(folder, len(masks), "{count} mask{s} in {folders}: named with --masks")


def may_hold_masks(folder: str) -> bool:
    """Return whether a folder has the name of one of masks, or lies in one."""
    for name in reversed(folder.split("/")):
        if folder_words(name) in _IMAGES_ONLY:
            return False
        if _is_mask_word(name):
            return True
    return False


def _is_clear(folder: str, folders: PictureFolders) -> bool:
    """Return whether names say that images are masks, which photos hardly have."""
    names = [*map(folder_words, folder.split("/")), *(one.file.lower() for one in folders.endings)]
    return any(word in name for name in names for word in _CLEAR)


def _is_lossless_name(name: str) -> bool:
    return name[name.rfind(".") :].lower() in LOSSLESS_SUFFIXES


def _how(folder: str, folders: PictureFolders) -> str:
    """Return how masks were recognised; of the folders of pictures, the part up to where they leave that of masks."""
    tops = sorted({_up_to_branch(one, folder) or "." for one in folders.folders})
    endings = sorted({one.file for one in folders.endings if one.file})
    behind = f", then {', '.join(endings[:4])}" if endings else ""
    return f"they have the stems of pictures in {', '.join(tops[:3])}{behind}, and at most 256 values each"


def _pattern(folder: str, folders: PictureFolders, *, is_whole: bool) -> str:
    """Return a pattern for ``--masks`` of images that are not clearly masks."""
    if is_whole:
        return f"{folder}/*"
    return path_in(folder, f"*{folders.endings[0].file}.*")


def _up_to_branch(path: str, other: str) -> str:
    """Return a path up to the first name in which another path differs."""
    names, others = path.split("/"), other.split("/")
    same = next(
        (place for place, pair in enumerate(zip(names, others, strict=False)) if len(set(pair)) > 1), len(names)
    )
    return "/".join(names[: same + 1])
