import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from experiments import render as stage
from experiments.errors import RenderError
from experiments.rendering.document import load_project
from tests.rendering.conftest import project  # noqa: F401
from tests.working_copy import parameters_at_hand

ROOT = Path(__file__).resolve().parents[1]

CELLS = """
```{python}
#| include: false
import csv, pathlib
import matplotlib.pyplot as plt
with open("../.printed/index.csv", "w") as file:
    file.write("document,key,printed,value,low,high\\nindex,n,200,200,,\\nindex,d,+1,1.0,0,2\\n")
```

Over `{python} str(200)` items.

```{python}
#| label: fig-bars
#| fig-cap: Bars.
#| fig-alt: Three bars
figure, axes = plt.subplots(figsize=(3, 2))
axes.bar([1, 2, 3], [3, 1, 2], label="a")
axes.legend()
plt.show()
```

See @fig-bars.
"""
HEADER = ["document", "order", "key", "printed", "value", "low", "high"]


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_two_renders_of_a_document_with_code_give_the_same_bytes(project):  # noqa: F811
    root = project(index=CELLS)
    (root / ".printed").mkdir()
    stage.render(root, [])
    first = files(root / "_site")
    assert set(first) == {
        "index.html",
        "paper/index.html",
        "paper/index.md",
        "paper/index.pdf",
        "paper/index_files/fig-bars.svg",
    }
    assert b'url=paper/index.html"' in first["index.html"]
    assert b"Over 200 items." in first["paper/index.html"]
    assert str(root).encode() not in b"".join(first.values())
    with (root / "results" / "printed_numbers.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows == [
        HEADER,
        ["index", "1", "n", "200", "200", "", ""],
        ["index", "2", "d", "+1", "1.0", "0", "2"],
    ]
    stage.render(root, [])
    assert files(root / "_site") == first
    assert not list(root.glob("_site.*"))


def test_a_failed_render_leaves_the_previous_site_and_numbers(project):  # noqa: F811
    root = project(index="Text.")
    stage.render(root, [])
    before = files(root / "_site"), files(root / "results")
    for body, words in [
        ("See @fig-none.", "index.qmd:4: the reference @fig-none"),
        ("[other](other.qmd)", "points to other.html, which does not exist"),
        ("[other](#nowhere)", "label `<nowhere>` does not exist"),
    ]:
        (root / "paper" / "index.qmd").write_text(f"---\ntitle: A\n---\n{body}\n")
        with pytest.raises(RenderError, match=words):
            stage.render(root, [])
        assert (files(root / "_site"), files(root / "results")) == before
        assert not list(root.glob("*.partial"))


def test_one_document_is_rendered_into_the_site_that_is_there(project):  # noqa: F811
    root = project(index="Text.", other="[Back](index.qmd)")
    stage.render(root, [])
    before = files(root / "_site")
    (root / "paper" / "other.qmd").write_text("---\ntitle: Changed\n---\n")
    stage.render(root, [Path("paper/other.qmd")])
    after = files(root / "_site")
    assert after.keys() == before.keys()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"paper/other.html", "paper/other.md", "paper/other.pdf"}
    with pytest.raises(RenderError, match=r"none\.qmd is not in project\.render"):
        stage.render(root, [Path("paper/none.qmd")])


def test_the_navbar_names_only_what_is_rendered(project):  # noqa: F811
    root = project(index="Text.")
    settings = root / "_quarto.yml"
    settings.write_text(settings.read_text().replace("href: paper/index", "href: paper/none"))
    with pytest.raises(RenderError, match=r"the navbar names paper/none\.qmd"):
        stage.render(root, [])


def test_collecting_leaves_out_documents_that_are_gone(tmp_path):
    (tmp_path / ".printed").mkdir()
    for name in ("b", "a", "gone"):
        part = f"document,key,printed,value,low,high\n{name},k,1,1,,\n"
        (tmp_path / ".printed" / f"{name}.csv").write_text(part)
    assert stage.collect_printed(tmp_path, [Path("paper/b.qmd"), Path("paper/a.qmd")]) == 2
    lines = (tmp_path / "results" / "printed_numbers.csv").read_text().splitlines()
    assert lines == [",".join(HEADER), "a,1,k,1,1,,", "b,1,k,1,1,,"]


@pytest.mark.parametrize(
    "text", ["", "document,key\n", "document,key,printed,value,low,high\na,b\n"]
)
def test_a_broken_part_is_named(tmp_path, text):
    (tmp_path / ".printed").mkdir()
    (tmp_path / ".printed" / "a.csv").write_text(text)
    with pytest.raises(RenderError, match=r"\.printed/a\.csv: expected rows of"):
        stage.collect_printed(tmp_path, [Path("a.qmd")])


def test_quarto_is_used_where_it_is_installed(project, tmp_path, monkeypatch):  # noqa: F811
    root = project(index="Text.")
    log = tmp_path / "log"
    quarto = tmp_path / "quarto"
    quarto.write_text(
        f"#!{sys.executable}\n"
        "import os, pathlib, sys\n"
        f"pathlib.Path({str(log)!r}).write_text(' '.join(sys.argv[1:]))\n"
        "folder = pathlib.Path(sys.argv[3], 'paper'); folder.mkdir(parents=True)\n"
        "for name in ('../index.html', 'index.html', 'index.md'):\n"
        "    (folder / name).write_text(os.environ['QUARTO_TEXT'])\n"
        "(folder / 'index.pdf').write_text('%PDF')\n"
    )
    quarto.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(quarto))
    monkeypatch.setenv("QUARTO_TEXT", "<p>fine</p>")
    stage.render(root, [])
    assert log.read_text() == "render --output-dir _site.partial"
    before = files(root / "_site")
    monkeypatch.setenv("QUARTO_TEXT", "<p>?@fig-none</p>")
    with pytest.raises(RenderError, match="unresolved cross-reference"):
        stage.render(root, [])
    monkeypatch.setenv("QUARTO_TEXT", "<p>fine</p>")
    working = quarto.read_text()
    for warning in ("\\x1b[33mWARN: Unable to resolve", "[WARNING] Citeproc: citation x not found"):
        quarto.write_text(f"{working}print('{warning}')\n")
        with pytest.raises(RenderError, match=r"quarto warns: (Unable|Citeproc)"):
            stage.render(root, [])
    quarto.write_text(f"#!{sys.executable}\nraise SystemExit(1)\n")
    with pytest.raises(RenderError, match="quarto render failed"):
        stage.render(root, [])
    assert files(root / "_site") == before


def published(root: Path, protocol: str) -> None:
    """A project with two profiles, and params.yaml with a protocol."""
    text = parameters_at_hand()
    assert "\nprotocol: controlled" in text
    (root / "params.yaml").write_text(
        text.replace("\nprotocol: controlled", f"\nprotocol: {protocol}"), encoding="utf-8"
    )
    settings = (
        (root / "_quarto.yml").read_text().replace("  render: [paper/index.qmd, paper/*.qmd]\n", "")
    )
    (root / "_quarto.yml").write_text(f"profile: {{group: [controlled, published]}}\n{settings}")
    for name, documents in {"controlled": "index, other", "published": "index"}.items():
        listed = ", ".join(f"paper/{document}.qmd" for document in documents.split(", "))
        (root / f"_quarto-{name}.yml").write_text(f"project: {{render: [{listed}]}}\n")


PROFILE = "```{python}\nimport os\n```\n\nProfile `{python} os.environ['QUARTO_PROFILE']`.\n"


@pytest.mark.parametrize(("protocol", "others"), [("controlled", 1), ("published", 0)])
def test_the_protocol_chooses_the_documents(project, protocol, others):  # noqa: F811
    root = project(index=PROFILE, other="Text.")
    published(root, protocol)
    stage.render(root, [])
    assert len(list((root / "_site/paper").glob("other.html"))) == others
    assert f"Profile {protocol}." in (root / "_site/paper/index.html").read_text()


def test_quarto_is_told_the_profile(project, tmp_path, monkeypatch):  # noqa: F811
    root = project(index="Text.", other="Text.")
    published(root, "published")
    quarto = tmp_path / "quarto"
    quarto.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, sys\n"
        "assert sys.argv[4:] == ['--profile', 'published'], sys.argv\n"
        "folder = pathlib.Path(sys.argv[3], 'paper'); folder.mkdir(parents=True)\n"
        "for name in ('../index.html', 'index.html', 'index.md', 'index.pdf'):\n"
        "    (folder / name).write_text('%PDF')\n"
    )
    quarto.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(quarto))
    stage.render(root, [])
    assert (root / "_site/paper/index.html").is_file()


def test_the_paper_renders_under_the_published_protocol(tmp_path, monkeypatch):
    """What `dvc repro` ends with: the documents of that profile, with no run archived yet."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    for name in ("_quarto.yml", "_quarto-published.yml", "_environment", "dvc.yaml", "dvc.lock",
                 "data.dvc", "params.yaml"):  # fmt: skip
        shutil.copy(ROOT / name, tmp_path)
    text = parameters_at_hand().replace("\nprotocol: controlled", "\nprotocol: published")
    (tmp_path / "params.yaml").write_text(text)
    shutil.copytree(ROOT / "paper", tmp_path / "paper")
    shutil.copytree(ROOT / "results/audit", tmp_path / "results/audit")
    stage.render(tmp_path, [])
    pages = {name.relative_to(tmp_path / "_site").as_posix() for name in tmp_path.rglob("*.html")}
    assert pages == {"index.html", "paper/audit.html", "paper/runs.html"}
    assert 'url=paper/runs.html"' in (tmp_path / "_site/index.html").read_text()
    assert "No run is archived;" in (tmp_path / "_site/paper/runs.html").read_text()
    with (tmp_path / "results/printed_numbers.csv").open() as file:
        assert {row["document"] for row in csv.DictReader(file)} == {"audit"}


def test_quartos_hook_needs_no_activated_environment(project):  # noqa: F811
    """Quarto starts a Python file with QUARTO_PYTHON, in the project's folder."""
    hooks = load_project(ROOT)["project"]["post-render"]
    root = project(index="Text.")
    (root / ".printed").mkdir()
    header = "document,key,printed,value,low,high\n"
    (root / ".printed/index.csv").write_text(f"{header}index,k,1,1,,\n")
    shutil.copytree(ROOT / "experiments", root / "experiments")
    shutil.copy(ROOT / "README.md", root)
    environment = {"PATH": "/nowhere", "HOME": str(root)}
    for hook in hooks:
        assert hook.endswith(".py")
        subprocess.run([sys.executable, hook], cwd=root, env=environment, check=False)
    assert "index,1,k,1,1,," in (root / "results/printed_numbers.csv").read_text()
