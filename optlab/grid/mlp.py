"""Many copies of a plain multilayer network at once: few, large matrix products.

Examples are the last dimension, so that a layer is W h for all of them. Copies that see the
same mini-batch share the product of the first layer. Gradients are written out, into memory
that is kept: a step allocates little.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.func import grad_and_value, vmap

from optlab.learning.losses import Loss

_aten = torch.ops.aten


def _tanh(z: torch.Tensor) -> None:
    """tanh(z) in z."""
    if z.dtype == torch.float64 and z.device.type == "cpu":
        # 2σ(2z) - 1, within 4e-16 of it: in torch several times as fast. In float32 it would be
        # within 2e-7, which near 0 is much.
        z.mul_(2).sigmoid_().mul_(2).sub_(1)
    else:
        z.tanh_()


# An activation in place, and the gradient before it from the one after it and its value.
_Pair = tuple[Callable[[torch.Tensor], Any], Callable[[torch.Tensor, torch.Tensor], Any]]
_ACTIVATIONS: dict[type[nn.Module], _Pair] = {
    nn.Tanh: (
        _tanh,
        lambda d, a: _aten.tanh_backward.grad_input(d, a, grad_input=d),
    ),
    nn.Sigmoid: (
        lambda z: z.sigmoid_(),
        lambda d, a: _aten.sigmoid_backward.grad_input(d, a, grad_input=d),
    ),
    nn.ReLU: (
        lambda z: z.relu_(),
        lambda d, a: _aten.threshold_backward.grad_input(d, a, 0, grad_input=d),
    ),
}


@dataclass(frozen=True)
class Layer:
    """A linear layer, the normalization of its outputs, and the activation after it.

    weight and bias are places in the list of parameters. eps: of a layer norm without gain and
    offset; None where there is no normalization."""

    inputs: int
    outputs: int
    weight: int
    bias: int | None
    eps: float | None = None
    activation: type[nn.Module] | None = None


def layers(model: nn.Module) -> list[Layer] | None:
    """The layers of a sequence of linear layers, layer norms without parameters, and activations;
    None for other models."""
    if any(p.dtype not in (torch.float32, torch.float64) for p in model.parameters()):
        return None  # products and sums are rounded where torch rounds them
    if any(_has_its_own_ways(m) for m in model.modules()):
        return None
    modules = list(_flattened(model))
    if modules and type(modules[0]) is nn.Flatten and modules[0].start_dim == 1:
        modules = modules[1:]
    places = {id(p): i for i, p in enumerate(model.parameters())}
    found: list[Layer] = []
    for module in modules:
        if type(module) is nn.Linear and not hasattr(module, "parametrizations"):
            weight = places[id(module.weight)]
            bias = None if module.bias is None else places[id(module.bias)]
            found.append(Layer(module.in_features, module.out_features, weight, bias))
        elif found and found[-1].activation is None and type(module) in _ACTIVATIONS:
            found[-1] = replace(found[-1], activation=type(module))
        elif found and _normalizes(module, found[-1]):
            found[-1] = replace(found[-1], eps=module.eps)
        else:
            return None
    used = [i for layer in found for i in (layer.weight, layer.bias) if i is not None]
    plain = all(p.requires_grad for p in model.parameters())
    return found if found and plain and sorted(used) == list(range(len(places))) else None


def _normalizes(module: nn.Module, layer: Layer) -> bool:
    """Whether a module is the layer norm of the outputs of a layer, and has no parameters."""
    return (
        type(module) is nn.LayerNorm
        and layer.eps is None
        and layer.activation is None
        and module.normalized_shape == (layer.outputs,)
        and module.weight is None
        and module.bias is None
    )


def _has_its_own_ways(module: nn.Module) -> bool:
    """Whether a call of a module is not what its class makes of its parameters."""
    hooks = (module._forward_hooks, module._forward_pre_hooks)
    return any(hooks) or "forward" in vars(module)


def _flattened(model: nn.Module) -> Any:
    if type(model) is nn.Sequential:
        for child in model:
            yield from _flattened(child)
    else:
        yield model


class MLP:
    """Copies of one network: seeds × configurations, of which those of one seed share batches."""

    def __init__(
        self,
        layers: list[Layer],
        params: list[torch.Tensor],
        grads: list[torch.Tensor],
        seeds: int,
    ):
        """params, grads: each runs × shape, runs being seeds × configurations in order."""
        self.layers, self.params, self.grads, self.seeds = layers, params, grads, seeds
        self.runs = len(params[0])
        self._memory: dict[tuple[str, int, int], torch.Tensor] = {}
        # Of each normalized layer, for its gradient: its outputs, and what they were divided by.
        self._normalized: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def losses(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy of each run on its batch; gradients are written to `grads`.

        x: seeds × batch × features; y: seeds × batch.
        """
        values = self._forward(x.flatten(2))
        classes, size = values[-1].shape[1:]
        log_p = torch.log_softmax(values[-1], dim=1).view(self.seeds, -1, classes, size)
        truth = log_p.new_zeros(self.seeds, 1, classes, size)
        truth.scatter_(2, y[:, None, None], -1 / size)
        losses = torch.bmm(log_p.flatten(2), truth.view(self.seeds, -1, 1))
        probabilities = log_p.exp_()
        slope = torch.add(truth, probabilities, alpha=1 / size, out=probabilities)
        self._backward(x.flatten(2), values, slope.flatten(0, 1))
        return losses.flatten()

    def losses_of(self, loss: Loss, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """As `losses`, of another function of outputs and targets."""
        values = self._forward(x.flatten(2))
        outputs = values[-1].transpose(1, 2).unflatten(0, (self.seeds, -1))
        slopes, losses = vmap(vmap(grad_and_value(loss), in_dims=(0, None)))(outputs, y)
        slope = slopes.transpose(2, 3).flatten(0, 1).contiguous()
        self._backward(x.flatten(2), values, slope)
        result: torch.Tensor = losses.flatten()
        return result

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs of each run on the same examples: runs × examples × outputs."""
        return self._forward(x.flatten(1)[None])[-1].transpose(1, 2)

    def _forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Values after each layer, runs × outputs × examples."""
        values: list[torch.Tensor] = []
        for i, layer in enumerate(self.layers):
            w, b = self.params[layer.weight], None
            if layer.bias is not None:
                b = self.params[layer.bias].unsqueeze(-1)
            z = self._room("output", i, layer.outputs, x.shape[1])
            if i == 0:
                batches = x.shape[0]
                w, z = _merged(w, batches), _merged(z, batches)
                # Copied: the product that all runs share is faster for it.
                h = x.transpose(1, 2).contiguous()
                b = None if b is None else _merged(b, batches)
            else:
                h = values[-1]
            z = torch.bmm(w, h, out=z) if b is None else torch.baddbmm(b, w, h, out=z)
            z = z.view(self.runs, layer.outputs, x.shape[1])
            if layer.eps is not None:
                z = self._normalize(i, z, layer.eps)
            if layer.activation is not None:
                _ACTIVATIONS[layer.activation][0](z)
            values.append(z)
        return values

    def _backward(self, x: torch.Tensor, values: list[torch.Tensor], d: torch.Tensor) -> None:
        for i in reversed(range(len(self.layers))):
            layer = self.layers[i]
            if layer.activation is not None:
                _ACTIVATIONS[layer.activation][1](d, values[i])
            if layer.eps is not None:
                self._normalize_backward(i, d)
            if layer.bias is not None:
                torch.sum(d, -1, out=self.grads[layer.bias])
            g = self.grads[layer.weight]
            if i == 0:
                torch.bmm(_merged(d, self.seeds), x, out=_merged(g, self.seeds))
            else:
                torch.bmm(d, values[i - 1].transpose(1, 2), out=g)
                room = self._room("slope", i, layer.inputs, x.shape[1])
                d = torch.bmm(self.params[layer.weight].transpose(1, 2), d, out=room)

    def _normalize(self, i: int, z: torch.Tensor, eps: float) -> torch.Tensor:
        """A layer norm of z, over the outputs of layer i. z is kept, for the gradient."""
        out = self._room("normalized", i, *z.shape[1:])
        z.sub_(z.mean(1, keepdim=True))
        scale = torch.mul(z, z, out=out).mean(1, keepdim=True).add_(eps).rsqrt_()
        self._normalized[i] = z.mul_(scale), scale
        return out.copy_(z)

    def _normalize_backward(self, i: int, d: torch.Tensor) -> None:
        """The gradient before the layer norm of layer i from the one after it, in d."""
        z, scale = self._normalized[i]
        product = torch.mul(d, z, out=self._room("product", i, *z.shape[1:]))
        along = product.mean(1, keepdim=True)
        d.sub_(d.mean(1, keepdim=True)).sub_(torch.mul(z, along, out=product)).mul_(scale)

    def _room(self, name: str, layer: int, rows: int, columns: int) -> torch.Tensor:
        """Memory for an intermediate value of a layer, the same at every step."""
        if (name, layer, columns) not in self._memory:
            like = self.params[0]
            self._memory[name, layer, columns] = like.new_empty(self.runs, rows, columns)
        return self._memory[name, layer, columns]


def _merged(x: torch.Tensor, batches: int) -> torch.Tensor:
    """runs × rows × columns as batches × (runs of a batch and their rows) × columns."""
    return x.view(batches, -1, x.shape[-1])
