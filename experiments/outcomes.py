"""Outcomes of all models: their declared fields, the checks before analysis, and the tracked file.

An outcome is one row per model, training seed, task, item, arm and option order. `evaluate` writes
them as JSON lines, a file per model; `analyze` checks and joins them, and keeps them as
results/outcomes.parquet: ids, scores and choices, but no text of an item or of a reply. So a run
can be analysed again, and compared item by item, from a clone.
"""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
import pyarrow.parquet as pq

from experiments import files
from experiments.errors import OutcomeError
from experiments.measures import PROTOCOLS
from experiments.params import BASE, TESTS, Params

# Millionths of a nat, as evaluate rounds; decimals lose no digit and cannot hold NaN.
SCORES = pa.list_(pa.decimal128(12, 6))
# Options are indices in the item's own order; `position` and its kin are places among the letters.
SCHEMA = pa.schema(
    [
        ("protocol", pa.string()),
        ("model", pa.string()),
        ("seed", pa.int64()),
        ("task", pa.string()),
        ("id", pa.string()),
        ("cluster", pa.string()),
        ("arm", pa.string()),
        ("order", pa.int64()),
        ("frame", pa.int64()),  # the wording of what is said
        ("mass", pa.decimal128(7, 6)),  # probability of the offered replies, all together
        ("log_likelihoods", SCORES),  # one per option
        ("token_counts", pa.list_(pa.int64())),  # answer: of each option
        ("choice", pa.int64()),
        ("gold", pa.int64()),
        ("position", pa.int64()),
        ("gold_position", pa.int64()),
        ("first", pa.int64()),  # are you sure: the choice before the challenge
        ("first_log_likelihoods", SCORES),
        ("right", pa.bool_()),
        ("split", pa.string()),  # paired choice: easy or hard
        ("authors_position", pa.int64()),
        ("text", pa.string()),  # the reply, where one was generated
        ("finish", pa.string()),
        ("parsed", pa.bool_()),
        ("letter", pa.string()),  # this and what follows: read in replies, published protocol
        ("named", pa.string()),
        ("remark", pa.string()),
        ("detected", pa.bool_()),
        ("sentiment", pa.float64()),
        ("flawed", pa.bool_()),
    ]
)
IDENTITY = ("protocol", "model", "seed", "task", "id", "cluster", "arm", "order")
KEY = ["model", "seed", "id", "arm", "order"]
# What a row of one task has in common with that of every other model.
SHARED = ("id", "cluster", "arm", "order", "frame", "gold", "gold_position", "authors_position",
          "split", "remark", "flawed")  # fmt: skip
INDICES = ("choice", "gold", "position", "gold_position", "first", "authors_position")
ANSWERS = ("choice", "position", "letter", "named")  # missing where a reply did not parse
OPTIONAL = ("remark",)  # missing where the item's own prompt has another remark
REPLY, DIGITS = "reply", 16  # stands for a reply's text: the beginning of its sha256

ByTask = dict[str, pd.DataFrame]


def gather(folder: Path, parameters: Params) -> pa.Table:
    """Outcomes of every model below `folder`; OutcomeError unless they are whole."""
    table = joined(folder, "outcomes", parameters.models, parameters.protocol)
    check(by_task(table), parameters)
    return table


def gather_transcripts(folder: Path, parameters: Params) -> list[dict]:
    """Free replies of every model's first seed, checked likewise, but for which items are asked."""
    table = joined(folder, "transcripts", parameters.models, "published")
    found = by_task(table)
    check(found, parameters, set(found), ("text", "finish"), first_seed_only=True)
    return table.to_pylist()


def joined(folder: Path, name: str, models: Iterable[str], protocol: str) -> pa.Table:
    """The files of all models as one table of SCHEMA."""
    return pa.concat_tables(
        read_lines(folder / model / f"{name}.jsonl", model, protocol) for model in models
    )


def read_lines(path: Path, model: str, protocol: str) -> pa.Table:
    """One model's file; OutcomeError for a malformed one, or rows of another model or protocol."""
    if not path.is_file():
        raise OutcomeError(f"{path} is missing; {remedy(model)}")
    content = path.read_bytes()
    if not content.strip():
        return SCHEMA.empty_table()
    try:
        table = pj.read_json(
            pa.BufferReader(content),
            # one block, so that a problem is told with its row
            read_options=pj.ReadOptions(block_size=len(content) + 1),
            parse_options=pj.ParseOptions(
                explicit_schema=SCHEMA, unexpected_field_behavior="error"
            ),
        )
    except pa.ArrowInvalid as error:
        raise OutcomeError(f"{path} is malformed ({error}); {remedy(model)}") from None
    allowed = {"model": (model,), "protocol": (protocol,), "task": tuple(PROTOCOLS[protocol])}
    for name in IDENTITY:
        for found in table[name].unique().to_pylist():
            if found is None or found not in allowed.get(name, (found,)):
                known = ", ".join(allowed.get(name, ("one",)))
                raise OutcomeError(
                    f"{path} has a row of the {name} {found}, not of {known}; {remedy(model)}"
                )
    return table


def by_task(table: pa.Table) -> ByTask:
    """A frame per task, with the fields that its rows have and those that its measures read.

    In one frame, fields that only some tasks have would turn whole numbers into floats.
    """
    frames = {}
    for task in table["task"].unique().to_pylist():
        rows = table.filter(pc.equal(table["task"], task))
        read = fields(rows["protocol"][0].as_py(), task)
        columns = {
            name: column.to_pylist()
            for name, column in zip(rows.column_names, rows.columns, strict=True)
            if name in read or column.null_count < len(column)
        }
        if "mass" in columns:
            columns["mass"] = list(map(_float, columns["mass"]))
        for name in ("log_likelihoods", "first_log_likelihoods"):
            if name in columns:
                columns[name] = [scores and list(map(_float, scores)) for scores in columns[name]]
        frames[task] = pd.DataFrame(columns)
    return frames


def fields(protocol: str, task: str) -> tuple[str, ...]:
    """What the measures of a task read beside the identity of a row; nothing for a task of old."""
    measures = PROTOCOLS[protocol].get(task)
    return measures.FIELDS if measures else ()


def check(
    outcomes: ByTask,
    parameters: Params,
    tests: Collection[str] = TESTS,
    also: Iterable[str] = (),
    first_seed_only: bool = False,
) -> None:
    """OutcomeError unless every model has those of `tests` that params.yaml asks of it, each whole.

    `also` are fields that are needed beside those that measures read.
    """
    for model in parameters.models:
        asked = set(parameters.tests(model)) & set(tests)
        found = {task for task, rows in outcomes.items() if model in set(rows["model"])}
        for task in sorted(asked ^ found):
            verb = "lack" if task in asked else "hold"
            raise OutcomeError(
                f"the outcomes of {model} {verb} the test {task}, unlike its evaluate_on in "
                f"params.yaml; {remedy(model)}"
            )
    last = 1 if first_seed_only else None
    for task, rows in outcomes.items():
        check_values(rows, (*fields(rows["protocol"].iloc[0], task), *also))
        check_rows(task, rows, lambda model: sorted(parameters.seeds(model))[:last])


def check_rows(task: str, rows: pd.DataFrame, seeds: Callable[[str], Iterable[int]]) -> None:
    """OutcomeError for the first fault among the rows of one task.

    Each row is there once; each item has every arm; each model has its training seeds, and each of
    them the items, clusters, arms, orders, frames, options and keys of the base model.
    """
    arms = rows.groupby(["model", "seed", "id"], sort=False)["arm"].transform("nunique")
    refuse(rows, rows.duplicated(KEY), "is there twice")
    refuse(rows, arms < rows["arm"].nunique(), "is of an item that lacks an arm")
    rows = rows.assign(options=option_counts(rows))
    shared = [name for name in (*SHARED, "options") if name in rows]
    reference = rows[rows["model"] == BASE]
    for model, mine in rows.groupby("model", sort=False):
        found, asked = set(mine["seed"]), set(seeds(model))
        if found != asked:
            raise OutcomeError(
                f"the outcomes of {model} in {task} are of the training seeds {sorted(found)}, and "
                f"params.yaml asks for {sorted(asked)}; {remedy(mine)}"
            )
        for _, of_seed in mine.groupby("seed"):
            both = pd.concat([reference, of_seed])
            alone = both[~both.duplicated(shared, keep=False)]
            if model != BASE and len(alone):
                raise OutcomeError(
                    f"{described(alone)} has no like in {BASE} or {model} ({len(alone)} such "
                    f"rows); evaluate both on the same items: {remedy(mine)}"
                )


def check_values(rows: pd.DataFrame, needed: Iterable[str]) -> None:
    """OutcomeError for a row without a field that is needed, or with an impossible value."""
    parsed = rows["parsed"].eq(True) if "parsed" in rows else True
    counts = option_counts(rows)
    for name in needed:
        absent = rows[name].isna() & (parsed if name in ANSWERS else name not in OPTIONAL)
        refuse(rows, absent, f"has no {name}")
        if name in ("log_likelihoods", "mass", "sentiment"):
            refuse(rows, ~rows[name].map(_finite), f"has a number in {name} that is none")
        if name in INDICES:
            place = rows[name].astype(float)
            refuse(rows, (place < 0) | (place >= counts), f"has an impossible {name}")


def option_counts(rows: pd.DataFrame) -> pd.Series:
    """How many options each row has; where none were scored, as many as there are letters."""
    if "log_likelihoods" not in rows:
        return pd.Series(len(string.ascii_uppercase), index=rows.index)
    return rows["log_likelihoods"].map(lambda scores: len(scores or ()))


def write_outcomes(path: Path, table: pa.Table) -> None:
    """Keep a table of outcomes without the texts of replies, in the same bytes each time."""
    texts = table["text"].to_pylist()
    digests = [text if text is None else files.digest_of(text)[:DIGITS] for text in texts]
    kept = table.drop_columns("text").append_column(REPLY, pa.array(digests, pa.string()))
    scores = [f"{name}.list.element" for name in ("log_likelihoods", "first_log_likelihoods")]
    with files.new_file(path) as partial:
        pq.write_table(
            kept.combine_chunks(),
            partial,
            compression="zstd",
            compression_level=19,
            store_decimal_as_integer=True,
            use_dictionary=[field.name for field in kept.schema if field.type != SCORES],
            column_encoding=dict.fromkeys(scores, "BYTE_STREAM_SPLIT"),
        )


def read_outcomes(source: Path | bytes) -> ByTask:
    """A kept file (or its content) as a frame per task; fields it lacks are lacking in the frames.

    OutcomeError if it is no such file, or one of the first protocol, which had no frames. `reply`
    stands in the place of `text`.
    """
    name = "the content" if isinstance(source, bytes) else source
    try:
        opened = pa.BufferReader(source) if isinstance(source, bytes) else source
        table = pq.ParquetFile(opened).read()
        if "frame" not in table.column_names:
            raise OutcomeError(
                f"{name} is of the first protocol, whose arms these measures do not know; use the "
                "commit that made it (environment.json beside its params.yaml)"
            )
        return by_task(table)
    except (pa.ArrowException, OSError, KeyError) as error:
        raise OutcomeError(
            f"{name} is no table of outcomes ({error}); restore it from git"
        ) from None


def refuse(rows: pd.DataFrame, wrong: pd.Series, fault: str) -> None:
    """OutcomeError that names the first row which is wrong, if there is one."""
    if wrong.any():
        raise OutcomeError(f"{described(rows[wrong])} {fault}; {remedy(rows[wrong])}")


def described(rows: pd.DataFrame) -> str:
    """The first row in words."""
    row = rows.iloc[0]
    return f"{row.task} item {row.id}, arm {row.arm}, order {row.order}, of {row.model}"


def remedy(of: pd.DataFrame | str) -> str:
    """What makes the outcomes of a model (or of the model of the first row) again."""
    model = of if isinstance(of, str) else of.iloc[0].model
    return f"run `python -m experiments.evaluate {model}`"


def _float(score: object) -> float:
    return math.nan if score is None else float(score)


def _finite(value: list[float] | float) -> bool:
    """Whether a score, or every one of a list that is not empty, is a finite number."""
    scores = value if isinstance(value, list) else [value]
    return bool(scores) and all(map(math.isfinite, scores))
