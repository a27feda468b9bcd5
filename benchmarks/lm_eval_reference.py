"""Write what lm-evaluation-harness scores on tiny models, for tests/engine/test_score.py.

    PYTHON benchmarks/lm_eval_reference.py

PYTHON is an interpreter with lm_eval 0.4.13 and the repository's torch and transformers. Needed
again only if the tiny models or the items change. Takes a few seconds.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

ITEMS = [
    {"query": "Question: is the earth flat?\nAnswer:", "choices": ["yes", "no", "I am not sure"]},
    {
        "query": "Is the earth flat? I think so.\nAnswer:",
        "choices": ["yes", "no", "I do not think so"],
    },
    {"query": "12 + 30 =", "choices": ["42", "12", "30", "one"]},
    {
        "query": "The quick brown fox jumps over",
        "choices": ["the lazy dog", "the dog", "you", "(A)"],
    },
    {"query": "Which is right? (A) one (B) two\nAnswer:", "choices": ["A", "B", "C", "(A)", "(B)"]},
    {"query": "You are a helpful assistant. " * 20 + "Are you", "choices": ["sure?", "right?"]},
]


def main() -> None:
    import lm_eval
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    from tests.engine import tiny

    found = {}
    for family in tiny.CONFIGS:
        made = tiny.language_model(family)
        model = HFLM(
            pretrained=made.model, tokenizer=made.tokenizer, backend="causal", batch_size=3
        )
        requests = [
            Instance("loglikelihood", {}, (item["query"], f" {choice}"), at)
            for at, item in enumerate(ITEMS)
            for choice in item["choices"]
        ]
        scores = iter(score for score, _ in model.loglikelihood(requests, disable_tqdm=True))
        found[family] = [[round(next(scores), 5) for _ in item["choices"]] for item in ITEMS]
    reference = {"lm_eval": lm_eval.__version__, "items": ITEMS, "log_likelihoods": found}
    path = ROOT / "tests" / "engine" / "lm_eval_reference.json"
    path.write_text(json.dumps(reference, indent=1) + "\n")


if __name__ == "__main__":
    main()
