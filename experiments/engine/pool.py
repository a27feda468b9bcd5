"""Step the protocols of many items together, so that their requests share forward passes."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from tqdm import tqdm

from experiments.engine.generate import Writing, generate
from experiments.engine.model import EngineSettings, LanguageModel, render, tokenize
from experiments.engine.prefix import PrefixCache, common_length, sort_key
from experiments.engine.request import Choose, Generate, Protocol, Reply, Request
from experiments.engine.score import Question, score_next
from experiments.errors import ModelError, OutcomeError


@dataclass
class _Running:
    """A protocol that waits for replies."""

    key: Hashable
    protocol: Protocol
    replies: tuple[Reply, ...] | None = None
    waiting_for: dict[int, Reply | None] = field(default_factory=dict)
    prompts: list[bytes] = field(default_factory=list)


@dataclass
class _Asked:
    """A question, whose it is, and how many of its tokens no earlier question of theirs had."""

    running: _Running
    at: int
    question: Question
    order: bytes
    new_tokens: int


def run(
    protocols: Iterable[tuple[Hashable, Protocol]],
    language_model: LanguageModel,
    settings: EngineSettings,
    on_done: Callable[[Hashable, list[dict]], None],
    description: str,
) -> None:
    """Run every protocol to its end and call `on_done(key, rows)` as soon as its rows exist.

    The calls come in no particular order. Same protocols, settings and machine give the same
    replies bit by bit; other settings, or fewer protocols, change them by rounding only. Raises
    OutcomeError naming the key of a protocol that fails or asks for what cannot be asked, and
    ModelError if memory does not hold a single request.
    """
    torch.set_num_threads(settings.threads)
    running = [_Running(key, protocol) for key, protocol in protocols]
    model = language_model.model
    attention = model.config._attn_implementation
    model.set_attn_implementation("planned")
    try:
        with tqdm(total=len(running), desc=description, unit="item", mininterval=1) as bar:
            _Pool(language_model, settings, on_done, bar).run(running)
    finally:
        model.set_attn_implementation(attention)


class _Pool:
    def __init__(self, language_model, settings, on_done, bar):
        self.language_model = language_model
        self.settings: EngineSettings = settings
        self.on_done = on_done
        self.bar = bar
        self.cache = PrefixCache(language_model.model, settings.cache_gib)
        self.opening: deque[_Asked] = deque()
        self.following: deque[_Asked] = deque()  # continue what may still be in the cache
        self.writings: deque[Writing] = deque()
        self.computed, self.begun = 0, time.monotonic()

    def run(self, running: list[_Running]) -> None:
        self.advance(running)
        self.opening, self.following = self.following, self.opening
        while self.opening or self.following or self.writings:
            if self.opening or self.following:
                enough = sum(asked.new_tokens for asked in self.following)
                follow = not self.opening or enough >= self.settings.token_budget
                self.score(self.following if follow else self.opening)
            else:
                self.write()

    def score(self, queue: deque[_Asked]) -> None:
        replies = self.within_memory(
            lambda: score_next(
                self.language_model, self.cache, self.settings, (a.question for a in queue)
            ),
            "token_budget",
        )
        if replies is None:
            return
        likelihoods, computed = replies
        self.progress(computed)
        ready = []
        for reply in likelihoods:
            asked = queue.popleft()
            ready += self.answer(asked.running, asked.at, reply)
        self.advance(ready)

    def write(self) -> None:
        # Replies of like length side by side: the shorter ones attend to padding.
        longest_first = sorted(self.writings, key=lambda w: -len(w.prompt) - w.max_tokens)
        self.writings = deque(longest_first)
        self.within_memory(
            lambda: generate(
                self.language_model, self.cache, self.settings, self.writings, self.progress
            ),
            "token_budget",
            "generation_slots",
        )

    def answer(self, running: _Running, at: int, reply: Reply) -> list[_Running]:
        """Note one reply; return the protocol if it was the last it waits for."""
        running.waiting_for[at] = reply
        if any(reply is None for reply in running.waiting_for.values()):
            return []
        running.replies = tuple(running.waiting_for[i] for i in range(len(running.waiting_for)))
        return [running]

    def advance(self, ready: list[_Running]) -> None:
        """Send replies and queue what the protocols ask next."""
        asked: list[tuple[_Running, int, Request, str]] = []
        tokenizer = self.language_model.tokenizer
        for running in ready:
            try:
                requests = running.protocol.send(running.replies)
                _check(requests)
                asked += [
                    (running, at, request, render(tokenizer, request.prompt))
                    for at, request in enumerate(requests)
                ]
                running.waiting_for = dict.fromkeys(range(len(requests)))
            except StopIteration as stop:
                self.on_done(running.key, stop.value)
                self.bar.update()
            except Exception as error:
                raise OutcomeError(
                    f"The protocol of {running.key!r} failed ({type(error).__name__}: {error}); "
                    "mend the task or its item and run again."
                ) from error
        self.queue(asked)

    def queue(self, asked: list[tuple[_Running, int, Request, str]]) -> None:
        """Tokenize and sort new requests."""
        tokenizer = self.language_model.tokenizer
        # A chat template writes the special tokens itself.
        plain = tokenize(
            tokenizer,
            (text for _, _, r, text in asked if isinstance(r.prompt, str)),
            special_tokens=True,
        )
        chat = tokenize(
            tokenizer,
            (text for _, _, r, text in asked if not isinstance(r.prompt, str)),
            special_tokens=False,
        )
        continuations = tokenize(
            tokenizer,
            (c for _, _, r, _ in asked if isinstance(r, Choose) for c in r.continuations),
            special_tokens=False,
        )
        earlier = {id(running): list(running.prompts) for running, *_ in asked}
        for running, at, request, text in asked:
            prompt = (plain if isinstance(request.prompt, str) else chat)[text]
            if isinstance(request, Generate):
                self.check_length(running, [prompt], request.max_tokens)
                done = lambda reply, to=running, at=at: self.advance(self.answer(to, at, reply))  # noqa: E731
                self.writings.append(Writing(prompt, request.max_tokens, request.stop, done))
                continue
            question = Question(prompt, tuple(continuations[c] for c in request.continuations))
            parts = [prompt, *question.continuations]
            self.check_length(running, parts, max(map(len, question.continuations)))
            order = sort_key(prompt)
            known = max((common_length(order, one) for one in earlier[id(running)]), default=0)
            running.prompts.append(order)
            self.following.append(_Asked(running, at, question, order, len(prompt) - known))
        self.following = deque(sorted(self.following, key=lambda asked: asked.order))

    def check_length(self, running: _Running, parts: list[np.ndarray], more: int) -> None:
        if not all(map(len, parts)):
            raise OutcomeError(f"The protocol of {running.key!r} asks for a text without tokens.")
        most = self.language_model.model.config.get_text_config().max_position_embeddings
        if len(parts[0]) + more > most:
            raise OutcomeError(
                f"The protocol of {running.key!r} asks for {len(parts[0]) + more} tokens, more than "
                f"the {most} that the model can read; shorten its prompt."
            )

    def progress(self, computed: int) -> None:
        self.computed += computed
        rate = self.computed / (time.monotonic() - self.begun)
        self.bar.set_postfix_str(f"{rate:.0f} tokens/s", refresh=False)

    def within_memory(self, work: Callable, *knobs: str):
        """Do the work; if memory does not hold it, halve the settings for good and return None."""
        try:
            return work()
        except (MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            halves = {knob: max(1, getattr(self.settings, knob) // 2) for knob in knobs}
            if all(getattr(self.settings, knob) == half for knob, half in halves.items()):
                raise ModelError(
                    "Memory does not hold the model and a single request; lower cache_gib, "
                    "quantise the model, or use a larger machine."
                ) from error
        self.settings = replace(self.settings, **halves)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        lowered = " and ".join(f"{knob} {half}" for knob, half in halves.items())
        self.bar.write(f"Out of memory: going on with {lowered}.", file=sys.stderr)
        return None


def _check(requests) -> None:
    if not isinstance(requests, tuple) or not requests:
        raise TypeError(f"it yields {requests!r}, not a tuple of requests")
    for request in requests:
        if isinstance(request, Choose):
            if not request.continuations:
                raise ValueError("it yields a Choose without continuations")
        elif not isinstance(request, Generate):
            raise TypeError(f"it yields {request!r}, neither Choose nor Generate")
        elif request.max_tokens < 1:
            raise ValueError("it yields a Generate with max_tokens below 1")


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(
        text in str(error).lower() for text in ("out of memory", "can't allocate memory")
    )
