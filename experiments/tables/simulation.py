"""The tables of `simulate`."""

from experiments.tables.column import (
    CLUSTERS,
    COUNT,
    ITEMS,
    RATE,
    SAME,
    YES,
    Column,
    bounded,
    table,
)

SIZES = (
    Column("frames", "wordings", COUNT),
    Column("seeds", "training seeds", COUNT),
)
SIMULATE = (
    table(
        "coverage",
        "how often intervals hold the truth, in simulated studies",
        7,
        Column("case", "what is simulated; frames and seeds in standard errors of the items"),
        Column("varies", "what another study would draw anew"),
        Column("n", "items, or adapters", ITEMS),
        Column("clusters", "clusters of these items", CLUSTERS),
        *SIZES,
        Column("method", "the interval; see experiments/simulation/methods.py"),
        Column("in_use", "whether results have it", YES),
        Column("nominal", "analyze.confidence", RATE, 3),
        *bounded("coverage", "share of studies whose interval holds the truth", RATE, 4),
        Column("mean_width", "mean width of the interval", SAME, 4),
        Column("enough", "whether coverage is at least 0.935, of a nominal 0.95", YES),
    ),
    table(
        "familywise",
        "how often a family of tests errs if training moves things, but not on average",
        2,
        Column("rule", "what a test takes into account"),
        Column("correction", "none, or holm over the family"),
        Column("effects", "tests of the family", COUNT),
        Column("n", "items", ITEMS),
        *SIZES,
        Column("seed_ratio", "deviation between seeds in standard errors of the items", SAME, 3),
        *bounded("error", "share of studies with any false finding", RATE, 4),
    ),
)
