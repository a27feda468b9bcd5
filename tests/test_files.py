"""A file or folder is replaced whole or not at all, whatever stops the writing."""

import subprocess
import sys
from pathlib import Path

import pytest

from experiments import files


def entries(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_file_and_the_folders_above_it_are_written(tmp_path: Path) -> None:
    files.write_text(tmp_path / "results/a.csv", "é\n")
    assert (tmp_path / "results/a.csv").read_bytes() == "é\n".encode()
    files.write_bytes(tmp_path / "results/a.csv", b"new")
    assert (tmp_path / "results/a.csv").read_bytes() == b"new"
    assert entries(tmp_path) == ["results", "results/a.csv"]


def test_a_link_is_replaced_and_what_it_points_to_is_kept(tmp_path: Path) -> None:
    cached, linked = tmp_path / "cached", tmp_path / "linked"
    cached.write_text("old")
    linked.hardlink_to(cached)
    files.write_text(linked, "new")
    assert (cached.read_text(), linked.read_text()) == ("old", "new")


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), files.new_file(path) as partial:
        partial.write_text("ne")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert entries(tmp_path) == ["a.csv"]


def test_a_full_disk_leaves_the_old_file_and_names_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("old")
    code = (
        "import resource\n"
        "from pathlib import Path\n"
        "from experiments.errors import run_stage\n"
        "from experiments.files import write_text\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "run_stage(lambda: write_text(Path('a.csv'), 'new' * 1000))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "File too large: 'a.csv'" in done.stderr
    assert (tmp_path / "a.csv").read_text() == "old"
    assert entries(tmp_path) == ["a.csv"]


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(IsADirectoryError, match=r"'.*/a\.csv'"):
        files.write_text(tmp_path / "a.csv", "text")
    assert entries(tmp_path) == ["a.csv"]


def test_errors_of_other_files_keep_their_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="elsewhere"), files.new_file(tmp_path / "a.csv"):
        Path("elsewhere").read_text()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files.write_text(tmp_path / "model/old", "old")
    return tmp_path / "model"


def test_a_folder_is_replaced_whole(folder: Path) -> None:
    with files.new_folder(folder) as partial:
        files.write_text(partial / "deep/new", "new")
        assert entries(folder) == ["old"]
    assert entries(folder.parent) == ["model", "model/deep", "model/deep/new"]


def test_a_failure_leaves_the_old_folder(folder: Path) -> None:
    with pytest.raises(ValueError, match="stopped"), files.new_folder(folder) as partial:
        (partial / "new").touch()
        raise ValueError("stopped")
    assert entries(folder.parent) == ["model", "model/old"]


def test_a_kill_between_the_renames_loses_nothing(folder: Path) -> None:
    folder.rename(folder.with_name("model.previous.partial"))
    files.restore(folder)
    assert entries(folder.parent) == ["model", "model/old"]
    folder.rename(folder.with_name("model.previous.partial"))
    with pytest.raises(ValueError, match="stopped"), files.new_folder(folder):
        raise ValueError("stopped")
    assert entries(folder.parent) == ["model", "model/old"]


def test_a_kill_before_the_end_leaves_nothing_behind_after_the_next_run(folder: Path) -> None:
    files.write_text(folder.with_name("model.partial") / "cut", "cu")
    files.write_text(folder.with_name("model.previous.partial") / "old", "old")
    with files.new_folder(folder) as partial:
        (partial / "new").touch()
    assert entries(folder.parent) == ["model", "model/new"]


def test_digests_are_sha256(tmp_path: Path) -> None:
    files.write_text(tmp_path / "a", "é")
    assert files.digest(tmp_path / "a") == files.digest_of("é") == files.digest_of("é".encode())
    assert files.digest_of(b"").startswith("e3b0c44298fc1c14")
