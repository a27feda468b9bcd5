"""Quarto's post-render hook: merge the printed numbers, under the Python that ran the cells.

    quarto render       calls it

Quarto starts a hook that is a file with QUARTO_PYTHON, and `python` with the first one of the path.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)  # this folder's own modules are not what `import` should find first

if __name__ == "__main__":
    from experiments.errors import run_stage
    from experiments.render import collect

    run_stage(lambda: collect(ROOT))
