"""Does fine-tuning on capability benchmarks change sycophancy? The stages and what they run."""

from experiments.errors import one_sentence_for_interrupts

one_sentence_for_interrupts()
