"""What can be asked of a model and what it answers. The only words tasks and engine share."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """One turn of a dialogue; `role` is "system", "user" or "assistant"."""

    role: str
    content: str


Dialogue = tuple[Message, ...]
# A dialogue is rendered with the model's chat template and ends where the assistant's reply
# begins; a plain string is tokenized as it is (with the BOS token if the tokenizer adds one).
Prompt = Dialogue | str


@dataclass(frozen=True)
class Choose:
    """Ask for log P(continuation | prompt) of every continuation.

    Each continuation is tokenized on its own and appended to the prompt's tokens, as in
    lm-evaluation-harness. A raw-string prompt must therefore not end in white space; its
    continuations usually begin with a space.
    """

    prompt: Prompt
    continuations: tuple[str, ...]


@dataclass(frozen=True)
class Generate:
    """Ask for a greedy reply, ended by the model's end-of-turn token or a limit."""

    prompt: Prompt
    max_tokens: int


Request = Choose | Generate


@dataclass(frozen=True)
class Likelihoods:
    """Reply to `Choose`: summed log-likelihood in nats and token count, per continuation."""

    log_likelihoods: tuple[float, ...]
    token_counts: tuple[int, ...]


@dataclass(frozen=True)
class Text:
    """Reply to `Generate`: the text, and why it ended."""

    text: str
    finish: str  # "end" (the model's end of turn) or "length"


Reply = Likelihoods | Text

# A task's protocol for one item: yields a batch of independent requests (a tuple), is sent the
# replies in the same order, and returns its outcome rows when done.
Protocol = Generator[tuple[Request, ...], tuple[Reply, ...], list[dict]]
