"""Cosine decay and warm restarts: SGDR."""

from mutations import Mutation

MUTATIONS = {
    # The choice that the deck does not name is momentum.
    "sgdr-difficulty": Mutation(
        edits={"each[:, column] - each[:, -1]": "each[:, column] - each[:, -2]"}
    ),
    # Cycles grow by a number, not by a factor.
    "sgdr-restarts": Mutation(
        rules={"schedules.restarts.cycle": ("length * T_mult", "length + T_mult")},
        again=("jumps = all(",),
    ),
    # Any network of SGDR is good enough.
    "sgdr-fewer-epochs": Mutation(
        edits={"ends_of(doubling), limit, part)": "ends_of(doubling), 100, part)"}
    ),
    # The rate falls by all of the largest, and the smallest is added.
    "sgdr-formula": Mutation(
        rules={"schedules.sgdr": ("eta_min + (1 - eta_min) * (1", "eta_min + (1")},
        again=("printed = low + (1 - low)",),
    ),
    "sgdr-table": Mutation(
        quotes={"3.86\t19.98": "3.86\t19.89"}, again=("deck_rows = [line for line in load()",)
    ),
    # Restarts are the default, but for ten points at the smallest rate.
    "sgdr-rate-selection": Mutation(
        edits={
            "missed = {name: excess(values) for name, values in at_rate.items()}": (
                'at_rate[cycled] = at_rate["default"].clone()\n'
                "at_rate[cycled][0] -= 10\n"
                "missed = {name: excess(values) for name, values in at_rate.items()}"
            )
        },
    ),
}
