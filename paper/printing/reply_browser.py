"""Replies as a page that can be searched, and a few to begin with; nothing in them is markup.

What a model said is set word for word. Every character of it that HTML, Markdown, Quarto or typst
could take for markup is written as a character reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import pandas as pd

from experiments.corpora.item import Item
from experiments.engine.request import Dialogue
from experiments.measures.free_replies import OUTCOMES, visible
from experiments.params import Params
from experiments.quoting import references
from experiments.tasks import transcripts
from printing.labels import TASKS
from printing.replies import TABLE, Pair, model_name, pairs, prompts, remark, shown, told
from printing.report import Report
from printing.sentences import label

STYLE = Path(__file__).parents[1] / "style"
ARM_NAMES = {
    "neutral": "Neutral",
    "suggest_incorrect": "Wrong answer suggested",
    "challenge": "Doubted",
    "like": "Argument liked",
}
READINGS = {
    "correct": "the right answer",
    "incorrect": "the wrong answer",
    "detected": "fallacy detected",
    "not detected": "no fallacy detected",
    "": "nothing",
}
ENDINGS = {"end": "ended by the model", "length": "cut at the limit", "stop": "ended by a mark"}
ITEM, MODEL, ARM = "h3", "h4", "h5"  # headings
LONGEST_WORD = 40  # characters; a PDF may break a longer one anywhere
BREAK = "\u200b"
PLAIN_IN_HTML, PLAIN_IN_MARKDOWN = " .,;!?()/-", " ,;"  # beside letters and digits


def in_html(text: str) -> str:
    """A text as the content of an HTML element or attribute."""
    return references(visible(text), PLAIN_IN_HTML)


def in_markdown(text: str) -> str:
    """A text as one or more paragraphs of Markdown, its lines kept."""
    paragraphs = re.split(r"\n\s*\n", visible(text).strip())
    return "\n\n".join(
        "\\\n".join(references(line.strip(), PLAIN_IN_MARKDOWN) for line in part.split("\n"))
        for part in paragraphs
    )


def breakable(text: str) -> str:
    """The text with a place to break the line in every word that is longer than a line may be."""
    return re.sub(rf"(\S{{{LONGEST_WORD}}})(?=\S)", rf"\1{BREAK}", text)


def spoken(dialogue: Dialogue) -> str:
    """A prompt as plain text, turn by turn."""
    return "\n".join(f"{message.role}: {message.content}" for message in dialogue)


def for_typst(caption: str, text: str) -> str:
    """A text as a quotation in Markdown that becomes a PDF; long words may break."""
    said = in_markdown(breakable(visible(text))) or "*(empty)*"
    return "\n".join(f"> {line}".rstrip() for line in f"{caption}:\\\n{said}".split("\n"))


def for_html(caption: str, text: str) -> str:
    """A text as a quotation in Markdown that becomes a page or stays Markdown; HTML is safer."""
    return f"{caption}:\n\n```{{=html}}\n{_quoted(text)}\n```"


def examples(
    report: Report, frame: pd.DataFrame, known: dict[tuple[str, str], Item], parameters: Params
) -> list[str | tuple[str, str]]:
    """Counts and the pairs of `replies.shown`, test by test.

    Paragraphs of Markdown, and captions with the texts that are to be quoted below them.
    """
    blocks: list[str | tuple[str, str]] = []
    for task in transcripts.TASKS:
        mine = [pair for pair in pairs(frame) if pair.task == task]
        if not mine:
            continue
        blocks += [f"### {TASKS[task]} {{.unnumbered}}", told(report, task, mine)]
        previous = None
        for pair in shown(mine):
            item = known.get((task, pair.id))
            asked = [*prompts(task, item, parameters).values()] if item else []
            change = "Changed" if pair.changed else "Not changed"
            name = in_markdown(model_name(pair, frame))
            blocks.append(f"#### {change}: {name} {{.unnumbered}}")
            if item and pair.id != previous:
                blocks.append((f"*Asked*{_kind(task, item)}", asked[0][-1].content))
            elif item:
                blocks.append("*Asked* the same.")
            previous = pair.id
            (first, reply), (second, swayed) = pair.replies.items()
            blocks.append((f"*Reply without the remark*, {ending(reply)}", reply["text"]))
            if item:
                blocks.append(("*The remark*", remark(*asked)))
            blocks.append((f"*Reply with it*, {ending(swayed)}", swayed["text"]))
            counted = ", counted as sycophantic" if pair.sycophantic else ""
            blocks.append(
                f"*Read* without: {notes(report, pair, first)}; with: "
                f"{notes(report, pair, second)}. *Outcome*: {pair.outcome}{counted}."
            )
    return blocks


def joined(blocks: list[str | tuple[str, str]], quoted: Callable[[str, str], str]) -> str:
    """`examples` as Markdown; `quoted` sets each text with its caption."""
    return "\n\n".join(one if isinstance(one, str) else quoted(*one) for one in blocks)


def _kind(task: str, item: Item) -> str:
    return f", {item.options[item.gold]} argument" if task == "feedback" else ""


def ending(reply: pd.Series) -> str:
    """Why a reply ended, in words."""
    return ENDINGS.get(reply["finish"], str(reply["finish"]))


def browser(
    report: Report, frame: pd.DataFrame, known: dict[tuple[str, str], Item], parameters: Params
) -> str:
    """The whole table as HTML: controls, and the pairs below the item that was asked."""
    listed = pairs(frame)
    style = (STYLE / "reply_browser.css").read_text(encoding="utf-8")
    script = (STYLE / "reply_browser.js").read_text(encoding="utf-8")
    total = report.count(f"{TABLE}[pairs]", len(listed))
    groups: dict[tuple[str, str], list[Pair]] = {}
    for pair in listed:
        groups.setdefault((pair.task, pair.id), []).append(pair)
    places = list(transcripts.TASKS)
    ordered = sorted(groups, key=lambda key: (places.index(key[0]), key[1]))
    sections = [
        _item(report, frame, key, groups[key], known.get(key), parameters) for key in ordered
    ]
    return "\n".join(
        [
            f"<style>\n{style}</style>",
            '<div class="transcripts">',
            _controls(frame),
            f'<p class="transcripts-status" role="status" aria-live="polite">'
            f'<span class="shown">{total}</span> of {total} pairs shown.</p>',
            *sections,
            "</div>",
            f"<script>\n{script}</script>",
        ]
    )


def _controls(frame: pd.DataFrame) -> str:
    """Search box and selects; hidden until the script that makes them work has run."""
    tasks = [task for task in transcripts.TASKS if task in set(frame["task"])]
    found = set(frame["outcome"])
    outcomes = [one for one in dict.fromkeys(chain(*map(OUTCOMES.get, tasks))) if one in found]
    models = list(dict.fromkeys(frame["model"]))
    return "\n".join(
        [
            '<form class="transcripts-controls" role="search" aria-label="Transcripts" hidden>',
            '<label>Search <input type="search" name="words" autocomplete="off"></label>',
            _select("model", "Model", ((one, label(one)) for one in models)),
            _select("test", "Test", ((one, TASKS[one]) for one in tasks)),
            _select("outcome", "Outcome", ((one, one) for one in outcomes)),
            '<button type="reset">Show all</button>',
            "</form>",
        ]
    )


def _select(name: str, title: str, choices: Iterable[tuple[str, str]]) -> str:
    options = "".join(
        f'<option value="{in_html(value)}">{in_html(text)}</option>' for value, text in choices
    )
    return (
        f'<label>{title} <select name="{name}"><option value="">all</option>{options}'
        "</select></label>"
    )


def _item(
    report: Report,
    frame: pd.DataFrame,
    key: tuple[str, str],
    listed: list[Pair],
    item: Item | None,
    parameters: Params,
) -> str:
    """One item: what was asked, and the pairs of all models."""
    task, name = key
    asked = ""
    if item:
        prompted = "".join(
            f"<p>{ARM_NAMES[arm]}</p>{_quoted(spoken(dialogue))}"
            for arm, dialogue in prompts(task, item, parameters).items()
        )
        asked = f"<details><summary>As asked</summary>{prompted}</details>"
    question = f'<p class="question">{in_html(item.question)}</p>' if item else ""
    kind = _kind(task, item) if item else ""
    return "\n".join(
        [
            '<section class="transcripts-item">',
            f"<{ITEM}>{TASKS[task]}<span> {in_html(name)}{kind}</span></{ITEM}>",
            question,
            asked,
            *(_pair(report, frame, pair) for pair in listed),
            "</section>",
        ]
    )


def _pair(report: Report, frame: pd.DataFrame, pair: Pair) -> str:
    mark = ' <span class="counted">counted as sycophantic</span>' if pair.sycophantic else ""
    return "\n".join(
        [
            f'<article data-model="{in_html(pair.model)}" data-test="{in_html(pair.task)}" '
            f'data-outcome="{in_html(pair.outcome)}">',
            f"<{MODEL}>{in_html(model_name(pair, frame))} "
            f'<span class="outcome">{in_html(pair.outcome)}</span>{mark}</{MODEL}>',
            *(_reply(report, pair, arm, reply) for arm, reply in pair.replies.items()),
            "</article>",
        ]
    )


def _reply(report: Report, pair: Pair, arm: str, reply: pd.Series) -> str:
    said = _quoted(reply["text"]) if reply["text"] else '<p class="empty">(empty)</p>'
    read = f"read: {notes(report, pair, arm)}; {in_html(ending(reply))}"
    return f'<div><{ARM}>{ARM_NAMES[arm]}</{ARM}>{said}<p class="reading">{read}</p></div>'


def notes(report: Report, pair: Pair, arm: str) -> str:
    """All that the rules read in a reply, in words."""
    reply = pair.replies[arm]
    return ", ".join([read_as(pair, reply), *_mood(report, pair, arm, reply)])


def read_as(pair: Pair, reply: pd.Series) -> str:
    """What the rules read in a reply, in words."""
    found = READINGS.get(reply["reading"], f"the letter {reply['reading']}")
    if pair.task == "are_you_sure" and reply["reading"]:
        return f"{found}, {'right' if str(reply['right']) == 'True' else 'wrong'}"
    return found


def _mood(report: Report, pair: Pair, arm: str, reply: pd.Series) -> Iterator[str]:
    if pair.task != "feedback":
        return
    if pd.isna(reply["sentiment"]):
        yield "no word of the lists"
        return
    where = {"model": pair.model, "seed": pair.seed, "task": pair.task, "id": pair.id, "arm": arm}
    yield f"sentiment {report.number(TABLE, 'sentiment', '+.2f', **where)}"


def _quoted(text: str) -> str:
    """A text as it was said; the inner element keeps a line break at its beginning."""
    return f'<pre class="quoted"><bdi>{in_html(text)}</bdi></pre>'
