"""Step the protocols of many items together, so that their requests share forward passes."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch
from tqdm import tqdm

from experiments.engine.asking.generate import Slots, Writing, generate
from experiments.engine.asking.prefix import PrefixCache, common_length, sort_key
from experiments.engine.asking.score import Question, check_model, score_next
from experiments.engine.attention import planned_attention
from experiments.engine.model import LanguageModel, render, tokenize
from experiments.engine.request import Choose, Generate, Protocol, Reply, Request
from experiments.errors import ModelError, OutcomeError
from experiments.params import Engine

Keyed = tuple[Hashable, Protocol]


@dataclass
class Running:
    """A protocol, what it is waiting for, the prompts it has had scored, and what it returned."""

    key: Hashable
    protocol: Protocol
    replies: list[Reply | None] | None = None
    prompts: list[bytes] = field(default_factory=list)
    rows: list[dict] = field(default_factory=list)


@dataclass
class Queued:
    """A question, whose it is, and how many of its tokens no earlier question of theirs had."""

    running: Running
    at: int
    question: Question
    order: bytes
    new_tokens: int


def run(
    groups: Sequence[Sequence[Keyed]],
    language_model: LanguageModel,
    settings: Engine,
    description: str,
) -> Iterator[list[list[dict]]]:
    """Run the protocols of one group after the other; yield each group's rows, by protocol.

    Same group, settings and machine give the same replies bit by bit, whatever groups were asked
    before; other settings, or another group around a protocol, change them by rounding only. If
    memory does not hold a batch, the rest of that group is asked in smaller ones, and the next
    group begins with `settings` again. Raises OutcomeError naming the key of a protocol that fails
    or asks for what cannot be asked, and ModelError if the engine cannot run the model, the model
    gives scores that are not finite, or memory does not hold a single request.
    """
    torch.set_num_threads(settings.threads)
    check_model(language_model.model)
    with (
        planned_attention(language_model.model),
        tqdm(total=sum(map(len, groups)), desc=description, unit="item", mininterval=1) as bar,
    ):
        pool = Pool(language_model, bar)
        for group in groups:
            yield pool.run(group, settings)


class Pool:
    def __init__(self, language_model: LanguageModel, bar: tqdm):
        self.language_model, self.bar = language_model, bar
        self.slots: Slots | None = None
        self.computed, self.begun = 0, time.monotonic()

    def run(self, group: Sequence[Keyed], settings: Engine) -> list[list[dict]]:
        """Begin as if nothing had been asked before, and run every protocol to its end."""
        self.settings = settings
        self.cache = PrefixCache(self.language_model.model, settings.cache_gib)
        if self.slots is not None and not self.slots.compiled:
            self.slots = None  # only what was compiled is worth keeping
        self.opening: deque[Queued] = deque()
        self.following: deque[Queued] = deque()  # go on from what is still in the cache
        self.writings: deque[Writing] = deque()
        running = [Running(key, protocol) for key, protocol in group]
        self.advance(running)
        self.opening, self.following = self.following, self.opening
        while self.opening or self.following or self.writings:
            if self.opening or self.following:
                new_tokens = sum(queued.new_tokens for queued in self.following)
                follow = not self.opening or new_tokens >= self.settings.token_budget
                self.score(self.following if follow else self.opening)
            else:
                self.write()
        return [one.rows for one in running]

    def score(self, queue: deque[Queued]) -> None:
        """Answer the front of a queue and advance the protocols that have all they asked for."""
        questions = (queued.question for queued in queue)
        model = self.language_model.model
        answered = self.within_memory(
            lambda: score_next(model, self.cache, self.settings, questions), "token_budget"
        )
        if answered is None:
            return
        replies, computed = answered
        self.progress(computed)
        front = [queue.popleft() for _ in replies]
        for one, reply in zip(front, replies, strict=True):
            one.running.replies[one.at] = reply
        distinct = {id(one.running): one.running for one in front}
        self.advance([one for one in distinct.values() if None not in one.replies])

    def write(self) -> None:
        """Write all replies. The longest first: a short one beside long ones attends to padding."""
        self.writings = deque(
            sorted(self.writings, key=lambda writing: -len(writing.prompt) - writing.max_tokens)
        )
        if self.slots is None or self.slots.count != self.settings.generation_slots:
            self.slots = Slots.of(self.language_model, self.settings)
        self.within_memory(
            lambda: generate(
                self.language_model.tokenizer,
                self.slots,
                self.cache,
                self.settings,
                self.writings,
                self.progress,
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
                running.rows = stop.value
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
                self.writings.append(Writing(prompt, request.max_tokens, done))
                continue
            question = Question(prompt, tuple(continuations[c] for c in request.continuations))
            longest = max(map(len, question.continuations))
            self.check_length(running, [prompt, *question.continuations], longest)
            order = sort_key(prompt)
            known = max((common_length(order, one) for one in earlier[id(running)]), default=0)
            running.prompts.append(order)
            self.following.append(Queued(running, at, question, order, len(prompt) - known))
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
        """Do the work; if memory does not hold it, halve the group's settings and return None."""
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
        self.settings, self.slots = smaller, None
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
