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
lang: en
filters: [paper/style/filter.lua]
bibliography: paper/references.bib
format:
  html:
    toc: true
    css: paper/style/styles.css
  gfm: {}
  typst:
    template: paper/style/page.typ
"""
REFERENCES = """
@article{sharma2023, title={Towards Understanding Sycophancy}, author={Sharma, Mrinank},
  journal={arXiv}, year={2023}}
"""
STYLE = Path(__file__).parents[2] / "paper/style"


def write_project(root: Path, documents: dict[str, str]) -> Path:
    """A project whose documents are the values; each gets front matter where it has none."""
    shutil.copytree(STYLE, root / "paper/style", dirs_exist_ok=True)
    (root / "_quarto.yml").write_text(PROJECT)
    (root / "_environment").write_text("SOURCE_DATE_EPOCH=0\n")
    (root / "paper" / "references.bib").write_text(REFERENCES)
    for name, text in documents.items():
        matter = "" if text.startswith("---") else "---\ntitle: A title\n---\n"
        (root / "paper" / f"{name}.qmd").write_text(matter + text)
    return root


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    return lambda **documents: write_project(tmp_path, documents)
