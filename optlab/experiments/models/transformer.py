"""A small decoder transformer that vmap can take."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import gelu

from optlab.seeds import checked


def transformer(
    characters: int,
    length: int,
    *,
    width: int = 32,
    heads: int = 2,
    depth: int = 1,
    tied: bool = False,
    seed: int,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> nn.Module:
    """A language model: numbers of characters, batch × positions, to logits of the next ones,
    batch × positions × characters.

    Each of `depth` blocks adds causal attention with `heads` heads and a GELU network of
    4 · width units, each on the layer-normalized sum so far (Radford et al. 2019). There are no
    biases. Weights are normal with standard deviation 1/√(4 · inputs), close to GPT-2's 0.02 at
    width 768, those that end a block divided by √(2 · depth); drawn from `seed` alone.

    Args:
        characters: how many there are.
        length: of the longest text.
        tied: the logits are products with the characters' embeddings; otherwise the head has
            weights of its own.

    Raises:
        ValueError: where the heads do not divide the width.
    """
    if width % heads:
        raise ValueError(f"width {width} is not a multiple of {heads} heads: change one of them")
    model = _Transformer(characters, length, width, heads, depth, tied)
    generator = torch.Generator().manual_seed(checked(seed))
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 2:
                deviation = (4 * (width if "embedding" in name else p.shape[1])) ** -0.5
                if name.endswith(("join.weight", "contract.weight")):
                    deviation /= (2 * depth) ** 0.5
                p.normal_(0, deviation, generator=generator)
    return model.to(device=device, dtype=dtype)


class _Transformer(nn.Module):
    def __init__(
        self, characters: int, length: int, width: int, heads: int, depth: int, tied: bool
    ):
        super().__init__()
        self.embedding = nn.Parameter(torch.empty(characters, width, dtype=torch.float64))
        self.position_embedding = nn.Parameter(torch.empty(length, width, dtype=torch.float64))
        self.blocks = nn.Sequential(*(_Block(width, heads) for _ in range(depth)))
        self.norm = _norm(width)
        self.head = None if tied else _linear(width, characters)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x: batch × positions, at most `length` of them."""
        every = torch.arange(len(self.embedding), device=x.device)
        # A product, not a lookup: one call for many networks at once, and a plain derivative.
        h = (x[..., None] == every).to(self.embedding.dtype) @ self.embedding
        h = self.norm(self.blocks(h + self.position_embedding[: x.shape[-1]]))
        y: torch.Tensor = h @ self.embedding.T if self.head is None else self.head(h)
        return y


class _Block(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attention = _Attention(width, heads)
        self.attention_norm, self.network_norm = _norm(width), _norm(width)
        self.expand, self.contract = _linear(width, 4 * width), _linear(4 * width, width)

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        h = h + self.attention(self.attention_norm(h))
        y: torch.Tensor = h + self.contract(gelu(self.expand(self.network_norm(h))))
        return y


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query, self.key = _linear(width, width), _linear(width, width)
        self.value, self.join = _linear(width, width), _linear(width, width)

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        def split(x: torch.Tensor) -> torch.Tensor:
            """batch × heads × positions × width of a head"""
            heads: torch.Tensor = x.unflatten(-1, (self.heads, -1))
            return heads.transpose(-2, -3)

        q, k, v = split(self.query(h)), split(self.key(h)), split(self.value(h))
        place = torch.arange(h.shape[-2], device=h.device)
        later = place > place[:, None]
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        mixed = scores.masked_fill(later, -torch.inf).softmax(-1) @ v
        y: torch.Tensor = self.join(mixed.transpose(-2, -3).flatten(-2))
        return y


def _linear(n_in: int, n_out: int) -> nn.Linear:
    return nn.Linear(n_in, n_out, bias=False, dtype=torch.float64)


def _norm(width: int) -> nn.LayerNorm:
    return nn.LayerNorm(width, bias=False, dtype=torch.float64)
