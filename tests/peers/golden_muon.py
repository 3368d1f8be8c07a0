#!/usr/bin/env python3
"""Prints what torch.optim.Muon makes of two small matrices, for tests/unit/optim/muon_test.cpp.

usage: golden_muon.py
PyTorch rounds to bfloat16 before it makes a matrix orthogonal; here it computes in double throughout.
"""
import torch

torch.bfloat16 = torch.float64  # Muon asks for it by this name


def numbers(rows, cols, factor, shift):
    """Small multiples of 1/4, exact in every format."""
    values = [((i * factor + shift) % 7 - 3) / 4 for i in range(rows * cols)]
    return torch.tensor(values, dtype=torch.float64).reshape(rows, cols)


for rows, cols in ((2, 3), (4, 3)):
    param = numbers(rows, cols, 4, 2)
    optimizer = torch.optim.Muon([param], lr=0.05, weight_decay=0.1, momentum=0.9, adjust_lr_fn="match_rms_adamw")
    for step in range(1, 4):
        param.grad = numbers(rows, cols, step + 2, step)
        optimizer.step()
    print(rows, "x", cols, "-> {" + ", ".join(f"{x:.9f}" for x in param.flatten().tolist()) + "}")
