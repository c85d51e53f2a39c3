"""Where the package schedulefree, its authors' own, agrees with us and where it does not.
Verified with version 1.4.1."""

import pytest
import torch
from sidebyside import apart, assert_same, gradients, run, start

import optlab

schedulefree = pytest.importorskip(
    "schedulefree", reason="schedulefree is not installed: pip install --no-deps schedulefree"
)
SETTINGS = {"lr": 0.1, "betas": (0.8, 0.95), "weight_decay": 0.3, "warmup_steps": 5}


def theirs(params, cls=schedulefree.AdamWScheduleFree, **flags):
    optimizer = cls(params, **{**SETTINGS, **flags})
    optimizer.train()
    return optimizer


def ours(params, **flags):
    return optlab.AdamWScheduleFree(params, **{**SETTINGS, **flags})


@pytest.mark.parametrize("flags", [{}, {"warmup_steps": 0}, {"eps": 0.1, "weight_decay": 0}])
def test_adamwschedulefree_is_ours_in_both_modes(flags):
    both = []
    for make in (ours, theirs):
        made, looked = [], []

        def keep(params, make=make, made=made):
            made.append(make(params, **flags))
            return made[0]

        def look(optimizer, step, looked=looked):
            if step % 3 == 0:  # and on from there
                optimizer.eval()
                looked += [p.detach().clone() for p in optimizer.param_groups[0]["params"]]
                optimizer.train()

        at_y = run(keep, before=look)
        made[0].eval()
        at_x = [p.detach() for p in made[0].param_groups[0]["params"]]
        both.append([*at_y, *at_x, *looked])
    assert_same(*both)


def test_it_is_not_the_version_of_the_paper_which_has_the_correction_in_the_rate():
    """Defazio et al. (2024), Algorithm 1, multiply the rate by √(1 - β₂ᵗ) in place of correcting
    v: ε counts for more at first, so does decay for less, and early steps for less in x. Their
    package has that as AdamWScheduleFreePaper; ours is its other class."""
    paper = run(lambda p: theirs(p, schedulefree.AdamWScheduleFreePaper))
    assert apart(run(ours), paper) > 0.01
    assert_same(run(lambda p: theirs(p, schedulefree.AdamWScheduleFreeReference)), run(ours))


def test_it_wants_train_called_first_where_ours_begins_in_train_mode():
    optimizer = schedulefree.AdamWScheduleFree(start())
    for p, g in zip(optimizer.param_groups[0]["params"], gradients(0), strict=True):
        p.grad = g
    with pytest.raises(Exception, match="not in train mode"):
        optimizer.step()
    assert ours(start()).param_groups[0]["train_mode"]


def test_a_rate_that_rises_later_counts_for_more_in_its_average():
    """Weights there are squares of the largest rate so far; ours are those of the warm-up. A
    rate that falls changes neither."""

    def changed(factor):
        def change(optimizer, step):
            optimizer.param_groups[0]["lr"] = 0.1 * (factor if step > 6 else 1)

        return change

    falling, rising = changed(0.5), changed(2.0)
    assert_same(run(ours, before=falling), run(theirs, before=falling))
    assert apart(run(ours, before=rising), run(theirs, before=rising)) > 0.01


def test_weights_in_half_precision_keep_their_averages_in_single():
    """There z and v have the dtype of the weights."""
    kinds = {}
    for make in (ours, theirs):
        p = torch.nn.Parameter(torch.ones(3, dtype=torch.bfloat16))
        p.grad = torch.ones_like(p)
        optimizer = make([p])
        optimizer.step()
        kinds[make] = optimizer.state[p]["z"].dtype
    assert kinds == {ours: torch.float32, theirs: torch.bfloat16}
