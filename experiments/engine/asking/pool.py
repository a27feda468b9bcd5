"""Step the protocols of many items together, so that their requests share forward passes."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch
from tqdm import tqdm

from experiments.engine.asking.generate import Writing, generate
from experiments.engine.asking.prefix import PrefixCache, common_length, sort_key
from experiments.engine.asking.score import Question, check_model, score_next
from experiments.engine.attention import planned_attention
from experiments.engine.model import EngineSettings, LanguageModel, render, tokenize
from experiments.engine.request import Choose, Generate, Protocol, Reply, Request
from experiments.errors import ModelError, OutcomeError


@dataclass
class Running:
    """A protocol, what it is waiting for, and the prompts it has had scored."""

    key: Hashable
    protocol: Protocol
    replies: list[Reply | None] | None = None
    prompts: list[bytes] = field(default_factory=list)


@dataclass
class Asked:
    """A question, whose it is, and how many of its tokens no earlier question of theirs had."""

    running: Running
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
) -> EngineSettings:
    """Run every protocol to its end and call `on_done(key, rows)` as soon as its rows exist.

    The calls come in no particular order. Same protocols, settings and machine give the same
    replies bit by bit; other settings, or fewer protocols, change them by rounding only. Returns
    the settings it ended with: smaller ones if memory did not hold these. Raises OutcomeError
    naming the key of a protocol that fails or asks for what cannot be asked, and ModelError if the
    engine cannot run the model or memory does not hold a single request.
    """
    torch.set_num_threads(settings.threads)
    check_model(language_model.model)
    running = [Running(key, protocol) for key, protocol in protocols]
    with (
        planned_attention(language_model.model),
        tqdm(total=len(running), desc=description, unit="item", mininterval=1) as bar,
    ):
        pool = Pool(language_model, settings, on_done, bar)
        pool.run(running)
    return pool.settings


class Pool:
    def __init__(
        self, language_model: LanguageModel, settings: EngineSettings, on_done: Callable, bar: tqdm
    ):
        self.language_model, self.settings = language_model, settings
        self.on_done, self.bar = on_done, bar
        self.cache = PrefixCache(language_model.model, settings.cache_gib)
        self.opening: deque[Asked] = deque()
        self.following: deque[Asked] = deque()  # go on from what is still in the cache
        self.writings: deque[Writing] = deque()
        self.computed, self.begun = 0, time.monotonic()

    def run(self, running: list[Running]) -> None:
        self.advance(running)
        self.opening, self.following = self.following, self.opening
        while self.opening or self.following or self.writings:
            if self.opening or self.following:
                new_tokens = sum(asked.new_tokens for asked in self.following)
                follow = not self.opening or new_tokens >= self.settings.token_budget
                self.score(self.following if follow else self.opening)
            else:
                self.write()

    def score(self, queue: deque[Asked]) -> None:
        """Answer the front of a queue and advance the protocols that have all they asked for."""
        questions = (asked.question for asked in queue)
        model = self.language_model.model
        answered = self.within_memory(
            lambda: score_next(model, self.cache, self.settings, questions), "token_budget"
        )
        if answered is None:
            return
        replies, computed = answered
        self.progress(computed)
        asked = [queue.popleft() for _ in replies]
        for one, reply in zip(asked, replies, strict=True):
            one.running.replies[one.at] = reply
        distinct = {id(one.running): one.running for one in asked}
        self.advance([one for one in distinct.values() if None not in one.replies])

    def write(self) -> None:
        """Write all replies. The longest first: a short one beside long ones attends to padding."""
        self.writings = deque(
            sorted(self.writings, key=lambda writing: -len(writing.prompt) - writing.max_tokens)
        )
        self.within_memory(
            lambda: generate(
                self.language_model, self.cache, self.settings, self.writings, self.progress
            ),
            "token_budget",
            "generation_slots",
        )

    def written(self, running: Running, at: int, reply: Reply) -> None:
        running.replies[at] = reply
        if None not in running.replies:
            self.advance([running])

    def advance(self, ready: list[Running]) -> None:
        """Send replies to protocols, and queue what they ask next."""
        asked: list[tuple[Running, int, Request, str]] = []
        for running in ready:
            try:
                requests = running.protocol.send(running.replies and tuple(running.replies))
                _check(requests)
                running.replies = [None] * len(requests)
                for at, request in enumerate(requests):
                    text = render(self.language_model.tokenizer, request.prompt)
                    asked.append((running, at, request, text))
            except StopIteration as stop:
                self.on_done(running.key, stop.value)
                self.bar.update()
            except Exception as error:
                raise OutcomeError(
                    f"The protocol of {running.key!r} failed ({type(error).__name__}: {error}); "
                    "mend the task or its item and run again."
                ) from error
        self.queue(asked)

    def queue(self, asked: list[tuple[Running, int, Request, str]]) -> None:
        tokens = {
            # A chat template writes the special tokens itself.
            kind: tokenize(
                self.language_model.tokenizer,
                (text for *_, request, text in asked if type(request.prompt) is kind),
                special_tokens=kind is str,
            )
            for kind in (str, tuple)
        }
        continuations = tokenize(
            self.language_model.tokenizer,
            (c for *_, one, _ in asked if isinstance(one, Choose) for c in one.continuations),
            special_tokens=False,
        )
        earlier = {id(running): list(running.prompts) for running, *_ in asked}
        for running, at, request, text in asked:
            prompt = tokens[type(request.prompt)][text]
            if isinstance(request, Generate):
                self.check_length(running, [prompt], request.max_tokens)
                done = partial(self.written, running, at)
                self.writings.append(Writing(prompt, request.max_tokens, request.stop, done))
                continue
            question = Question(prompt, tuple(continuations[c] for c in request.continuations))
            longest = max(map(len, question.continuations))
            self.check_length(running, [prompt, *question.continuations], longest)
            order = sort_key(prompt)
            known = max((common_length(order, one) for one in earlier[id(running)]), default=0)
            running.prompts.append(order)
            self.following.append(Asked(running, at, question, order, len(prompt) - known))
        self.following = deque(sorted(self.following, key=lambda one: one.order))

    def check_length(self, running: Running, parts: list[np.ndarray], more: int) -> None:
        if not all(map(len, parts)):
            raise OutcomeError(f"The protocol of {running.key!r} asks for a text without tokens.")
        most = self.language_model.model.config.get_text_config().max_position_embeddings
        if (total := len(parts[0]) + more) > most:
            raise OutcomeError(
                f"The protocol of {running.key!r} asks for {total} tokens and the model reads at "
                f"most {most}; shorten its prompt."
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
            smaller = replace(self.settings, **halves)
            if smaller == self.settings:
                raise ModelError(
                    "Memory does not hold the model and a single request; lower cache_gib, "
                    "quantise the model, or use a larger machine."
                ) from error
        self.settings = smaller
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        lowered = " and ".join(f"{knob} {half}" for knob, half in halves.items())
        self.bar.write(f"Out of memory: going on with {lowered}.", file=sys.stderr)
        return None


def _check(requests) -> None:
    if not isinstance(requests, tuple) or not requests:
        raise TypeError(f"it yields {requests!r}, not a tuple of requests")
    for request in requests:
        if not isinstance(request, Choose | Generate):
            raise TypeError(f"it yields {request!r}, neither Choose nor Generate")
        if isinstance(request, Choose) and not request.continuations:
            raise ValueError("it yields a Choose without continuations")
        if isinstance(request, Generate) and request.max_tokens < 1:
            raise ValueError("it yields a Generate with max_tokens below 1")


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(
        text in str(error).lower() for text in ("out of memory", "can't allocate memory")
    )
