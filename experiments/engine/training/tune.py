"""Fine-tune a causal language model on completions or whole texts: LoRA, QLoRA, or every weight.

transformers' Trainer runs the loop. A batch is one optimizer step: packs of examples without
padding, vocabulary logits only at the positions that predict a target, and a loss that is the mean
over all targets of the step, whatever the packing and however many processes share it.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import torch
from accelerate import PartialState
from peft import LoraConfig, PeftModel, get_peft_model
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.fsdp import FSDPModule
from torch.nn import functional
from torch.utils.data import SequentialSampler
from transformers import PreTrainedModel, Trainer, TrainingArguments, set_seed

from experiments.engine.lora import quicken
from experiments.engine.model import load_model, quiet_peft
from experiments.engine.training.packing import ATTENTION, Example, pack
from experiments.errors import TrainingError
from experiments.params import Train


def load(folder: Path, settings: Train) -> PreTrainedModel:
    """The model ready to be tuned: 4-bit for QLoRA; bfloat16 on CUDA unless every weight trains.

    ModelError if the folder cannot be read.
    """
    device = "cpu"
    if torch.cuda.is_available():
        PartialState()  # gives each process a GPU of its own
        device = f"cuda:{torch.cuda.current_device()}"
    model = load_model(
        folder,
        dtype="float32" if settings.method == "full" else "auto",
        device=device,
        quantization="nf4" if settings.method == "qlora" else None,
        # only frozen weights can be rounded once
        matmul=settings.matmul if settings.method == "lora" else "ieee",
    ).model
    model.set_attn_implementation(ATTENTION)
    return model


def adapt(model: PreTrainedModel, settings: Train, seed: int) -> PreTrainedModel | PeftModel:
    """Wrap the model with fresh low-rank adapters on all linear layers; "full" needs none."""
    set_seed(seed)
    if settings.method == "full":
        return model
    config = LoraConfig(
        task_type="CAUSAL_LM",
        target_modules="all-linear",
        r=settings.lora.r,
        lora_alpha=settings.lora.alpha,
        lora_dropout=settings.lora.dropout,
    )
    with quiet_peft():
        adapted = get_peft_model(model, config)
    quicken(adapted)
    return adapted


def completion_loss(model: torch.nn.Module, packed: dict) -> torch.Tensor:
    """Negative log-likelihood in nats, summed over the targets of a pack."""
    logits = model(
        input_ids=packed["input_ids"],
        position_ids=packed["position_ids"],
        logits_to_keep=packed["predict"],
        segments=packed["segments"],
        use_cache=False,
    ).logits
    return functional.cross_entropy(logits.squeeze(0).float(), packed["targets"], reduction="sum")


class CompletionTrainer(Trainer):
    """A batch holds the packs of one optimizer step; `losses` and `tokens` record every step."""

    def __init__(self, held_out: list[dict], **arguments):
        super().__init__(**arguments)
        self.held_out = held_out
        self.loss_before = math.nan
        self.losses: list[float] = []
        self.tokens: list[int] = []

    def _get_train_sampler(self, train_dataset=None):
        return SequentialSampler(self.train_dataset)  # `shares` has shuffled

    def log(self, logs, start_time=None):
        """Nothing is printed: `losses` says more than the trainer's summary."""

    def training_step(self, model, inputs, num_items_in_batch=None):
        if not self.losses:  # not earlier: sharded weights are in their places only now
            self.loss_before = self.held_out_loss()
        model.train()
        packs = self._prepare_inputs(inputs["packs"])
        count = torch.tensor(sum(len(one["targets"]) for one in packs) * inputs["weight"])
        tokens = int(self.accelerator.reduce(count.to(self.args.device), "sum"))
        # Gradients are averaged over processes, whose shares of the step's tokens differ.
        scales = [inputs["weight"] * self.accelerator.num_processes / tokens] * len(packs)
        if self.is_fsdp_enabled:
            # Processes gather shards together in every forward: all run as many as the busiest.
            runs = self.accelerator.gather(torch.tensor([len(packs)], device=self.args.device))
            missing = int(runs.max()) - len(packs)
            packs, scales = packs + packs[-1:] * missing, scales + [0.0] * missing
        loss = torch.zeros((), device=self.args.device)
        for number, (packed, scale) in enumerate(zip(packs, scales, strict=True), 1):
            # Processes hold different numbers of packs, so they exchange gradients at their last.
            # Sharded gradients go at each pack: whole ones would not fit.
            last = number == len(packs) or self.is_fsdp_enabled
            with nullcontext() if last else self.accelerator.no_sync(model):
                part = completion_loss(model, packed) * scale
                self.accelerator.backward(part)
            loss += part.detach()
        loss = self.accelerator.reduce(loss, "mean")
        self.losses.append(finite(loss.item(), f"loss of step {len(self.losses) + 1}"))
        self.tokens.append(tokens)
        return loss

    @torch.no_grad()
    def held_out_loss(self) -> float:
        """Nats per target token, without dropout."""
        self.model.eval()
        packs = self._prepare_inputs(self.held_out)
        total = sum(completion_loss(self.model, one).item() for one in packs)
        return finite(total / sum(len(one["targets"]) for one in packs), "validation loss")


def shares(
    examples: Sequence[Example], settings: Train, seed: int, processes: int
) -> list[tuple[list[Example], int]]:
    """What each process computes of each optimizer step, step by step: examples, and their weight.

    Every epoch has an order of its own, drawn from `seed`, which does not depend on the number of
    processes. A process that a short step leaves without examples computes one with weight 0.
    """
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for _ in range(settings.epochs):
        order = torch.randperm(len(examples), generator=generator).tolist()
        for at in range(0, len(order), settings.batch_size):
            step = [examples[number] for number in order[at : at + settings.batch_size]]
            for rank in range(processes):
                part = step[rank::processes]
                parts.append((part or step[:1], int(bool(part))))
    return parts


def finite(loss: float, name: str) -> float:
    if not math.isfinite(loss):
        raise TrainingError(
            f"the {name} is {loss}; lower the learning rate, or fetch the model again if it is "
            "the first step"
        )
    return loss


def tune(
    model: PreTrainedModel | PeftModel,
    training: Sequence[Example],
    validation: Sequence[Example],
    settings: Train,
    seed: int,
) -> dict:
    """Train `model` in place; returns the losses, in nats per target token.

    TrainingError when a loss is not a number.
    """
    if settings.gradient_checkpointing:
        model.activation_checkpointing_enable({"use_reentrant": False})
    paged = settings.method == "qlora" and torch.cuda.is_available()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            seed=seed,
            num_train_epochs=1,  # `shares` holds all epochs
            per_device_train_batch_size=1,
            learning_rate=settings.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=settings.warmup_share,
            weight_decay=settings.weight_decay,
            optim="paged_adamw_8bit" if paged else "adamw_torch",
            use_cpu=not torch.cuda.is_available(),  # unless told, CPU processes train apart
            bf16=torch.cuda.is_available(),
            dataloader_pin_memory=torch.cuda.is_available(),
            remove_unused_columns=False,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
        )
        trainer = CompletionTrainer(
            pack(validation, settings.token_budget),
            model=model,
            args=arguments,
            train_dataset=shares(training, settings, seed, arguments.world_size),
            data_collator=lambda batch: {
                "packs": pack(batch[0][0], settings.token_budget),
                "weight": batch[0][1],
            },
        )
        if trainer.is_fsdp_enabled and not trainer.accelerator.is_fsdp2:
            raise TrainingError(
                "FSDP version 1 is not supported; set fsdp_version: 2 in the configuration of "
                "accelerate"
            )
        torch.manual_seed(seed + arguments.process_index)  # processes draw dropout of their own
        trainer.train()
        after = trainer.held_out_loss()
    return {
        "steps": len(trainer.losses),
        "trained_tokens": sum(trainer.tokens),
        "validation_loss_before": trainer.loss_before,
        "validation_loss_after": after,
        "loss": trainer.losses,
    }


def whole_state(model: PreTrainedModel | PeftModel) -> dict | None:
    """None, or if processes hold shards (FSDP) the whole of every weight, on the main process.

    All processes call it together.
    """
    if not isinstance(model, FSDPModule):
        return None
    return get_model_state_dict(
        model, options=StateDictOptions(full_state_dict=True, cpu_offload=True)
    )


def save(
    model: PreTrainedModel | PeftModel, folder: Path, base_name: str, state: dict | None = None
) -> None:
    """Write the adapter, or the whole checkpoint, with nothing of this machine or process in it.

    Called by the main process alone; `state` is its `whole_state`.
    """
    model.save_pretrained(folder, state_dict=state)
    config_path = folder / "adapter_config.json"
    if not config_path.is_file():
        return
    config = json.loads(config_path.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base_name
    # peft writes a set in an order that changes from process to process
    config["target_modules"] = sorted(config["target_modules"])
    config_path.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (folder / "README.md").unlink(missing_ok=True)
