"""Look a tree of files over once, and find what goes with its images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from icsys.sources.companions.find_annotations import AnnotationSearch
from icsys.sources.companions.find_masks import MaskSearch
from icsys.sources.companions.find_tables import TableSearch
from icsys.sources.companions.layout import CompanionLayout
from icsys.sources.companions.notes import Notes
from icsys.sources.companions.tree_names import TreeNames

if TYPE_CHECKING:
    from icsys.sources.companions.layout import CompanionSettings, PairRule
    from icsys.sources.companions.tree_files import TreeFiles


def survey_companions(files: TreeFiles, settings: CompanionSettings) -> CompanionLayout:
    """Return what goes with the images of a tree of files.

    Every name is read once. The names of folders that may hold masks, annotations or sidecars are read again, and the
    beginning of a few of their files.

    Raises
    ------
    UsageError
        If the settings name masks or tables that are not there, or a mask without a picture.
    """
    tree = TreeNames(files)
    found, unclear = Notes(), Notes()
    masks = MaskSearch(tree, settings, found, unclear)
    masks.run()
    annotations = AnnotationSearch(tree, masks.pictures, found, unclear)
    annotations.run()
    rules: dict[str, tuple[PairRule, ...]] = {folder: (rule,) for folder, rule in masks.rules.items()}
    for folder, own in annotations.rules.items():
        rules[folder] = (*rules.get(folder, ()), *own)
    tables = TableSearch(tree, rules, found, unclear)
    tables.add_tables(settings.table)
    tables.run()
    pictures = {path for own in rules.values() for rule in own for path in rule.pictures}
    return CompanionLayout(
        folders=dict(sorted(rules.items())),
        files=dict(sorted(tables.files.items())),
        alike=tree.alike(pictures) if pictures else {},
        found=found.sentences(),
        unclear=unclear.sentences(),
    )
