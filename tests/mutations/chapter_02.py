"""AdaGrad."""

from mutations import Mutation

MUTATIONS = {
    # The root of each entry, which is not the root of the matrix.
    "adagrad-full-matrix": Mutation(
        rules={
            "adagrad_full_dual": (
                "solve_root(G, delta, z)",
                "((G.sqrt() + delta * (z - z + 1).diag()).inverse() @ z)",
            )
        },
        again=("exact = -sympy.Rational(2, 5)",),
    ),
    # The penalty enters once, not in each of the t rounds.
    "adagrad-update": Mutation(
        rules={"adagrad_dual": ("divide(lr * t, h)", "divide(lr, h)")},
        again=("def argmin_in_the_box(",),
    ),
    # A state that sums the sizes of gradients is of first order.
    "adagrad-second-order": Mutation(
        rules={"adagrad_full_dual": ("outer(g, g)", "abs(g).diag()")},
    ),
    # The deck starts G where its line 4 needs it.
    "adagrad-symbols": Mutation(quotes={"G_d = 0$": "G_0 = 0$"}),
    # Line 4 adds to the matrix of the round before, so that its start matters.
    "adagrad-start": Mutation(quotes={r"H_t = \delta I + S_t": "H_t = H_{t-1} + S_t"}),
    # The same six, the largest first: the step is small when they come.
    "adagrad-regret-delta": Mutation(
        edits={
            "-0.79, -1.59, -1.11, 32.31, -24.17, -4.65": "32.31, -24.17, -4.65, -0.79, -1.59, -1.11"
        },
    ),
    # A leader that remembers the last gradient only.
    "adagrad-regret-bound": Mutation(
        rules={"adagrad_full_dual": ("z = s.z + g", "z = g")},
        edits={'for k in range(SETTINGS["games"])]': "for k in range(6)]"},
    ),
    # Gradient descent in AdaGrad's place: one rate for all words, which falls with the calendar.
    "intro-adagrad-rare": Mutation(
        edits={'return found["AdaGrad"][key]': 'return found["GD, 1/√t"][key]'},
    ),
}
