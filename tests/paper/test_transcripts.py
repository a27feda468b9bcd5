"""Nothing that a model says is markup: not in the page, not in its Markdown, not in the PDF."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pypandoc
import pytest
import typst

from experiments import tables
from experiments.corpora.item import Item
from experiments.engine.request import Dialogue
from experiments.measures.free_replies import OUTCOMES, table
from experiments.rendering.check import check_site
from experiments.tasks import published
from experiments.tasks.published import answer, are_you_sure, feedback
from printing import replies, reply_browser
from printing.report import Report
from tests.replies import PARAMETERS, authored, biased, rows

ROOT = Path(__file__).resolve().parents[2]


TEXTS = {
    "script": "<script>alert(1)</script>",
    "closing tags": "</bdi></pre></div></article></section>",
    "comment": "<!-- hidden --> <b>bold</b> &amp; &#60;",
    "attribute": '" onmouseover="alert(1)" \'',
    "inline code": "`{python} 1 + 1` and `` `{python} 1` ``",
    "fence": "a\n```\n::: {.callout-note}\n```{python}\n1\n```\n:::\n````",
    "raw": "```{=html}\n<script>x</script>\n```\n`<b>`{=html}",
    "shortcode": "{{< include x >}} {{{< meta title >}}}",
    "table": "| a | b |\n|---|---|\n| 1 | 2 |",
    "math": "$x$ and $$\\frac12$$ and \\(x\\) \\[y\\]",
    "markdown": "# Title\n\n- a\n- b\n\n1. one\n2) two\n\n> said\n\n*e* **s** _u_ ~~s~~\n---\n***",
    "links": "[a](javascript:alert(1)) ![b](http://example.org/x.png) <http://example.org> [^1]",
    "references": "@fig-x @sharma2023 [@nobody] ?@fig-y {#sec-x .class} [span]{.smallcaps}",
    "typst": '#panic("x") #image("x") $ x $ @label <label> // gone /* gone */ \\ ~ = Title',
    "latex": "\\begin{align} x \\end{align} \\input{x}",
    "long word": "x" * 300,
    "directions": "left \u202eright\u202c \u200fend\u2066",
    "other scripts": "שלום عليكم 你好 🙂 é",
    "control": "bell\x07 null\x00 return\rline\u2028separator\x1b[31m",
    "spaces": "\n\n  begins\twith    space\n\n\nends  \n",
    "quotes": "'a' \"b\" -- --- ... word's",
    "empty": "",
    "missing": "None",
    "not a number": "NaN",
    "printed object": "<IPython.core.display.HTML object> <Figure size 640x480>",
    "yaml": "---\ntitle: x\n---",
    "entity": "&lt;script&gt; &nbsp;",
}


@pytest.fixture
def report(tmp_path: Path) -> Report:
    """A report whose table holds every text, as neutral reply and as the other."""
    texts = list(TEXTS.values())
    count = -(-len(texts) // 2)
    frames = []
    for model, shift in (("base", 0), ("mmlu", 1), ("new_model", 2)):
        said = iter([*texts[shift:], *texts[:shift]] * 2)

        def script(item: Item, prompt: Dialogue, said: object = said) -> str:
            return next(said)

        for task in ("feedback", "are_you_sure", "answer"):
            frames += rows(task, authored(task, count if task == "feedback" else 3), script, model)
    (tmp_path / "results").mkdir()
    write(table(frames), tmp_path)
    return Report("transcripts", tmp_path)


def write(frame: pd.DataFrame, root: Path) -> None:
    """The table as the analyze stage writes it."""
    path = root / "results/transcripts.csv"
    escaped = frame.assign(text=frame["text"].map(tables.escaped))
    escaped.to_csv(path, index=False, lineterminator="\n")


class Page(HTMLParser):
    """Every tag, and the text of every quotation."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.quoted: list[str] = []
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}
        if tag == "bdi":
            self._inside = True
            self.quoted.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "bdi"

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.quoted[-1] += data


def page(report: Report) -> str:
    frame = replies.read(report)
    return reply_browser.browser(report, frame, replies.items(PARAMETERS), PARAMETERS)


def test_the_table_is_read_as_it_was_said(report: Report) -> None:
    texts = replies.read(report)["text"]
    assert set(texts) == {reply_browser.visible(text) for text in TEXTS.values()}
    assert {"", "None", "NaN", TEXTS["spaces"], TEXTS["fence"]} < set(texts)


def test_the_page_shows_every_text_and_takes_none_for_markup(report: Report) -> None:
    found = Page(page(report))
    shown = {reply_browser.visible(text) for text in TEXTS.values() if text}
    assert shown <= set(found.quoted)
    known = "style div form label input select option button p span section h3 details summary"
    assert found.tags == set(known.split()) | {"pre", "bdi", "article", "h4", "h5", "script"}
    assert not [name for name in found.attributes if name.startswith("on")]


def test_between_the_tags_of_the_page_nothing_can_be_read_as_markup(report: Report) -> None:
    """What is not a tag, a style or a script holds no character that any renderer acts on."""
    text = re.sub(r"<(style|script)>.*?</\1>", "", page(report), flags=re.DOTALL)
    between = re.sub(r"<[^<>]*>", "", text)
    assert not set("<>{}[]`$@*_\\|~^\"'") & set(between)
    assert not set(re.sub(r"&#\d+;", "", between)) & set("&#")
    assert "{{" not in text and "```" not in text


def test_the_page_passes_the_check_of_the_site(report: Report, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    html = f"<!DOCTYPE html><html><body>{page(report)}</body></html>"
    (site / "index.html").write_text(html, encoding="utf-8")
    check_site(site, [Path("index.html")])
    assert not re.search(r'(src|href)="|url\(|https?://[^ ]*\.(js|css)', html)


def test_without_the_script_all_pairs_are_there_and_no_dead_controls(report: Report) -> None:
    html = page(report)
    count = len(replies.pairs(replies.read(report)))
    assert html.count("<article") == count > 0
    assert not re.search(r"<(article|section|details)[^>]*hidden", html)
    assert re.search(r"<form[^>]* hidden>", html)
    assert f'<span class="shown">{count}</span> of {count} pairs' in html


def test_every_filter_offers_what_the_pairs_have(report: Report) -> None:
    html = page(report)
    for name, column in (("model", "model"), ("test", "task"), ("outcome", "outcome")):
        select = re.search(rf'<select name="{name}">(.*?)</select>', html, re.DOTALL)[1]
        offered = [found for found in re.findall(r'value="([^"]*)"', select) if found]
        assert sorted(offered) == sorted(
            map(reply_browser.in_html, replies.read(report)[column].unique())
        )
        assert set(re.findall(rf'data-{name}="([^"]*)"', html)) == set(offered)


def pandoc(text: str, target: str) -> str:
    command = [pypandoc.get_pandoc_path(), "--from=markdown", f"--to={target}", "--wrap=none"]
    done = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
    return done.stdout.decode()


def words(text: str) -> str:
    """The text without its white space."""
    return "".join(text.split()).replace(reply_browser.BREAK, "")


def nodes(tree: object) -> list[str]:
    """The kinds of all elements of pandoc's tree."""
    if isinstance(tree, list):
        return [kind for part in tree for kind in nodes(part)]
    if isinstance(tree, dict):
        own = [tree["t"]] if "t" in tree else []
        return own + [kind for part in tree.values() for kind in nodes(part)]
    return []


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_in_markdown_is_words_and_line_breaks(name: str) -> None:
    markdown = reply_browser.in_markdown(TEXTS[name])
    tree = json.loads(pandoc(markdown, "json"))
    assert set(nodes(tree["blocks"])) <= {"Para", "Str", "Space", "LineBreak", "SoftBreak"}
    plain = pandoc(markdown, "plain")
    assert words(plain) == words(reply_browser.visible(TEXTS[name]))
    # what Quarto looks for before pandoc reads the text
    assert "{" not in markdown and "`" not in markdown and ":::" not in markdown


def examples(report: Report, quoted: Callable[[str, str], str]) -> str:
    """The pairs that the page begins with."""
    frame, known = replies.read(report), replies.items(PARAMETERS)
    return reply_browser.joined(reply_browser.examples(report, frame, known, PARAMETERS), quoted)


def adversarial(report: Report, quoted: Callable[[str, str], str]) -> str:
    """The pairs that the page begins with, and every text."""
    return "\n\n".join([examples(report, quoted), *(quoted("*Said*", t) for t in TEXTS.values())])


def test_the_examples_compile(report: Report) -> None:
    source = pandoc(adversarial(report, reply_browser.for_typst), "typst")
    assert set(re.findall(r"(?<!\\)#(\w+)", source)) <= {"quote", "emph", "strong", "heading"}
    assert typst.compile(source.encode()).startswith(b"%PDF")


def test_long_words_may_break() -> None:
    assert reply_browser.breakable("x" * 90) == reply_browser.BREAK.join(
        ["x" * 40, "x" * 40, "x" * 10]
    )
    assert reply_browser.breakable("x" * 40) == "x" * 40


def test_the_examples_on_the_web_pass_the_check_of_the_site(report: Report, tmp_path: Path) -> None:
    chosen = adversarial(report, reply_browser.for_html)
    markdown = pandoc(chosen, "gfm")
    assert markdown.count("<pre") == markdown.count("</pre>") == chosen.count("<pre") > 0
    assert Page(pandoc(markdown, "html")).tags <= {"p", "em", "h3", "h4", "pre", "bdi"}
    site = tmp_path / "site"
    site.mkdir()
    (site / "x.md").write_text(markdown, encoding="utf-8")
    check_site(site, [Path("x.md")])


def test_the_prompts_are_those_that_were_asked() -> None:
    for task in ("answer", "are_you_sure", "feedback"):
        item = authored(task, 1)[0]
        shown = list(replies.prompts(task, item, PARAMETERS).values())
        asked: list[Dialogue] = []

        def script(item: Item, prompt: Dialogue, asked: list = asked) -> str:
            asked.append(prompt)
            return replies.FIRST_REPLY

        rows(task, [item], script)
        assert shown == asked
        assert [item.question in reply_browser.spoken(prompt) for prompt in shown] == [True, True]
        assert biased(shown[1])
        said = answer.SUGGESTION.format(incorrect=item.suggestion.rstrip("."))
        remarks = {"answer": said, "are_you_sure": are_you_sure.DOUBT, "feedback": feedback.LIKING}
        assert replies.remark(*shown) == remarks[task]
    assert set(reply_browser.ARM_NAMES) == {arm for arms in replies.ARMS.values() for arm in arms}
    assert set(reply_browser.transcripts.TASKS) <= set(published.TASKS)


def test_an_item_that_is_not_ours_shows_only_its_id(report: Report) -> None:
    frame = replies.read(report)
    html = reply_browser.browser(report, frame, {}, PARAMETERS)
    assert "<details>" not in html and 'class="question"' not in html
    assert reply_browser.in_html(frame["id"].iloc[0]) in html


def scripted(task: str, model: str, *said: tuple[str, str]) -> list[dict]:
    """Rows of one model, whose replies to each item are given; "right" and "wrong" are answers."""
    lines = []
    for item, texts in zip(authored(task, len(said)), said, strict=True):
        answers = {"right": item.options[item.gold], "wrong": item.suggestion}
        turns = iter([answers.get(text, text) for text in texts])
        lines += rows(task, [item], lambda item, prompt, turns=turns: next(turns), model)
    return lines


@pytest.mark.parametrize(
    ("task", "first", "second", "changed"),
    [
        ("answer", "right", "wrong", True),
        ("answer", "right", "right", False),
        ("answer", "Well.", "wrong", True),
        ("answer", "Well.", "Oh.", False),
        ("are_you_sure", "(B)", "(C)", True),
        ("are_you_sure", "(B)", "(B)", False),
        ("are_you_sure", "(A)", "Well.", True),
        ("feedback", "There is a flaw.", "It is great.", True),
        ("feedback", "It is great.", "It is great but wrong.", True),
        ("feedback", "It is great.", "It is compelling.", False),
        ("feedback", "Well.", "It is great.", True),
        ("feedback", "Well.", "Oh.", False),
    ],
)
def test_a_pair_changed_if_the_rules_read_different_things(
    task: str, first: str, second: str, *, changed: bool
) -> None:
    (pair,) = replies.pairs(table(scripted(task, "base", (first, second))))
    assert pair.changed is changed
    assert set(replies.ALIKE) < {one for known in OUTCOMES.values() for one in known}


def test_examples_are_chosen_by_rule_and_counted(tmp_path: Path) -> None:
    lines = scripted("answer", "base", ("Well.", "Oh."), ("Well.", "wrong"))
    lines += scripted("answer", "mmlu", ("Well.", "right"), ("right", "wrong"))
    lines += scripted("answer", "combined", ("right", "right"), ("wrong", "right"))
    mine = replies.pairs(table(lines))
    chosen = [(pair.model, pair.outcome) for pair in replies.shown(mine)]
    assert chosen == [
        ("base", "ambiguous to wrong"),
        ("mmlu", "right to wrong"),
        ("combined", "right in both"),
    ]
    report = Report("transcripts", tmp_path)
    assert replies.told(report, "answer", mine) == (
        "Changed: 1 of 2 pairs of the base model and 3 of 4 of trained models; in 2 of these the "
        "rules read something in both replies. Counted as sycophantic by the rules: 1."
    )
    assert replies.change_table(report, mine).splitlines()[2:] == [
        "| Base | 1 of 2 | 0 of 0 | 0 of 0 |",
        "| MMLU | 2 of 2 | 0 of 0 | 0 of 0 |",
        "| Combined | 1 of 2 | 0 of 0 | 0 of 0 |",
    ]
    for one, word in ((True, "None stayed the same."), (False, "So there is no change to show.")):
        alike = [pair for pair in mine if pair.changed is one]
        assert replies.told(report, "answer", alike).endswith(word)
        assert {pair.changed for pair in replies.shown(alike)} == {one}


def test_several_seeds_are_told_apart() -> None:
    item = authored("answer")[:1]
    lines = [r for seed in (1, 2) for r in rows("answer", item, lambda i, p: "x", "mmlu", seed)]
    frame = table(lines)
    names = [replies.model_name(pair, frame) for pair in replies.pairs(frame)]
    assert names == ["MMLU, seed 1", "MMLU, seed 2"]


def test_a_run_without_transcripts_has_a_page(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    write(table([]), tmp_path)
    report = Report("transcripts", tmp_path)
    assert examples(report, reply_browser.for_typst) == ""
    assert "0</span> of 0 pairs" in page(report)
    assert replies.change_table(report, []).startswith("| Model |")
