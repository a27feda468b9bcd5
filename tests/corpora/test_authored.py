"""The authored texts: schema, duplicates, and no cue but the content that gives the answer away."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from statistics import mean

import pytest

from experiments.corpora import authored, pocket
from experiments.corpora.duplicates import similar_pairs, words
from experiments.corpora.item import Item
from experiments.corpora.surface_cues import right_option_found, right_verdict_found
from tests.fetched import needs_data

MISCONCEPTIONS = [
    json.loads(line)
    for line in (authored.FOLDER / "misconceptions.jsonl").read_text(encoding="utf-8").splitlines()
]
ARGUMENTS = [
    json.loads(line)
    for line in (authored.FOLDER / "arguments.jsonl").read_text(encoding="utf-8").splitlines()
]
ASKED_OPTIONS = 3  # of the incorrect answers, beside the best one, at the default parameters
MOST_BLIND = 0.55  # accuracy of a rule that is blind to the reasoning
PLAIN_ID = r"[a-z0-9]+(-[a-z0-9]+)*"
FALLACY_WORDS = (
    r"fallac|flaw|logic|\bsound|\bvalid|invalid|straw man|slippery|\bslope|dilemma|circular"
    r"|begs? the question|popularity|bandwagon|ad hominem|post hoc|generali[sz]|equivoc|consequent"
    r"|authorit|appeal to|non sequitur|premise|conclusion"
)


def answers(row: dict) -> list[str]:
    """The best answer, the other correct ones and the incorrect ones."""
    return [row["best_answer"], *row["correct_answers"], *row["incorrect_answers"]]


def normal(text: str) -> str:
    """Words only, so that punctuation and case do not hide a duplicate."""
    return " ".join(words(text))


def questions_only(items: Iterable[Item]) -> list[Item]:
    """The items without their options."""
    return [Item(item.id, item.cluster, item.benchmark, item.question) for item in items]


def closest(items: list[Item], others: list[Item], least: float) -> list[tuple]:
    """Pairs of different clusters whose similarity is at least `least`."""
    return [
        (round(similarity, 2), items[left].id, others[right].id)
        for left, right, similarity in similar_pairs(items, others, least)
        if items[left].cluster != others[right].cluster
    ]


def share(pattern: str, texts: Iterable[str]) -> float:
    """Share of the texts in which the pattern occurs."""
    return mean(bool(re.search(pattern, text, re.IGNORECASE)) for text in texts)


class TestMisconceptions:
    def test_there_are_enough_in_many_fields(self) -> None:
        assert len(MISCONCEPTIONS) >= 300
        fields = Counter(row["category"] for row in MISCONCEPTIONS)
        assert len(fields) >= 12
        assert min(fields.values()) >= 5
        assert max(fields.values()) <= len(MISCONCEPTIONS) / 10

    def test_schema(self) -> None:
        for row in MISCONCEPTIONS:
            assert list(row) == [
                "id",
                "category",
                "question",
                "best_answer",
                "correct_answers",
                "incorrect_answers",
                "fact",
            ]
            assert re.fullmatch(PLAIN_ID, row["id"])
            assert 1 <= len(row["correct_answers"]) <= 3, row["id"]
            assert 4 <= len(row["incorrect_answers"]) <= 5, row["id"]
            assert row["question"].endswith("?") and 5 <= len(row["question"].split()) <= 22
            assert row["fact"].endswith(".") and "\n" not in row["fact"]
            assert len(row["fact"].split()) >= 3, row["id"]
            for answer in answers(row):
                assert answer == answer.strip() and answer.endswith("."), answer
                assert answer[0].isupper() or answer[0].isdigit(), answer
                assert len(answer) <= 130 and "\n" not in answer, answer

    def test_no_answer_stands_twice_in_a_question(self) -> None:
        for row in MISCONCEPTIONS:
            assert len(set(map(normal, answers(row)))) == len(answers(row)), row["id"]

    def test_ids_and_questions_are_unique(self) -> None:
        assert len({row["id"] for row in MISCONCEPTIONS}) == len(MISCONCEPTIONS)
        assert len({normal(row["question"]) for row in MISCONCEPTIONS}) == len(MISCONCEPTIONS)

    def test_no_two_are_near_duplicates(self) -> None:
        items = list(authored.truthfulqa(6))
        assert closest(items, items, 0.2) == []
        questions = questions_only(items)
        assert closest(questions, questions, 0.4) == []

    def test_the_reader_takes_the_best_answer_first_and_leaves_nothing_out(self) -> None:
        for item, row in zip(authored.truthfulqa(4), MISCONCEPTIONS, strict=True):
            assert item.options == (row["best_answer"], *row["incorrect_answers"][:3])
            assert item.gold == 0 and item.category == row["category"]

    @pytest.mark.parametrize("count", [ASKED_OPTIONS, 5])
    def test_length_does_not_give_the_best_answer_away(self, count: int) -> None:
        best = [len(row["best_answer"]) for row in MISCONCEPTIONS]
        wrong = [list(map(len, row["incorrect_answers"][:count])) for row in MISCONCEPTIONS]
        assert 0.92 < mean(best) / mean(length for listed in wrong for length in listed) < 1.08
        chance = mean(1 / (1 + len(listed)) for listed in wrong)
        longest = mean(own > max(listed) for own, listed in zip(best, wrong, strict=True))
        shortest = mean(own < min(listed) for own, listed in zip(best, wrong, strict=True))
        assert abs(longest - chance) < 0.05
        assert abs(shortest - chance) < 0.05
        longer = [
            mean((own > other) + (own == other) / 2 for other in listed)
            for own, listed in zip(best, wrong, strict=True)
        ]
        assert abs(mean(longer) - 0.5) < 0.05  # the best answer's place among them by length

    def test_the_suggested_misconception_is_as_long_as_the_best_answer(self) -> None:
        """The answer test compares these two texts by log-likelihood."""
        first = mean(len(row["incorrect_answers"][0]) for row in MISCONCEPTIONS)
        assert 0.92 < first / mean(len(row["best_answer"]) for row in MISCONCEPTIONS) < 1.08

    @pytest.mark.parametrize(
        "pattern",
        [
            r"\b(no|not|never|nothing|neither|none|cannot|without|nor)\b|n't\b",
            r"\b(usually|often|may|mostly|roughly|about|nearly|rarely|typically|some|mainly)\b",
            r"\b(because|since|as)\b",
            r"\b(though|although|but|yet|while|despite)\b",
            r"\b(always|never|only|all|every|any|entirely|exactly|completely)\b",
            r"^(no|yes|it depends|nothing|there is no)\b",
            r"\d",
            r",",
        ],
    )
    def test_no_wording_marks_the_truth(self, pattern: str) -> None:
        best = share(pattern, (row["best_answer"] for row in MISCONCEPTIONS))
        wrong = share(
            pattern, (text for row in MISCONCEPTIONS for text in row["incorrect_answers"])
        )
        assert abs(best - wrong) < 0.12

    def test_no_answer_calls_itself_true_or_a_myth(self) -> None:
        cue = r"\b(myth|actually|in fact|misconception|really|contrary|popular belief|the truth)\b"
        assert share(cue, (text for row in MISCONCEPTIONS for text in answers(row))) == 0

    def test_a_reader_of_answers_without_questions_gains_little(self) -> None:
        """Naive Bayes over words, each question left out of its own training; chance is 0.25."""
        assert right_option_found(list(authored.truthfulqa(ASKED_OPTIONS + 1))) <= 0.30

    @needs_data
    def test_none_repeats_an_mmlu_question(self) -> None:
        mmlu = list(pocket.mmlu(("dev", "validation", "test")))
        own = list(authored.truthfulqa(6))
        assert closest(mmlu, own, 0.15) == []
        assert closest(questions_only(mmlu), questions_only(own), 0.4) == []


class TestArguments:
    def test_there_are_enough_and_half_are_sound(self) -> None:
        assert len(ARGUMENTS) >= 160
        assert sum(row["sound"] for row in ARGUMENTS) * 2 == len(ARGUMENTS)

    def test_schema(self) -> None:
        for row in ARGUMENTS:
            assert list(row) == ["id", "topic", "voice", "text", "sound", "fallacy"]
            assert re.fullmatch(PLAIN_ID, row["topic"])
            assert row["id"] == f"{row['topic']}/{'sound' if row['sound'] else 'flawed'}"
            assert (row["fallacy"] is None) == row["sound"]
            assert row["text"] == " ".join(row["text"].split()), row["id"]
            assert 250 <= len(row["text"]) <= 450, row["id"]

    def test_every_topic_has_a_sound_and_a_flawed_argument_in_one_voice(self) -> None:
        topics = defaultdict(list)
        for row in ARGUMENTS:
            topics[row["topic"]].append(row)
        for topic, rows in topics.items():
            assert sorted(row["sound"] for row in rows) == [False, True], topic
            assert len({row["voice"] for row in rows}) == 1, topic

    def test_at_least_a_dozen_fallacies_evenly(self) -> None:
        kinds = Counter(row["fallacy"] for row in ARGUMENTS if row["fallacy"])
        assert len(kinds) >= 12
        assert max(kinds.values()) <= 2 * min(kinds.values())

    def test_voices_and_verdicts_are_balanced(self) -> None:
        cells = Counter((row["voice"], row["sound"]) for row in ARGUMENTS)
        voices = {voice for voice, _ in cells}
        assert len(voices) >= 8
        assert all(cells[voice, True] == cells[voice, False] for voice in voices)

    def test_the_fallacy_is_never_named(self) -> None:
        for row in ARGUMENTS:
            assert not re.search(FALLACY_WORDS, row["text"], re.IGNORECASE), row["id"]
            if row["fallacy"]:
                assert row["fallacy"] not in row["text"].lower(), row["id"]

    def test_no_argument_asks_for_the_verdict_in_the_words_of_the_test(self) -> None:
        remark = r"\b(I wrote|I did not write|I really (dis)?like|this argument)\b"
        assert share(remark, (row["text"] for row in ARGUMENTS)) == 0

    def test_topics_do_not_repeat(self) -> None:
        items = list(authored.arguments())
        assert len({normal(item.question) for item in items}) == len(items)
        assert closest(items, items, 0.1) == []

    def test_length_does_not_give_the_verdict_away(self) -> None:
        sound, flawed = (
            {row["topic"]: len(row["text"]) for row in ARGUMENTS if row["sound"] is verdict}
            for verdict in (True, False)
        )
        for topic, length in sound.items():
            assert 1 / 1.1 <= length / flawed[topic] <= 1.1, topic
        assert abs(mean(sound.values()) - mean(flawed.values())) < 4
        assert abs(mean(sound[topic] > flawed[topic] for topic in sound) - 0.5) < 0.1

    @pytest.mark.parametrize(
        ("pattern", "most"),
        [
            (r"\b(may|might|perhaps|probably|likely|seems?|suppose|roughly|almost)\b", 0.15),
            (r"\b(always|never|everyone|everybody|nobody|all|every|certainly)\b", 0.15),
            (r"\b(but|though|yet|still)\b", 0.2),
            (r"\b(so|then|therefore)\b", 0.15),
            (r"\b(per cent|measured|tested|trial|engineers?)\b|%", 0.2),
            (r"\d", 0.15),
            (r"!", 0.15),
            (r"\?", 0.2),
        ],
    )
    def test_no_wording_marks_the_verdict(self, pattern: str, most: float) -> None:
        sound = share(pattern, (row["text"] for row in ARGUMENTS if row["sound"]))
        flawed = share(pattern, (row["text"] for row in ARGUMENTS if not row["sound"]))
        assert abs(sound - flawed) < most

    def test_a_reader_of_words_alone_gains_little(self) -> None:
        """Naive Bayes over words, each topic left out of its own training; chance is a half."""
        assert right_verdict_found(list(authored.arguments())) <= MOST_BLIND

    @needs_data
    def test_none_repeats_an_mmlu_question(self) -> None:
        mmlu = list(pocket.mmlu(("dev", "validation", "test")))
        subjects = ("logical_fallacies", "philosophy", "moral_disputes")
        near = [item for item in mmlu if item.category in subjects]
        assert closest(near, list(authored.arguments()), 0.05) == []


def test_misconceptions_and_arguments_do_not_overlap() -> None:
    assert closest(list(authored.truthfulqa(6)), list(authored.arguments()), 0.05) == []
