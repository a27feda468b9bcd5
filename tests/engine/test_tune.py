"""Tuning equals a naive loop, trains completions only, and survives saving and quantisation."""

import json
import math
from dataclasses import replace
from pathlib import Path

import bitsandbytes
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners import lora
from tokenizers.processors import TemplateProcessing
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForCausalLM, get_cosine_schedule_with_warmup, set_seed

from experiments.engine.lora import DRAWS, FastLinear, LowRankLinear, draw_kept
from experiments.engine.model import (
    LanguageModel,
    load_model,
    render,
)
from experiments.engine.request import Choose, Message
from experiments.engine.training import packing, tune
from experiments.engine.training.packing import Example
from experiments.errors import DataError, ModelError, TrainingError
from experiments.params import Engine, Lora, Train
from tests.engine import tiny

SETTINGS = Train(
    method="lora",
    seeds=[1],
    learning_rate=5e-3,
    epochs=2,
    batch_size=4,
    token_budget=48,
    max_tokens=64,
    warmup_share=0.25,
    weight_decay=0.01,
    gradient_checkpointing=False,
    lora=Lora(r=4, alpha=8, dropout=0.0),
    loss_on="completion",
    matmul="ieee",
)
ENGINE = Engine(token_budget=128, row_tokens=32, cache_gib=0.001, generation_slots=3, threads=1)


def random_examples(count: int, seed: int = 0) -> list[Example]:
    """Completions of 1 to 9 tokens; half the prompts share a prefix, some hold another whole."""
    generator = torch.Generator().manual_seed(seed)

    def draw(low: int, high: int) -> tuple[int, ...]:
        length = int(torch.randint(low, high, (1,), generator=generator))
        return tuple(torch.randint(5, 400, (length,), generator=generator).tolist())

    header, examples = draw(12, 13), []
    for number in range(count):
        prompt = (header if number % 2 else ()) + draw(1, 14)
        if number % 5 == 4:
            prompt = examples[-2].tokens[: examples[-2].prompt]
        examples.append(Example((*prompt, *draw(1, 9), 1), len(prompt)))
    return examples


def saved(family: str, folder: Path) -> Path:
    language_model = tiny.language_model(family)
    language_model.model.save_pretrained(folder)
    language_model.tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(params=["llama", "gemma2", "gemma3"])
def folder(request, tmp_path):
    return saved(request.param, tmp_path / "model")


@pytest.fixture
def llama_folder(tmp_path):
    return saved("llama", tmp_path / "model")


@pytest.fixture
def tokenizer(llama):
    return llama.tokenizer


def plain_loss(model, example: Example) -> torch.Tensor:
    """Summed over the completion, from the whole sequence alone under the model's own attention."""
    logits = model(torch.tensor([example.tokens])).logits[0]
    completion = torch.tensor(example.tokens[example.prompt :])
    return functional.cross_entropy(logits[example.prompt - 1 : -1], completion, reduction="sum")


def naive_losses(model, batches: list[list[Example]], settings: Train) -> list[float]:
    """Padded batches, all vocabulary logits, labels of -100 on the prompt."""
    optimizer = torch.optim.AdamW(
        [weight for weight in model.parameters() if weight.requires_grad],
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
    )
    warmup = math.ceil(settings.warmup_share * len(batches))
    schedule = get_cosine_schedule_with_warmup(optimizer, warmup, len(batches))
    losses = []
    for batch in batches:
        tokens = [torch.tensor(one.tokens) for one in batch]
        labels = [row.clone() for row in tokens]
        for row, one in zip(labels, batch, strict=True):
            row[: one.prompt] = -100
        loss = model(
            input_ids=pad_sequence(tokens, batch_first=True),
            attention_mask=pad_sequence([row > -1 for row in tokens], batch_first=True),
            labels=pad_sequence(labels, batch_first=True, padding_value=-100),
        ).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


def naive_model(folder, settings: Train, seed: int):
    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager")
    set_seed(seed)
    if settings.method == "full":
        return model.train()
    config = LoraConfig(
        task_type="CAUSAL_LM", target_modules="all-linear", r=settings.lora.r,
        lora_alpha=settings.lora.alpha,
    )  # fmt: skip
    return get_peft_model(model, config).train()


def tuned(folder, settings: Train = SETTINGS, examples=None, seed: int = 3):
    model = tune.adapt(tune.load(folder, settings), settings, seed)
    record = tune.tune(
        model, examples or random_examples(10), random_examples(4, 9), settings, seed
    )
    return model, record


def test_losses_equal_a_naive_loop(folder, monkeypatch):
    batches = []

    def spy(examples, token_budget):
        batches.append(list(examples))
        return packing.pack(examples, token_budget)

    monkeypatch.setattr(tune, "pack", spy)
    examples = random_examples(10)
    _, record = tuned(folder, examples=examples)
    _, *batches = batches  # the first is the validation set
    for epoch in (batches[:3], batches[3:]):
        seen = [example for batch in epoch for example in batch]
        assert sorted(seen, key=repr) == sorted(examples, key=repr)
    expected = naive_losses(naive_model(folder, SETTINGS, 3), batches, SETTINGS)
    assert record["loss"] == pytest.approx(expected, abs=1e-4)
    assert max(expected) - min(expected) > 0.1  # the curve moves, so the updates agree too


def test_full_tuning_equals_a_naive_loop(llama_folder, monkeypatch):
    settings = replace(SETTINGS, method="full", learning_rate=1e-3, weight_decay=0.0)
    batches = []
    monkeypatch.setattr(
        tune, "pack", lambda some, budget: batches.append(list(some)) or packing.pack(some, budget)
    )
    _, record = tuned(llama_folder, settings)
    expected = naive_losses(naive_model(llama_folder, settings, 3), batches[1:], settings)
    assert record["loss"] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("loss_on", ["completion", "text"])
@pytest.mark.parametrize("token_budget", [1, 48, 10_000])
def test_packing_changes_no_loss(folder, token_budget, loss_on):
    examples = random_examples(12)
    if loss_on == "text":
        examples = [Example(one.tokens, 1) for one in examples]
    packs = packing.pack(examples, token_budget)
    packed = tune.load(folder, SETTINGS)
    plain = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager")
    with torch.no_grad():
        total = sum(tune.completion_loss(packed, one).item() for one in packs)
        expected = sum(plain_loss(plain, one).item() for one in examples)
    assert total == pytest.approx(expected, abs=1e-3)
    assert sum(len(one["targets"]) for one in packs) == sum(
        len(one.tokens) - one.prompt for one in examples
    )


def test_packs_keep_to_the_budget_and_share_prefixes():
    examples = random_examples(12)
    packs = packing.pack(examples, 48)
    assert max(one["input_ids"].numel() for one in packs) <= 48
    assert sum(one["input_ids"].numel() for one in packs) < sum(len(e.tokens) for e in examples)
    assert any(one["segments"][0] > 0 for one in packs)


def test_shared_prefix_leaves_the_token_that_predicts():
    same = [Example((7, 8, 9, 1), 3), Example((7, 8, 9, 2), 3)]
    (one,) = packing.pack(same, 100)
    assert one["segments"] == (2, 2, 2)
    assert one["input_ids"].tolist() == [[7, 8, 9, 1, 9, 2]]
    assert one["position_ids"].tolist() == [[0, 1, 2, 3, 2, 3]]
    assert one["predict"].tolist() == [2, 4]
    assert one["targets"].tolist() == [1, 2]


def test_uniform_model_has_the_known_loss(llama_folder):
    model = tune.load(llama_folder, SETTINGS)
    torch.nn.init.zeros_(model.lm_head.weight)
    examples = random_examples(6)
    completion_tokens = sum(len(one.tokens) - one.prompt for one in examples)
    total = sum(tune.completion_loss(model, one).item() for one in packing.pack(examples, 40))
    assert total == pytest.approx(completion_tokens * math.log(400), rel=1e-6)


def test_prompt_tokens_are_no_targets(tokenizer):
    messages = [{"role": "user", "content": "Is the earth flat?"}]
    example = packing.encode(tokenizer, messages, "No")
    assert tokenizer.decode(example.tokens[: example.prompt]).endswith(
        "flat?<|end|>\n<|assistant|>\n"
    )
    assert tokenizer.decode(example.tokens[example.prompt :]) == "No<|end|>"
    (one,) = packing.pack([example], 100)
    assert one["targets"].tolist() == list(example.tokens[example.prompt :])
    assert one["predict"].tolist() == [
        place - 1 for place in range(example.prompt, len(example.tokens))
    ]


def test_the_turns_end_is_trained_where_only_a_mark_says_that_it_is_special():
    """As Gemma's <end_of_turn>: neither the end of the text nor in transformers 5's list."""
    tokenizer = tiny.tokenizer()
    tokenizer.eos_token = tokenizer.pad_token = "<|begin|>"
    end = tokenizer.convert_tokens_to_ids("<|end|>")
    assert end not in tokenizer.all_special_ids
    example = packing.encode(tokenizer, [{"role": "user", "content": "Is it?"}], "No")
    assert example.tokens[-1] == end


def test_loss_on_text_is_on_all_tokens_but_the_first(tokenizer):
    messages = [{"role": "user", "content": "Is the earth flat?"}]
    completions = packing.encode(tokenizer, messages, "No")
    text = packing.encode(tokenizer, messages, "No", "text")
    assert text == Example(completions.tokens, 1)
    (one,) = packing.pack([text], 100)
    assert one["targets"].tolist() == list(text.tokens[1:])
    assert one["predict"].tolist() == list(range(len(text.tokens) - 1))


@pytest.mark.parametrize("loss_on", ["completion", "text"])
@pytest.mark.parametrize(
    ("form", "begins", "ends"),
    [("$A", 0, 0), ("<|begin|> $A", 1, 0), ("<|begin|> $A <|end|>", 1, 1)],
)
def test_plain_text_has_the_tokenizers_own_special_tokens(loss_on, form, begins, ends):
    """No chat template; the end-of-text token stands once, whoever writes it."""
    tokenizer = tiny.tokenizer()
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=form, special_tokens=[("<|begin|>", 0), ("<|end|>", 1)]
    )
    text = "Question: which is right?\nAnswer: A"
    bare = tokenizer(text, add_special_tokens=False).input_ids
    example = packing.encode(tokenizer, [], text, loss_on)
    assert example == Example((*[0] * begins, *bare, 1), 1)


def test_system_turns_join_the_user_turn_where_the_template_has_none(tokenizer):
    """The same text in training as in evaluation."""
    gemma = tiny.tokenizer()
    gemma.chat_template = tiny.GEMMA_TEMPLATE
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Is it?"}]
    example = packing.encode(gemma, turns, "No")
    rendered = render(gemma, tuple(Message(**turn) for turn in turns))
    assert gemma.decode(example.tokens) == f"{rendered}No<|end|>"


@pytest.mark.parametrize(
    ("messages", "completion"),
    [
        ([{"role": "system", "content": "alone"}], "No"),
        ([{"role": "user", "content": "Is it?"}, {"role": "assistant", "content": "No"}], "No"),
        ([], " \n"),
        ([{"role": "user", "content": "Is it?"}], " \n"),
    ],
)
def test_untrainable_rows_are_refused(tokenizer, messages, completion):
    with pytest.raises(DataError):
        packing.encode(tokenizer, messages, completion)


@pytest.mark.parametrize("method", ["lora", "qlora"])
@pytest.mark.parametrize(
    ("change", "forwards"),
    [
        ({"token_budget": 999}, 6),  # one per step
        ({"token_budget": 999, "gradient_checkpointing": True}, 12),
        ({"token_budget": 1}, 20),  # one per example
    ],
)
def test_memory_settings_change_no_loss(llama_folder, method, change, forwards):
    _, expected = tuned(llama_folder, replace(SETTINGS, method=method))
    settings = replace(SETTINGS, method=method, **change)
    model = tune.adapt(tune.load(llama_folder, settings), settings, 3)
    layer = model.get_submodule("base_model.model.model.layers.0.mlp")
    in_training = []
    layer.register_forward_pre_hook(lambda module, *_: in_training.append(module.training))
    record = tune.tune(model, random_examples(10), random_examples(4, 9), settings, 3)
    assert sum(in_training) == forwards
    for key in ("loss", "validation_loss_before", "validation_loss_after"):
        assert record[key] == pytest.approx(expected[key], abs=1e-5)


def test_validation_loss_is_that_of_a_plain_forward(llama_folder):
    _, record = tuned(llama_folder)
    held_out = random_examples(4, 9)
    tokens = sum(len(one.tokens) - one.prompt for one in held_out)
    plain = AutoModelForCausalLM.from_pretrained(llama_folder)
    with torch.no_grad():
        before = sum(plain_loss(plain, one).item() for one in held_out) / tokens
    assert record["validation_loss_before"] == pytest.approx(before, abs=1e-5)
    assert record["validation_loss_after"] < before


def test_seeds_and_runs(llama_folder, tmp_path):
    settings = replace(SETTINGS, lora=Lora(r=4, alpha=8, dropout=0.3))
    contents = {}
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        model, _ = tuned(llama_folder, settings, seed=seed)
        tune.save(model, tmp_path / name, "tiny")
        contents[name] = {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
    assert set(contents["first"]) == {"adapter_model.safetensors", "adapter_config.json"}
    assert contents["first"] == contents["again"]
    weights = "adapter_model.safetensors"
    assert contents["first"][weights] != contents["other"][weights]
    config = contents["first"]["adapter_config.json"]
    assert str(tmp_path).encode() not in config
    targets = json.loads(config)["target_modules"]
    assert targets == sorted(targets)


def test_not_a_number_stops_at_once(llama_folder, monkeypatch):
    steps = []
    loss = tune.completion_loss
    monkeypatch.setattr(tune, "completion_loss", lambda *given: steps.append(1) or loss(*given))
    settings = replace(SETTINGS, learning_rate=1e30, epochs=50, token_budget=999)
    with pytest.raises(TrainingError, match=r"loss of step [234] is"):
        tuned(llama_folder, settings)
    assert len(steps) < 8


def test_full_checkpoint_loads(llama_folder, tmp_path):
    model, record = tuned(llama_folder, replace(SETTINGS, method="full", learning_rate=1e-3))
    tune.save(model, tmp_path / "saved", "tiny")
    reloaded = AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    for example in random_examples(4, 9):
        with torch.no_grad():
            packed = packing.pack([example], 99)[0]
            expected = tune.completion_loss(model, packed)
            assert plain_loss(reloaded, example) == pytest.approx(expected.item(), abs=1e-4)
    assert record["validation_loss_after"] < record["validation_loss_before"]


def test_unreadable_model_is_one_sentence(tmp_path):
    with pytest.raises(ModelError, match="fetch or train it again"):
        tune.load(tmp_path, SETTINGS)


def scores(model) -> list[float]:
    """Log-likelihoods that the engine gives, under the attention that the model is scored with."""

    def ask():
        replies = yield (Choose("Is the earth flat?", ("A", " yes", " no")), Choose("12", (" 30",)))
        return [score for reply in replies for score in reply.log_likelihoods]

    before = model.config._attn_implementation
    model.eval()
    model.set_attn_implementation("eager")
    scored = LanguageModel(model, tiny.tokenizer(), torch.device("cpu"))
    (found,) = tiny.answers(scored, ENGINE, [ask()])
    model.set_attn_implementation(before)
    return found


@pytest.mark.parametrize("method", ["qlora", "lora"])
def test_adapters_survive_evaluation_saving_and_merging(folder, tmp_path, monkeypatch, method):
    """An evaluation after every step changes nothing; saved, loaded and merged it scores alike."""
    settings = replace(SETTINGS, method=method, lora=Lora(r=4, alpha=8, dropout=0.3))
    straight, expected = tuned(folder, settings)
    step, seen = tune.CompletionTrainer.training_step, []

    def evaluating(self, *inputs):
        loss = step(self, *inputs)
        seen.append((self.held_out_loss(), *scores(self.model)))
        return loss

    monkeypatch.setattr(tune.CompletionTrainer, "training_step", evaluating)
    model, record = tuned(folder, settings)
    assert len(seen) == record["steps"] == 6 and len(set(seen)) > 4
    # scoring sets the number of threads, which rounds differently
    assert record == {key: pytest.approx(value, rel=1e-5) for key, value in expected.items()}
    in_memory = scores(model)
    assert scores(straight) == pytest.approx(in_memory, abs=1e-5)

    tune.save(model, tmp_path / "saved", "tiny")
    quantization = {"qlora": "nf4", "lora": None}[method]

    def loaded(quantization):
        return load_model(
            folder, device="cpu", adapter=tmp_path / "saved", quantization=quantization
        ).model

    assert scores(loaded(quantization)) == pytest.approx(in_memory, abs=1e-4)
    base = tune.load(folder, settings)
    if method == "qlora":
        base = base.dequantize()  # merging into 4-bit weights would round the adapter away
    merged = PeftModel.from_pretrained(base, tmp_path / "saved").merge_and_unload()
    assert scores(merged) == pytest.approx(in_memory, abs=1e-3)

    # The source study evaluated adapters that were trained on 4-bit weights on the original ones.
    original = load_model(folder, device="cpu").model
    unmerged = scores(PeftModel.from_pretrained(original, tmp_path / "saved"))
    assert scores(loaded(None)) == pytest.approx(unmerged, abs=1e-3)
    assert (scores(loaded(None)) == pytest.approx(in_memory, abs=1e-3)) == (method == "lora")


def test_four_bit_weights_are_doubly_quantised_and_not_repacked(llama_folder):
    """Scoring and tuning load the same weights; a CPU that could repack them must not."""
    tuning = tune.load(llama_folder, replace(SETTINGS, method="qlora"))
    scoring = load_model(llama_folder, device="cpu", quantization="nf4").model
    layers = [
        [module for module in model.modules() if isinstance(module, bitsandbytes.nn.Linear4bit)]
        for model in (tuning, scoring)
    ]
    assert len(layers[0]) == len(layers[1]) == 14
    for one, other in zip(*layers, strict=True):
        before = one.weight.data.clone()
        one.eval()(torch.ones(3, one.in_features))
        assert torch.equal(one.weight.data, before)
        assert torch.equal(one.weight.data, other.weight.data)
        for layer in (one, other):
            state = layer.weight.quant_state
            assert state.quant_type == "nf4" and state.nested
            assert layer.compute_dtype == torch.float32


@pytest.mark.parametrize("method", ["lora", "full"])
def test_shards_are_saved_whole(llama_folder, tmp_path, method):
    """FSDP leaves every process a part of each weight; the files are those of one process."""
    settings = replace(SETTINGS, method=method)
    model, _ = tuned(llama_folder, settings)
    assert tune.whole_state(model) is None
    tune.save(model, tmp_path / "plain", "tiny")
    store = torch.distributed.HashStore()
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        fully_shard(model, mesh=init_device_mesh("cpu", (1,)))
        tune.save(model, tmp_path / "sharded", "tiny", tune.whole_state(model))
    finally:
        torch.distributed.destroy_process_group()
    files = [path.name for path in (tmp_path / "plain").iterdir()]
    assert sorted(files) == sorted(path.name for path in (tmp_path / "sharded").iterdir())
    for name in files:
        assert (tmp_path / "sharded" / name).read_bytes() == (
            tmp_path / "plain" / name
        ).read_bytes()


def test_processes_that_share_weights_run_equally_many_packs(llama_folder, monkeypatch):
    """One with fewer packs than the busiest goes through some again, for nothing."""
    _, expected = tuned(llama_folder)
    step, loss, runs = tune.CompletionTrainer.training_step, tune.completion_loss, []

    def sharded(self, *inputs):
        self.is_fsdp_enabled = True
        monkeypatch.setattr(self.accelerator, "gather", lambda mine: torch.cat([mine, mine + 2]))
        runs.append([])
        result = step(self, *inputs)
        self.is_fsdp_enabled = False
        return result

    def counted(model, packed):
        if model.training:
            runs[-1].append(packed)
        return loss(model, packed)

    monkeypatch.setattr(tune.CompletionTrainer, "training_step", sharded)
    monkeypatch.setattr(tune, "completion_loss", counted)
    _, record = tuned(llama_folder)
    assert record["loss"] == pytest.approx(expected["loss"], abs=1e-6)
    for packs in runs:
        assert packs[-1] is packs[-2] is packs[-3] and len({id(one) for one in packs}) > 0


def test_fast_lora_equals_peft(llama_folder):
    """The same function and gradients as peft's own layer; every adapted layer is replaced."""
    fast = tune.adapt(tune.load(llama_folder, SETTINGS), SETTINGS, 1)
    slow = tune.adapt(tune.load(llama_folder, SETTINGS), SETTINGS, 1)
    layers = [module for module in slow.modules() if isinstance(module, FastLinear)]
    assert len(layers) == 14
    for module in layers:
        module.__class__ = lora.Linear
    packed = packing.pack(random_examples(6), 999)[0]
    for model in (fast, slow):
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, generator=torch.Generator().manual_seed(len(name)))
        model.train()
        loss = tune.completion_loss(model, packed)
        loss.backward()
    gradients = dict(slow.named_parameters())
    for name, weight in fast.named_parameters():
        if weight.requires_grad:
            torch.testing.assert_close(weight.grad, gradients[name].grad, rtol=1e-3, atol=1e-4)


def test_training_with_products_in_bfloat16_rounds_only(llama_folder):
    """Losses and adapters are those of float32 but for rounding; in full all is float32."""
    exact, expected = tuned(llama_folder, SETTINGS)
    rounded, record = tuned(llama_folder, replace(SETTINGS, matmul="bf16"))
    assert record["loss"] != expected["loss"]
    assert record["loss"] == pytest.approx(expected["loss"], rel=0.02)
    weights = dict(exact.named_parameters())
    learned = [name for name in weights if "lora_B" in name]
    for name, weight in rounded.named_parameters():
        if name in learned:
            along = functional.cosine_similarity(weight.flatten(), weights[name].flatten(), dim=0)
            assert weight.dtype == torch.float32 and along > 0.95, name
    whole = tune.load(llama_folder, replace(SETTINGS, method="full", matmul="bf16"))
    assert {weight.dtype for weight in whole.parameters()} == {torch.float32}


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_fast_lora_gradient_is_numerically_right(dropout):
    def draw(*shape):
        return torch.randn(*shape, dtype=torch.float64, requires_grad=True)

    def layer(x, a, b):
        torch.manual_seed(7)
        return LowRankLinear.apply(x, weight, bias, a, b, 0.5, dropout)

    torch.manual_seed(0)
    weight, bias = draw(3, 5).detach(), draw(3).detach()
    assert torch.autograd.gradcheck(layer, (draw(4, 5), draw(2, 5), draw(3, 2)))


def test_dropout_keeps_the_expected_share_and_scale():
    torch.manual_seed(0)
    kept = draw_kept(torch.Size([1001, 333]), round(0.1 * DRAWS), torch.device("cpu"))
    share = kept.double().mean().item()
    assert share == pytest.approx(0.9, abs=4 * math.sqrt(0.09 / kept.numel()))
    assert kept.max() == 1
    identity = torch.eye(4)
    x = torch.ones(200_000, 4)
    zero = torch.zeros(4, 4)
    output = LowRankLinear.apply(x, zero, None, identity, identity, 2.0, 0.1)
    assert output.mean().item() == pytest.approx(2.0, abs=0.01)
