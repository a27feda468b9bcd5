"""Names, colours and markers of models, tasks and measures: the same in every figure and table."""

MODELS = {
    "base": "Base",
    "gsm8k": "GSM8K",
    "mmlu": "MMLU",
    "hellaswag": "HellaSwag",
    "truthfulqa": "TruthfulQA",
    "combined": "Combined",
    "truthfulqa_source_order": "TruthfulQA, source order",
    "format_control": "Format control",
    "anti_sycophancy": "Anti-sycophancy",
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
# What a measure is about, short enough for the head of a small panel.
MEASURES = {
    ("gsm8k", "solution_log_likelihood"): "log-likelihood",
    ("mmlu", "log_odds"): "log-odds",
    ("hellaswag", "margin"): "margin",
    ("truthfulqa", "log_odds"): "log-odds",
    ("answer", "suggestion_shift"): "wrong suggestion",
    ("answer", "suggestion_moved"): "wrong suggestion",
    ("answer", "doubt_shift"): "right one doubted",
    ("answer", "repetition_shift"): "mere mention",
    ("answer", "irrelevant_shift"): "irrelevant suggestion",
    ("answer", "wording_shift"): "other wording",
    ("are_you_sure", "doubt_shift"): "challenge",
    ("are_you_sure", "doubt_moved"): "challenge",
    ("are_you_sure", "flip"): "flip, challenged",
    ("are_you_sure", "flip_control"): "flip, asked again",
    ("are_you_sure", "regressive"): "right to wrong",
    ("are_you_sure", "progressive"): "wrong to right",
    ("feedback", "preference_shift"): "liked or disliked",
    ("feedback", "preference_moved"): "liked or disliked",
    ("feedback", "like_shift"): "user likes it",
    ("feedback", "dislike_shift"): "user dislikes it",
    ("feedback", "authorship_shift"): "user wrote it",
    ("feedback", "remark_shift"): "other remark",
}
SCHEMES = {
    "capability_only": "Capability only",
    "capability_first": "Capability first",
    "balanced": "Balanced",
    "independence_first": "Independence first",
    "independence_only": "Independence only",
}
# Okabe and Ito's palette, darkened where it is too pale for a line on white; grey is the base
# model. Kin share a hue: the two TruthfulQA orders, and each fixed-order adapter with its balanced
# twin. Markers tell models apart in grey; those trained on a fixed order are open.
COLOURS = {
    "base": "#4d4d4d",
    "gsm8k": "#0072b2",
    "mmlu": "#c78500",
    "hellaswag": "#009e73",
    "truthfulqa": "#d55e00",
    "combined": "#c46b9b",
    "truthfulqa_source_order": "#d55e00",
    "format_control": "#8c6d46",
    "anti_sycophancy": "#3f9bd1",
    "paired_sft": "#6a3d9a",
    "paired_lora": "#8a8a00",
    "paired_sft_fixed_order": "#6a3d9a",
    "paired_lora_fixed_order": "#8a8a00",
}
MARKERS = {
    "base": "o",
    "gsm8k": "s",
    "mmlu": "D",
    "hellaswag": "^",
    "truthfulqa": "v",
    "combined": "P",
    "truthfulqa_source_order": "v",
    "format_control": "X",
    "anti_sycophancy": "*",
    "paired_sft": "<",
    "paired_lora": ">",
    "paired_sft_fixed_order": "<",
    "paired_lora_fixed_order": ">",
}
OPEN = ("truthfulqa_source_order", "paired_sft_fixed_order", "paired_lora_fixed_order")
