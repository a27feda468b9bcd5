"""What the READMEs print is what was tracked, printed and measured."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from experiments import costs, readme
from experiments.errors import RenderError

ROOT = Path(__file__).parent.parent
PAGES = {
    "README.md": ("findings", "commands"),
    "experiments/README.md": ("models", "scales"),
    "launch/README.md": ("larger",),
}
READ = (*PAGES, costs.COSTS, "results/printed_numbers.csv")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with the committed READMEs and what they print."""
    for name in READ:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    return tmp_path


def test_the_committed_readmes_are_those_that_rendering_writes(root: Path) -> None:
    readme.update(root)
    for name in PAGES:
        assert (root / name).read_bytes() == (ROOT / name).read_bytes(), name


def test_the_sentences_are_those_that_were_printed(root: Path) -> None:
    printed = [("index", f"findings[{n}]", f"Sentence {n}: −0.5, NA.") for n in (1, 2)]
    printed += [("index", "runs/kept/short[1]", "In short."), ("index", "x", "7")]
    printed += [("index", "runs/kept/short[2]", "One."), ("index", "short[not excluded]", "Two.")]
    lines = {"about": "What it is.", "0": "| A | B |", "1": "| a | 1 |", "2": "| b | 2 |"}
    printed += [("index", f"runs/kept/lessons[{key}]", line) for key, line in lines.items()]
    table = pd.DataFrame(printed, columns=["document", "key", "printed"])
    table.to_csv(root / "results/printed_numbers.csv", index=False)
    before = (root / "README.md").read_text(encoding="utf-8")
    readme.update(root)
    text = (root / "README.md").read_text(encoding="utf-8")
    assert "\n\nIn short.\n\n- One.\n- Two.\n\nWhat it is.\n\n| A | B |\n" in text
    assert "\n|:---|---:|\n| a | 1 |\n| b | 2 |\n\n<details>\n" in text
    assert f"<summary>{readme.IN_NUMBERS}</summary>\n\n1. Sentence 1: −0.5, NA.\n2. " in text
    assert "2. Sentence 2: −0.5, NA.\n\n</details>\n\n<!-- end" in text
    opened, closed = readme.OPENED.format("findings"), readme.CLOSED.format("findings")
    assert text.split(opened)[0] == before.split(opened)[0]
    assert text.split(closed)[1] == before.split(closed)[1]


def test_the_picture_is_the_one_that_the_paper_drew(root: Path, tmp_path: Path) -> None:
    site = tmp_path / "_site"
    drawn = site / "paper/index_files/figure-html/fig-short-output-1.svg"
    readme.keep_picture(root, site)  # nothing is drawn, nothing is kept
    (root / readme.PICTURE.parent).mkdir()
    readme.keep_picture(root, site)
    assert not (root / readme.PICTURE).exists()
    drawn.parent.mkdir(parents=True)
    drawn.write_text("<svg/>", encoding="utf-8")
    readme.keep_picture(root, site)
    assert (root / readme.PICTURE).read_text(encoding="utf-8") == "<svg/>"
    assert f"]({readme.PICTURE.as_posix()})" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert (ROOT / readme.PICTURE).is_file()


def test_without_anything_printed_the_readme_keeps_what_it_says(root: Path) -> None:
    (root / "results/printed_numbers.csv").unlink()
    readme.update(root)
    assert (root / "README.md").read_bytes() == (ROOT / "README.md").read_bytes()


@pytest.mark.parametrize(
    ("page", "block"), [(page, block) for page, blocks in PAGES.items() for block in blocks]
)
def test_a_readme_without_markers_is_refused(root: Path, page: str, block: str) -> None:
    text = (root / page).read_text(encoding="utf-8")
    (root / page).write_text(text.replace(readme.CLOSED.format(block), ""), encoding="utf-8")
    with pytest.raises(RenderError, match=f"{page} lacks the markers of its {block}"):
        readme.update(root)


def test_a_changed_cost_changes_the_readme(root: Path) -> None:
    prices = root / costs.COSTS
    text = prices.read_text(encoding="utf-8")
    assert text.count("time: 29 minutes") == 1
    prices.write_text(text.replace("time: 29 minutes", "time: 7 hours"), encoding="utf-8")
    readme.update(root)
    assert "| 7 hours (measured) |" in (root / "README.md").read_text(encoding="utf-8")


def test_the_readme_stays_short_and_names_only_what_is_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    typed = text
    for block in PAGES["README.md"]:  # what rendering writes is as long as what was found
        before, _, rest = typed.partition(readme.OPENED.format(block))
        typed = before + rest.partition(readme.CLOSED.format(block))[2]
    assert len(typed.splitlines()) <= 105
    names = [name for row in text.splitlines() if row.startswith("| `") for name in row.split("`")]
    places = [name for name in names if "/" in name and not name.startswith(("_", "runs/"))]
    assert places
    assert [name for name in places if not (ROOT / name).exists()] == []
