"""Fine-tune a causal language model on completions: LoRA, QLoRA, or every weight.

transformers' Trainer runs the loop. A batch is one optimizer step: packs of examples without
padding, vocabulary logits only at the positions that predict a completion token, and a loss that
is the mean over all completion tokens of the step, whatever the packing.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch.nn import functional
from transformers import (
    AutoModelForCausalLM,
    BitsAndBytesConfig,
    PreTrainedModel,
    Trainer,
    TrainingArguments,
    set_seed,
)

from experiments.engine.lora import quicken
from experiments.engine.model import keep_large_blocks
from experiments.engine.packing import ATTENTION, Example, pack
from experiments.errors import ModelError, TrainingError
from experiments.params import Train


def load(folder: Path, settings: Train) -> PreTrainedModel:
    """The model ready to be tuned: 4-bit for QLoRA; bfloat16 on CUDA unless every weight trains.

    ModelError if the folder cannot be read.
    """
    keep_large_blocks()
    on_cuda = torch.cuda.is_available()
    dtype = torch.bfloat16 if on_cuda else torch.float32
    four_bit = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.float32 if settings.method == "full" else dtype,
            attn_implementation=ATTENTION,
            quantization_config=four_bit if settings.method == "qlora" else None,
            device_map={"": torch.cuda.current_device()} if on_cuda else None,
            local_files_only=True,
            use_safetensors=True,
        )
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise ModelError(f"{folder} cannot be loaded ({error}); fetch it again") from error
    for module in model.modules():
        # bitsandbytes repacks 4-bit weights in an evaluation forward on some CPUs, into a layout
        # whose product has no gradient: training on after it would go wrong without a word.
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return model


def adapt(model: PreTrainedModel, settings: Train, seed: int) -> PreTrainedModel | PeftModel:
    """Wrap the model with fresh low-rank adapters on all linear layers; "full" needs none."""
    set_seed(seed)
    if settings.method == "full":
        return model
    adapted = get_peft_model(
        model,
        LoraConfig(
            task_type="CAUSAL_LM",
            target_modules="all-linear",
            r=settings.lora.r,
            lora_alpha=settings.lora.alpha,
            lora_dropout=settings.lora.dropout,
        ),
    )
    quicken(adapted)
    return adapted


def completion_loss(model: torch.nn.Module, packed: dict) -> torch.Tensor:
    """Negative log-likelihood in nats, summed over the completion tokens of a pack."""
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

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.losses: list[float] = []
        self.tokens: list[int] = []

    def training_step(self, model, inputs, num_items_in_batch=None):
        model.train()
        packs = self._prepare_inputs(inputs["packs"])
        count = torch.tensor(sum(len(packed["targets"]) for packed in packs))
        tokens = int(self.accelerator.reduce(count.to(self.args.device), "sum"))
        # Gradients are averaged over processes, whose shares of the step's tokens differ.
        scale = self.accelerator.num_processes / tokens
        loss = torch.zeros((), device=self.args.device)
        for packed in packs:
            # Processes hold different numbers of packs, so they exchange gradients at their last.
            last = packed is packs[-1]
            with nullcontext() if last else self.accelerator.no_sync(model):
                part = completion_loss(model, packed) * scale
                self.accelerator.backward(part)
            loss += part.detach()
        loss = self.accelerator.reduce(loss, "mean")
        self.losses.append(finite(loss.item(), f"loss of step {len(self.losses) + 1}"))
        self.tokens.append(tokens)
        return loss

    @torch.no_grad()
    def held_out_loss(self, packs: list[dict]) -> float:
        """Nats per completion token, without dropout."""
        self.model.eval()
        total = sum(completion_loss(self.model, self._prepare_inputs(one)).item() for one in packs)
        return finite(total / sum(len(one["targets"]) for one in packs), "validation loss")


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
    """Train `model` in place; returns the losses, in nats per completion token.

    TrainingError when a loss is not a number, or when batch_size cannot be divided among processes.
    """
    if settings.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    paged = settings.method == "qlora" and torch.cuda.is_available()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            seed=seed,
            num_train_epochs=settings.epochs,
            learning_rate=settings.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=settings.warmup_share,
            weight_decay=settings.weight_decay,
            optim="paged_adamw_8bit" if paged else "adamw_torch",
            bf16=torch.cuda.is_available(),
            dataloader_pin_memory=torch.cuda.is_available(),
            remove_unused_columns=False,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
        )
        if settings.batch_size % arguments.world_size:
            raise TrainingError(
                f"train.batch_size = {settings.batch_size} cannot be divided among "
                f"{arguments.world_size} processes; use a multiple"
            )
        arguments.per_device_train_batch_size = settings.batch_size // arguments.world_size
        trainer = CompletionTrainer(
            model=model,
            args=arguments,
            train_dataset=list(training),
            data_collator=lambda batch: {"packs": pack(batch, settings.token_budget)},
        )
        held_out = pack(validation, settings.token_budget)
        before = trainer.held_out_loss(held_out)
        trainer.train()
        after = trainer.held_out_loss(held_out)
    return {
        "steps": len(trainer.losses),
        "trained_tokens": sum(trainer.tokens),
        "validation_loss_before": before,
        "validation_loss_after": after,
        "loss": trainer.losses,
    }


def save(model: PreTrainedModel | PeftModel, folder: Path, base_name: str) -> None:
    """Write the adapter, or the whole checkpoint, with nothing of this machine or process in it."""
    model.save_pretrained(folder)
    config_path = folder / "adapter_config.json"
    if not config_path.is_file():
        return
    config = json.loads(config_path.read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base_name
    # peft writes a set in an order that changes from process to process
    config["target_modules"] = sorted(config["target_modules"])
    config_path.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    (folder / "README.md").unlink(missing_ok=True)
