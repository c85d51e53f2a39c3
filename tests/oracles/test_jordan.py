"""Muon against the code of its authors, github.com/KellerJordan/Muon, commit 857d1ad.

That code is in no package index, so what it ended with is kept here: the numbers of its class
SingleDeviceMuon after the steps of `run`, with the momentum left in double precision where it
rounds it to bfloat16 (`torch.Tensor.bfloat16` was set to `torch.Tensor.clone`).
"""

import torch
from sidebyside import apart, run, start

import optlab

# lr=0.1, weight_decay=0.1; momentum and Nesterov's form as they are there by default
WIDE_AND_TALL = {
    (3, 2): [
        *(1.299074655009, -0.572780559403, -1.30734081929),
        *(-0.092107723143, -0.750174563171, -0.469563325161),
    ],
    (2, 3): [
        *(0.187996762458, -0.000733390609, 0.444380840428),
        *(0.197701401512, 0.020730877683, -0.504638192473),
    ],
}
# lr=0.1
CONVOLUTION = {(4, 1, 1, 1): [1.497629231551, -0.477204372043, -1.881272565235, 0.164017367642]}


def tensors(ends):
    return [torch.tensor(x, dtype=torch.float64).view(shape) for shape, x in ends.items()]


def test_jordan_s_muon_is_ours():
    """It adds 1e-7 to the norm that it divides by, where torch and we take 1e-7 at least: a
    factor of 1 - 1e-7, which five steps make larger."""
    ours = run(lambda p: optlab.Muon(p, lr=0.1, weight_decay=0.1), [*WIDE_AND_TALL])
    assert apart(ours, tensors(WIDE_AND_TALL)) < 2e-6


def test_jordan_s_muon_takes_the_scale_of_a_convolution_from_its_kernel():
    """n/m of the last two dimensions, so that √max(1, n/m) is 1 for square kernels; ours is that
    of the matrix whose polar factor is taken, here of 4 × 1."""
    shapes = [*CONVOLUTION]
    (ours,) = run(lambda p: optlab.Muon(p, lr=0.1), shapes)
    begun = start(shapes)[0].detach()
    (theirs,) = tensors(CONVOLUTION)
    assert apart([ours - begun], [2 * (theirs - begun)]) < 2e-6
