#!/usr/bin/env python3
"""The quickstart's model trained by PyTorch on the same token files: one worker, the tokens of both sites in every step.

usage: quickstart_peer.py [--data data/gcide] [--steps 240] [--threads 2] [--measure N]
Prints validation loss (the same first 16 batches) and seconds. --measure N times N steps and stops.
"""
import argparse
import json
import math
import pathlib
import statistics
import time

import numpy as np
import torch
import torch.nn.functional as F

LAYERS, WIDTH, HEADS, FFN, CONTEXT, SEQUENCES = 4, 256, 4, 768, 256, 16
LR, WARMUP, MIN_RATIO, DECAY, CLIP = 3e-3, 30, 0.1, 0.1, 1.0


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        linear = lambda a, b: torch.nn.Linear(a, b, bias=False)
        self.attention_norm = torch.nn.RMSNorm(WIDTH, eps=1e-5)
        self.qkv, self.output = linear(WIDTH, 3 * WIDTH), linear(WIDTH, WIDTH)
        self.ffn_norm = torch.nn.RMSNorm(WIDTH, eps=1e-5)
        self.gate_up, self.down = linear(WIDTH, 2 * FFN), linear(FFN, WIDTH)

    def forward(self, x, cos, sin):
        batch, length, _ = x.shape
        q, k, v = (
            part.view(batch, length, HEADS, -1).transpose(1, 2) for part in self.qkv(self.attention_norm(x)).chunk(3, -1)
        )
        turn = lambda t: t * cos + torch.cat((-t[..., t.shape[-1] // 2 :], t[..., : t.shape[-1] // 2]), -1) * sin
        mixed = F.scaled_dot_product_attention(turn(q), turn(k), v, is_causal=True)
        x = x + self.output(mixed.transpose(1, 2).reshape(batch, length, WIDTH))
        gate, up = self.gate_up(self.ffn_norm(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


class Model(torch.nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.embedding = torch.nn.Embedding(vocab, WIDTH)
        self.blocks = torch.nn.ModuleList(Block() for _ in range(LAYERS))
        self.final_norm = torch.nn.RMSNorm(WIDTH, eps=1e-5)
        head = WIDTH // HEADS
        angles = torch.outer(torch.arange(CONTEXT), 10000.0 ** (-torch.arange(0, head, 2) / head)).repeat(1, 2)
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                residual = name.endswith(("output.weight", "down.weight"))
                torch.nn.init.normal_(parameter, std=0.02 / (math.sqrt(2 * LAYERS) if residual else 1))

    def forward(self, tokens, targets):
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        return F.cross_entropy((self.final_norm(x) @ self.embedding.weight.T).flatten(0, 1), targets.flatten())


def read_tokens(path):
    return torch.from_numpy(np.fromfile(path, dtype=np.uint16, offset=1024).astype(np.int64))


def learning_rate(step, steps):
    if step <= WARMUP:
        return LR * step / WARMUP
    return LR * (MIN_RATIO + (1 - MIN_RATIO) * 0.5 * (1 + math.cos(math.pi * (step - WARMUP) / (steps - WARMUP))))


def validation_loss(model, tokens, bytes_per_token):
    with torch.no_grad():
        windows = [tokens[i * CONTEXT : i * CONTEXT + CONTEXT + 1] for i in range(16 * 8)]
        losses = [model(w[:, :-1], w[:, 1:]).item() for w in torch.stack(windows).split(8)]
    loss = statistics.mean(losses)
    return loss, loss / math.log(2) / bytes_per_token


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("data/gcide"))
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--measure", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)

    record = json.loads((options.data / "dataset.json").read_text())
    train, validation = read_tokens(options.data / "train.bin"), read_tokens(options.data / "validation.bin")
    bytes_per_token = record["validation"]["text_bytes"] / record["validation"]["tokens"]
    model = Model(int(train.max()) + 1)
    matrices = [p for p in model.parameters() if p.dim() == 2]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": DECAY}, {"params": vectors, "weight_decay": 0.0}],
        lr=LR, betas=(0.9, 0.95), eps=1e-8, fused=True)

    windows = torch.randperm((len(train) - 1) // CONTEXT)
    begin, step_s = time.monotonic(), []
    for step in range(1, (options.measure or options.steps) + 1):
        step_begin = time.monotonic()
        chosen = windows[(step - 1) * SEQUENCES : step * SEQUENCES]
        batch = torch.stack([train[i * CONTEXT : i * CONTEXT + CONTEXT + 1] for i in chosen.tolist()])
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, options.steps)
        optimizer.zero_grad(set_to_none=True)
        loss = model(batch[:, :-1], batch[:, 1:])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        step_s.append(time.monotonic() - step_begin)
    seconds = time.monotonic() - begin
    rate = SEQUENCES * CONTEXT / statistics.median(step_s)
    print(f"PyTorch {torch.__version__}, {options.threads} threads: {len(step_s)} steps in {seconds:.1f} s, median {rate:.0f} tokens/s")
    if not options.measure:
        loss, bits = validation_loss(model, validation, bytes_per_token)
        print(f"validation loss {loss:.4f} nats a token, {bits:.4f} bits a byte")


if __name__ == "__main__":
    main()
