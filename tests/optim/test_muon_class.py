"""The class Muon: what it is for, the groups that it hands to AdamW, states of torch's class."""

import copy

import pytest
import torch
from torch import nn
from twins import assert_alike, parameters, train

import optlab
from optlab.rules import muon
from optlab.rules.muon import like_adamw, of_outputs, original


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(10, 4)
        self.conv = nn.Conv1d(4, 4, 3)
        self.norm = nn.LayerNorm((3, 4))
        self.attention = nn.MultiheadAttention(4, 2)
        self.head = nn.Linear(4, 10)


def test_matrices_go_to_muon_and_embeddings_heads_and_vectors_to_adamw():
    net = Net()
    names = {p: n for n, p in net.named_parameters()}
    groups = optlab.param_groups(net, 0.1, adamw=[net.head])
    assert [[names[p] for p in g["params"]] for g in groups] == [
        ["conv.weight", "attention.in_proj_weight", "attention.out_proj.weight"],
        ["embed.weight", "head.weight"],
        [n for n in names.values() if "bias" in n or "norm" in n],
    ]
    assert [(g["weight_decay"], g["use_muon"]) for g in groups] == [
        (0.1, True),
        (0.1, False),
        (0.0, False),
    ]
    optimizer = optlab.Muon(groups, lr=0.05)
    assert [(g["lr"], g["eps"]) for g in optimizer.param_groups] == [
        (0.05, 1e-7),
        (3e-4, 1e-10),
        (3e-4, 1e-10),
    ]
    assert len(optlab.param_groups(net, 0.1)) == 2
    whole = [p for g in optlab.param_groups(net, 0.1, adamw=[]) for p in g["params"]]
    assert len(whole) == len(names)


def test_a_group_of_adamw_is_stepped_by_adamw():
    ours, theirs = parameters([(4, 3), (5,)]), parameters([(4, 3), (5,)])
    settings = {"lr": 0.01, "betas": (0.8, 0.9), "eps": 1e-6, "weight_decay": 0.1}
    train(optlab.Muon([{"params": ours, "use_muon": False, **settings}]), ours, 5)
    train(optlab.AdamW(theirs, **settings), theirs, 5)
    assert_alike(ours, theirs, rtol=0, atol=0)


def test_what_the_constructor_says_is_for_groups_that_do_not_say_otherwise():
    (p,) = parameters([(3,)])
    optimizer = optlab.Muon([p], lr=0.5, eps=0.1, use_muon=False)
    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["eps"]) == (0.5, 0.1)


@pytest.mark.parametrize("shape", [(5,), ()])
def test_vectors_are_refused_in_a_line_that_says_what_to_do(shape):
    named = [("body.weight", parameters([(2, 2)])[0]), ("body.bias", parameters([shape])[0])]
    with pytest.raises(ValueError, match=r"for matrices, .*'body.bias', of shape .*param_groups"):
        optlab.Muon(named)
    (matrix,), (vector,) = parameters([(2, 2)]), parameters([shape])
    optimizer = optlab.Muon([matrix])
    with pytest.raises(ValueError, match="use_muon=False") as e:
        optimizer.add_param_group({"params": [vector]})
    assert "\n" not in str(e.value)
    assert len(optimizer.param_groups) == 1
    optimizer.add_param_group({"params": [vector], "use_muon": False})
    train(optimizer, [matrix, vector], 1)
    optimizer.param_groups[1]["use_muon"] = True  # noticed before anything changes
    before = [p.detach().clone() for p in (matrix, vector)]
    with pytest.raises(ValueError, match=r"for matrices, .* parameter 1, of shape"):
        train(optimizer, [matrix, vector], 1)
    assert_alike([matrix, vector], before, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"momentum": 1.0}, "Invalid momentum value: 1.0; give one below 1"),
        ({"ns_coefficients": (1.5, -0.5)}, r"Invalid ns_coefficients: .*; give three numbers"),
        ({"ns_coefficients": (1.5, "b", 0)}, r"Invalid ns_coefficients: .*; give three numbers"),
        ({"adjust_lr_fn": "mup"}, "choose one of original, match_rms_adamw, rms_to_rms"),
        ({"form": "svd"}, "choose one of newton-schulz, polar"),
        ({"ns_precision": "half"}, "choose one of weights, bfloat16"),
        ({"use_muon": 1}, "Invalid use_muon value: 1; give True or False"),
    ],
    ids=str,
)
def test_impossible_settings_are_refused(settings, line):
    with pytest.raises(ValueError, match=line):
        optlab.Muon(parameters([(3, 2)]), **settings)


@pytest.mark.parametrize("shape", [(3, 8), (8, 3), (4, 3, 2, 2), (7, 2, 2), (3, 1)])
@pytest.mark.parametrize("execution", ["plain", "foreach"])
def test_each_scale_and_shape_is_stepped_by_the_rule(shape, execution):
    scales = {"original": original, "match_rms_adamw": like_adamw, "rms_to_rms": of_outputs}
    for word, scale in scales.items():
        (p,) = parameters([shape])
        x, s = p.detach().clone(), muon.init(p.detach())
        optimizer = optlab.Muon([p], lr=0.1, adjust_lr_fn=word, execution=execution)
        for t in (1, 2):
            p.grad = torch.cos(p.detach() + t)
            x, s = muon(x, p.grad, s, t, lr=0.1, scale=scale)
            optimizer.step()
        assert_alike([p, optimizer.state[p]["momentum_buffer"]], [x, s.M], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("execution", ["plain", "foreach"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_products_in_bfloat16_are_those_of_torch_up_to_its_rounding(execution, dtype):
    shapes = [(40, 30), (30, 40), (64, 64)]
    moved = {}
    for name, make in {
        "torch": lambda p: torch.optim.Muon(p, lr=1.0, weight_decay=0.0),
        "bfloat16": lambda p: optlab.Muon(p, lr=1.0, ns_precision="bfloat16", execution=execution),
        "weights": lambda p: optlab.Muon(p, lr=1.0, execution=execution),
    }.items():
        params = parameters(shapes, dtype)
        before = [p.detach().clone() for p in params]
        train(make(params), params, 1)
        assert {p.dtype for p in params} == {dtype}
        moved[name] = [p.detach() - old for p, old in zip(params, before, strict=True)]
    for theirs, ours, exact in zip(*moved.values(), strict=True):
        # 2⁻⁸ of each of some dozen roundings, while small singular values grow
        assert (ours - theirs).norm() < 0.06 * theirs.norm()
        assert 1e-3 * exact.norm() < (ours - exact).norm() < 0.06 * exact.norm()


def test_states_go_over_to_torch_and_back():
    shapes = [(6, 4), (4, 6)]
    ours, theirs = parameters(shapes), parameters(shapes)
    mine = optlab.Muon(ours, lr=0.1, weight_decay=0.1)
    other = torch.optim.Muon(theirs, lr=0.5)
    train(mine, ours, 3)
    train(other, theirs, 2)
    state = copy.deepcopy(other.state_dict())
    mine.load_state_dict(state)
    group = mine.param_groups[0]
    assert (group["lr"], group["weight_decay"], group["adjust_lr_fn"]) == (0.5, 0.1, "original")
    assert_alike(
        [mine.state[p]["momentum_buffer"] for p in ours],
        [other.state[p]["momentum_buffer"] for p in theirs],
        rtol=0,
        atol=0,
    )
    train(mine, ours, [2])
    again = torch.optim.Muon(theirs)
    again.load_state_dict(mine.state_dict())
    train(again, theirs, [3])
    for group in state["param_groups"]:
        group["ns_steps"] = 6
    with pytest.raises(ValueError, match="Invalid ns_steps: 6; Muon takes five here"):
        mine.load_state_dict(state)


def test_a_lazy_parameter_is_looked_at_when_it_has_a_shape():
    model = nn.LazyLinear(3)
    optimizer = optlab.Muon([model.weight])
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    vector = nn.LazyLinear(3)
    optimizer = optlab.Muon(vector.parameters())
    vector(torch.ones(1, 2)).sum().backward()
    with pytest.raises(ValueError, match="parameter 1, of shape"):
        optimizer.step()
