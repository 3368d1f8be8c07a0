#!/usr/bin/env python3
"""Our models in Hugging Face's transformers, and theirs in ours: the same logits, the same losses, the same bytes.

usage: hf_parity.py [--build build/release]
Needs torch, transformers and safetensors (see README.md), and the targets atoll and print_logits. Prints the largest
differences found and exits with 1 where one is above 1e-4 or bytes differ.
"""
import argparse
import array
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOLERANCE = 1e-4
LENGTH = 24

LLAMA = dict(hidden_size=64, intermediate_size=112, num_hidden_layers=3, num_attention_heads=4, vocab_size=300,
             max_position_embeddings=32, bos_token_id=None, eos_token_id=None, initializer_range=0.15)
GPT2 = dict(n_embd=64, n_layer=3, n_head=4, n_positions=32, vocab_size=300, bos_token_id=None, eos_token_id=None,
            initializer_range=0.15)
THEIRS = {
    "llama, grouped, tied": transformers.LlamaConfig(**LLAMA, num_key_value_heads=2, tie_word_embeddings=True),
    "llama, untied": transformers.LlamaConfig(**LLAMA, num_key_value_heads=4, tie_word_embeddings=False,
                                              rope_parameters=dict(rope_type="default", rope_theta=500.0), rms_norm_eps=1e-3),
    "llama, one key head": transformers.LlamaConfig(**LLAMA, num_key_value_heads=1, tie_word_embeddings=False),
    "gpt2, tied": transformers.GPT2Config(**GPT2),
    "gpt2, untied": transformers.GPT2Config(**GPT2, tie_word_embeddings=False, n_inner=100, layer_norm_epsilon=1e-3),
}
OURS = {
    "trained llama, grouped, tied": ["model.family=llama", "model.kv_heads=2", "model.heads=4", "model.tied_embeddings=true"],
    "trained llama, untied": ["model.family=llama", "model.kv_heads=4", "model.heads=4", "model.tied_embeddings=false"],
    "trained gpt2, tied": ["model.family=gpt2", "model.kv_heads=4", "model.heads=4", "model.tied_embeddings=true"],
    "trained gpt2, untied": ["model.family=gpt2", "model.kv_heads=4", "model.heads=4", "model.tied_embeddings=false"],
}


class Comparison:
    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.failed = False

    def atoll(self, *arguments):
        return self.execute(self.build / "atoll", *arguments)

    def execute(self, *command):
        done = subprocess.run([str(part) for part in command], cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, command))} exited with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def report(self, name, what, difference):
        is_wrong = not difference <= TOLERANCE
        self.failed |= is_wrong
        print(f"{name:30} {what:45} {difference:.2e}{'   WRONG' if is_wrong else ''}", flush=True)

    def same_files(self, name, what, one, other):
        files = lambda folder: {file.name: file.read_bytes() for file in (self.folder / folder).iterdir()}
        self.report(name, what, 0.0 if files(one) == files(other) else float("inf"))

    def our_logits(self, model, tokens):
        return torch.tensor(json.loads(self.execute(self.build / "tests/peers/print_logits", model, *tokens)))

    def compare_logits(self, name, what, ours, theirs):
        """`ours`: a checkpoint; `theirs`: a folder or a model. Relative to the largest logit."""
        if isinstance(theirs, pathlib.Path):
            theirs = load(theirs)
        tokens = [random.randrange(theirs.config.vocab_size) for _ in range(LENGTH)]
        expected = logits_of(theirs, tokens)
        self.report(name, what, ((self.our_logits(ours, tokens) - expected).abs().max() / expected.abs().max()).item())

    def compare_loss(self, name, what, ours, theirs):
        tokens = [random.randrange(theirs.config.vocab_size) for _ in range(8 * theirs.config.max_position_embeddings + 1)]
        write_tokens(self.folder / "tokens.bin", tokens)
        found = json.loads(self.atoll("eval", ours, "--data", "tokens.bin", "--json"))["loss"]
        self.report(name, what, abs(found - loss_of(theirs, tokens)))

    def import_theirs(self, name, config):
        torch.manual_seed(1)
        model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
        with torch.no_grad():  # norm weights and biases that are not just ones and zeros
            for parameter in model.parameters():
                if parameter.dim() == 1:
                    parameter.add_(0.2 * torch.randn_like(parameter))
        base = name.replace(", ", "_").replace(" ", "_")
        model.save_pretrained(self.folder / f"{base}.hf", max_shard_size="100KB")
        self.atoll("import", f"{base}.hf", "--out", base)
        self.compare_logits(name, "imported: logits", base, model)
        self.compare_loss(name, "imported: loss", base, model)

        self.atoll("export", base, "--out", f"{base}.out")
        again = load(self.folder / f"{base}.out")
        unequal = [key for key, value in model.state_dict().items() if not torch.equal(value, again.state_dict()[key])]
        self.report(name, "imported, exported: parameters", float(len(unequal)))
        self.atoll("import", f"{base}.out", "--out", f"{base}.2")
        self.atoll("export", f"{base}.2", "--out", f"{base}.out2")
        self.same_files(name, "exported, imported, exported: bytes", f"{base}.out", f"{base}.out2")

        model.to(torch.bfloat16).save_pretrained(self.folder / f"{base}.bf16")
        self.atoll("import", f"{base}.bf16", "--out", f"{base}.3")
        self.compare_loss(name, "imported from bfloat16: loss", f"{base}.3", load(self.folder / f"{base}.bf16"))

    def export_ours(self, name, overrides):
        base = name.replace(", ", "_").replace(" ", "_")
        settings = [*overrides, f"run.name={base}", "run.steps=20", "inner.warmup_steps=5", "inner.lr=0.02"]
        flags = [part for setting in settings for part in ("--set", setting)]
        self.execute(ROOT / "scripts/mpirun.sh", "-n", 3, self.build / "atoll", "train", ROOT / "inputs/tiny.toml", *flags)
        self.atoll("export", f"runs/{base}", "--out", f"{base}.out")
        self.compare_logits(name, "exported: logits", f"runs/{base}", self.folder / f"{base}.out")
        self.compare_loss(name, "exported: loss", f"runs/{base}", load(self.folder / f"{base}.out"))
        self.atoll("import", f"{base}.out", "--out", base, "--tokenizer", "bytes")
        self.atoll("export", base, "--out", f"{base}.out2", "--shard-mb", 1)
        self.same_files(name, "exported, imported, exported: bytes", f"{base}.out", f"{base}.out2")
        self.compare_logits(name, "imported again: logits", base, self.folder / f"{base}.out2")

    def several_files(self):
        """A model too large for one file of a MiB."""
        name, config = "llama, several files", transformers.LlamaConfig(**{**LLAMA, "vocab_size": 3000})
        transformers.AutoModelForCausalLM.from_config(config).save_pretrained(self.folder / "large.hf")
        self.atoll("import", "large.hf", "--out", "large")
        self.atoll("export", "large", "--out", "large.out", "--shard-mb", 1)
        count = len(list((self.folder / "large.out").glob("model-*.safetensors")))
        self.report(name, f"{count} files", 0.0 if count > 1 else float("inf"))
        self.compare_logits(name, "exported: logits", "large", self.folder / "large.out")


def load(folder):
    model, info = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    if info["missing_keys"] or info["unexpected_keys"] or info.get("mismatched_keys"):
        raise SystemExit(f"transformers does not find its tensors in {folder}: {info}")
    return model.eval()


def logits_of(model, tokens):
    with torch.no_grad():
        return model(torch.tensor([tokens])).logits[0]


def loss_of(model, tokens):
    """Mean over consecutive windows of the model's context, as atoll eval takes them."""
    length = model.config.max_position_embeddings
    windows = torch.tensor([tokens[at : at + length + 1] for at in range(0, len(tokens) - length, length)])
    with torch.no_grad():
        logits = model(windows[:, :-1]).logits
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten()).item()


def write_tokens(path, tokens):
    path.write_bytes(struct.pack("<256i", 20240520, 1, len(tokens), *[0] * 253) + array.array("H", tokens).tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    arguments = parser.parse_args()
    random.seed(1)
    with tempfile.TemporaryDirectory(prefix="atoll-hf-") as folder:
        comparison = Comparison(arguments.build.resolve(), pathlib.Path(folder))
        print(f"torch {torch.__version__}, transformers {transformers.__version__}")
        for name, config in THEIRS.items():
            comparison.import_theirs(name, config)
        comparison.several_files()
        (comparison.folder / "text.txt").write_text((ROOT / "README.md").read_text() * 20)
        comparison.atoll("data", "prepare", "text.txt", "--out", "data/bytes", "--bytes", "--validation-fraction", "0.01")
        for name, overrides in OURS.items():
            comparison.export_ours(name, overrides)
    return 1 if comparison.failed else 0


if __name__ == "__main__":
    sys.exit(main())
