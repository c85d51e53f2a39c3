"""Gradient descent."""

from mutations import Mutation

MUTATIONS = {
    # A step that needs something that is neither gradient, point nor rate.
    "gd-gradient": Mutation(
        rules={"gradient_descent": ("lr * g)", "lr * g + __import__('sympy').Symbol('b'))")},
        again=("one_step = descent.one_step(",),
    ),
    # The point before the step is projected, not the step.
    "gd-update": Mutation(
        rules={"gradient_descent": ("project(w - lr * g)", "project(w) - lr * g")},
        again=("projected = online.play(",),
    ),
    # A constant rate that knows the number of rounds keeps the bound.
    "gd-index": Mutation(
        edits={
            "final_regret(a, lr=fixed_rate, project=interval)": (
                "final_regret(a, lr=2 / math.sqrt(T), project=interval)"
            )
        },
        again=("growth = math.log(readings",),
    ),
    # The deck declares the set.
    "gd-set": Mutation(quotes={"loss function f_t": r"loss function f_t , set \mathcal{K}"}),
}
