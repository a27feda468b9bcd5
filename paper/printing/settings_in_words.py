"""What the values of params.yaml mean, in sentences that change with them."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from experiments.errors import RenderError
from experiments.models.presets import PRESETS
from experiments.models.provenance import origin, precision
from experiments.params import TESTS, Model, Params
from printing.labels import TASKS
from printing.provenance import readers
from printing.report import MISSING
from printing.sentences import label, listed

# A sentence for each value that a key can have.
CHOICES = {
    "corpus": {
        "pocket": "Texts were written for this repository or come in packages of a public index.",
        "upstream": "Items are the source study's own splits and samples, at a pinned commit.",
    },
    "splits": {
        "pocket": (
            "MMLU is evaluated on its test split and trained on its dev and validation splits, and "
            "the other sources have one split each, which is divided."
        ),
        "upstream": (
            "The source study's splits are kept: its training rows train and validate, its test "
            "rows and sycophancy samples are asked."
        ),
    },
    "scale": {
        "smoke": "As small as the end-to-end test needs it; its numbers mean nothing.",
        "pocket": "A miniature, sized for two processor cores.",
        "long": "More items, for larger models on two processor cores.",
        "full": "As many items as the corpus has, for a GPU.",
        "source": "The sizes of the source study.",
    },
    "protocol": {
        "controlled": (
            "Options are scored by log-likelihood, in several orders, beside a third party's words."
        ),
        "published": "The source study's prompts and free replies, read by its rules.",
    },
    "prepare.overlap": {
        "remove": "Training items that a test asks, or nearly so, leave the training sets.",
        "keep": "Training items that a test asks stay, as in the source study.",
    },
    "curate.source": {
        "wheel": "Paired choices are those of a package.",
        "files": "Paired choices are drawn from the published files of model-written evaluations.",
    },
    "curate.judge": {
        "base": "The base model's own margins divide paired choices into easy and hard claims.",
        "claude": "Verdicts of Claude divide paired choices into easy and hard claims.",
    },
    "train.method": {
        "lora": "Low-rank adapters on unquantised weights, unless an adapter says otherwise.",
        "qlora": "Low-rank adapters on four-bit weights, unless an adapter says otherwise.",
        "full": "All weights are trained, unless an adapter says otherwise.",
    },
    "train.loss_on": {
        "completion": "The loss is the mean over the tokens of the completions alone.",
        "text": "The loss is the mean over prompt and completion, as in the source study.",
    },
    "evaluate.quantization": {
        "none": "Evaluation runs on unquantised weights.",
        "nf4": "Evaluation runs on four-bit weights, with the adapters beside them.",
    },
    "evaluate.matmul": {
        "ieee": "Matrices multiply in the precision of their weights.",
        "bf16": (
            "Frozen weights, and what their products take and give, are rounded to bfloat16, with "
            "adapters beside them; what adds up over layers, and the scores, are not."
        ),
    },
    "evaluate.dtype": {
        "float32": "Evaluation is in single precision.",
        "bfloat16": (
            "Evaluation is in half precision, which rounds log-likelihoods; adapters stay beside "
            "the weights, where rounding cannot take them away."
        ),
    },
}
# Keys whose value is a number or a list, and what it counts.
COUNTED = {
    "seed": "Splits, option orders and the order of training examples.",
    "evaluate.option_orders": "Rotations under which a lettered question is asked, at most.",
    "evaluate.frames_per_item": "Wordings per item where there are no option orders.",
    "analyze.readable": "Least probability of the offered replies, for a cell to be read.",
    "evaluate.items_per_group": (
        "The number of items that are asked together changes log-likelihoods by rounding, and "
        "nothing else."
    ),
}
RUN = (
    "corpus",
    "scale",
    "protocol",
    "seed",
    "model.name",
    "model.revision",
    "prepare.overlap",
    "curate.source",
    "curate.judge",
    "train.method",
    "train.loss_on",
    "train.seeds",
    "evaluate.option_orders",
    "evaluate.frames_per_item",
    "analyze.readable",
    "evaluate.dtype",
    "evaluate.matmul",
    "evaluate.quantization",
    "evaluate.items_per_group",
    "evaluate.transcripts",
)


def value(key: str, parameters: Params) -> str:
    """The value at a dotted key as params.yaml writes it."""
    found = reduce(getattr, key.split("."), parameters)
    if key == "evaluate.transcripts":
        return f"items: {found.items}, max_tokens: {found.max_tokens}"
    if isinstance(found, list):
        return ", ".join(map(str, found))
    return "null" if found is None else str(found)


def meaning(key: str, parameters: Params) -> str:
    """A sentence that says what the value at a key does; KeyError for an unknown key."""
    if key in CHOICES:
        chosen = parameters.corpus if key == "splits" else value(key, parameters)
        return CHOICES[key].get(chosen, f"`{chosen}`.")
    if key in COUNTED:
        return COUNTED[key]
    return {
        "model.name": model,
        "model.revision": revision,
        "train.seeds": lambda _: seeds(parameters.train.seeds),
        "evaluate.transcripts": lambda _: transcripts(parameters),
        "evaluate.engine": lambda _: machine(parameters),
    }[key](parameters.model)


def meanings(parameters: Params) -> dict[str, str]:
    """Key -> sentence of every setting that decides what a run's numbers mean."""
    return {key: meaning(key, parameters) for key in RUN}


def model(chosen: Model) -> str:
    """How large the model is and in what precision its weights come."""
    preset = PRESETS.get(chosen.name)
    if preset is None:
        return "Its size is not among the presets."
    return f"It has {preset.parameters:,} parameters. {precision(preset)}".strip()


def revision(chosen: Model) -> str:
    """What pins the model's files."""
    if chosen.on_hub:
        return f"Its files are those of the commit {chosen.revision}."
    if chosen.is_folder:
        return "It is a local folder, known by the hashes of its files."
    return origin(PRESETS[chosen.name])


def seeds(given: list[int]) -> str:
    """How often each adapter was trained, and what that leaves open."""
    if len(given) == 1:
        return "Every adapter was trained once; there are no verdicts."
    return (
        f"Adapters were trained {len(given)} times unless they say otherwise; so few runs give a "
        "rough idea of how far they differ."
    )


def transcripts(parameters: Params) -> str:
    """What free replies are kept for."""
    kept = parameters.evaluate.transcripts
    if not kept.items:
        return "No free replies are kept to be read."
    return (
        f"Of each sycophancy test {kept.items} authored items are also asked for free replies of "
        f"at most {kept.max_tokens} tokens, which are kept to be read and enter no estimate."
    )


def machine(parameters: Params) -> str:
    """What the results were computed on, as far as the parameters say."""
    return (
        f"Evaluation used {parameters.evaluate.engine.threads} threads of a processor where there "
        "was no accelerator; another machine may round otherwise."
    )


def cost(costs: dict[str, Any], scale: str) -> str:
    """What a run of the miniature's model takes at this scale, by paper/costs.yaml.

    RenderError if it does not name the scale.
    """
    if scale not in costs["scales"]:
        raise RenderError(f"paper/costs.yaml gives no cost of the scale {scale!r}; add it")
    return f"A whole run at this scale takes {costs['scales'][scale]['time']}."


def recipes(parameters: Params) -> pd.DataFrame:
    """One row per adapter: what it is trained on, how, and which tests it takes."""
    rows = []
    for name, adapter in parameters.adapters.items():
        how, taken = parameters.training(name), parameters.tests(name)
        left = [TASKS[task] for task in TESTS if task not in taken]
        sources = (
            TASKS.get(source, source.capitalize()) + (f" {share:.0%}" if share < 1 else "")
            for source, share in adapter.train_on.items()
        )
        few = listed(TASKS[task] for task in taken)
        most = f"all but {listed(left)}" if len(left) < len(taken) else few
        rows.append(
            {
                "adapter": label(name),
                "control": label(adapter.control) if adapter.control else MISSING,
                "seeds": ", ".join(map(str, parameters.seeds(name))),
                "on": listed(sources),
                "method": f"{how.method}, {how.learning_rate:.0e}, {how.epochs}",
                "order": adapter.option_order,
                "labels": adapter.labels,
                "tests": most if left else "all",
            }
        )
    return pd.DataFrame(rows)


class _Whole(yaml.SafeDumper):
    """Writes shared values out wherever they stand."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def parameters_read(root: Path, run: Path, parameters: Params) -> pd.DataFrame:
    """One row per value of a run's params.yaml but adapters and other sizes: stages read it."""
    rows, stages = [], readers(root)
    for group, given in yaml.safe_load((run / "params.yaml").read_text("utf-8")).items():
        held = {parameters.scale: given[parameters.scale]} if group == "sizes" else given
        pairs = {group: held}
        if isinstance(held, dict):
            pairs = {f"{group}.{key}": inner for key, inner in held.items()}
        options = {"Dumper": _Whole, "default_flow_style": True, "sort_keys": False}
        for key, inner in pairs.items() if group != "adapters" else ():
            text = yaml.dump(inner, width=float("inf"), **options).removesuffix("\n...\n").strip()
            named = [
                stage
                for other, known in stages.items()
                if f"{key}.".startswith(f"{other}.") or other.startswith(f"{key}.")
                for stage in known
                if stage != "render"  # which prints them all, here
            ]
            read = ", ".join(f"`{stage}`" for stage in dict.fromkeys(named)) or "none"
            rows.append({"key": f"`{key}`", "value": f"`{text}`", "readers": read})
    return pd.DataFrame(rows)
