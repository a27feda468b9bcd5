"""The engine: how a model is asked and how it is trained. It knows no task and no stage.

What is yielded (request.py). A task's protocol is a generator for one item. It yields tuples of
requests and is sent their replies in the same order: `Choose` gives the summed log-likelihood of
every continuation of a prompt, `Generate` a greedy reply and why it ended. What it returns, the
rows of that item, the engine hands on unread. A prompt is a dialogue, written by the model's own
chat template, or plain text.

How it is batched (asking/). `pool.run` takes groups of protocols and steps all of a group side by
side. What they ask is sorted by its tokens and put into passes of `token_budget` new tokens:
score.py reads off log-likelihoods, with logits only where a continuation is predicted, and
generate.py writes replies in `generation_slots` rows that are filled again as they fall free.
prefix.py lays the new tokens of a pass end to end, without padding, and computes every distinct
beginning once: the options of a question, the arms of an item, the first turn of a dialogue. Keys
and values stay in a ring of `cache_gib` for later passes.

How it is trained (training/). packing.py packs examples without padding, prompts that begin alike
computed once; tune.py steps them with the loss of the whole step, whatever the packing and however
many processes share it.

What both share. model.py loads checkpoints and adapters and turns prompts into tokens; lora.py
makes low-rank layers faster without changing them; matmul.py multiplies frozen weights in bfloat16
where that is asked for; attention.py is the one door into transformers: everything of a model is
transformers' own but for which token attends to which.

What is promised:
- Same group, settings and machine: the same replies bit by bit, whatever was asked before. Groups
  are therefore what an interrupted evaluation redoes whole.
- Other groups or settings: log-likelihoods that differ by rounding only (about 4e-5 nats in
  float32), compared in tests with a plain forward pass and with lm-evaluation-harness.
- Before a model is asked it must score two short prompts as its own forward pass does; a model that
  attends in a way unknown here is refused. Scores that are not finite end the run.
- If memory does not hold a batch, the rest of the group is asked in smaller ones, with a message;
  only then may a repeated run differ, by rounding.
How fast it is beside lm-evaluation-harness, `model.generate` and TRL: benchmarks/RESULTS.md.
"""

import logging

# peft imports bitsandbytes, which warns of a kernel for 4-bit products that is not used here.
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
