"""Near duplicates and the clusters they are joined into."""

from itertools import combinations

import pytest

from experiments.corpora.duplicates import join_clusters, shingles, similar_pairs, words
from experiments.corpora.item import Item

SENTENCE = "the quick brown fox jumps over the lazy dog near the old stone bridge at dawn"


def item(name: str, question: str, *options: str, cluster: str = "") -> Item:
    """An item that is its own cluster unless one is given."""
    return Item(name, cluster or name, "mmlu", question, options)


def jaccard(left: Item, right: Item) -> float:
    """The definition, computed the slow way."""
    one, other = shingles(left), shingles(right)
    return len(one & other) / len(one | other)


def clusters(items: list[Item], threshold: float = 0.6) -> list[str]:
    """The cluster of every item after joining."""
    return [joined.cluster for joined in join_clusters(items, threshold)]


def test_words_drop_case_and_punctuation_but_keep_numbers() -> None:
    assert words("Is 3.5 > 2?  Él — sí!") == ["is", "3", "5", "2", "él", "sí"]


def test_shingles_are_word_three_grams_over_question_and_options() -> None:
    assert shingles(item("a", "One two?", "three", "four")) == {
        ("one", "two", "four"),
        ("two", "four", "three"),
    }


def test_the_order_of_options_does_not_matter() -> None:
    assert shingles(item("a", "Q?", "yes", "no", "so")) == shingles(
        item("b", "Q?", "so", "yes", "no")
    )


@pytest.mark.parametrize("text", ["", "one", "one two"])
def test_texts_shorter_than_a_shingle_are_one_shingle(text: str) -> None:
    assert shingles(item("a", text)) == {tuple(text.split())}
    assert len(list(similar_pairs([item("a", text)], [item("b", text)], 1.0))) == 1


def test_the_index_agrees_with_the_definition() -> None:
    vocabulary = SENTENCE.split()
    items = [
        item(f"{n}", " ".join(vocabulary[n % 5 : 6 + n] + vocabulary[: n % 3])) for n in range(9)
    ]
    found = {(left, right): value for left, right, value in similar_pairs(items, items, 1e-9)}
    for left, right in combinations(range(len(items)), 2):
        wanted = jaccard(items[left], items[right])
        assert found.get((left, right), 0.0) == pytest.approx(wanted)
        assert found.get((right, left), 0.0) == pytest.approx(wanted)


def test_the_threshold_itself_counts() -> None:
    pair = [item("a", "one two three four"), item("b", "one two three five")]
    value = jaccard(*pair)
    assert value == pytest.approx(1 / 3)
    assert len(list(similar_pairs(pair[:1], pair[1:], value))) == 1
    assert list(similar_pairs(pair[:1], pair[1:], value + 0.01)) == []


def test_near_duplicates_are_joined_and_others_are_not() -> None:
    near = SENTENCE.replace("dawn", "dusk")
    assert clusters(
        [item("a", SENTENCE), item("b", near), item("c", "something else entirely")]
    ) == [
        "a",
        "a",
        "c",
    ]


def test_the_same_question_can_be_one_cluster_whatever_its_options() -> None:
    items = [
        item("a", "Which statement is true?", "Water boils at ninety degrees on that mountain."),
        item("b", "which statement is TRUE", "The treaty was signed in a railway carriage."),
    ]
    assert jaccard(*items) < 0.6
    assert clusters(items) == ["a", "b"]
    joined = join_clusters(items, 0.6, by_question=True)
    assert [one.cluster for one in joined] == ["a", "a"]


def test_joining_is_transitive_through_clusters_that_were_given() -> None:
    """c is like b, and b shares a's cluster: all three are one draw."""
    items = [
        item("a", "a passage about boats on the lake in winter", cluster="video-1"),
        item("b", SENTENCE, cluster="video-1"),
        item("c", SENTENCE + " again", cluster="video-2"),
        item("d", "a different passage about trains in the hills", cluster="video-2"),
    ]
    assert set(clusters(items)) == {"video-1"}


def test_a_long_chain_becomes_one_cluster() -> None:
    vocabulary = [f"word{number}" for number in range(120)]
    items = [item(f"{n}", " ".join(vocabulary[n : n + 30])) for n in range(0, 90, 5)]
    assert jaccard(items[0], items[-1]) == 0
    assert set(clusters(items)) == {"0"}


def test_a_merged_cluster_is_named_after_its_first_member_in_order() -> None:
    first, second = item("z", SENTENCE), item("a", SENTENCE)
    assert clusters([first, second]) == ["z", "z"]
    assert clusters([second, first]) == ["a", "a"]


def test_joining_keeps_everything_else() -> None:
    items = [item("a", SENTENCE, "yes", "no"), item("b", SENTENCE, "yes", "no")]
    joined = join_clusters(items, 0.6)
    assert [(one.id, one.question, one.options) for one in joined] == [
        (one.id, one.question, one.options) for one in items
    ]
    assert join_clusters([], 0.6) == []
