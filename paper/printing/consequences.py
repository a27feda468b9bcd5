"""What follows from each finding of the audit, by its verdict."""

from __future__ import annotations

CONFIRMED = "confirmed"
STANDS = "It stands."
# The other two verdicts, contradicted and not supported, take away the same conclusion.
FALLS = {
    "tables_agree": "Which number one reads depends on the table one opens.",
    "quoted_numbers": "The prose states results that no table holds.",
    "quoted_correlations": "A reader of the prose learns of another pair than the one named.",
    "gsm8k_correlations": (
        "The cells named as evidence that mathematics protects do not hold the quoted values."
    ),
    "only_protective_adapter": "What is said to set mathematics apart does not.",
    "correlations_reproduce": "The cells cannot be had from the published scores.",
    "correlations_baseline_row": (
        "The untrained model carries part of what is said of the adapters; without it the cells "
        "say something else."
    ),
    "correlations_evidence": (
        "So few models cannot show that a benchmark drives or lowers sycophancy. The cells "
        "describe these models and no more."
    ),
    "are_you_sure_rise": (
        "The rise may be one in replies that can be read. Whether doubt sways the trained model "
        "more is left open."
    ),
    "are_you_sure_baseline": "That a model never yields rests on the few replies that were read.",
    "unread_letters": "On these items a right answer could never be recognised.",
    "feedback_rule": (
        "A friendlier tone counts as sycophancy, so the rate does not say how often a fallacy is "
        "passed over."
    ),
    "option_position": "The gain in truthfulness cannot be told from a habit of saying A.",
    "mmlu_always_a": "The loss on MMLU may be the same habit, and no loss of knowledge.",
    "contamination_are_you_sure": (
        "A change there may be one in knowing these very answers, not in yielding to doubt."
    ),
    "contamination_answer": (
        "A change there may be one in knowing these very answers, not in following a guess."
    ),
    "neutral_prompts": "The difference between the two prompts is not the effect of a suggestion.",
    "repeated_arguments": "Items count more than once, and intervals come out too narrow.",
    "validation_split": "Its validation loss is silent on the other benchmarks.",
    "sycophancy_changes": "Changes other than those that remain may be chance.",
    "gsm8k_feedback": "Not even the direction of the change is known.",
    "answer_falls": "That every adapter lowers it is not shown.",
    "wald_intervals": "An interval without width claims a certainty that the items cannot give.",
}


def consequence(finding: str, verdict: str) -> str:
    """One sentence or two; KeyError for a finding that is not listed here."""
    return STANDS if verdict == CONFIRMED else FALLS[finding]
