"""The Claude judge against a server on loopback that also limits, stalls, fails and babbles."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from experiments.corpora import judge
from experiments.corpora.item import Item, read_rows
from experiments.errors import DataError, JudgeError
from experiments.params import Claude
from tests.items import of_task

KEY = "sk-test-not-a-key-0123456789"
SETTINGS = Claude(
    model="claude-test",
    most_dollars=1.0,
    dollars_per_million_tokens={"input": 1.0, "output": 5.0},
    max_tokens=8,
    timeout_seconds=0.5,
    retries=3,
    longest_wait_seconds=5.0,
)


def items(count: int) -> list[Item]:
    return of_task("paired_choice", count)


def message(text: str, input_tokens: int = 100) -> bytes:
    return json.dumps(
        {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": "claude-test",
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": input_tokens, "output_tokens": 2},
        }
    ).encode()


Response = tuple[int, bytes, dict[str, str]]


class Server:
    """Answers by a script, one entry per request; the last entry is repeated."""

    def __init__(self, script: list[Response | Callable[[], Response]]) -> None:
        self.script = script
        self.requests: list[dict] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                server.requests.append({"body": body, "key": self.headers["x-api-key"]})
                entry = server.script[min(len(server.requests), len(server.script)) - 1]
                status, content, headers = entry() if callable(entry) else entry
                try:
                    self.send_response(status)
                    for name, value in ({"content-type": "application/json"} | headers).items():
                        self.send_header(name, value)
                    self.send_header("content-length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)
                except OSError:
                    pass  # the client gave up waiting

            def log_message(self, *arguments: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Server]]:
    """Start a server with a script and point the SDK to it."""
    pytest.importorskip("anthropic")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    started = []

    def start(*script: Response | Callable[[], Response]) -> Server:
        server = Server(list(script))
        started.append(server)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", f"http://127.0.0.1:{server.http.server_port}")
        return server

    yield start
    for server in started:
        server.close()


def ok(text: str) -> Response:
    return 200, message(text), {}


def failed(status: int, **headers: str) -> Response:
    content = {"type": "error", "error": {"type": "some_error", "message": f"no, {KEY}"}}
    return status, json.dumps(content).encode(), headers


def stall() -> Response:
    time.sleep(1.0)
    return ok("hard")


def judged(path: Path, count: int = 1, **changes: object) -> list[float]:
    """Collect verdicts; the seconds slept between attempts."""
    settings = Claude(**{**vars(SETTINGS), **changes})
    slept: list[float] = []
    judge.collect(items(count), judge.connect(settings), settings, path, slept.append)
    return slept


def splits(path: Path) -> list[str]:
    return [row["split"] for row in read_rows(path)]


def test_verdicts_are_kept_without_the_text_that_was_judged(serve, tmp_path: Path) -> None:
    server = serve(ok("easy"), ok(" Hard. "))
    path = tmp_path / "verdicts.jsonl"
    assert judged(path, 2) == []
    assert splits(path) == ["easy", "hard"]
    assert "person" not in path.read_text() and KEY not in path.read_text()
    assert server.requests[0]["key"] == KEY
    body = server.requests[0]["body"]
    assert body["temperature"] == 0 and body["max_tokens"] == 8 and body["model"] == "claude-test"
    assert "Mine 0\nOther 0" in body["messages"][0]["content"]  # in the order of the source
    assert judge.read_verdicts(path, items(2), "claude-test") == {
        "paired_choice/0": "easy",
        "paired_choice/1": "hard",
    }


def test_a_rate_limit_is_waited_out_for_as_long_as_the_server_asks(serve, tmp_path: Path) -> None:
    short, long = (failed(429, **{"retry-after": wait}) for wait in ("3", "900"))
    server = serve(short, long, ok("hard"))
    assert judged(tmp_path / "v.jsonl") == [3.0, 5.0]  # never longer than longest_wait_seconds
    assert splits(tmp_path / "v.jsonl") == ["hard"]
    assert len(server.requests) == 3


@pytest.mark.parametrize("wait", ["soon", "nan", "-1", "inf", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_senseless_wait_is_replaced_by_a_doubling_one(serve, tmp_path: Path, wait: str) -> None:
    busy = failed(529, **{"retry-after": wait})
    serve(busy, busy, ok("easy"))
    assert judged(tmp_path / "v.jsonl") == [1.0, 2.0]


def test_a_server_that_stalls_is_given_up_and_asked_again(serve, tmp_path: Path) -> None:
    server = serve(stall, ok("easy"))
    begun = time.monotonic()
    assert judged(tmp_path / "v.jsonl") == [1.0]
    assert time.monotonic() - begun < 5
    assert splits(tmp_path / "v.jsonl") == ["easy"] and len(server.requests) == 2


@pytest.mark.parametrize(
    "garbage",
    [
        (200, b"<html>hello</html>", {"content-type": "text/html"}),
        (200, b"{", {}),
        (200, b"[]", {}),
        (200, b'{"type": "message", "content": null}', {}),
        (200, b'{"type": "message", "content": [{"type": "text"}], "usage": null}', {}),
        (200, b"\xff\xfe\x00", {}),
    ],
)
def test_garbage_is_asked_again_and_never_a_verdict(serve, tmp_path: Path, garbage) -> None:
    server = serve(garbage, ok("easy"))
    judged(tmp_path / "v.jsonl")
    assert splits(tmp_path / "v.jsonl") == ["easy"] and len(server.requests) == 2


def test_requests_are_bounded_and_earlier_verdicts_survive(serve, tmp_path: Path) -> None:
    server = serve(ok("easy"), failed(500))
    with pytest.raises(JudgeError, match=r"paired_choice/1.*status 500.*4 attempts"):
        judged(tmp_path / "v.jsonl", 3)
    assert len(server.requests) == 1 + 4
    assert splits(tmp_path / "v.jsonl") == ["easy"]


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_for_good_is_not_repeated_and_the_key_not_shown(
    serve, tmp_path: Path, status: int, capsys: pytest.CaptureFixture
) -> None:
    server = serve(failed(status))
    with pytest.raises(JudgeError) as raised:
        judged(tmp_path / "v.jsonl")
    assert len(server.requests) == 1
    assert KEY not in str(raised.value) and raised.value.__suppress_context__
    assert KEY not in "".join(capsys.readouterr())


def test_a_reply_that_is_no_verdict_is_not_guessed_at(serve, tmp_path: Path) -> None:
    server = serve(ok("It is hard to say, perhaps easy"), ok("hard"))
    with pytest.raises(JudgeError, match=r"1 questions.*paired_choice/0"):
        judged(tmp_path / "v.jsonl", 2)
    assert splits(tmp_path / "v.jsonl") == ["hard"] and len(server.requests) == 2


def test_the_spend_limit_stops_before_it_is_passed(serve, tmp_path: Path) -> None:
    serve(ok("easy"))
    real = 100 * 1e-6 + 2 * 5e-6  # what the fake server says each reply took
    with pytest.raises(JudgeError, match="spend limit"):
        judged(tmp_path / "v.jsonl", 50, most_dollars=0.003)
    done = len(splits(tmp_path / "v.jsonl"))
    assert 0 < done < 50 and done * real <= 0.003


def test_lost_replies_are_paid_for(serve, tmp_path: Path) -> None:
    """A server that never answers may bill every attempt; the limit holds all the same."""
    server = serve(failed(503))
    once = judge.cost(
        (len(judge.INSTRUCTION) + len(judge.prompt(items(1)[0]))) // judge.CHARACTERS_PER_TOKEN,
        SETTINGS.max_tokens,
        SETTINGS,
    )
    with pytest.raises(JudgeError, match="spend limit"):
        judged(tmp_path / "v.jsonl", most_dollars=2.5 * once)
    assert len(server.requests) == 2


def test_an_interrupted_run_goes_on_and_pays_for_nothing_twice(
    serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "v.jsonl"
    serve(ok("easy"))
    judged(path, 2)
    server = serve(ok("hard"))
    known = judge.read_verdicts(path, items(5), SETTINGS.model)
    missing = [item for item in items(5) if item.id not in known]
    judge.collect(missing, judge.connect(SETTINGS), SETTINGS, path)
    assert splits(path) == ["easy", "easy", "hard", "hard", "hard"]
    assert len(server.requests) == 3


def verdict_row(item: Item) -> dict:
    return {
        "id": item.id,
        "model": "claude-test",
        "prompt_sha256": judge.digest(item),
        "split": "easy",
        "input_tokens": 1,
        "output_tokens": 1,
    }


def test_verdicts_on_other_words_or_by_another_model_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "v.jsonl"
    item = items(1)[0]
    path.write_text(json.dumps(verdict_row(item)) + "\n", encoding="utf-8")
    assert judge.read_verdicts(path, [item], "claude-test") == {item.id: "easy"}
    assert judge.read_verdicts(path, [item], "claude-other") == {}
    changed = Item(**{**vars(item), "question": "Another question?"})
    assert judge.read_verdicts(path, [changed], "claude-test") == {}
    monkeypatch.setattr(judge, "INSTRUCTION", "Judge otherwise.")
    assert judge.read_verdicts(path, [item], "claude-test") == {}


def test_no_file_is_no_verdicts_and_a_wrong_row_is_named(tmp_path: Path) -> None:
    path = tmp_path / "v.jsonl"
    assert judge.read_verdicts(path, items(1), "claude-test") == {}
    for wrong in ({"split": "medium"}, {"id": ["a"]}, {"input_tokens": True}, {"colour": "red"}):
        path.write_text(json.dumps(verdict_row(items(1)[0]) | wrong) + "\n", encoding="utf-8")
        with pytest.raises(DataError, match=rf"line 1, .*{next(iter(wrong))}.*; remove the line"):
            judge.read_verdicts(path, items(1), "claude-test")


def test_without_a_key_nothing_is_asked(serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with pytest.raises(JudgeError, match="ANTHROPIC_API_KEY"):
        judge.connect(SETTINGS)
