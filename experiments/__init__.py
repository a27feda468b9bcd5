"""Does fine-tuning on capability benchmarks change sycophancy? The pipeline, stage by stage."""
