"""The models of the comparison in plain PyTorch, and a process that trains one of them when it is told to."""

import json
import pathlib
import resource
import struct
import sys
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
from sizes import SIZES

LR, BETAS, DECAY, CLIP = 3e-4, (0.9, 0.95), 0.1, 1.0


class Block(nn.Module):
    def __init__(self, size):
        super().__init__()
        width, ffn, self.heads = size["width"], size["ffn_width"], size["heads"]
        self.is_llama = size["family"] == "llama"
        norm = (lambda: nn.RMSNorm(width, eps=1e-5)) if self.is_llama else (lambda: nn.LayerNorm(width, eps=1e-5))
        linear = lambda a, b: nn.Linear(a, b, bias=not self.is_llama)
        self.attention_norm, self.ffn_norm = norm(), norm()
        self.qkv, self.output = linear(width, 3 * width), linear(width, width)
        self.up, self.down = linear(width, 2 * ffn if self.is_llama else ffn), linear(ffn, width)

    def forward(self, x, cos, sin):
        batch, length, width = x.shape
        heads = self.qkv(self.attention_norm(x)).view(batch, length, 3, self.heads, width // self.heads)
        q, k, v = heads.permute(2, 0, 3, 1, 4).unbind(0)
        if self.is_llama:
            q, k = rotated(q, cos, sin), rotated(k, cos, sin)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.output(mixed.transpose(1, 2).reshape(batch, length, width))
        h = self.up(self.ffn_norm(x))
        if self.is_llama:
            gate, up = h.chunk(2, -1)
            return x + self.down(F.silu(gate) * up)
        return x + self.down(F.gelu(h, approximate="tanh"))


def rotated(x, cos, sin):
    low, high = x.chunk(2, -1)
    return torch.cat((low * cos - high * sin, high * cos + low * sin), -1).to(x.dtype)


class Model(nn.Module):
    """With tied embeddings, as both families are here."""

    def __init__(self, size):
        super().__init__()
        self.size = size
        width, head = size["width"], size["width"] // size["heads"]
        self.embedding = nn.Embedding(size["vocab"], width)
        self.positions = nn.Embedding(size["context"], width) if size["family"] == "gpt2" else None
        self.blocks = nn.ModuleList(Block(size) for _ in range(size["layers"]))
        self.norm = nn.RMSNorm(width, eps=1e-5) if size["family"] == "llama" else nn.LayerNorm(width, eps=1e-5)
        angles = torch.outer(torch.arange(size["context"]).float(), 10000.0 ** (-torch.arange(0, head, 2).float() / head))
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens, targets):
        x = self.embedding(tokens)
        if self.positions is not None:
            x = x + self.positions.weight
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        logits = F.linear(self.norm(x), self.embedding.weight)
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())

    def save(self, folder):
        """As Hugging Face saves it: config.json and model.safetensors."""
        size, tensors = self.size, {}
        is_llama = size["family"] == "llama"
        across = (lambda w: w) if is_llama else (lambda w: w.T)  # GPT-2's matrices lie the other way

        def put(name, tensor):
            tensors[name] = tensor.detach().to(torch.float32).contiguous().numpy()

        def linear(name, module, rows=slice(None)):
            put(f"{name}.weight", across(module.weight[rows]))
            if module.bias is not None:
                put(f"{name}.bias", module.bias[rows])

        def norm(name, module):
            put(f"{name}.weight", module.weight)
            if not is_llama:
                put(f"{name}.bias", module.bias)

        width, ffn = size["width"], size["ffn_width"]
        put("model.embed_tokens.weight" if is_llama else "wte.weight", self.embedding.weight)
        if not is_llama:
            put("wpe.weight", self.positions.weight)
        for l, block in enumerate(self.blocks):
            if is_llama:
                at = f"model.layers.{l}"
                for i, name in enumerate("qkv"):
                    linear(f"{at}.self_attn.{name}_proj", block.qkv, slice(i * width, (i + 1) * width))
                linear(f"{at}.self_attn.o_proj", block.output)
                linear(f"{at}.mlp.gate_proj", block.up, slice(0, ffn))
                linear(f"{at}.mlp.up_proj", block.up, slice(ffn, 2 * ffn))
                linear(f"{at}.mlp.down_proj", block.down)
                norm(f"{at}.input_layernorm", block.attention_norm)
                norm(f"{at}.post_attention_layernorm", block.ffn_norm)
            else:
                at = f"h.{l}"
                linear(f"{at}.attn.c_attn", block.qkv)
                linear(f"{at}.attn.c_proj", block.output)
                linear(f"{at}.mlp.c_fc", block.up)
                linear(f"{at}.mlp.c_proj", block.down)
                norm(f"{at}.ln_1", block.attention_norm)
                norm(f"{at}.ln_2", block.ffn_norm)
        norm("model.norm" if is_llama else "ln_f", self.norm)
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps(config_of(size)))
        write_safetensors(folder / "model.safetensors", tensors)


def config_of(size):
    if size["family"] == "gpt2":
        return {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_layer": size["layers"], "n_embd": size["width"],
                "n_head": size["heads"], "n_inner": size["ffn_width"], "n_positions": size["context"], "vocab_size": size["vocab"],
                "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new", "tie_word_embeddings": True}
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_hidden_layers": size["layers"], "hidden_size": size["width"],
            "num_attention_heads": size["heads"], "num_key_value_heads": size["heads"], "intermediate_size": size["ffn_width"],
            "max_position_embeddings": size["context"], "vocab_size": size["vocab"], "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
            "hidden_act": "silu", "tie_word_embeddings": True}


def write_safetensors(file, tensors):
    header, offset = {}, 0
    for name, values in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [offset, offset + values.nbytes]}
        offset += values.nbytes
    text = json.dumps(header).encode()
    with open(file, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for values in tensors.values():
            out.write(values.tobytes())


def serve(size, tokens_file, initial, mode, precision, threads):
    """Saves the model if nobody has; then trains so many steps as each line of the input says, and answers with their losses and seconds."""
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    model = Model(size)
    if not initial.exists():
        model.save(initial)
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": DECAY}, {"params": vectors, "weight_decay": 0.0}],
                                  lr=LR, betas=BETAS, eps=1e-8, fused=True)
    whole = torch.compile(model) if mode == "compile" else model
    # One epoch is one batch: so its sequences are the same in every step, in whatever order they come.
    windows = np.fromfile(tokens_file, dtype=np.uint16)[: size["batch"] * size["context"] + 1].astype(np.int64)
    x = torch.from_numpy(windows[:-1]).view(size["batch"], -1)
    y = torch.from_numpy(windows[1:]).view(size["batch"], -1)

    def step():
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            loss = whole(x, y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    for line in sys.stdin:
        losses, seconds = [], []
        for _ in range(int(line)):
            begin = time.perf_counter()
            losses.append(step())
            seconds.append(time.perf_counter() - begin)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"losses": losses, "seconds": seconds, "peak_bytes": peak}), flush=True)


def main():
    name, tokens_file, initial, mode, precision, threads = sys.argv[1:]
    serve(SIZES[name], tokens_file, pathlib.Path(initial), mode, precision, int(threads))


if __name__ == "__main__":
    main()
