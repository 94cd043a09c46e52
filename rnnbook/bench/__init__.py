"""
How fast this package's layers are, beside the frameworks': `python -m rnnbook.bench`.

Machines are shared and noisy, so that a time alone says little. Here all contenders live in
processes of one run, their threads pinned; they compute the same numbers, which is checked before
anything is timed; after a warm-up they take turns; and the ratio to ours is taken round by round.

>>> from rnnbook import bench
>>> report = bench.measure(["rnn"], ["train"], [(1, 5, 1, 4)], ["loop"], rounds=1, threads=1)
>>> report.geometric_mean("rnn", "loop") > 0
True

    problems    sizes, modes, the arrays that all compute with
    contenders  who is timed; runners_numpy, _torch, _torch_hand, _tf: their code
    worker      a contender's process
    race        the turns                sine, first    time to first result
    measure     a whole run              machine        what it ran on, and was it busy
    gpu         what the page on GPUs shows: which races, what follows; gpu_figure draws it
    report      times and ratios, JSON   table, figure, goals
    roofline    operations, and what the machine's matrix products alone would take
    text        another thing: the task `text`, trained for longer than its page may, and recorded
"""

from rnnbook.bench.contenders import DEFAULT, KNOWN, Contender
from rnnbook.bench.first import first_result
from rnnbook.bench.measure import measure
from rnnbook.bench.problems import CELLS, MODES, QUICK_SIZES, SIZES, STEP_SIZES, Size
from rnnbook.bench.race import BenchError
from rnnbook.bench.report import First, Race, Report, Spread, recorded
from rnnbook.bench.roofline import Roof, operations, products, roof

__all__ = [
    "CELLS",
    "DEFAULT",
    "KNOWN",
    "MODES",
    "QUICK_SIZES",
    "SIZES",
    "STEP_SIZES",
    "BenchError",
    "Contender",
    "First",
    "Race",
    "Report",
    "Roof",
    "Size",
    "Spread",
    "first_result",
    "measure",
    "operations",
    "products",
    "recorded",
    "roof",
]
