"""Models: presets, a hub that serves, refuses or breaks off, and local folders that are unfit."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.errors import OfflineModeIsEnabled

from experiments import files
from experiments.errors import DataError, DownloadError, ModelError, ParameterError
from experiments.models import verification
from experiments.models.fetching import fetch_model
from experiments.models.presets import GEMMA_TURNS, PRESETS, Source, resolve
from experiments.models.verification import MANIFEST, verify_model
from experiments.params import Model
from tests.fetched import DATA, needs_model

ROOT = Path(__file__).resolve().parents[2]
REVISION = "0123456789abcdef0123456789abcdef01234567"
MODEL = Model("org/chat", REVISION)
FILES = {
    "config.json": b'{"model_type": "llama"}',
    "generation_config.json": b"{}",
    "tokenizer.json": b'{"version": "1.0"}',
    "tokenizer_config.json": b'{"chat_template": "{{ messages }}"}',
    "model.safetensors": b"weights " * 2000,
}
UNWANTED = {
    "pytorch_model.bin": b"pickle",
    "modeling_own.py": b"print('run')",
    "README.md": b"card",
    "onnx/model.onnx": b"graph",
    "original/model.safetensors": b"again",
    "consolidated.safetensors": b"again",
}
INDEX_OF_TWO = json.dumps(
    {"weight_map": {name: f"model-0000{name}-of-00002.safetensors" for name in "12"}}
).encode()


def folder_with(path: Path, files: dict[str, bytes]) -> Path:
    """A folder that holds these files."""
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class TestPresets:
    @pytest.mark.parametrize("name", PRESETS)
    def test_shapes_add_up_to_the_published_parameters(self, name: str) -> None:
        preset = PRESETS[name]
        counted = preset.shape.linear_weights + preset.shape.embedding_weights
        assert counted <= preset.parameters
        assert counted == pytest.approx(preset.parameters, rel=5e-4)  # the rest: norms

    @pytest.mark.parametrize("name", PRESETS)
    def test_a_preset_has_a_whole_commit_or_comes_from_the_wheel(self, name: str) -> None:
        source, preset = resolve(Model(name)), PRESETS[name]
        if source.in_wheel:
            assert preset.revision is None
            return
        assert re.fullmatch("[0-9a-f]{40}", preset.revision)
        # the same repository can be named with the same revision by hand
        by_hand = resolve(Model(preset.repository, preset.revision))
        if preset.split is None:
            assert by_hand == source
        else:
            assert re.fullmatch("[0-9a-f]{64}", preset.split.sha256)
            assert source == Source(split=preset.split)
            assert by_hand == Source(preset.repository, preset.revision, turns=preset.turns)

    def test_an_unknown_preset_gets_one_sentence_with_the_known_ones(self) -> None:
        with pytest.raises(ParameterError) as raised:
            resolve(Model("llama-7b"))
        text = str(raised.value)
        assert "\n" not in text and all(name in text for name in PRESETS)

    @pytest.mark.parametrize("name", ["..", "/", ".", "./..", "./gemma-2-2b-it", "../a/.."])
    def test_a_folder_must_have_a_name_of_its_own(self, name: str) -> None:
        with pytest.raises(ParameterError, match="gives no name of its own"):
            resolve(Model(name))

    def test_nothing_heavy_is_imported(self) -> None:
        code = (
            "import sys; from experiments.models.presets import resolve; from experiments.params "
            "import Model; resolve(Model('gemma-2-2b-it')); "
            "assert not {'torch', 'transformers', 'huggingface_hub', 'httpx'} & set(sys.modules)"
        )
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)

    @needs_model
    def test_the_wheels_model_has_the_shape_that_its_preset_says(self) -> None:
        from experiments.models.shape import shape_of

        name = "smollm2-135m-instruct"
        assert shape_of(DATA / "model" / name) == PRESETS[name].shape
        verify_model(Model(name), DATA / "model" / name)
        with pytest.raises(ValueError, match="wheel"):
            fetch_model(Model(name), DATA / "model" / name)


@dataclass
class Hub:
    """A hub that serves one repository, and what it was asked for; `answer` can refuse."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=lambda: FILES | UNWANTED)
    refusal: tuple[int, str] | None = None
    refuses: str = "/"  # only requests that contain this
    damaged: str | None = None
    asked: list[str] = field(default_factory=list)

    def listing(self) -> dict:
        siblings = []
        for name, content in self.files.items():
            blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            file = {"rfilename": name, "size": len(content), "blobId": blob}
            if name.endswith(".safetensors"):
                sha256 = hashlib.sha256(content).hexdigest()
                file["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 130}
            siblings.append(file)
        return {"id": "org/chat", "sha": REVISION, "siblings": siblings}


class Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_GET(self) -> None:
        self.reply(body=True)

    def do_HEAD(self) -> None:
        self.reply(body=False)

    def reply(self, body: bool) -> None:
        path = self.path.partition("?")[0]
        self.hub.asked.append(path)
        if self.hub.refusal and self.hub.refuses in path:
            status, code = self.hub.refusal
            self.send_response(status)
            if code:
                self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if path == f"/api/models/org/chat/revision/{REVISION}":
            content, etag = json.dumps(self.hub.listing()).encode(), "listing"
        else:
            name = path.removeprefix(f"/org/chat/resolve/{REVISION}/")
            content = self.hub.files[name]
            etag = hashlib.sha256(content).hexdigest()
            if name == self.hub.damaged:
                content = content[:-1] + b"?"
        self.send_response(200)
        self.send_header("ETag", f'"{etag}"')
        self.send_header("X-Repo-Commit", REVISION)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The real client of the hub, turned to a server of our own."""
    served = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), {"hub": served}))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    served.url = f"http://127.0.0.1:{server.server_port}"
    for name in ("HfApi", "hf_hub_download"):
        client = partial(getattr(huggingface_hub, name), endpoint=served.url)
        monkeypatch.setattr(huggingface_hub, name, client)
    yield served
    server.shutdown()
    server.server_close()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "data" / "model" / MODEL.folder_name


class TestHub:
    @pytest.mark.parametrize("own", [None, b"{{ own }}"])
    def test_turns_are_supplied_where_the_repository_has_none(
        self, hub: Hub, target: Path, monkeypatch: pytest.MonkeyPatch, own: bytes | None
    ) -> None:
        hub.files = hub.files | {"tokenizer_config.json": b"{}"}
        if own:
            hub.files["chat_template.jinja"] = own
        preset = replace(PRESETS["gemma-3-270m"], repository=MODEL.name)
        monkeypatch.setitem(PRESETS, "gemma-3-270m", preset)
        fetch_model(MODEL, target)
        verify_model(MODEL, target)
        supplied = (target / "chat_template.jinja").read_bytes()
        assert supplied == (own or GEMMA_TURNS.template.encode())

    def test_only_what_a_model_needs_is_taken(self, hub: Hub, target: Path) -> None:
        fetch_model(MODEL, target)
        assert set(contents(target)) == {*FILES, MANIFEST}
        assert {name: contents(target)[name] for name in FILES} == FILES
        assert not [path for path in hub.asked if "pytorch_model" in path or ".py" in path]
        assert [path.name for path in target.parent.iterdir()] == [target.name]
        verify_model(MODEL, target)

    def test_what_is_there_is_not_fetched_again(self, hub: Hub, target: Path) -> None:
        fetch_model(MODEL, target)
        hub.asked.clear()
        fetch_model(MODEL, target)
        assert hub.asked == []

    def test_a_token_in_typographic_quotes_is_named(
        self, hub: Hub, target: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_TOKEN", "\u201chf_secret\u201d")
        with pytest.raises(DownloadError, match="HF_TOKEN holds a character") as raised:
            fetch_model(MODEL, target)
        assert "secret" not in str(raised.value) and hub.asked == []

    def test_small_files_come_first(self, hub: Hub, target: Path) -> None:
        fetch_model(MODEL, target)
        names = [path.rpartition("/")[2] for path in hub.asked if "/resolve/" in path]
        assert set(names[:-2]) == set(FILES) - {"model.safetensors"}

    @pytest.mark.parametrize("name", FILES)
    def test_a_damaged_file_is_not_kept(self, hub: Hub, target: Path, name: str) -> None:
        hub.damaged = name
        with pytest.raises(DownloadError, match=f"{name} of .* arrived damaged"):
            fetch_model(MODEL, target)
        assert not target.exists()
        hub.damaged = None
        fetch_model(MODEL, target)
        verify_model(MODEL, target)

    def test_an_interrupted_download_goes_on(self, hub: Hub, target: Path) -> None:
        hub.refusal, hub.refuses = (410, ""), "model.safetensors"
        with pytest.raises(DownloadError):
            fetch_model(MODEL, target)
        assert not target.exists()
        hub.refusal = None
        hub.asked.clear()
        fetch_model(MODEL, target)
        assert contents(target)["config.json"] == FILES["config.json"]
        assert sum("config.json" in path for path in hub.asked) <= 3  # asked after, not read again

    @pytest.mark.parametrize(
        ("status", "code", "refuses", "says"),
        [
            (401, "GatedRepo", "/resolve/", "org/chat is gated: accept its licence .* HF_TOKEN"),
            (403, "GatedRepo", "/resolve/", "org/chat is gated: accept its licence .* HF_TOKEN"),
            (401, "RepoNotFound", "/", "the hub has no repository org/chat, or it is private"),
            (404, "RepoNotFound", "/", "the hub has no repository org/chat, or it is private"),
            (404, "RevisionNotFound", "/", f"org/chat has no revision {REVISION}; set model.rev"),
            (500, "", "/api/", "the hub refuses org/chat at revision .*500"),
        ],
    )
    def test_a_refusal_is_one_sentence(
        self, hub: Hub, target: Path, status: int, code: str, refuses: str, says: str
    ) -> None:
        hub.refusal, hub.refuses = (status, code), refuses
        with pytest.raises(DownloadError, match=says) as raised:
            fetch_model(MODEL, target)
        assert "\n" not in str(raised.value)
        assert not target.exists()

    def test_no_network_is_one_sentence(
        self, target: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        nowhere = "http://127.0.0.1:9"  # the discard port: nothing listens there
        for name in ("HfApi", "hf_hub_download"):
            client = partial(getattr(huggingface_hub, name), endpoint=nowhere)
            monkeypatch.setattr(huggingface_hub, name, client)
        with pytest.raises(DownloadError, match=r"the hub cannot be reached .* network") as raised:
            fetch_model(MODEL, target)
        assert "\n" not in str(raised.value)

    def test_a_name_that_no_hub_has(self, target: Path) -> None:
        with pytest.raises(DownloadError, match="'a/b/c' is no name of a hub repository"):
            fetch_model(Model("a/b/c", REVISION), target)

    def test_too_little_disk_is_told_before_anything_is_fetched(
        self, hub: Hub, target: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usage = shutil._ntuple_diskusage(100, 99, 1)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
        with pytest.raises(ModelError, match=r"needs 0\.0 GB and the disk has 0\.0 GB left"):
            fetch_model(MODEL, target)
        assert not [path for path in hub.asked if "/resolve/" in path]

    @pytest.mark.parametrize(
        ("trouble", "error", "says"),
        [
            (OfflineModeIsEnabled("off"), DownloadError, "OFFLINE forbids"),
            (OSError(28, "No space left on device"), ModelError, "the disk is full before all of"),
            (PermissionError(13, "Permission denied"), PermissionError, "denied"),  # not the hub's
        ],
    )
    def test_trouble_on_the_way_is_named(
        self,
        hub: Hub,
        target: Path,
        monkeypatch: pytest.MonkeyPatch,
        trouble: Exception,
        error: type[Exception],
        says: str,
    ) -> None:
        def fails(*_: object, **__: object) -> None:
            raise trouble

        monkeypatch.setattr(huggingface_hub, "hf_hub_download", fails)
        with pytest.raises(error, match=says):
            fetch_model(MODEL, target)

    def test_pickled_weights_alone_are_refused_before_they_are_fetched(
        self, hub: Hub, target: Path
    ) -> None:
        hub.files = {name: content for name, content in hub.files.items() if "safet" not in name}
        with pytest.raises(ModelError, match="has no safetensors"):
            fetch_model(MODEL, target)
        assert not [path for path in hub.asked if "/resolve/" in path]

    @pytest.mark.parametrize(
        ("name", "content", "says"),
        [
            ("config.json", b'{"auto_map": {"AutoModel": "modeling_own.Own"}}', "never run here"),
            ("tokenizer_config.json", b"{}", "has no chat template"),
        ],
    )
    def test_an_unfit_model_is_refused_before_its_weights_are_fetched(
        self, hub: Hub, target: Path, name: str, content: bytes, says: str
    ) -> None:
        hub.files = hub.files | {name: content}
        with pytest.raises(ModelError, match=says):
            fetch_model(MODEL, target)
        assert not [path for path in hub.asked if path.endswith("model.safetensors")]


class TestLocalFolder:
    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        return folder_with(tmp_path / "elsewhere" / "own", FILES | UNWANTED)

    @pytest.fixture
    def copy(self, tmp_path: Path) -> Path:
        return tmp_path / "data" / "model" / "own"

    def test_it_is_taken_like_a_repository(self, source: Path, copy: Path) -> None:
        before = contents(source)
        fetch_model(Model(str(source)), copy)
        verify_model(Model(str(source)), copy)
        assert set(contents(copy)) == {*FILES, MANIFEST}
        assert contents(source) == before

    def test_a_manifest_names_no_path_of_the_machine(self, source: Path, copy: Path) -> None:
        fetch_model(Model(str(source)), copy)
        assert str(source.parent) not in (copy / MANIFEST).read_text(encoding="utf-8")

    def test_other_files_under_the_same_name_are_taken_anew(self, source: Path, copy: Path) -> None:
        fetch_model(Model(str(source)), copy)
        (source / "config.json").unlink()  # a hard link would change with it
        (source / "config.json").write_bytes(b'{"model_type": "gemma2"}')
        fetch_model(Model(str(source)), copy)
        assert b"gemma2" in contents(copy)["config.json"]

    def test_links_of_a_cache_become_files(self, source: Path, copy: Path) -> None:
        weights = source / "model.safetensors"
        weights.rename(source.parent / "blob")
        weights.symlink_to(source.parent / "blob")
        fetch_model(Model(str(source)), copy)
        assert not (copy / "model.safetensors").is_symlink()
        verify_model(Model(str(source)), copy)

    def test_it_is_copied_where_links_are_not_possible(
        self, source: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def crossing(*_: object) -> None:
            raise OSError(18, "Invalid cross-device link")

        monkeypatch.setattr(os, "link", crossing)
        fetch_model(Model(str(source)), copy)
        verify_model(Model(str(source)), copy)
        assert (copy / "config.json").stat().st_nlink == 1

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"config.json": None}, "config.json is missing"),
            ({"config.json": b"["}, "config.json is missing or holds no JSON object"),
            ({"config.json": b"[]"}, "holds no JSON object"),
            ({"config.json": b'{"auto_map": {}}'}, "never run here"),
            ({"tokenizer_config.json": b'{"chat_template": "x", "auto_map": {}}'}, "never run"),
            ({"tokenizer_config.json": b"{}"}, "has no chat template"),
            ({"tokenizer_config.json": None}, "has no chat template"),
            ({"tokenizer.json": None}, "holds no tokenizer"),
            ({"model.safetensors": None}, "only pickled weights, which can run code when read"),
            ({"model.safetensors": None, "pytorch_model.bin": None}, "holds no weights"),
            (
                {
                    "model.safetensors": None,
                    "model-00001-of-00002.safetensors": b"first half",
                    "model.safetensors.index.json": INDEX_OF_TWO,
                },
                "lacks model-00002-of-00002.safetensors",
            ),
            *(
                ({"model.safetensors.index.json": json.dumps(index).encode()}, "beside it")
                for index in (
                    [],
                    {},
                    {"weight_map": {}},
                    {"weight_map": ["model.safetensors"]},
                    {"weight_map": {"a": 5}},
                    {"weight_map": {"a": "../README.md"}},
                    {"weight_map": {"a": "../model.safetensors"}},
                    {"weight_map": {"a": "/etc/model.safetensors"}},
                    {"weight_map": {"a": "pytorch_model.bin"}},
                )
            ),
        ],
    )
    def test_an_unfit_folder_is_refused_in_one_sentence(
        self, source: Path, copy: Path, changes: dict[str, bytes | None], says: str
    ) -> None:
        for name, content in changes.items():
            (source / name).unlink() if content is None else (source / name).write_bytes(content)
        with pytest.raises(ModelError, match=says) as raised:
            fetch_model(Model(str(source)), copy)
        assert "\n" not in str(raised.value)
        assert not copy.exists()

    @pytest.mark.parametrize("name", ["chat_template.jinja", "chat_template.json"])
    def test_a_template_may_lie_beside_the_tokenizer(
        self, source: Path, copy: Path, name: str
    ) -> None:
        (source / "tokenizer_config.json").write_bytes(b"{}")
        (source / name).write_bytes(b"{{ messages }}")
        fetch_model(Model(str(source)), copy)
        assert name in contents(copy)

    def test_an_absent_folder_and_the_copy_itself(self, source: Path, copy: Path) -> None:
        with pytest.raises(ModelError, match=r"there is no folder .*absent; mend the path"):
            fetch_model(Model(str(source.parent / "absent")), copy)
        folder_with(copy, FILES)
        with pytest.raises(ModelError, match="where the fetch would copy it to"):
            fetch_model(Model(str(copy)), copy)
        assert contents(copy) == FILES


class TestVerification:
    @pytest.fixture
    def model(self, tmp_path: Path) -> tuple[Model, Path]:
        source = folder_with(tmp_path / "own", FILES)
        model, folder = Model(str(source)), tmp_path / "data" / "model" / "own"
        fetch_model(model, folder)
        return model, folder

    @pytest.mark.parametrize("name", FILES)
    def test_an_altered_or_missing_file_is_named(
        self, model: tuple[Model, Path], name: str
    ) -> None:
        path = model[1] / name
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.unlink()
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"{name} is not the file that belongs there"):
            verify_model(*model)
        path.unlink()
        with pytest.raises(DataError, match=f"{name} is missing"):
            verify_model(*model)
        fetch_model(*model)
        verify_model(*model)

    def test_a_stray_file_is_named(self, model: tuple[Model, Path]) -> None:
        (model[1] / "model-00009.safetensors").write_bytes(b"more")
        with pytest.raises(DataError, match=r"model-00009\.safetensors does not belong there"):
            verify_model(*model)

    def test_a_pipe_in_place_of_a_file_is_not_waited_for(self, model: tuple[Model, Path]) -> None:
        (model[1] / "config.json").unlink()
        os.mkfifo(model[1] / "config.json")
        with pytest.raises(DataError, match=r"config\.json is missing"):
            verify_model(*model)

    @pytest.mark.parametrize("content", ["[]", "{}", '{"model": 1, "files": []}', "{"])
    def test_a_damaged_manifest_is_none(self, model: tuple[Model, Path], content: str) -> None:
        (model[1] / MANIFEST).write_text(content)
        with pytest.raises(DataError, match="holds no whole model"):
            verify_model(*model)

    def test_a_folder_without_manifest_is_not_whole(self, model: tuple[Model, Path]) -> None:
        (model[1] / MANIFEST).unlink()
        with pytest.raises(DataError, match="holds no whole model"):
            verify_model(*model)

    def test_another_revision_is_another_model(self, model: tuple[Model, Path]) -> None:
        with pytest.raises(DataError, match=r"is another model than params\.yaml names"):
            verify_model(MODEL, model[1])

    def test_the_manifest_is_written_last(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = folder_with(tmp_path / "own", FILES)
        folder = tmp_path / "data" / "model" / "own"

        def killed(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(files, "digest", killed)
        with pytest.raises(KeyboardInterrupt):
            fetch_model(Model(str(source)), folder)
        assert not folder.exists()
        monkeypatch.undo()
        fetch_model(Model(str(source)), folder)
        verify_model(Model(str(source)), folder)


def test_no_code_or_pickle_is_ever_wanted() -> None:
    names = ["model.bin", "model.pt", "model.py", "model.safetensors.exe", "x/model.safetensors"]
    assert verification.wanted(names) == []
    assert verification.wanted(["model-00001-of-00002.safetensors"]) != []
