"""Muon."""

from mutations import Mutation

MUTATIONS = {
    # Four iterations.
    "muon-definition": Mutation(
        rules={
            "rules.muon.newton_schulz": (
                "return quintic(S, gram(S, tall), a, b, c, tall)",
                "return S",
            )
        },
        again=("ours = ends(optlab.Muon)",),
    ),
    # The gradient itself, of spectral norm 1.
    "muon-nearest": Mutation(
        edits={"factor = ops.polar(G)": "factor = G / torch.linalg.matrix_norm(G, 2)"},
    ),
    # A polynomial that is steeper at zero.
    "muon-coefficients": Mutation(edits={'"3.4445"': '"3.7"'}),
    # Of a tall matrix the larger of the two products.
    "muon-flops": Mutation(
        edits={"*abc, 1e-7, n > m": "*abc, 1e-7, n < m"},
        again=("found = share_added(",),
    ),
    # Square roots, as AdaGrad's.
    "muon-shampoo": Mutation(edits={"root = -1 / 4": "root = -1 / 2"}),
    # Adam without its root.
    "muon-steepest": Mutation(rules={"adam": ("sqrt(v_hat)", "v_hat")}),
    # The matrix itself, at length 1.
    "muon-rms": Mutation(
        edits={
            "ops.polar(D).square().mean().sqrt()": "(D / D.norm()).square().mean().sqrt()",
        },
    ),
    # A hundredth of the step: the grid has no rate for it.
    "muon-efficient": Mutation(
        rules={"rules.muon.like_adamw": ("0.2 *", "0.002 *")},
        again=("contests = {", "def less("),
    ),
}
