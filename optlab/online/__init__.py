"""Online convex optimization: domains, losses, games, regret and its bounds."""

from optlab.online import bounds
from optlab.online.domains import Ball, Box, Domain, Simplex, Space
from optlab.online.games import Comparator, Game, Play, comparator, play
from optlab.online.losses import Hinge, Linear, Logistic, Losses, Squared

__all__ = [
    "Ball",
    "Box",
    "Comparator",
    "Domain",
    "Game",
    "Hinge",
    "Linear",
    "Logistic",
    "Losses",
    "Play",
    "Simplex",
    "Space",
    "Squared",
    "bounds",
    "comparator",
    "play",
]
