"""caution=True of Adam and AdamW: the rule made cautious, and decay outside."""

import copy

import pytest
import torch
from twins import assert_alike, parameters, train

import optlab
from optlab.rules import State, adam, cautious, with_decay, with_l2

SETTINGS = {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.3}
NUMBERS = {"lr": 0.1, "beta1": 0.8, "beta2": 0.9, "eps": 1e-3, "weight_decay": 0.3}
CASES = {
    "Adam": (optlab.Adam, {}, with_l2(cautious(adam))),
    "AdamW": (optlab.AdamW, {}, with_decay(cautious(adam))),
}


def drawn(shape, seed):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def stepped(optimizer, p, n=6):
    for t in range(n):
        p.grad = drawn(p.shape, 10 + t)
        optimizer.step()


@pytest.mark.parametrize("execution", ["plain", "foreach", "auto"])
@pytest.mark.parametrize("case", CASES)
def test_the_class_takes_the_steps_of_the_rule(case, execution):
    cls, more, rule = CASES[case]
    (p,) = parameters([(30, 4)])
    x, s = p.detach().clone(), rule.init(p.detach())
    stepped(cls([p], **SETTINGS, **more, caution=True, execution=execution), p)
    for t in range(6):
        x, s = rule(x, drawn(p.shape, 10 + t), s, t + 1, **NUMBERS)
    assert_alike([p], [x], rtol=1e-11, atol=1e-12)


def test_decay_by_the_schedule_is_outside_too():
    """With lr at half of its first value: the step is half as long, the decay half of λ."""
    (p,) = parameters([(30, 4)])
    optimizer = optlab.AdamW([p], **SETTINGS, decay_by="schedule", caution=True)
    optimizer.param_groups[0]["lr"] = 0.05
    x, s = p.detach().clone(), State(m=0, v=0)
    stepped(optimizer, p, 4)
    of_adam = {k: v for k, v in NUMBERS.items() if k != "weight_decay"}
    for t in range(4):
        q, s = cautious(adam)(x, drawn(p.shape, 10 + t), s, t + 1, **{**of_adam, "lr": 0.05})
        x = q - 0.5 * 0.3 * x
    assert_alike([p], [x], rtol=1e-11, atol=1e-12)


def test_groups_may_differ_and_change_on_the_way():
    ours, careful, plain = (parameters([(30, 4), (7,)]) for _ in range(3))
    optimizer = optlab.AdamW(
        [{"params": ours[:1], "caution": True}, {"params": ours[1:]}], **SETTINGS
    )
    others = (
        optlab.AdamW(careful, **SETTINGS, caution=True),
        optlab.AdamW(plain, **SETTINGS),
    )
    for made, params in ((optimizer, ours), (others[0], careful), (others[1], plain)):
        train(made, params, 3)
    assert_alike(ours, [careful[0], plain[1]], rtol=0, atol=0)
    for made in (optimizer, others[1]):
        for group in made.param_groups:
            group["caution"] = True
    with torch.no_grad():
        plain[1].copy_(ours[1])
    train(optimizer, ours, [3, 4])
    train(others[1], plain, [3, 4])
    assert_alike(ours[1:], plain[1:], rtol=0, atol=0)


def test_the_flag_is_checked_and_comes_with_the_state():
    with pytest.raises(ValueError, match="Invalid caution value: 1; give True or False"):
        optlab.AdamW(parameters([(3,)]), caution=1)
    saved = optlab.Adam(parameters([(3,)]), caution=True)
    other = optlab.Adam(parameters([(3,)]))
    other.load_state_dict(copy.deepcopy(saved.state_dict()))
    assert other.param_groups[0]["caution"] is True
    theirs = torch.optim.AdamW(parameters([(3,)]))
    careful = optlab.AdamW(parameters([(3,)]), caution=True)
    careful.load_state_dict(theirs.state_dict())  # which says nothing of it
    assert careful.param_groups[0]["caution"] is True
