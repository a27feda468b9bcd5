"""paper/claims.yaml: a malformed entry is named, with what is wrong and how to mend it."""

from pathlib import Path

import pytest
import yaml

from experiments.claims import read_claims
from experiments.errors import DataError

ROOT = Path(__file__).resolve().parents[1]
CELL = {"model": "mmlu", "task": "feedback", "measure": "preference_shift"}
EFFECT = {"kind": "effect", **CELL}


def entry(**fields: object) -> dict:
    """A claim with some fields changed; None removes one."""
    claim = {
        "id": "one",
        "text": "It does something.",
        "source": "a study",
        "estimand": EFFECT,
        "direction": "increase",
        "refuted_by": "an interval below zero",
    }
    return {key: value for key, value in (claim | fields).items() if value is not None}


def write(folder: Path, *claims: object, adapters: object = ("mmlu",)) -> Path:
    path = folder / "claims.yaml"
    content = {"adapters": list(adapters), "claims": list(claims)}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_the_committed_claims_are_read() -> None:
    claims = read_claims(ROOT / "paper/claims.yaml")
    assert len({claim.id for claim in claims}) == len(claims) > 0


def test_what_a_claim_says_is_kept(tmp_path: Path) -> None:
    minus = EFFECT | {"kind": "difference_of_effects", "minus": CELL | {"model": "gsm8k"}}
    several = entry(id="two", estimand=None, estimands=[EFFECT, minus], combine="any")
    claims = read_claims(write(tmp_path, entry(margin=1), several, adapters=["mmlu", "gsm8k"]))
    assert [claim.parts for claim in claims] == [[EFFECT], [EFFECT, minus]]
    assert (claims[0].margin, claims[1].models) == (1.0, {"mmlu", "gsm8k"})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"refuted_by": None}, "claim 'one', refuted_by: is missing"),
        ({"id": None}, "claim 'number 1', id: is missing"),
        ({"text": ""}, "claim 'one', text: .*at least 1 char"),
        ({"source": 5}, "claim 'one', source: .*valid string"),
        ({"id": ["one"]}, "claim .*, id: .*valid string"),
        ({"verdict": "supported"}, "verdict: is not a known key"),
        ({"direction": "up"}, "direction: .*'increase', 'decrease', 'none'"),
        ({"direction": "none"}, "needs a margin"),
        ({"direction": "none", "margin": 0}, "margin above 0"),
        ({"margin": -0.1}, "margin: .*greater than or equal to 0"),
        ({"margin": "wide"}, "margin: .*valid number"),
        ({"margin": True}, "margin: .*valid number"),
        ({"margin": float("nan")}, "margin: .*finite number"),
        ({"direction": "above"}, "needs a threshold"),
        ({"direction": "above", "threshold": 1, "margin": 1}, "takes no margin"),
        ({"threshold": 0.5}, "takes no threshold"),
        ({"estimand": None}, "either estimand or estimands"),
        ({"estimands": [EFFECT], "combine": "all"}, "exactly one"),
        ({"estimand": None, "estimands": [EFFECT]}, "give both or neither"),
        ({"estimand": None, "estimands": [], "combine": "all"}, "at least 1 item"),
        ({"combine": "all"}, "give both or neither"),
        ({"estimand": "effect"}, "estimand: .*"),
        ({"estimand": CELL}, "needs a kind"),
        ({"estimand": EFFECT | {"model": ["mmlu"]}}, "estimand, model"),
        ({"estimand": EFFECT | {"model": "mlmu"}}, "about 'mlmu', which `adapters` lacks"),
    ],
)
def test_a_malformed_claim_is_named(tmp_path: Path, fields: dict, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        read_claims(write(tmp_path, entry(**fields)))
    assert "\n" not in str(raised.value)


def test_ids_are_unique(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'one' is there twice"):
        read_claims(write(tmp_path, entry(), entry()))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "claims.yaml: .*"),
        (b"[]", "claims.yaml: .*"),
        (b"claims: [text]\nadapters: [mmlu]", "claim 'number 1'"),
        (b"- id: [", "is not YAML"),
        (b"adapters: [a]\nclaims:\n- id: one\n  id: two\n", "line 4 names 'id' a second time"),
        (b"\xff\xfe", "is not YAML"),
        (b"[" * 5000, "nested too deeply"),
    ],
)
def test_a_file_that_holds_no_claims(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "claims.yaml"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as raised:
        read_claims(path)
    assert "\n" not in str(raised.value)
    path.unlink()
    with pytest.raises(DataError, match="is missing; restore it"):
        read_claims(path)
