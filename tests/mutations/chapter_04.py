"""Adafactor."""

from mutations import Mutation

# Where the rule is run beside torch's Adam.
WALKS = ("def with_means(",)

MUTATIONS = {
    # ε inside the root.
    "adafactor-update": Mutation(
        rules={"factored_adam": ("(sqrt(V_hat) + eps)", "sqrt(V_hat + eps)")},
        again=WALKS,
    ),
    # Of each row the sum is squared, not its entries.
    "adafactor-factors": Mutation(
        rules={"factored_adam": ("row_sums(G**2)", "row_sums(G) ** 2")},
        again=WALKS,
    ),
    # The average is not corrected for its start at zero, as Adam's is.
    "adafactor-name": Mutation(
        rules={"factored_adam": ("(column_sums(R) * (1 - beta2**t))", "column_sums(R)")},
        again=WALKS,
    ),
    # The deck has the published exponent.
    "adafactor-bias-correction": Mutation(
        quotes={r"\beta_2^T": r"\beta_2^t"},
        edits={"min(horizon, 3000)": "min(horizon, 100)"},
        again=("def as_printed(",),
    ),
    # The deck declares the decay that it uses.
    "adafactor-decay": Mutation(
        edits={"letters(require) if": 'letters(require.replace("decay β", "decay β_2")) if'},
    ),
    # The deck declares the loss.
    "adafactor-loss": Mutation(
        quotes={"second moment decay β": "loss f_t , second moment decay β"}
    ),
}
