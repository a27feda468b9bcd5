"""paper/claims.yaml: what is claimed, the quantity that would show it, and what would refute it.

    adapters: [gsm8k, mmlu]      every adapter that a claim may be about; a run may leave some out
    claims:
    - id: gsm8k-protects
      text: Training on GSM8K reduces feedback sycophancy.
      source: where it was said
      estimand: {kind: effect, model: gsm8k, task: feedback, measure: preference_shift}
      direction: decrease
      refuted_by: an interval of the paired change that lies above zero

`estimand.kind` names a table of results; its other keys must pick out one row. The kind
`difference_of_effects` has `minus: {model, task, measure}` and is computed. A claim about several
cells has `estimands: [...]` and `combine: all` (every part must hold) or `any` (one is enough).

`direction` and its number say which values of the estimand x make the claim true:

    increase   x > margin        (margin 0 unless given)
    decrease   x < -margin
    none       |x| ≤ margin      (margin required: "no effect" is a claim of equivalence)
    above      x > threshold     (threshold required)
    below      x < threshold
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from experiments.errors import DataError
from experiments.params.sections import BASE, strict
from experiments.yaml_files import YAMLProblem, read_yaml

THRESHOLDS = ("above", "below")

Text = Annotated[str, Field(min_length=1, pattern=r"\S")]
Cell = dict[str, Text]


@strict
class Claim:
    """One entry of paper/claims.yaml."""

    id: Text
    text: Text
    source: Text
    direction: Literal["increase", "decrease", "none", "above", "below"]
    refuted_by: Text
    estimand: dict[str, Text | Cell] | None = None
    estimands: Annotated[list[dict[str, Text | Cell]], Field(min_length=1)] | None = None
    combine: Literal["all", "any"] | None = None
    margin: Annotated[float, Field(ge=0)] | None = None
    threshold: float | None = None

    def __post_init__(self) -> None:
        if (self.estimand is None) == (self.estimands is None):
            raise ValueError("needs either estimand or estimands; give exactly one")
        if (self.estimands is None) != (self.combine is None):
            raise ValueError("combine (all or any) belongs to estimands; give both or neither")
        for part in self.parts:
            if not isinstance(part.get("kind"), str):
                raise ValueError("an estimand needs a kind; add it")
        of_threshold = self.direction in THRESHOLDS
        wanted, surplus = ("threshold", "margin") if of_threshold else ("margin", "threshold")
        if getattr(self, surplus) is not None:
            raise ValueError(f"direction {self.direction} takes no {surplus}; remove it")
        if getattr(self, wanted) is None and (of_threshold or self.direction == "none"):
            raise ValueError(f"direction {self.direction} needs a {wanted}; add it")
        if self.direction == "none" and self.margin == 0:
            raise ValueError("direction none needs a margin above 0; give one")

    @property
    def parts(self) -> list[dict]:
        """The estimands; one for a plain claim."""
        return self.estimands if self.estimand is None else [self.estimand]

    @property
    def models(self) -> set[str]:
        """The adapters that the claim is about."""
        cells = [*self.parts, *(part["minus"] for part in self.parts if "minus" in part)]
        return {cell["model"] for cell in cells if "model" in cell} - {BASE}


@strict
class Claims:
    """The whole of paper/claims.yaml."""

    adapters: Annotated[list[Text], Field(min_length=1)]
    claims: Annotated[list[Claim], Field(min_length=1)]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for claim in self.claims:
            if claim.id in seen:
                raise ValueError(f"claim {claim.id!r} is there twice; give each its own id")
            seen.add(claim.id)
            unknown = sorted(claim.models - set(self.adapters))
            if unknown:
                raise ValueError(
                    f"claim {claim.id!r} is about {unknown[0]!r}, which `adapters` lacks; mend the "
                    "name or add it there"
                )


def read_claims(path: Path) -> list[Claim]:
    """The claims of a YAML file, checked; DataError names the entry and what is wrong with it."""
    try:
        content = read_yaml(path)
    except FileNotFoundError:
        raise DataError(f"{path} is missing; restore it from the repository") from None
    except YAMLProblem as problem:
        raise DataError(f"{path}: {problem}") from None
    try:
        # as JSON, in which strict types still admit a mapping for a dataclass; dates become texts
        return TypeAdapter(Claims).validate_json(json.dumps(content, default=str)).claims
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{path}: {place(first['loc'], content)}{what(first)}") from None


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
