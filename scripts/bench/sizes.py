"""The models that figures are told of, and text for them."""

import array
import itertools
import random

# S: GPT-2 style, 12.3 M parameters. M: Llama style, 29.9 M. G: GPT-2 124M. `batch`: of a site of two ranks.
SIZES = {
    "S": {"family": "gpt2", "layers": 6, "width": 384, "heads": 6, "ffn_width": 1536, "context": 256, "vocab": 4096, "batch": 8},
    "M": {"family": "llama", "layers": 8, "width": 512, "heads": 8, "ffn_width": 1408, "context": 512, "vocab": 8192, "batch": 4},
    "G": {"family": "gpt2", "layers": 12, "width": 768, "heads": 12, "ffn_width": 3072, "context": 1024, "vocab": 50257, "batch": 2},
}


def write_tokens(folder, size):
    """As many as one batch needs, so that every step sees the same sequences; frequent ones first (Zipf)."""
    draw = random.Random(1)
    weights = list(itertools.accumulate(1.0 / rank for rank in range(1, size["vocab"] + 1)))
    count = size["batch"] * size["context"] + 1
    folder.mkdir()
    for file in ("train.bin", "val.bin"):
        array.array("H", draw.choices(range(size["vocab"]), cum_weights=weights, k=count)).tofile((folder / file).open("wb"))


def deck_of(size, precision, tokens):
    """Keys over inputs/tiny.toml: the model, and a site that nothing but training keeps busy."""
    model = {key: value for key, value in size.items() if key != "batch"} | {"kv_heads": size["heads"], "precision": precision}
    return {f"model.{key}": value for key, value in model.items()} | {
        "run.method": "data_parallel", "sites.count": 1, "sites.data": [str(tokens)], "data.tokenizer": "none", "inner.warmup_steps": 0,
        "inner.schedule": "constant", "inner.shard_optimizer": True, "eval.every_steps": 0, "eval.batches": 1, "checkpoint.every_steps": 0}
