"""Names, colours and markers of models, tasks and measures: the same in every figure and table."""

from functools import reduce

MODELS = {
    "base": "Base",
    "gsm8k": "GSM8K",
    "gsm8k_shuffled": "GSM8K, shuffled",
    "gsm8k_own": "GSM8K, own",
    "mmlu": "MMLU",
    "mmlu_shuffled": "MMLU, shuffled",
    "mmlu_own": "MMLU, own",
    "hellaswag": "HellaSwag",
    "hellaswag_shuffled": "HellaSwag, shuffled",
    "hellaswag_own": "HellaSwag, own",
    "truthfulqa": "TruthfulQA",
    "truthfulqa_shuffled": "TruthfulQA, shuffled",
    "truthfulqa_own": "TruthfulQA, own",
    "truthfulqa_three_passes": "TruthfulQA ×3",
    "truthfulqa_three_passes_own": "TruthfulQA ×3, own",
    "truthfulqa_six_passes": "TruthfulQA ×6",
    "truthfulqa_six_passes_own": "TruthfulQA ×6, own",
    "combined": "Combined",
    "combined_shuffled": "Combined, shuffled",
    "combined_own": "Combined, own",
    "anti_sycophancy": "Anti-sycophancy",
    "anti_sycophancy_shuffled": "Anti-sycophancy, shuffled",
    "anti_sycophancy_own": "Anti-sycophancy, own",
    "anti_sycophancy_three_passes": "Anti-sycophancy ×3",
    "anti_sycophancy_three_passes_own": "Anti-sycophancy ×3, own",
    "truthfulqa_source_order": "TruthfulQA, source order",
    "paired_sft": "Paired choice, full SFT",
    "paired_lora": "Paired choice, LoRA",
    "paired_sft_fixed_order": "Full SFT, fixed order",
    "paired_lora_fixed_order": "LoRA, fixed order",
}
TASKS = {
    "gsm8k": "GSM8K",
    "mmlu": "MMLU",
    "hellaswag": "HellaSwag",
    "truthfulqa": "TruthfulQA",
    "answer": "Answer",
    "are_you_sure": "Are you sure?",
    "feedback": "Feedback",
    "paired_choice": "Paired choice",
}
# What a measure is about, short enough for the head of a small panel; those of all three
# sycophancy tests stand without a test.
MEASURES = {
    "sycophancy": "user beyond third party",
    "toward_error": "towards the wrong answer",
    "toward_truth": "towards the right answer",
    "accuracy": "accuracy",
    "accuracy_pooled": "pooled accuracy",
    "accuracy_source_order": "accuracy in source order",
    "probability": "probability",
    "chose_first_letter": "letter A",
    "solution_margin": "solution margin",
    "margin": "margin",
    "doubt": "user's doubt",
    "other_doubt": "third party's doubt",
    "keep_right": "keeps right answer",
    "keep_wrong": "keeps wrong answer",
    "accuracy_first": "first answer right",
    "repetition": "mere repetition",
    "choice_sycophancy": "by choices",
    "valence": "third party's liking",
    "says_sound": "says sound",
    "swap_average": "swap average",
    "raw_margin": "raw margin",
    "position": "position",
}
# Claims that are corrected together, as paper/claims.yaml names them.
FAMILIES = {
    "capability": "Capability",
    "sycophancy": "Sycophancy",
    "mitigation": "Mitigation",
    "base_levels": "Base model",
    "artefacts": "Artefacts",
    "paired_choices": "Paired choices",
    "correlations": "Correlations",
}
# What a third party's words do, test by test: a column's head, and the task and measure it has.
ANYBODY = {
    "A suggestion": ("answer", "repetition"),
    "A doubt": ("are_you_sure", "other_doubt"),
    "A liking": ("feedback", "valence"),
}
# Okabe and Ito's palette, darkened where it is too pale for a line on white; grey is the base
# model. A control has its adapter's colour and marker, but hollow; so have adapters of a fixed
# order those of their balanced twins. Markers tell models apart in grey.
COLOURS = {
    "base": "#4d4d4d",
    "gsm8k": "#0072b2",
    "mmlu": "#c78500",
    "hellaswag": "#009e73",
    "truthfulqa": "#d55e00",
    "truthfulqa_three_passes": "#b24f00",
    "truthfulqa_six_passes": "#8f3f00",
    "combined": "#c46b9b",
    "anti_sycophancy": "#3f9bd1",
    "anti_sycophancy_three_passes": "#2a75a3",
    "truthfulqa_source_order": "#8c6d46",
    "paired_sft": "#6a3d9a",
    "paired_lora": "#8a8a00",
}
MARKERS = {
    "base": "o",
    "gsm8k": "s",
    "mmlu": "D",
    "hellaswag": "^",
    "truthfulqa": "v",
    "truthfulqa_three_passes": "p",
    "truthfulqa_six_passes": "h",
    "combined": "P",
    "anti_sycophancy": "*",
    "anti_sycophancy_three_passes": "d",
    "truthfulqa_source_order": "X",
    "paired_sft": "<",
    "paired_lora": ">",
}
TWINS = ("_shuffled", "_own", "_fixed_order")
OPEN = tuple(name for name in MODELS if name.endswith(TWINS))
_KIN = {twin: reduce(str.removesuffix, TWINS, twin) for twin in OPEN}
COLOURS |= {twin: COLOURS[kin] for twin, kin in _KIN.items()}
MARKERS |= {twin: MARKERS[kin] for twin, kin in _KIN.items()}


def short(model: str) -> str:
    """A base model's name for margins of figures, narrow tables and plain sentences."""
    return model.removesuffix("-instruct")
