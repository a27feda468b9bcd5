"""A small project in a temporary folder, without Quarto, whatever the machine has."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = """
project:
  type: website
  output-dir: _site
  render: [paper/index.qmd, paper/*.qmd]
website:
  title: A site
  navbar:
    left:
      - href: paper/index.qmd
        text: Paper
execute:
  echo: false
number-sections: true
bibliography: paper/references.bib
format:
  html:
    toc: true
    css: paper/style/styles.css
  gfm: default
  typst: default
"""
REFERENCES = """
@article{sharma2023, title={Towards Understanding Sycophancy}, author={Sharma, Mrinank},
  journal={arXiv}, year={2023}}
"""
STYLES = Path(__file__).parents[2] / "paper" / "style" / "styles.css"


def write_project(root: Path, documents: dict[str, str]) -> Path:
    """A project whose documents are the values; each gets front matter where it has none."""
    (root / "paper/style").mkdir(parents=True, exist_ok=True)
    (root / "_quarto.yml").write_text(PROJECT)
    (root / "_environment").write_text("SOURCE_DATE_EPOCH=0\n")
    (root / "paper" / "references.bib").write_text(REFERENCES)
    shutil.copyfile(STYLES, root / "paper" / "style" / "styles.css")
    for name, text in documents.items():
        matter = "" if text.startswith("---") else "---\ntitle: A title\n---\n"
        (root / "paper" / f"{name}.qmd").write_text(matter + text)
    return root


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    return lambda **documents: write_project(tmp_path, documents)
