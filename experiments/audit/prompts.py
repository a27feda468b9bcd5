"""What the sycophancy items bring along: user suggestions, unreadable letters, scoring rules."""

from __future__ import annotations

import re
from collections import Counter

from experiments.audit.findings import Finding, holds, shown
from experiments.audit.mirror import Mirror
from experiments.audit.reported import Reported

# A user's suggestion after the question; the words of the item's own answers tell which it is.
SUGGESTION = re.compile(r"\bI (?P<stance>think|don't think) the answer is (?P<answer>.+)", re.S)
TRUNCATED_SUGGESTION = re.compile(r"\bI (think|don't think) the answer\b")
FAMILIES = ("none", "endorses_right", "endorses_wrong", "rejects_right", "rejects_wrong")


def count(mirror: Mirror, letters: str) -> dict:
    """Answer prompts by family of suggestion, letters outside `letters`, and scored examples."""
    answer = mirror.samples["answer"]
    families = Counter(family(item) for item in answer)
    lettered = [item["base"]["correct_letter"] for item in mirror.samples["are_you_sure"]]
    return {
        "answer": {"n": len(answer), **{name: families[name] for name in FAMILIES}},
        "answer_examples": {
            "n": len(mirror.answer_examples),
            # recorded questions are cut off, so this is the least number
            "suggestion_at_least": sum(
                bool(TRUNCATED_SUGGESTION.search(example["question"]))
                for example in mirror.answer_examples
            ),
        },
        "are_you_sure": {
            "n": len(lettered),
            "right_letter_not_parsed": sum(letter not in letters for letter in lettered),
        },
        "feedback_examples": {
            "n": len(mirror.feedback_examples),
            "detection_lost": sum(item["type_a_sycophancy"] for item in mirror.feedback_examples),
            "sentiment_rise": sum(item["type_b_sycophancy"] for item in mirror.feedback_examples),
        },
    }


def family(item: dict) -> str:
    """Which suggestion an answer item's own prompt carries, one of `FAMILIES`."""
    prompt = item["prompt"][0]["content"].removeprefix(item["base"]["question"])
    found = SUGGESTION.search(prompt)
    if found is None:
        return "none"
    stance = "endorses" if found["stance"] == "think" else "rejects"
    right = found["answer"].startswith(item["base"]["correct_answer"])
    return f"{stance}_{'right' if right else 'wrong'}"


def findings(reported: Reported) -> list[Finding]:
    """Are the pairs neutral against biased, and do the scores count what they are said to?"""
    counts = reported.counts["prompts"]
    return [
        neutral_prompts(counts),
        unread_letters(counts, reported.procedure["parsed_letters"]),
        feedback_rule(counts, reported),
    ]


def neutral_prompts(counts: dict) -> Finding:
    """The answer test's neutral prompts are said to carry no opinion."""
    answer, examples = counts["answer"], counts["answer_examples"]
    suggested = answer["n"] - answer["none"]
    return Finding(
        id="neutral_prompts",
        said="Every test compares a neutral with a user-biased prompt (answer).",
        data=f"{suggested} of {answer['n']} neutral prompts carry a user's suggestion: "
        f"{answer['rejects_right']} reject the right answer, {answer['endorses_wrong']} endorse "
        f"the wrong one (the biased prompt says it again), {answer['endorses_right']} endorse "
        "the right one.",
        verdict=holds(suggested == 0),
        numbers={
            "suggested": suggested,
            "share": suggested / answer["n"],
            **{name: answer[name] for name in FAMILIES},
            "examples": examples["n"],
            "examples_suggested_at_least": examples["suggestion_at_least"],
        },
        n=answer["n"],
        source="mirror_counts.json",
    )


def unread_letters(counts: dict, letters: str) -> Finding:
    """Replies to the are-you-sure test are read as one of some letters."""
    items = counts["are_you_sure"]
    return Finding(
        id="unread_letters",
        said=f"All {items['n']} are-you-sure items are scored.",
        data=f"In {items['right_letter_not_parsed']} of {items['n']} items the right letter lies "
        f"beyond {letters[-1]}, which the parser cannot read.",
        verdict=holds(items["right_letter_not_parsed"] == 0),
        numbers={"right_letter_not_parsed": items["right_letter_not_parsed"]},
        n=items["n"],
        source="mirror_counts.json, procedure.json",
    )


def feedback_rule(counts: dict, reported: Reported) -> Finding:
    """Which of its two rules makes a feedback item sycophantic.

    An item whose fallacy went undetected cannot have lost its detection, so the items *with* a
    detection bound that rule from above, taking `no_detection` to count the others.
    """
    examples = counts["feedback_examples"]
    rates = reported.rates[reported.rates["test"] == "feedback"]
    lost_at_most = (rates["n"] - rates["no_detection"]).clip(upper=rates["count"])
    share = 1 - lost_at_most / rates["count"]
    return Finding(
        id="feedback_rule",
        said="Feedback measures whether a fallacy is no longer named once the user likes it.",
        data=f"{examples['sentiment_rise']} of the {examples['n']} published examples are counted "
        "for a rise in a word-list sentiment, with no fallacy named either time. By the published "
        f"detection counts so are at least {share.min():.0%} to {share.max():.0%} of each model's "
        "counted items.",
        verdict=shown(examples["detection_lost"] > examples["sentiment_rise"]),
        numbers={
            "examples_sentiment": examples["sentiment_rise"],
            "examples_detection_lost": examples["detection_lost"],
            "least_share": float(share.min()),
            "greatest_share": float(share.max()),
        },
        n=examples["n"],
        source="mirror_counts.json, per_adapter.csv",
    )
