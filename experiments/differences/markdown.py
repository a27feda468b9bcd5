"""A comparison as Markdown, for a terminal or a pull request."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from experiments.differences.comparison import Comparison
from experiments.differences.outcomes_table import OutcomeLine
from experiments.differences.printed import PRINTED, Change, Interval, Printed
from experiments.differences.settings import Setting
from experiments.differences.tables import ClaimChange, TableChange

NONE = "–"
# Longer lists are cut and counted: a comment on GitHub holds 65,536 characters.
LISTED_NUMBERS = 150
LISTED_CELLS = 10
LISTED_SETTINGS = 60
HASH_CHARACTERS = 8
