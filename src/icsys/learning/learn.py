"""``learn``: what a model keeps of a dataset with few colours, fewer pixels, or fewer images."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from icsys.engine import available_cores
from icsys.engine.executor import Executor
from icsys.errors import UsageError
from icsys.files.locations import parse_source
from icsys.files.url import Url
from icsys.inspection.inspect_folder import NOWHERE
from icsys.learning.arm import FULL
from icsys.learning.design import FOLDS, GROUPS, TEST, VALIDATION
from icsys.learning.find_labelled import find_labelled
from icsys.learning.judge_arms import ArmJudgement
from icsys.learning.labelled_images import without_unusable
from icsys.learning.learn_progress import LearnProgress
from icsys.learning.learn_settings import FIXED_FEATURES, NEAR, LearnSettings
from icsys.learning.learned import Learned
from icsys.learning.make_arms import make_arms
from icsys.learning.plan_arms import plan_arms, working_size
from icsys.learning.put_together import arm_results, contrasts, mild_arms, recommended_arm, what_images_tell
from icsys.learning.stratified_sample import stratified_sample
from icsys.learning.time_plan import Clock, Costs, seconds_to_multiply
from icsys.options import Options
from icsys.records.command_text import command_text
from icsys.run_settings import RunSettings
from icsys.sources.companions.layout import CompanionSettings
from icsys.sources.open_source import open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from icsys.files.locations import Location
    from icsys.learning.arm import Arm, ArmPictures
    from icsys.learning.labelled_images import LabelledImages
    from icsys.learning.put_together import Judged

    Report = Callable[[LearnProgress], object]

COLORS_JUDGED = (128, 64, 32, 16, 8, 4, 2)
"""Numbers of colours that are judged where none are given."""

MOST_JUDGED = 5000
"""Images that are judged at most where no number is given: time and memory grow faster than their number."""
