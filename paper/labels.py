"""Names and colours of models, tasks and measures: the same in every figure and table."""

import seaborn as sns

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
# Okabe and Ito's colour-blind-safe palette (seaborn's "colorblind"), grey for the base model; the
# marker tells models apart where colour cannot.
_PALETTE = ["#595959", *sns.color_palette("colorblind").as_hex()]
COLOURS = {name: _PALETTE[number % len(_PALETTE)] for number, name in enumerate(MODELS)}
MARKERS = dict(zip(MODELS, "osD^vPX*<>hpd", strict=True))
