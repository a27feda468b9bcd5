"""The workflows: valid, pinned, unable to do harm, and the comment posted once."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pypandoc
import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
SHA = "a" * 40
BOT = {"login": "github-actions[bot]"}


def load(name: str) -> dict:
    # BaseLoader: YAML would read the key `on` as true.
    text = (ROOT / f".github/workflows/{name}.yml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=yaml.BaseLoader)


def steps(workflow: dict) -> list[dict]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def workflow(request) -> dict:
    return load(request.param.stem)


def test_the_workflows_fit_githubs_schema() -> None:
    command = [sys.executable, "-m", "check_jsonschema"]
    schema = ["--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*command, *schema, *FILES], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_actions_are_githubs_own_and_pinned_by_commit(workflow) -> None:
    for step in steps(workflow):
        if "uses" in step:
            assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", step["uses"])


def test_each_pin_says_its_version_and_one_action_has_one_pin() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    uses = re.findall(r"uses: (\S+)@(\S+) # (v\d+\.\d+\.\d+)$", text, re.MULTILINE)
    assert len(uses) == text.count("uses:")
    assert len(set(uses)) == len({action for action, _, _ in uses})


# The only workflows with a token that can write, and what they may write.
PRIVILEGED = {
    "Comment": {"actions": "read", "pull-requests": "write"},
    "Publish": {"actions": "read", "pages": "write", "id-token": "write"},
}


def test_few_may_write_and_only_what_they_are_for(workflow) -> None:
    if workflow["name"] in PRIVILEGED:
        assert workflow["permissions"] == {}
        (job,) = workflow["jobs"].values()
        assert job["permissions"] == PRIVILEGED[workflow["name"]]
    else:
        assert workflow["permissions"] == {"contents": "read"}
        assert not any("permissions" in job for job in workflow["jobs"].values())


def test_code_of_a_pull_request_never_meets_a_secret(workflow) -> None:
    assert "pull_request_target" not in workflow["on"]
    assert "secrets." not in json.dumps(workflow)
    if workflow["name"] in PRIVILEGED:
        # It checks nothing out and runs nothing but its own script and the host's actions.
        assert list(workflow["on"]) == ["workflow_run"]
        assert workflow["on"]["workflow_run"]["workflows"] == [load("ci")["name"]]
        used = {step["uses"].split("@")[0] for step in steps(workflow) if "uses" in step}
        assert used <= {"actions/upload-pages-artifact", "actions/deploy-pages"}
        assert not any("make " in step.get("run", "") for step in steps(workflow))
    for step in steps(workflow):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] == "false"


def test_only_pushes_to_this_repositorys_main_branch_are_published() -> None:
    publish = load("publish")
    assert publish["on"]["workflow_run"]["branches"] == ["main"]
    condition = publish["jobs"]["publish"]["if"].split(" && ")
    run = "github.event.workflow_run"
    assert f"{run}.event == 'push'" in condition and f"{run}.conclusion == 'success'" in condition
    assert f"{run}.head_repository.full_name == github.repository" in condition


def of_site(name: str) -> dict:
    """A step of the job that renders with Quarto."""
    listed = load("ci")["jobs"]["site"]["steps"]
    (step,) = [step for step in listed if step.get("name", "").startswith(name)]
    return step


@pytest.mark.parametrize("content", ["the release", "another file"])
def test_quarto_is_the_pinned_release(tmp_path, content: str) -> None:
    step = of_site("Install Quarto")
    assert re.fullmatch(r"[0-9a-f]{64}", step["env"]["SHA256"])
    release, fetched = tmp_path / "release.tar.gz", tmp_path / "fetched.tar.gz"
    for archive, text in ((release, "the release"), (fetched, content)):
        (tmp_path / "quarto").write_text(text, encoding="utf-8")
        subprocess.run(["tar", "-czf", archive, "-C", tmp_path, "quarto"], check=True)
    write_command(tmp_path / "bin/curl", f'cp "{fetched}" "$(basename "${{@: -1}}")"')
    done = shell(
        step["run"],
        tmp_path,
        **step["env"] | {"SHA256": hashlib.sha256(release.read_bytes()).hexdigest()},
        GITHUB_PATH=str(tmp_path / "path"),
    )
    added = tmp_path / "path"
    if content == "the release":
        assert done.returncode == 0, done.stderr
        assert added.read_text() == f"{tmp_path}/quarto-{step['env']['VERSION']}/bin\n"
    else:
        assert done.returncode != 0 and not added.exists()


@pytest.mark.parametrize(
    ("said", "status", "passes"),
    [
        ("Quarto wrote 24 files", 0, True),
        ("the built-in renderer wrote 24 files", 0, False),
        ("RenderError: quarto warns: Unable to resolve crossref @fig-x", 1, False),
    ],
)
def test_only_a_whole_render_by_quarto_passes(
    tmp_path, said: str, status: int, passes: bool
) -> None:
    write_command(tmp_path / "bin/make", f"cat <<'EOF'\n{said}\nEOF\nexit {status}")
    done = shell(of_site("Render")["run"], tmp_path)
    assert (done.returncode == 0) is passes, done.stdout + done.stderr


def write_command(path: Path, script: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def shell(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    """Run a step as the code host does, with commands of `folder`/bin in the place of others."""
    path = f"{folder}/bin:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env={"RUNNER_TEMP": str(folder), **environment, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_script_is_put_together_from_an_event(workflow) -> None:
    """A branch may be called `$(…)`: scripts read such text from the environment only."""
    for step in steps(workflow):
        assert "${{" not in step.get("run", "")


def test_every_script_is_bash_and_calls_what_exists(workflow) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for step in steps(workflow):
        script = step.get("run", "")
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
        assert set(re.findall(r"\bmake (\w+)", script)) <= set(targets)
        for module in re.findall(r"-m experiments\.(\w+)", script):
            assert (ROOT / f"experiments/{module}.py").is_file()


def test_caches_are_keyed_by_files_that_exist(workflow) -> None:
    for listed in re.findall(r"hashFiles\(([^)]*)\)", json.dumps(workflow)):
        for path in re.findall(r"'([^']+)'", listed):
            assert (ROOT / path).is_file()


def test_the_pages_are_checked_in_a_browser() -> None:
    """Elsewhere the checks are skipped without one; here they must run."""
    runs = [step.get("run", "") for step in load("ci")["jobs"]["test"]["steps"]]
    (browser,) = [place for place, run in enumerate(runs) if "playwright install" in run]
    (tests,) = [place for place, run in enumerate(runs) if run == "make test"]
    assert browser < tests
    assert load("ci")["jobs"]["test"]["steps"][tests]["env"] == {"BROWSER_CHECKS": "required"}
    assert "BROWSER_CHECKS" in (ROOT / "tests/browser/conftest.py").read_text(encoding="utf-8")


def test_the_local_runner_is_the_same_command() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    assert script.splitlines()[-1] == "make test" and os.access(ROOT / ".ci/run", os.X_OK)


def test_jobs_end(workflow) -> None:
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())


@pytest.mark.parametrize("reader", ["comment", "publish"])
def test_the_artifact_that_is_read_is_one_that_is_written(reader) -> None:
    written = {
        step["with"]["name"]: step["with"]["path"]
        for step in steps(load("ci"))
        if step.get("uses", "").startswith("actions/upload-artifact@")
    }
    script = steps(load(reader))[0]["run"]
    name = re.search(r"gh run download .* --name (\w+)", script)[1]
    assert written[name] in script


GH = """
import json, os, pathlib, shutil, sys

here = pathlib.Path(os.environ["GITHUB"])
arguments = sys.argv[1:]
if arguments[:2] == ["run", "download"]:
    folder = pathlib.Path(arguments[arguments.index("--dir") + 1])
    if not (here / "artifact").is_dir():
        sys.exit("no artifact")
    shutil.copytree(here / "artifact", folder, symlinks=True)
    sys.exit()
path = next(part for part in arguments if part.startswith("repos/"))
method = arguments[arguments.index("--method") + 1] if "--method" in arguments else "GET"
comments = json.loads((here / "comments.json").read_text())
if path.endswith("/pulls"):
    print((here / "pulls.json").read_text())
elif method == "GET":
    for comment in comments:  # one page each
        print(json.dumps([comment]))
else:
    body = json.loads(pathlib.Path(arguments[arguments.index("--input") + 1]).read_text())["body"]
    if method == "PATCH":
        (one,) = [comment for comment in comments if str(comment["id"]) == path.split("/")[-1]]
        one["body"] = body
    else:
        user = {"login": "github-actions[bot]"}
        comments.append({"id": 100 + len(comments), "user": user, "body": body})
    (here / "comments.json").write_text(json.dumps(comments))
    (here / "log").open("a").write(f"{method} {path}\\n")
"""


class GitHub:
    """A stand-in for `gh` that keeps a pull request's comments in files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.pulls = [{"number": 7, "head": {"sha": SHA}}]
        self.write("comments.json", json.dumps([]))
        self.write("bin/gh.py", GH)
        write_command(root / "bin/gh", f'exec "{sys.executable}" "{root}/bin/gh.py" "$@"')

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def post(self) -> str:
        """Run the script of comment.yml; its output."""
        self.write("pulls.json", json.dumps(self.pulls))
        shutil.rmtree(self.root / "temp", ignore_errors=True)
        (self.root / "temp").mkdir()
        done = shell(
            steps(load("comment"))[0]["run"],
            self.root,
            GITHUB=str(self.root),
            RUNNER_TEMP=str(self.root / "temp"),
            REPOSITORY="owner/paper",
            RUN_ID="1",
            RUN_URL="https://example.org/run",
            HEAD_SHA=SHA,
            HEAD_OWNER="fork",
            HEAD_BRANCH="$(touch hacked)",
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def comments(self) -> list[dict]:
        return json.loads((self.root / "comments.json").read_text())


@pytest.fixture
def github(tmp_path) -> GitHub:
    if not shutil.which("jq"):
        pytest.skip("the script needs jq, which GitHub's runners have")
    return GitHub(tmp_path)


def test_the_comment_is_posted_once_and_then_updated(github) -> None:
    github.write("artifact/numbers.md", "## first\n")
    github.post()
    github.write("artifact/numbers.md", "## second → ünï\n")
    github.post()
    (comment,) = github.comments
    assert "## second → ünï" in comment["body"] and "first" not in comment["body"]
    assert SHA in comment["body"] and "https://example.org/run" in comment["body"]
    assert (github.root / "log").read_text().split("\n")[:2] == [
        "POST repos/owner/paper/issues/7/comments",
        "PATCH repos/owner/paper/issues/comments/100",
    ]


def test_comments_of_people_are_left_alone(github) -> None:
    marker = "<!-- numbers of this pull request -->"
    people = [
        {"id": 1, "user": {"login": "someone"}, "body": f"{marker} mine"},
        {"id": 2, "user": BOT, "body": f"another bot's, quoting {marker}"},
    ]
    github.write("comments.json", json.dumps(people))
    github.write("artifact/numbers.md", "x")
    github.post()
    assert github.comments[:2] == people
    assert len(github.comments) == 3


HOSTILE = """# Heading
@everyone train@mmlu, #1, owner/paper#2, https://example.org, [x](https://example.org)
<img src=x onerror=alert(1)> <!-- {marker} --> &lt; ![](https://example.org/x.png) \0\x1b[31m
```
~~~
</pre></details></sub>

    </code>
\t\tback\r# a line of its own\u2028# and another\u202e
"""


def blocks(body: str) -> list[dict]:
    """What a reader of GitHub's Markdown takes the comment for."""
    return json.loads(pypandoc.convert_text(body, "json", format="gfm"))["blocks"]


@pytest.mark.parametrize(
    "text",
    [
        HOSTILE,
        HOSTILE * 1000,
        "é" * 60_001,
        "😀@\n" * 60_000,
        "@" * 60_000,
        "`" * 60_000,
        "\n" * 60_000,
        "x" * 59_999 + "é",
        "",
    ],
    ids=str.__len__,
)
def test_text_of_strangers_is_quoted_and_short(github, text: str) -> None:
    github.write("artifact/numbers.md", text)
    github.post()
    (comment,) = github.comments
    body = comment["body"]
    assert len(body) < 65_536 and not set("\0\r\x1b\u202e\u2028") & set(body)
    assert re.search(r"@\w", body) is None
    comment_mark, header, *rest = blocks(body)
    assert (comment_mark["t"], header["t"]) == ("RawBlock", "Para")
    code = "".join(block["c"][1] for block in rest if block["t"] == "CodeBlock")
    assert [block["t"] for block in rest if block["t"] != "CodeBlock"] == (
        ["Para"] if len(text) > 50_000 else []
    )
    assert code.strip("\n\ufffd\u200b")[:9] == text.strip("\n")[:9].replace("@", "@\u200b")[:9]
    assert not (github.root / "hacked").exists()


def test_bytes_that_are_no_text_are_quoted_too(github) -> None:
    github.write("artifact/numbers.md", "")
    (github.root / "artifact/numbers.md").write_bytes(b"caf\xe9 \xf0\x9f\n" * 60_000)
    github.post()
    assert blocks(github.comments[0]["body"])[2]["t"] == "CodeBlock"


@pytest.mark.parametrize("pulls", [[], [{"number": 7, "head": {"sha": "b" * 40}}]])
def test_without_the_pull_request_nothing_is_posted(github, pulls) -> None:
    github.write("artifact/numbers.md", "x")
    github.pulls = pulls
    assert "::notice::" in github.post()
    assert github.comments == []


def test_two_pull_requests_of_one_branch_are_not_guessed_between(github) -> None:
    github.write("artifact/numbers.md", "x")
    github.pulls = [{"number": number, "head": {"sha": SHA}} for number in (7, 8)]
    assert "::notice::" in github.post()
    assert github.comments == []


def test_a_link_in_the_artifact_is_not_followed(github) -> None:
    (github.root / "artifact").mkdir()
    (github.root / "artifact/numbers.md").symlink_to("/etc/hostname")
    assert "not a plain file" in github.post()
    assert github.comments == []


def test_a_run_without_the_comparison_is_no_error(github) -> None:
    assert "left no comparison" in github.post()
    assert github.comments == []
