"""The steps of ``learn``: find images, make the arms, judge them, and put the result together."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from icsys.errors import UsageError
from icsys.learning.arm import FULL
from icsys.learning.design import FOLDS, GROUPS, TEST, VALIDATION
from icsys.learning.find_labelled import find_labelled
from icsys.learning.fixed_judge import FixedFeatureJudge
from icsys.learning.judge_arms import judge_arms
from icsys.learning.labelled_images import without_unusable
from icsys.learning.learn_progress import LearnProgress
from icsys.learning.learn_settings import CNN
from icsys.learning.learned import Learned
from icsys.learning.make_arms import make_arms
from icsys.learning.network_checks import network_checks
from icsys.learning.network_judge import NetworkJudge, check_torch
from icsys.learning.plan_arms import working_size
from icsys.learning.put_together import (
    Judged,
    arm_results,
    contrasts,
    mild_arms,
    recommended_arm,
    what_images_tell,
)
from icsys.learning.stratified_sample import stratified_sample
from icsys.learning.time_plan import Clock, Costs, seconds_to_multiply
from icsys.options import Options
from icsys.records.command_text import command_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from icsys.engine.executor import Executor
    from icsys.learning.arm import Arm, ArmPictures
    from icsys.learning.labelled_images import LabelledImages
    from icsys.learning.learn_settings import LearnSettings
    from icsys.learning.learned import ArmResult
    from icsys.learning.make_arms import MadeArms
    from icsys.learning.resolution import Resolution
    from icsys.sources.base import Source

MOST_JUDGED = 5000
"""Images that are judged at most where no number is given: time and memory grow faster than their number."""

DESTINATION = "Compressed"
"""The output folder in the command of a result."""

_TRIED = 64  # images that are tried out to expect the time of all
_INTERRUPTED = "interrupted"
