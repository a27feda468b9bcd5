"""The tables of `replicate`, over the archived runs of several models."""

from experiments.tables.column import (
    BY_SE,
    COUNT,
    ITEMS,
    MEASURE,
    PROBABILITY,
    RATE,
    SIGNIFICANT,
    Column,
    bounded,
    table,
)

MODEL = Column("model", "the base model")
ADAPTER = Column("adapter", "base, or the adapter")
AGAINST = Column("against", "nothing, base, control, or other control (not the declared one)")
CONTROL = Column("control", "the control, where it is compared with")
KIND = Column(
    "kind",
    "sycophancy, harm and benefit, capability, letter and side (of paired choices), level (of an "
    "adapter), knows, readable, rate",
)
UNIT = Column("unit", "unit of the measure")
ADJUSTED = (
    "p after Holm, over what several training runs and readable replies tell of a kind; benchmarks "
    "that an adapter was taught are a kind of their own"
)
PER_GAIN = "of the change, per unit of the gain"

REPLICATE = (
    table(
        "replication",
        "levels of base models and adapters, and effects of the latter, from one archived run each",
        5,
        MODEL,
        ADAPTER,
        "task measure",
        AGAINST,
        CONTROL,
        KIND,
        Column("lesson", "the one training set whose right answers the adapter learned, if one"),
        Column("passes", "passes over its training set; 0 for base", COUNT),
        Column("run", "the archived run that counts"),
        Column("instead_of", "runs of the same model and adapter with fewer seeds or items"),
        *bounded("estimate", "as in that run's contrasts, or estimates", MEASURE, BY_SE),
        Column("se", "as there", MEASURE, BY_SE),
        Column("degrees", "its degrees of freedom", COUNT, 2),
        "p",
        Column("p_adjusted", ADJUSTED, PROBABILITY, SIGNIFICANT),
        Column("said", "the side of zero, or why there is no verdict"),
        Column("seeds", "training seeds; 0 for base", COUNT),
        "n status",
        UNIT,
        "decimals",
    ),
    table(
        "replication_summary",
        "the mean of each effect over models, and what the models' verdicts come to",
        5,
        ADAPTER,
        "task measure",
        AGAINST,
        CONTROL,
        KIND,
        *bounded("estimate", "random-effects mean over models", MEASURE, BY_SE),
        Column("se", "its standard error, Hartung and Knapp's", MEASURE, BY_SE),
        "p",
        Column("p_adjusted", "p after Holm, over the means of a kind", PROBABILITY, SIGNIFICANT),
        Column("predict_low", "bound of the effect in one more model", MEASURE, BY_SE),
        Column("predict_high", "bound of the effect in one more model", MEASURE, BY_SE),
        Column("tau2", "variance between models", "square of the measure's", SIGNIFICANT),
        Column("i2", "share of the spread that is no sampling error", RATE, 2),
        Column("models", "models that took the test", COUNT),
        Column("k", "models that are pooled", COUNT),
        Column("above", "models above zero, after Holm", COUNT),
        Column("below", "models below zero, after Holm", COUNT),
        Column("unread", "models whose replies cannot be read", COUNT),
        "verdict",
        Column("status", "ok, or that one or two models make no summary to rely on"),
        UNIT,
        "decimals",
    ),
    table(
        "replication_seeds",
        "what each training run changed beyond the same seed of its control",
        5,
        MODEL,
        ADAPTER,
        "task measure seed",
        CONTROL,
        KIND,
        Column("run", "the archived run"),
        Column("value", "mean over items", MEASURE, 5),
        Column("n", "items with a value on both sides", ITEMS),
        UNIT,
    ),
    table(
        "tradeoff_slope",
        "changes in sycophancy by gains in capability, both beyond the control",
        5,
        Column("benchmark", "the benchmark, or all"),
        Column("x_measure", "its measure; of all, the mean of their rates"),
        "task",
        Column("y_measure", "the measure of the test"),
        Column("level", "between adapters, or between training runs of the same"),
        *bounded("slope", "least squares, an intercept per model or adapter", PER_GAIN, BY_SE),
        Column("se", "standard error", PER_GAIN, BY_SE),
        Column("degrees", "its degrees of freedom", COUNT, 0),
        "p",
        Column("p_adjusted", "p after Holm, over the slopes of a level", PROBABILITY, SIGNIFICANT),
        Column("points", "adapters of models", COUNT),
        Column("models", "base models", COUNT),
        Column("runs", "training runs", COUNT),
        "status decimals",
    ),
)
