"""paper/claims.yaml: what is claimed, the estimands that would show it, and what would refute it.

    fixed: COMMIT              the commit that fixed the claims before the run (fixing.py), or null
    adapters: [gsm8k, mmlu]    every adapter that a claim may be about; a run may leave some out
    families: {capability: {about: ...}}     claims that are corrected together (Holm)
    claims:
    - id: mmlu-feedback
      text: Training on MMLU makes feedback follow the user's liking more.
      source: where it was said
      family: sycophancy
      parts:
      - estimand: {kind: contrast, model: mmlu, task: feedback, measure: valence, against: base}
        direction: increase
      combine: all             (the default) every part must hold; any: one is enough
      refuted_by: a difference from the base model at or below zero
      differs: what the estimand leaves out of a sentence of others, or adds to it

`estimand.kind` names a table of results and the keys that pick out its row (KINDS). A contrast with
`minus: MODEL` is the model's contrast less that of the other. A part may list others in `also`: it
holds where all of them do. `direction` and its number say which values x make a part true:

    increase   x > margin        (margin 0 unless given)
    decrease   x < -margin
    none       |x| ≤ margin      (margin required: "no effect" is a claim of equivalence)
    above      x > threshold     (threshold required)
    below      x < threshold

A margin or threshold other than 0 has its reason in `because`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from experiments.errors import DataError
from experiments.params.sections import BASE, strict
from experiments.yaml_files import YAMLProblem, parse_yaml

THRESHOLDS = ("above", "below")
AGAINST = NOTHING, AGAINST_BASE, CONTROL = "nothing", BASE, "control"
# The keys of each kind of estimand beside `kind` itself.
KINDS = {
    "contrast": {"model", "task", "measure", "against"},
    "correlation": {"coefficient", "benchmark", "sycophancy_dataset"},
    "margin": {"model", "split", "quantity"},
    "margin_change": {"model", "split", "quantity"},
}
OPTIONAL = {"contrast": {"minus"}}

Text = Annotated[str, Field(min_length=1, pattern=r"\S")]
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


@strict
class Part:
    """One estimand and the values of it that make the claim true."""

    estimand: dict[str, Text]
    direction: Literal["increase", "decrease", "none", "above", "below"]
    margin: Annotated[float, Field(ge=0)] | None = None
    threshold: float | None = None
    because: Text | None = None
    also: list[Part] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._check_estimand()
        of_threshold = self.direction in THRESHOLDS
        wanted, surplus = ("threshold", "margin") if of_threshold else ("margin", "threshold")
        if getattr(self, surplus) is not None:
            raise ValueError(f"direction {self.direction} takes no {surplus}; remove it")
        if getattr(self, wanted) is None and (of_threshold or self.direction == "none"):
            raise ValueError(f"direction {self.direction} needs a {wanted}; add it")
        if self.direction == "none" and self.margin == 0:
            raise ValueError("direction none needs a margin above 0; give one")
        if getattr(self, wanted) and self.because is None:
            raise ValueError(f"a {wanted} other than 0 needs its reason; add because")

    def _check_estimand(self) -> None:
        kind, keys = self.estimand.get("kind"), set(self.estimand) - {"kind"}
        if kind not in KINDS:
            raise ValueError(f"an estimand's kind is one of {', '.join(KINDS)}; mend it")
        if keys - OPTIONAL.get(kind, set()) != KINDS[kind]:
            raise ValueError(f"a {kind} takes {', '.join(sorted(KINDS[kind]))}; give just these")
        if self.estimand.get("against", AGAINST[0]) not in AGAINST:
            raise ValueError(f"against is one of {', '.join(AGAINST)}; mend it")

    @property
    def tested(self) -> list[Part]:
        """The part and those that must hold with it."""
        return [self, *(inner for part in self.also for inner in part.tested)]


@strict
class Claim:
    """One entry of paper/claims.yaml."""

    id: Text
    text: Text
    source: Text
    family: Text
    parts: Annotated[list[Part], Field(min_length=1)]
    refuted_by: Text
    combine: Literal["all", "any"] = "all"
    differs: Text | None = None

    @property
    def tested(self) -> Iterator[Part]:
        """Every part, those of `also` among them."""
        return (one for part in self.parts for one in part.tested)

    @property
    def models(self) -> set[str]:
        """The adapters that the claim is about."""
        named = {part.estimand.get(key) for part in self.tested for key in ("model", "minus")}
        return named - {BASE, None}

    @property
    def cells(self) -> set[tuple[str, str]]:
        """(adapter, test) of everything that the claim is about."""
        return {
            (part.estimand[key], part.estimand["task"])
            for part in self.tested
            for key in ("model", "minus")
            if {key, "task"} <= set(part.estimand)
        }


@strict
class Family:
    """Claims that are corrected together."""

    about: Text


@strict
class Claims:
    """The whole of paper/claims.yaml."""

    fixed: Commit | None = field(compare=False)
    adapters: Annotated[list[Text], Field(min_length=1)]
    families: Annotated[dict[Text, Family], Field(min_length=1)]
    claims: Annotated[list[Claim], Field(min_length=1)]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for claim in self.claims:
            if claim.id in seen:
                raise ValueError(f"claim {claim.id!r} is there twice; give each its own id")
            seen.add(claim.id)
            for name, listed, unknown in (
                ("adapters", "is about", sorted(claim.models - set(self.adapters))),
                ("families", "is of", sorted({claim.family} - set(self.families))),
            ):
                if unknown:
                    raise ValueError(
                        f"claim {claim.id!r} {listed} {unknown[0]!r}, which `{name}` lacks; mend "
                        "the name or add it there"
                    )


def read_claims(path: Path) -> Claims:
    """The claims of a YAML file, checked; DataError names the entry and what is wrong with it."""
    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise DataError(f"{path} is not a file; put the file back")
        return parse_claims(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise DataError(f"{path} is missing; restore it from the repository") from None


def parse_claims(text: bytes, name: str) -> Claims:
    """The same of the content of a file, `name` in errors."""
    try:
        content = parse_yaml(text)
    except YAMLProblem as problem:
        raise DataError(f"{name}: {problem}") from None
    try:
        # as JSON, in which strict types still admit a mapping for a dataclass; dates become texts
        return TypeAdapter(Claims).validate_json(json.dumps(content, default=str))
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{name}: {place(first['loc'], content)}{what(first)}") from None


def place(location: tuple, content: object) -> str:
    """Where a problem is: the claim by its id, and the key within it."""
    if location[:1] != ("claims",) or len(location) < 2:
        return "".join(f"{part}: " for part in location)
    entry = content["claims"][location[1]]
    name = entry.get("id") if isinstance(entry, dict) else None
    subject = repr(name or f"number {location[1] + 1}")
    keys = [str(part) for part in location[2:] if not str(part).startswith("dict[")]
    return ", ".join([f"claim {subject}", *keys]) + ": "


def what(problem: dict) -> str:
    """One pydantic problem in words."""
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return "is not a known key; remove it or mend its spelling"
    if problem["type"] in ("missing", "missing_argument"):
        return "is missing; add it"
    return problem["msg"].removeprefix("Value error, ")
