"""paper/claims.yaml: a malformed entry is named, with what is wrong and how to mend it."""

from pathlib import Path

import pytest
import yaml

from experiments.claims import read_claims
from experiments.errors import DataError
from experiments.policies import PROTECTED
from tests.claims import claim, contrast

ROOT = Path(__file__).resolve().parents[1]
OURS = "this study"


def write(folder: Path, *claims: object, **top: object) -> Path:
    path = folder / "claims.yaml"
    content = {"fixed": None, "adapters": ["mmlu"], "families": {"one": {"about": "it"}}}
    path.write_text(yaml.safe_dump(content | {"claims": list(claims)} | top), encoding="utf-8")
    return path


def part(**fields: object) -> dict:
    """A claim whose one part has some fields changed; None removes one."""
    entry = {"estimand": contrast(), "direction": "increase"} | fields
    return claim(parts=[{key: value for key, value in entry.items() if value is not None}])


class TestCommitted:
    claims = read_claims(ROOT / "paper/claims.yaml").claims

    def test_sentences_of_others_say_what_the_estimand_leaves_out(self) -> None:
        assert all(one.differs for one in self.claims if one.source != OURS)

    @pytest.mark.parametrize("claim", claims, ids=lambda claim: claim.id)
    def test_a_change_counts_only_where_ignoring_content_or_user_could_not_make_it(
        self, claim
    ) -> None:
        """A gain comes with a level above that of ignoring, a fall with an effect to lessen."""
        for one in claim.parts if claim.family in PROTECTED else ():
            beside = [one, *one.also] if claim.combine == "any" else list(claim.tested)
            cell = one.estimand
            if one.direction not in ("increase", "decrease") or "minus" in cell:
                continue
            whose = cell["model"] if one.direction == "increase" else "base"
            assert cell["against"] == "control"
            assert any(
                level.direction == "above"
                and level.estimand["against"] == "nothing"
                and (level.estimand["model"], level.estimand["task"]) == (whose, cell["task"])
                for level in beside
            )

    def test_a_cure_leaves_the_capability(self) -> None:
        cures = [one for one in self.claims if one.family == "mitigation"]
        for cure in cures:
            assert any(part.estimand["measure"] == "probability" for part in cure.parts)


def test_what_a_claim_says_is_kept(tmp_path: Path) -> None:
    beside = {"estimand": contrast("base", "nothing"), "direction": "below", "threshold": 0}
    several = {"estimand": contrast(minus="gsm8k"), "direction": "decrease", "also": [beside]}
    entry = claim(parts=[several], combine="any", differs="much")
    found = read_claims(write(tmp_path, entry, fixed="a" * 40, adapters=["mmlu", "gsm8k"]))
    (only,) = found.claims
    assert (found.fixed, only.combine, only.models) == ("a" * 40, "any", {"mmlu", "gsm8k"})
    assert [one.estimand["model"] for one in only.tested] == ["mmlu", "base"]
    assert (only.parts[0].margin, only.parts[0].also[0].threshold) == (None, 0.0)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (claim(refuted_by=None), "claim 'one', refuted_by: is missing"),
        (claim(id=None), "claim 'number 1', id: is missing"),
        (claim(text=""), "claim 'one', text: .*at least 1 char"),
        (claim(source=5), "claim 'one', source: .*valid string"),
        (claim(id=["one"]), "claim .*, id: .*valid string"),
        (claim(verdict="supported"), "verdict: is not a known key"),
        (claim(parts=[]), "parts: .*at least 1 item"),
        (claim(combine="some"), "combine: .*'all' or 'any'"),
        (claim(family="two"), "is of 'two', which `families` lacks"),
        (claim("mlmu"), "is about 'mlmu', which `adapters` lacks"),
        (part(direction="up"), "direction: .*'increase', 'decrease', 'none'"),
        (part(direction="none"), "needs a margin"),
        (part(direction="none", margin=0), "margin above 0"),
        (part(direction="none", margin=0.1), "needs its reason; add because"),
        (part(margin=-0.1), "margin: .*greater than or equal to 0"),
        (part(margin=True), "margin: .*valid number"),
        (part(margin=float("nan")), "margin: .*finite number"),
        (part(direction="above"), "needs a threshold"),
        (part(direction="above", threshold=0.5), "needs its reason"),
        (part(direction="above", threshold=0, margin=1), "takes no margin"),
        (part(threshold=0.5), "takes no threshold"),
        (part(estimand=None), "estimand: is missing"),
        (part(estimand="contrast"), "estimand: .*"),
        (part(estimand={"model": "mmlu"}), "kind is one of contrast, correlation"),
        (part(estimand=contrast(split="all")), "a contrast takes against, measure, model, task"),
        (part(estimand=contrast(against="mmlu")), "against is one of nothing, base, control"),
        (part(estimand=contrast(model=["mmlu"])), "estimand, model"),
        (part(also=[{"estimand": contrast("mlmu"), "direction": "increase"}]), "about 'mlmu'"),
    ],
)
def test_a_malformed_claim_is_named(tmp_path: Path, entry: dict, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        read_claims(write(tmp_path, entry))
    assert "\n" not in str(raised.value)


def test_ids_are_unique_and_a_commit_is_whole(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'one' is there twice"):
        read_claims(write(tmp_path, claim(), claim()))
    with pytest.raises(DataError, match=r"fixed: .*pattern"):
        read_claims(write(tmp_path, claim(), fixed="d2596a0"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "claims.yaml: .*"),
        (b"[]", "claims.yaml: .*"),
        (b"fixed: null\nfamilies: {a: {about: b}}\nclaims: [text]\nadapters: [a]", "'number 1'"),
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
