#!/usr/bin/env python3
"""Writes the golden files of the model and its optimizer: tiny Llamas and a tiny GPT-2 in plain PyTorch, in double precision.

usage: golden_model.py [--out DIR] [--check-transformers]
See README.md for the format. The same PyTorch writes the same bytes.
"""
import argparse
import json
import math
import pathlib

import torch
import torch.nn.functional as F

DEFAULTS = dict(family="llama", norm_eps=1e-5, rope_theta=10000.0)
MODELS = {
    "untied": dict(layers=2, width=32, heads=4, kv_heads=4, ffn_width=48, context=16, vocab=64, tied_embeddings=False),
    "tied": dict(layers=3, width=30, heads=5, kv_heads=5, ffn_width=44, context=13, vocab=51, tied_embeddings=True),
    "grouped": dict(layers=1, width=24, heads=4, kv_heads=2, ffn_width=20, context=11, vocab=37, tied_embeddings=True),
    # One key/value head for all, and such an epsilon and a base of the rotation as cannot be overlooked.
    "multi_query": dict(layers=2, width=24, heads=4, kv_heads=1, ffn_width=28, context=13, vocab=43,
                        tied_embeddings=False, norm_eps=1e-2, rope_theta=500.0),
    "gpt2": dict(family="gpt2", layers=2, width=27, heads=3, kv_heads=3, ffn_width=40, context=12, vocab=41,
                 tied_embeddings=True),
}
SEQUENCES = {"untied": 2, "tied": 3, "grouped": 2, "multi_query": 2, "gpt2": 3}
# Of such seeds that no gradient is so close to zero that rounding decides its sign, which AdamW's first steps go by.
SEEDS = {"untied": 1030, "tied": 1001, "grouped": 1002, "multi_query": 1001, "gpt2": 1001}
INNER = dict(steps=10, lr=1e-2, warmup_steps=3, min_lr_ratio=0.1, betas=[0.9, 0.95], weight_decay=0.1)
CLIP_NORMS = {"untied": 5.0, "tied": 5.0, "grouped": 5.0, "multi_query": 5.0, "gpt2": 1.8}  # some steps are clipped


def initial_parameters(m, generator):
    """Large enough that attention is far from uniform and every gradient matters; exact in float32."""
    gpt2 = m["family"] == "gpt2"
    kv_width = m["kv_heads"] * m["width"] // m["heads"]
    shapes = {"embedding.tokens": (m["vocab"], m["width"])}
    if gpt2:
        shapes["embedding.positions"] = (m["context"], m["width"])

    def add(name, *shape):
        shapes[name] = shape
        if gpt2:
            shapes[f"{name}_bias"] = shape[:1]

    for l in range(m["layers"]):
        add(f"layers.{l}.attention_norm", m["width"])
        add(f"layers.{l}.attention.query", m["width"], m["width"])
        add(f"layers.{l}.attention.key", kv_width, m["width"])
        add(f"layers.{l}.attention.value", kv_width, m["width"])
        add(f"layers.{l}.attention.output", m["width"], m["width"])
        add(f"layers.{l}.ffn_norm", m["width"])
        if not gpt2:
            add(f"layers.{l}.ffn.gate", m["ffn_width"], m["width"])
        add(f"layers.{l}.ffn.up", m["ffn_width"], m["width"])
        add(f"layers.{l}.ffn.down", m["width"], m["ffn_width"])
    add("final_norm", m["width"])
    if not m["tied_embeddings"]:
        shapes["head"] = (m["vocab"], m["width"])

    parameters = {}
    for name, shape in shapes.items():
        values = 0.25 * torch.randn(shape, generator=generator, dtype=torch.float32)
        parameters[name] = (values + 1.0 if name.endswith("norm") else values).double().requires_grad_()
    return parameters


def norm(m, p, name, x):
    if m["family"] == "gpt2":
        return F.layer_norm(x, x.shape[-1:], p[name], p[f"{name}_bias"], m["norm_eps"])
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + m["norm_eps"]) * p[name]


def linear(p, name, x):
    return F.linear(x, p[name], p.get(f"{name}_bias"))


def rotate(m, x):
    """Rotary positions in the rotate_half order; x is (sequences, heads, length, head width)."""
    if m["family"] == "gpt2":
        return x
    length, half = x.size(-2), x.size(-1) // 2
    frequency = m["rope_theta"] ** (-torch.arange(half, dtype=torch.float64) / half)
    angle = torch.outer(torch.arange(length, dtype=torch.float64), frequency).to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat((a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()), -1)


def attention(m, p, layer, x):
    sequences, length, _ = x.shape

    def heads(name, count):
        return linear(p, f"{layer}.attention.{name}", x).view(sequences, length, count, -1).transpose(1, 2)

    q, k = rotate(m, heads("query", m["heads"])), rotate(m, heads("key", m["kv_heads"]))
    v = heads("value", m["kv_heads"])
    k, v = (t.repeat_interleave(m["heads"] // m["kv_heads"], dim=1) for t in (k, v))
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.size(-1))
    future = torch.ones(length, length, dtype=torch.bool).triu(1)
    mixed = scores.masked_fill(future, -math.inf).softmax(-1) @ v
    return linear(p, f"{layer}.attention.output", mixed.transpose(1, 2).reshape(sequences, length, -1))


def ffn(m, p, layer, x):
    up = linear(p, f"{layer}.ffn.up", x)
    if m["family"] == "gpt2":
        return linear(p, f"{layer}.ffn.down", F.gelu(up, approximate="tanh"))
    return linear(p, f"{layer}.ffn.down", F.silu(linear(p, f"{layer}.ffn.gate", x)) * up)


def logits_of(m, p, tokens):
    x = p["embedding.tokens"][tokens]
    if m["family"] == "gpt2":
        x = x + p["embedding.positions"][:tokens.size(1)]
    for l in range(m["layers"]):
        layer = f"layers.{l}"
        x = x + attention(m, p, layer, norm(m, p, f"{layer}.attention_norm", x))
        x = x + ffn(m, p, layer, norm(m, p, f"{layer}.ffn_norm", x))
    return F.linear(norm(m, p, "final_norm", x), p.get("head", p["embedding.tokens"]))


def loss_of(logits, targets):
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)


def learning_rate(step):
    """Step 1, 2, ...: linear warm-up, then half a cosine down to min_lr_ratio at the last step."""
    if step < INNER["warmup_steps"]:
        return INNER["lr"] * step / INNER["warmup_steps"]
    done = (step - INNER["warmup_steps"]) / (INNER["steps"] - INNER["warmup_steps"])
    low = INNER["min_lr_ratio"]
    return INNER["lr"] * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * done)))


def train(m, p, tokens, targets, clip_norm):
    """AdamW on one batch per step; returns losses, gradient norms before clipping, and the parameters after it all."""
    p = {name: value.detach().clone().requires_grad_() for name, value in p.items()}
    groups = [{"params": [v for v in p.values() if v.dim() > 1], "weight_decay": INNER["weight_decay"]},
              {"params": [v for v in p.values() if v.dim() == 1], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=INNER["lr"], betas=tuple(INNER["betas"]), eps=1e-8)
    losses, norms = [], []
    for step in range(INNER["steps"]):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step + 1)
        optimizer.zero_grad()
        loss = loss_of(logits_of(m, p, tokens[step]), targets[step])
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(p.values(), clip_norm).item())
        losses.append(loss.item())
        optimizer.step()
    return losses, norms, p


def as_transformers_llama(m, p):
    import transformers

    config = transformers.LlamaConfig(
        vocab_size=m["vocab"], hidden_size=m["width"], intermediate_size=m["ffn_width"],
        num_hidden_layers=m["layers"], num_attention_heads=m["heads"], num_key_value_heads=m["kv_heads"],
        max_position_embeddings=m["context"], rms_norm_eps=m["norm_eps"], tie_word_embeddings=m["tied_embeddings"],
        rope_parameters=dict(rope_type="default", rope_theta=m["rope_theta"]), attn_implementation="eager")
    theirs = {"embedding.tokens": "model.embed_tokens.weight", "final_norm": "model.norm.weight",
              "head": "lm_head.weight", "attention_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
              "attention.query": "self_attn.q_proj", "attention.key": "self_attn.k_proj",
              "attention.value": "self_attn.v_proj", "attention.output": "self_attn.o_proj",
              "ffn.gate": "mlp.gate_proj", "ffn.up": "mlp.up_proj", "ffn.down": "mlp.down_proj"}
    state = {}
    for name, value in p.items():
        if name.startswith("layers."):
            _, l, rest = name.split(".", 2)
            state[f"model.layers.{l}.{theirs[rest]}.weight"] = value
        else:
            state[theirs[name]] = value
    return transformers.LlamaForCausalLM(config), state


def as_transformers_gpt2(m, p):
    import transformers

    config = transformers.GPT2Config(
        vocab_size=m["vocab"], n_embd=m["width"], n_inner=m["ffn_width"], n_layer=m["layers"], n_head=m["heads"],
        n_positions=m["context"], layer_norm_epsilon=m["norm_eps"], tie_word_embeddings=m["tied_embeddings"],
        attn_implementation="eager")
    theirs = {"embedding.tokens": "transformer.wte.weight", "embedding.positions": "transformer.wpe.weight",
              "head": "lm_head.weight"}
    state = {ours: p[name] for name, ours in theirs.items() if name in p}

    def add(name, names, transpose=False):
        """Theirs from ours, one or several; their matrices are (inputs, outputs)."""
        weight = torch.cat([p[n] for n in names])
        state[f"{name}.weight"] = weight.T if transpose else weight
        state[f"{name}.bias"] = torch.cat([p[f"{n}_bias"] for n in names])

    for l in range(m["layers"]):
        ours, block = f"layers.{l}", f"transformer.h.{l}"
        add(f"{block}.ln_1", [f"{ours}.attention_norm"])
        add(f"{block}.attn.c_attn", [f"{ours}.attention.{n}" for n in ("query", "key", "value")], transpose=True)
        add(f"{block}.attn.c_proj", [f"{ours}.attention.output"], transpose=True)
        add(f"{block}.ln_2", [f"{ours}.ffn_norm"])
        add(f"{block}.mlp.c_fc", [f"{ours}.ffn.up"], transpose=True)
        add(f"{block}.mlp.c_proj", [f"{ours}.ffn.down"], transpose=True)
    add("transformer.ln_f", ["final_norm"])
    return transformers.GPT2LMHeadModel(config), state


def check_against_transformers(m, p, tokens, logits):
    """The model above against Hugging Face's, in float32: the layout and the conventions are theirs."""
    import transformers

    model, state = (as_transformers_gpt2 if m["family"] == "gpt2" else as_transformers_llama)(m, p)
    state = {name: value.detach().float().contiguous() for name, value in state.items()}
    if m["tied_embeddings"]:
        embedding = "transformer.wte.weight" if m["family"] == "gpt2" else "model.embed_tokens.weight"
        state["lm_head.weight"] = state[embedding]
    model.load_state_dict(state, strict=True)
    with torch.no_grad():
        other = model.eval()(input_ids=tokens).logits.double()
    print(f"  transformers {transformers.__version__}: logits differ by "
          f"{((other - logits).abs().max() / logits.abs().max()).item():.1e} relative")


def write(path, description, arrays):
    """<path>.bin: the arrays one after the other, little-endian; <path>.json: what lies where."""
    index, offset = [], 0
    with open(path.with_suffix(".bin"), "wb") as out:
        for name, values in arrays.items():
            kind, dtype = ("i32", torch.int32) if not values.is_floating_point() else ("f32", torch.float32)
            data = values.detach().to(dtype).contiguous().numpy().astype(f"<{kind[0]}4").tobytes()
            index.append(dict(name=name, type=kind, shape=list(values.shape), offset=offset))
            offset += len(data)
            out.write(data)
    head = json.dumps(description)[:-1]
    lines = ",\n  ".join(json.dumps(entry) for entry in index)
    path.with_suffix(".json").write_text(f'{head},\n "arrays": [\n  {lines}]}}\n')
    print(f"{path}.bin: {offset} bytes, {len(index)} arrays")


def float32_error(m, p, tokens, targets, clip_norm, trained):
    """How far PyTorch's own float32 training ends from its double one: what no fp32 program can be asked to beat."""
    single = {name: value.detach().float() for name, value in p.items()}
    _, _, other = train(m, single, tokens, targets, clip_norm)
    return max(((other[n].double() - v).abs().max() / v.abs().max()).item()
               for n, v in trained.items() if not n.endswith("key_bias"))  # whose gradient is nothing but rounding


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent / "golden")
    parser.add_argument("--check-transformers", action="store_true", help="also compare with transformers")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(exist_ok=True)

    for name, own in MODELS.items():
        m = DEFAULTS | own
        generator = torch.Generator().manual_seed(SEEDS[name])
        p = initial_parameters(m, generator)
        shape = (INNER["steps"], SEQUENCES[name], m["context"])
        tokens = torch.randint(0, m["vocab"], shape, generator=generator)
        targets = torch.randint(0, m["vocab"], shape, generator=generator)
        targets[:, 0, ::4] = -1  # not counted
        logits = logits_of(m, p, tokens[0])
        loss = loss_of(logits, targets[0])
        loss.backward()
        losses, norms, trained = train(m, p, tokens, targets, CLIP_NORMS[name])
        error = float32_error(m, p, tokens, targets, CLIP_NORMS[name], trained)
        print(f"{name}: loss {losses[0]:.4f} to {losses[-1]:.4f}; norms {min(norms):.2f} to {max(norms):.2f}; "
              f"trained in float32: {error:.1e} off")
        if args.check_transformers:
            check_against_transformers(m, p, tokens[0], logits)

        arrays = {"tokens": tokens, "targets": targets, "logits": logits, "losses": torch.tensor(losses),
                  "norms": torch.tensor(norms)}
        arrays |= {f"initial/{n}": v for n, v in p.items()}
        arrays |= {f"gradient/{n}": v.grad for n, v in p.items()}
        arrays |= {f"trained/{n}": v for n, v in trained.items()}
        description = dict(model=m, inner=INNER | dict(clip_norm=CLIP_NORMS[name]), sequences=SEQUENCES[name],
                           torch=torch.__version__.split("+")[0])
        write(args.out / name, description, arrays)


if __name__ == "__main__":
    main()
