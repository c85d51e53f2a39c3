"""Adam."""

from mutations import Mutation

MUTATIONS = {
    # ε inside the root.
    "adam-update": Mutation(
        rules={"adam": ("(sqrt(v_hat) + eps)", "sqrt(v_hat + eps)")},
        again=("def follow(*_):",),
    ),
    # A first moment without memory, as RMSProp has it.
    "adam-momentum": Mutation(rules={"adam": ("beta1 * s.m + (1 - beta1) * g", "g")}),
    # The second moment takes the rate of the first, so that β₂ → 1 does nothing.
    "intro-adam-extends-adagrad": Mutation(
        rules={"adam": ("beta2 * s.v + (1 - beta2) * g**2", "beta1 * s.v + (1 - beta1) * g**2")},
    ),
    # The deck has the published line.
    "adam-line-4": Mutation(edits={"(g**2).sum(-1, keepdim=True)": "g**2"}),
    # The deck leaves the start to the reader, as the paper does.
    "adam-theta-0": Mutation(quotes={r"\theta_0 = 0": r"\theta_0 \in \mathbb{R}^d"}),
    # The deck has the published letter.
    "adam-regret-beta": Mutation(quotes={r"(1-\beta)": r"(1-\beta_1)"}),
    # A longer memory, with which the game does not lead Adam astray.
    "adam-regret-bound": Mutation(
        edits={
            "a=0.5, b_2=0.1": "a=0.5, b_2=0.9",
            "(300, 3000, 30_000)": "(300, 3000)",
            "found[30_000]": "found[3000]",
        },
    ),
}
