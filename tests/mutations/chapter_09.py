"""LARS."""

from mutations import Mutation

MUTATIONS = {
    # The trust ratio is taken of the gradient, as in 2017.
    "lars-update": Mutation(rules={"lars_deck": ("norm(m)", "norm(g)")}),
    # The decay is added to the average, not averaged.
    "lars-momentum": Mutation(
        rules={
            "lars_deck": (
                "(1 - beta1) * (g + weight_decay * x)",
                "(1 - beta1) * g + weight_decay * x",
            )
        }
    ),
    # The deck declares what its lines use.
    "lars-symbols": Mutation(quotes={"lr η_t ,": "lr η_t , decay λ , number h of layers ,"}),
    # Both papers have the algorithm of 2017.
    "lars-original": Mutation(
        edits={
            '"deck": (rules.lars_deck, {"lr": trust, "beta1": momentum}),': (
                '"deck": (rules.lars, dict(lr=1.0, momentum=momentum, trust_coefficient=trust)),'
            )
        }
    ),
}
