"""The evaluate stage: what it writes, and how it goes on after an interruption."""

import shutil
import sys
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

import pytest

from experiments import evaluate, files, params
from experiments.corpora.item import Item, read_rows, write_items
from experiments.engine.request import Choose, Likelihoods, Reply, Request, Text
from experiments.errors import DataError, ModelError, OutcomeError, ParameterError
from experiments.models import trained, verification
from experiments.outcomes import by_task, check_rows, read_lines
from experiments.params import Adapter, Evaluate, Model, Params
from experiments.tasks import transcripts
from tests.items import misconception, of_every_task, question
from tests.policies import finish

ROOT = Path(__file__).resolve().parents[1]
FILE = params.load(ROOT / "params.yaml")
TUNED = Adapter(train_on={"mmlu": 1.0})
COMMITTED = replace(
    FILE,
    adapters={name: TUNED for name in ("tuned", *FILE.analyze.correlate)},
    train=replace(FILE.train, seeds=[1]),
    evaluate=replace(
        FILE.evaluate,
        items_per_group=3,
        transcripts=replace(FILE.evaluate.transcripts, items=0),
    ),
)
ODD_TEXT = "été \u2028 \x85 \u2029 日本\nend\n#### 7"  # characters that end a line for some readers


def items() -> dict[str, list[Item]]:
    """Two items for every test; clusters so named that one lies across the end of a group."""
    orders = ((0, 1, 2, 3), (1, 2, 3, 0))
    lettered = [question(n, cluster=f"q/{n}", orders=orders, frames=(n, n + 1)) for n in range(2)]
    answers = [misconception(n, cluster=f"m/{n}") for n in range(2)]
    tasks = dict.fromkeys(("mmlu", "truthfulqa", "are_you_sure"), lettered)
    return of_every_task(2) | tasks | {"answer": answers}


def reply(request: Request) -> Reply:
    """The reply of a made-up model: a function of the words it is asked."""
    if not isinstance(request, Choose):
        return Text(ODD_TEXT, "end")
    turns = request.prompt
    prompt = turns if isinstance(turns, str) else "".join(turn.content for turn in turns)
    scores = tuple(-sum(map(ord, prompt + text)) / 7001 for text in request.continuations)
    return Likelihoods(scores, tuple(map(len, request.continuations)))


@dataclass
class Engine:
    """Stands in for the engine: answers at once, and can be interrupted after some items."""

    stop_after: int | None = None
    loaded: list[Path | None] = field(default_factory=list)
    asked: list[tuple] = field(default_factory=list)
    precisions: list[tuple[str, str]] = field(default_factory=list)
    alive: list[weakref.ref] = field(default_factory=list)
    others: list[int] = field(default_factory=list)  # models still in memory at each loading

    def load_asked(
        self,
        path: Path,
        settings: Evaluate,
        *,
        adapter: Path | None,
        device: str,
        date: str | None,
    ) -> ModuleType:
        self.loaded.append(adapter)
        self.precisions.append((settings.dtype, settings.quantization))
        model = ModuleType("model")
        self.others.append(sum(one() is not None for one in self.alive))
        self.alive.append(weakref.ref(model))
        return model

    def run(self, groups, language_model, settings, description) -> Iterator[list[list[dict]]]:
        for group in groups:
            answered = []
            for key, protocol in group:
                if self.stop_after is not None and len(self.asked) == self.stop_after:
                    raise KeyboardInterrupt
                answered.append(finish(protocol, reply))
                self.asked.append(key)
            yield answered


def stand_in(monkeypatch: pytest.MonkeyPatch, load_asked: Callable, run: Callable) -> None:
    """Put functions in the place of the engine, which would load torch."""
    for name, content in {
        "model": {"load_asked": load_asked},
        "asking.pool": {"run": run},
    }.items():
        module = ModuleType(f"experiments.engine.{name}")
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, module.__name__, module)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Callable[[Params], None]:
    """Set the parameters that the stage loads."""

    def use(parameters: Params) -> None:
        monkeypatch.setattr(params, "load", lambda: parameters)

    use(COMMITTED)
    return use


@pytest.fixture
def ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Callable
) -> Callable[..., Engine]:
    """Run the stage in a folder with prepared items; returns the engine, with what it was asked."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verification, "verify_model", lambda model, folder: {})
    monkeypatch.setattr(evaluate.memory, "require_evaluation", lambda folder, parameters: None)
    for task, listed in items().items():
        write_items(Path(f"prepared/evaluation/{task}.jsonl"), listed)

    def ask(model: str = "base", stop_after: int | None = None) -> Engine:
        engine = Engine(stop_after)
        stand_in(monkeypatch, engine.load_asked, engine.run)
        monkeypatch.setattr(sys, "argv", ["evaluate", model])
        if stop_after is None:
            evaluate.main()
        else:
            with pytest.raises(KeyboardInterrupt):
                evaluate.main()
        return engine

    return ask


def finished(model: str = "base") -> Path:
    """The file of a run that came to its end."""
    return Path(f"outcomes/{model}/outcomes.jsonl")


def outcomes(model: str = "base") -> bytes:
    """What that file holds."""
    return finished(model).read_bytes()


def kept(model: str = "base") -> list[Path]:
    """The groups that an unfinished run has finished."""
    return sorted(Path(f"outcomes/{model}").glob("group-*.partial"))


def train(name: str, *seeds: int, weights: str = "weights") -> None:
    """An adapter folder per seed."""
    for seed in seeds:
        with files.new_folder(Path(f"adapters/{name}/seed-{seed}")) as folder:
            (folder / "adapter_model.safetensors").write_text(f"{weights} {seed}", encoding="utf-8")
            trained.write_note(folder, {}, params.load().training(name))


class TestOutcomes:
    def test_one_row_per_item_arm_and_order(self, ask: Callable) -> None:
        engine = ask()
        rows = read_rows(Path("outcomes/base/outcomes.jsonl"))
        keys = [(row["seed"], row["task"], row["id"], row["arm"], row["order"]) for row in rows]
        assert keys == sorted(set(keys))
        counts = {task: sum(row["task"] == task for row in rows) for task in params.TESTS}
        assert counts == {
            "gsm8k": 2,
            "mmlu": 2 * 2,
            "hellaswag": 2,
            "truthfulqa": 2 * 2,
            "answer": 2 * 2 * 5,
            "are_you_sure": 2 * 2 * 3,
            "feedback": 2 * 2 * 5,
            "paired_choice": 2 * 2,
        }
        assert {(row["model"], row["seed"]) for row in rows} == {("base", 0)}
        assert len(engine.asked) == 16 and engine.loaded == [None]
        files = {path.name for path in Path("outcomes/base").iterdir()}
        assert files == {"outcomes.jsonl", "transcripts.jsonl"}

    def test_log_likelihoods_are_rounded_and_texts_kept(self, ask: Callable) -> None:
        ask()
        rows = read_rows(Path("outcomes/base/outcomes.jsonl"))
        for row in rows:
            scores = row["log_likelihoods"] + row.get("first_log_likelihoods", [])
            assert scores == [round(score, 6) for score in scores]
        assert {row["text"] for row in rows if row["task"] == "gsm8k"} == {ODD_TEXT}

    @pytest.mark.parametrize("protocol", ["controlled", "published"])
    def test_rows_fit_the_schema_that_analyze_checks(
        self, ask: Callable, settings: Callable, protocol: str
    ) -> None:
        parameters = replace(COMMITTED, protocol=protocol)
        settings(parameters)
        ask()
        table = read_lines(finished(), "base", protocol)
        tasks = by_task(table)
        assert set(tasks) == set(params.TESTS)
        for task, rows in tasks.items():
            check_rows(task, rows, COMMITTED.seeds)

    def test_a_second_run_writes_the_same_bytes(self, ask: Callable) -> None:
        ask()
        first = outcomes()
        assert len(ask().asked) == 16
        assert outcomes() == first

    def test_every_training_seed_is_asked_with_its_own_adapter(
        self, ask: Callable, settings: Callable
    ) -> None:
        settings(replace(COMMITTED, train=replace(COMMITTED.train, seeds=[3, 1])))
        train("tuned", 1, 3)
        engine = ask("tuned")
        assert engine.loaded == [Path("adapters/tuned/seed-1"), Path("adapters/tuned/seed-3")]
        rows = read_rows(Path("outcomes/tuned/outcomes.jsonl"))
        assert [row["seed"] for row in rows] == [1] * (len(rows) // 2) + [3] * (len(rows) // 2)
        assert {row["model"] for row in rows} == {"tuned"}

    def test_an_adapter_takes_only_its_tests(self, ask: Callable, settings: Callable) -> None:
        one = Adapter(train_on={"mmlu": 1.0}, evaluate_on=["answer"])
        settings(replace(COMMITTED, adapters={**COMMITTED.adapters, "one": one}))
        train("one", *COMMITTED.train.seeds)
        assert {task for _, _, task, _ in ask("one").asked} == {"answer"}

    def test_weights_are_as_coarse_as_asked(self, ask: Callable, settings: Callable) -> None:
        exact = ask()
        assert exact.precisions == [("float32", "none")]
        coarse = replace(COMMITTED.evaluate, dtype="bfloat16", quantization="nf4")
        settings(replace(COMMITTED, evaluate=coarse))
        found = ask()
        assert found.precisions == [("bfloat16", "nf4")]

    def test_one_model_leaves_before_the_next_is_loaded(
        self, ask: Callable, settings: Callable
    ) -> None:
        settings(replace(COMMITTED, train=replace(COMMITTED.train, seeds=[1, 2, 3])))
        train("tuned", 1, 2, 3)
        assert ask("tuned").others == [0, 0, 0]

    def test_a_folder_that_changed_under_its_name_is_another_model(self, ask: Callable) -> None:
        folder = Path("data/model") / COMMITTED.model.folder_name
        folder.mkdir(parents=True)
        (folder / verification.MANIFEST).write_text("one", encoding="utf-8")
        first = ask(stop_after=5)
        assert len(ask(stop_after=9).asked) == 9  # goes on
        (folder / verification.MANIFEST).write_text("another", encoding="utf-8")
        assert first.asked and len(ask().asked) == 16


class TestTranscripts:
    @pytest.fixture(autouse=True)
    def authored(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The first item of every test is authored."""
        monkeypatch.setattr(transcripts, "chosen", lambda task, items, count: items[:count])

    @pytest.fixture
    def kept(self, settings: Callable) -> None:
        how = replace(FILE.evaluate, transcripts=replace(FILE.evaluate.transcripts, items=1))
        settings(replace(COMMITTED, evaluate=how))

    @pytest.mark.usefixtures("kept")
    def test_free_replies_to_the_published_prompts_are_kept_beside_the_outcomes(
        self, ask: Callable
    ) -> None:
        engine = ask()
        rows = read_rows(Path("outcomes/base/transcripts.jsonl"))
        assert {(row["protocol"], row["model"], row["seed"]) for row in rows} == {
            ("published", "base", 0)
        }
        assert {task: sum(row["task"] == task for row in rows) for task in transcripts.TASKS} == {
            "answer": 2,
            "are_you_sure": 2,
            "feedback": 2,
        }
        assert {row["text"] for row in rows} == {ODD_TEXT}
        assert len(engine.asked) == 16 + 3
        assert all(row["protocol"] == "controlled" for row in read_rows(finished()))

    @pytest.mark.usefixtures("kept")
    def test_only_the_first_training_seed_is_read(self, ask: Callable) -> None:
        parameters = params.load()
        train("tuned", *parameters.seeds("tuned"))
        ask("tuned")
        seeds = {row["seed"] for row in read_rows(Path("outcomes/tuned/transcripts.jsonl"))}
        assert seeds == {min(parameters.seeds("tuned"))}

    @pytest.mark.usefixtures("kept")
    def test_they_leave_the_outcomes_alone(self, ask: Callable, settings: Callable) -> None:
        ask()
        found = outcomes()
        settings(COMMITTED)
        ask()
        assert outcomes() == found
        assert Path("outcomes/base/transcripts.jsonl").read_bytes() == b""

    @pytest.mark.usefixtures("kept")
    def test_an_adapter_that_takes_no_such_test_has_none(
        self, ask: Callable, settings: Callable
    ) -> None:
        one = Adapter(train_on={"mmlu": 1.0}, evaluate_on=["mmlu"])
        parameters = params.load()
        settings(replace(parameters, adapters={**parameters.adapters, "one": one}))
        train("one", *COMMITTED.train.seeds)
        ask("one")
        assert Path("outcomes/one/transcripts.jsonl").read_bytes() == b""


class TestGroups:
    def process(self, monkeypatch: pytest.MonkeyPatch, rank: int, count: int) -> None:
        """Be one process of several, whose others are not waited for."""
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", str(count))
        monkeypatch.setattr(evaluate.processes, "wait", lambda: None)
        monkeypatch.setattr(evaluate.processes, "device", lambda: "cpu")

    @pytest.mark.parametrize("count", [2, 9])
    def test_several_processes_write_what_one_writes(
        self, ask: Callable, monkeypatch: pytest.MonkeyPatch, count: int
    ) -> None:
        """Nine are more than there are groups."""
        alone = ask()
        wanted = outcomes()
        shutil.rmtree("outcomes")
        asked = []
        for rank in reversed(range(count)):
            assert not finished().exists()
            self.process(monkeypatch, rank, count)
            asked += ask().asked
        assert sorted(asked) == sorted(alone.asked)
        assert outcomes() == wanted
        assert not kept()

    @pytest.mark.usefixtures("ask")
    def test_a_cluster_is_asked_together(self) -> None:
        listed = evaluate.instances("base", {0: None}, COMMITTED)
        groups = evaluate.grouped(listed, COMMITTED, Path("outcomes/base"))
        assert [len(group.instances) for group in groups] == [3, 3, 3, 4, 3]
        clusters = [{one.item.cluster for one in group.instances} for group in groups]
        assert sum(map(len, clusters)) == len(set().union(*clusters))


class TestResuming:
    def whole(self, ask: Callable) -> bytes:
        """The outcomes of a run that was not interrupted; nothing of it stays."""
        ask()
        content = outcomes()
        shutil.rmtree("outcomes")
        return content

    @pytest.mark.parametrize(("answered", "finished_groups"), [(0, 0), (2, 0), (3, 1), (15, 4)])
    def test_an_interrupted_run_asks_whole_groups_again(
        self, ask: Callable, answered: int, finished_groups: int
    ) -> None:
        """The groups are those of a run that was not interrupted: batches depend on them."""
        wanted = self.whole(ask)
        sizes = [3, 3, 3, 4, 3]
        ask(stop_after=answered)
        assert not finished().exists() and len(kept()) == finished_groups
        assert len(ask().asked) == sum(sizes[finished_groups:])
        assert outcomes() == wanted
        assert {path.name for path in Path("outcomes/base").iterdir()} == {
            "outcomes.jsonl",
            "transcripts.jsonl",
        }

    def test_it_can_be_interrupted_again_and_again(self, ask: Callable) -> None:
        wanted = self.whole(ask)
        for _ in range(4):
            ask(stop_after=5)
        assert len(ask().asked) == 3
        assert outcomes() == wanted

    @pytest.mark.parametrize(
        "damage",
        [
            lambda content: b"",
            lambda content: content[:20],  # within the first line
            lambda content: content[:-1],
            lambda content: content[: content.index("é".encode()) + 1],  # within a character
            lambda content: b"\0" * 64 + content[64:],
            lambda content: content[:-64] + b"\0" * 64,
            lambda content: content.replace(b"{", b"[", 1),
            lambda content: content + content.split(b"\n")[1],  # its rows once more
            lambda content: content.replace(b'"order": 0', b'"order": 1', 1),
        ],
    )
    def test_a_damaged_group_is_asked_again(self, ask: Callable, damage: Callable) -> None:
        wanted = self.whole(ask)
        ask(stop_after=7)
        first = kept()[0]
        first.write_bytes(damage(first.read_bytes()))
        assert len(ask().asked) == 16 - 3
        assert outcomes() == wanted

    def test_a_group_under_another_number_is_asked_again(self, ask: Callable) -> None:
        wanted = self.whole(ask)
        ask(stop_after=7)
        first, second = kept()
        second.write_bytes(first.read_bytes())
        assert len(ask().asked) == 16 - 3
        assert outcomes() == wanted

    def test_a_run_that_was_finished_but_for_its_last_step_asks_nothing(
        self, ask: Callable, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wanted = self.whole(ask)
        write = evaluate.write_rows

        def killed(path: Path, rows: list[dict]) -> None:
            if path.name == "outcomes.jsonl":
                raise KeyboardInterrupt
            write(path, rows)

        with monkeypatch.context() as patch:
            patch.setattr(evaluate, "write_rows", killed)
            ask(stop_after=99)
        again = ask()
        assert again.asked == [] and again.loaded == []
        assert outcomes() == wanted

    def test_earlier_outcomes_stay_until_the_new_ones_are_whole(self, ask: Callable) -> None:
        ask()
        before = outcomes()
        write_items(Path("prepared/evaluation/mmlu.jsonl"), items()["mmlu"][:1])
        ask(stop_after=9)
        assert outcomes() == before
        ask()
        assert outcomes() != before

    def test_the_second_seed_alone_is_asked_after_the_first(
        self, ask: Callable, settings: Callable
    ) -> None:
        settings(replace(COMMITTED, train=replace(COMMITTED.train, seeds=[1, 2])))
        train("tuned", 1, 2)
        ask("tuned", stop_after=18)
        second = ask("tuned")
        assert second.loaded == [Path("adapters/tuned/seed-2")]
        assert len(second.asked) == 16


class TestLock:
    def test_a_second_evaluation_of_the_model_is_refused(
        self, ask: Callable, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with evaluate.alone("base", Path("outcomes/base")):
            with pytest.raises(OutcomeError, match="another process evaluates base"):
                ask()
            train("tuned", 1)
            assert ask("tuned").asked  # another model is not in the way
        assert ask().asked

    def test_a_refused_evaluation_leaves_the_other_its_files(self, ask: Callable) -> None:
        ask(stop_after=7)
        before = {path: path.read_bytes() for path in kept()}
        with evaluate.alone("base", Path("outcomes/base")), pytest.raises(OutcomeError):
            ask()
        assert {path: path.read_bytes() for path in kept()} == before


class TestFingerprint:
    def restart(self, ask: Callable, change: Callable[[], None], model: str = "base") -> int:
        """How many items are asked after an interruption and then a change."""
        ask(model, stop_after=6)  # two groups of 3
        change()
        return len(ask(model).asked)

    def test_nothing_changed(self, ask: Callable) -> None:
        assert self.restart(ask, lambda: None) == 16 - 6

    def test_how_models_are_asked(self, ask: Callable, settings: Callable) -> None:
        longer = replace(COMMITTED.evaluate, gsm8k_max_tokens=7)
        assert self.restart(ask, lambda: settings(replace(COMMITTED, evaluate=longer))) == 16

    def test_engine_settings(self, ask: Callable, settings: Callable) -> None:
        engine = replace(COMMITTED.evaluate.engine, token_budget=64)
        changed = replace(COMMITTED, evaluate=replace(COMMITTED.evaluate, engine=engine))
        assert self.restart(ask, lambda: settings(changed)) == 16

    def test_the_model(self, ask: Callable, settings: Callable) -> None:
        other = replace(COMMITTED, model=replace(COMMITTED.model, name="another"))
        assert self.restart(ask, lambda: settings(other)) == 16

    def test_an_item(self, ask: Callable) -> None:
        def change() -> None:
            first, second = items()["mmlu"]
            listed = [replace(first, question="Reworded?"), second]
            write_items(Path("prepared/evaluation/mmlu.jsonl"), listed)

        assert self.restart(ask, change) == 16

    def test_the_adapter(self, ask: Callable) -> None:
        train("tuned", *COMMITTED.train.seeds)

        def change() -> None:
            train("tuned", *COMMITTED.train.seeds, weights="retrained")

        assert self.restart(ask, change, "tuned") == 16

    @pytest.mark.parametrize("file", ["tasks/answer.py", "engine/asking/pool.py"])
    def test_how_an_item_is_asked_and_scored(
        self, ask: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str
    ) -> None:
        package = tmp_path / "package"
        for folder in ("tasks", "engine"):
            shutil.copytree(ROOT / "experiments" / folder, package / folder)
        monkeypatch.setattr(evaluate, "__file__", str(package / "evaluate.py"))

        def change() -> None:
            path = package / file
            path.write_text(path.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")

        assert self.restart(ask, change) == 16

    def test_what_does_not_matter(self, ask: Callable, settings: Callable) -> None:
        other = replace(COMMITTED, analyze=replace(COMMITTED.analyze, resamples=100))
        assert self.restart(ask, lambda: settings(other)) == 16 - 6


class TestBadInput:
    """Reported before the engine, which loads torch, is imported."""

    @pytest.fixture(autouse=True)
    def no_engine(self, ask: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "experiments.engine.model", None)  # importing it fails

    def start(self, monkeypatch: pytest.MonkeyPatch, model: str) -> None:
        monkeypatch.setattr(sys, "argv", ["evaluate", model])
        evaluate.main()

    def test_an_adapter_that_is_not_trained(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(
            ModelError,
            match=r"adapters/tuned/seed-1 is missing; run `python -m experiments.train tuned`",
        ):
            self.start(monkeypatch, "tuned")

    def test_one_seed_of_two_is_not_trained(
        self, monkeypatch: pytest.MonkeyPatch, settings: Callable
    ) -> None:
        settings(replace(COMMITTED, train=replace(COMMITTED.train, seeds=[1, 2])))
        train("tuned", 1)
        with pytest.raises(ModelError, match="adapters/tuned/seed-2 is missing"):
            self.start(monkeypatch, "tuned")

    def test_an_unknown_adapter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ParameterError, match="no adapter 'chess'"):
            self.start(monkeypatch, "chess")

    def test_items_that_are_not_prepared(self, monkeypatch: pytest.MonkeyPatch) -> None:
        Path("prepared/evaluation/answer.jsonl").unlink()
        with pytest.raises(DataError, match=r"answer.jsonl is missing; run `dvc repro`"):
            self.start(monkeypatch, "base")

    def test_an_item_that_is_malformed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        path = Path("prepared/evaluation/answer.jsonl")
        path.write_bytes(path.read_bytes() + b'{"id": "x"\n')
        with pytest.raises(DataError, match=r"answer.jsonl, line 3, is not JSON"):
            self.start(monkeypatch, "base")

    def test_a_model_that_was_altered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def altered(model: Model, folder: Path) -> None:
            raise DataError(f"{folder} is not the pinned model")

        monkeypatch.setattr(verification, "verify_model", altered)
        with pytest.raises(DataError, match="smollm2-135m-instruct is not the pinned model"):
            self.start(monkeypatch, "base")
