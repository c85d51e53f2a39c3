"""Many copies of any network at once, by torch.func.vmap."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import nn
from torch.func import functional_call, grad, grad_and_value, vmap

from optlab.learning.losses import Loss


class Vmapped:
    """Copies of one network: seeds × configurations, of which those of one seed share batches."""

    def __init__(
        self,
        model: nn.Module,
        params: dict[str, torch.Tensor],
        grads: list[torch.Tensor],
        buffers: dict[str, torch.Tensor],
        seeds: int,
        loss: Loss,
        compiled: bool,
    ):
        """params, grads and buffers: each runs × shape, runs being seeds × configurations."""
        self.model, self.params, self.grads, self.seeds = model, params, grads, seeds
        self.buffers, self.loss = buffers, loss
        self._gradients = self._gradients_of(loss)
        self._compiled = torch.compile(self._gradients, dynamic=False) if compiled else None
        self._shape: torch.Size | None = None

    def _gradients_of(self, loss: Loss) -> Callable[..., Any]:
        one = grad_and_value(loss_of_parameters(self.model, loss))
        return vmap(vmap(one, in_dims=(0, 0, None, None)))

    def losses(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Loss of each run on its batch; gradients are written to `grads`.

        x: seeds × batch × …; y: seeds × batch × ….
        """
        self._shape = self._shape or x.shape
        # The last batch of an epoch may be smaller: not worth a compilation of its own.
        alike = self._compiled is not None and x.shape == self._shape
        run = self._compiled if self._compiled is not None and alike else self._gradients
        return self._write(*run(self._by_seed(self.params), self._by_seed(self.buffers), x, y))

    def losses_of(self, loss: Loss, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """As `losses`, of another function of outputs and targets."""
        run = self._gradients_of(loss)
        return self._write(*run(self._by_seed(self.params), self._by_seed(self.buffers), x, y))

    def hessian_times(
        self, x: torch.Tensor, y: torch.Tensor, z: list[torch.Tensor]
    ) -> list[torch.Tensor]:
        """H z of each run, for each parameter; z: for each parameter, seeds × shape."""
        named = dict(zip(self.params, z, strict=True))
        product = hessian_product(self.model, self.loss)
        of_configurations = vmap(product, in_dims=(0, 0, None, None, None))
        found = vmap(of_configurations)(
            self._by_seed(self.params), self._by_seed(self.buffers), x, y, named
        )
        return [found[n].view_as(p) for n, p in self.params.items()]

    def _write(self, found: dict[str, torch.Tensor], losses: torch.Tensor) -> torch.Tensor:
        torch._foreach_copy_(self.grads, [found[n].view_as(p) for n, p in self.params.items()])
        result: torch.Tensor = losses.flatten()
        return result

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs of each run on the same examples: runs × examples × …."""

        call = caller(self.model)
        with evaluating(self.model):
            result: torch.Tensor = vmap(lambda params, buffers: call({**params, **buffers}, x))(
                self.params, self.buffers
            )
        return result

    def _by_seed(self, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {n: x.view(self.seeds, -1, *x.shape[1:]) for n, x in tensors.items()}


def loss_of_parameters(model: nn.Module, loss: Loss) -> Callable[..., torch.Tensor]:
    """The loss of a network as a function of parameters, buffers, inputs and targets."""
    call = caller(model)
    return lambda params, buffers, x, y: loss(call({**params, **buffers}, x), y)


def caller(model: nn.Module) -> Callable[[dict[str, torch.Tensor], Any], Any]:
    """A network as a function of its parameters and buffers, by name, and of inputs.

    A tensor that several modules have is given to each, and a module that has several names gets
    its tensors once: torch.func.functional_call, left alone, does not put such a module back.
    """
    names = {id(x): n for n, x in (*model.named_parameters(), *model.named_buffers())}
    places = {
        f"{of}.{own}" if of else own: names[id(x)]
        for of, module in model.named_modules()
        for own, x in (*module._parameters.items(), *module._buffers.items())
        if x is not None
    }

    def call(tensors: dict[str, torch.Tensor], x: Any) -> Any:
        given = {place: tensors[name] for place, name in places.items() if name in tensors}
        return functional_call(model, given, (x,), tie_weights=False)

    return call


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """A network in evaluation, and in training again after it."""
    model.eval()
    try:
        yield
    finally:
        model.train()


def hessian_product(model: nn.Module, loss: Loss) -> Callable[..., dict[str, torch.Tensor]]:
    """H z as a function of parameters, buffers, inputs, targets and z."""
    slopes_of = grad(loss_of_parameters(model, loss))

    def product(params: Any, buffers: Any, x: torch.Tensor, y: torch.Tensor, z: Any) -> Any:
        def along(params: Any) -> torch.Tensor:
            slopes = slopes_of(params, buffers, x, y)
            return torch.stack([(slopes[n] * z[n]).sum() for n in z]).sum()

        return grad(along)(params)

    return product


def refuse(model: nn.Module) -> None:
    """Refuse with a ValueError what many copies at once cannot have."""
    for name, module in model.named_modules():
        where = f"{type(module).__name__} {name!r}" if name else type(module).__name__
        if isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0:
            raise ValueError(
                f"{where} draws random numbers, which would differ from those of a run alone: "
                "set p=0 or take it out"
            )


Computed = TypeVar("Computed")


def attempt(compute: Callable[[], tuple[Computed, torch.Tensor]]) -> tuple[Computed, torch.Tensor]:
    """Something and a loss. Raises ValueError in one line if that fails or is no number."""
    try:
        found, value = compute()
    except Exception as error:
        raise ValueError(f"the model or its loss fails on a batch: {first_line(error)}") from error
    if value.dim():
        raise ValueError(
            f"the loss of a batch must be one number, not of shape {tuple(value.shape)}: "
            "take its mean"
        )
    return found, value


_READS = "it reads a value: write torch.where for if, and tensors for float() and .item()"
_PLACE = "it changes a tensor in place: write y = f(x) for x.f_()"
_CHANGES = {
    "inplace": _PLACE,
    "in-place": _PLACE,
    ".item()": _READS,
    "data-dependent": _READS,
    "randomness": "it draws random numbers: take them out",
    "dynamic shape": "the shape of a result depends on values: use masks",
}


def probe(model: nn.Module, loss: Loss, x: torch.Tensor, y: torch.Tensor) -> None:
    """Run some copies on a few examples, and raise a ValueError in one line if that fails."""
    one = grad_and_value(loss_of_parameters(model, loss))
    params = {n: p.detach() for n, p in model.named_parameters() if p.requires_grad}
    rest = {n: x.detach().clone() for n, x in untrained(model).items()}
    attempt(lambda: one(params, rest, x, y))
    four = {n: p.expand(2, 2, *p.shape).clone() for n, p in params.items()}
    same = {n: b.expand(2, 2, *b.shape).clone() for n, b in rest.items()}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            of_configurations = vmap(one, in_dims=(0, 0, None, None))
            vmap(of_configurations)(four, same, torch.stack([x, x]), torch.stack([y, y]))
    except Exception as error:
        said = str(error).lower()
        change = next((c for sign, c in _CHANGES.items() if sign in said), first_line(error))
        raise ValueError(
            f"{type(model).__name__} or its loss cannot be one of many: {change}"
        ) from error


def untrained(model: nn.Module) -> dict[str, torch.Tensor]:
    """Frozen parameters and buffers, by name."""
    frozen = {n: p for n, p in model.named_parameters() if not p.requires_grad}
    return {**frozen, **dict(model.named_buffers())}


def first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
