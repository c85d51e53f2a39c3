"""Linear decay: the slanted triangle."""

from mutations import Mutation

MUTATIONS = {
    # The fall is as long as the whole run, from the turn on.
    "linear-update": Mutation(
        rules={"schedules.slanted._published": ("cut * (1 / cut_frac - 1)", "cut * (1 / cut_frac)")}
    ),
    # The deck rounds as the paper does.
    "linear-cut": Mutation(
        rules={"schedules.slanted_triangular_printed": ("ceil(", "floor(")},
    ),
    # The deck calls it what its authors do.
    "linear-name": Mutation(quotes={"Linear Decay": "Slanted Triangular"}),
}
