"""The landscapes, as formulas; their gradients and curvatures are derived from these."""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy

from optlab.explorer.slider import Slider

x, y, c = sympy.symbols("x y c", real=True)
t = sympy.Symbol("t", integer=True, positive=True)


@dataclass(frozen=True)
class Landscape:
    """What the optimizers are run on: a loss of x and y, or a game on x alone.

    Attributes:
        label, about: its name and a sentence on it, for the page.
        formula: the loss, or the loss of round t.
        view: the part that is shown: least and largest x, least and largest y. In a game
            the horizontal axis is t, and x is the vertical one.
        start: where the optimizers start at first.
        shown: the optimizers that are shown at first.
        rates: their learning rates here, and those of the others (by the id of the optimizer).
        settings: of other hyperparameters, by "optimizer.name".
        slider: of the parameter c, if the formula has one.
        minima: the best points.
        steps: the number of steps at first.
        noise: c is the standard deviation of normal noise that is added to each
            coordinate of the gradient.
        mean: in a game, the mean of the losses of a period. The set is then [-1, 1].
    """

    label: str
    about: str
    formula: sympy.Expr
    view: tuple[float, float, float, float]
    start: tuple[float, ...]
    shown: tuple[str, ...]
    rates: dict[str, float]
    minima: tuple[tuple[float, ...], ...]
    steps: int
    settings: dict[str, float] = field(default_factory=dict)
    slider: Slider | None = None
    noise: bool = False
    mean: sympy.Expr | None = None

    @property
    def variables(self) -> tuple[sympy.Symbol, ...]:
        return (x, y)[: len(self.start)]

    @property
    def value(self) -> sympy.Expr:
        """What is drawn: the loss, in a game its mean over a period."""
        return self.formula if self.mean is None else self.mean

    @property
    def gradient(self) -> list[sympy.Expr]:
        return [sympy.diff(self.formula, v) for v in self.variables]

    @property
    def curvature(self) -> list[sympy.Expr]:
        """The diagonal of the Hessian."""
        return [sympy.diff(self.formula, v, 2) for v in self.variables]


def _quadratic(angle: sympy.Expr, condition: sympy.Expr) -> sympy.Expr:
    along = sympy.cos(angle) * x + sympy.sin(angle) * y
    across = sympy.cos(angle) * y - sympy.sin(angle) * x
    return (along**2 + condition * across**2) / 2


LANDSCAPES = {
    "quadratic": Landscape(
        label="Ill-conditioned quadratic",
        about="The loss (x² + κ y²)/2. One rate must serve a steep and a flat direction.",
        formula=(x**2 + c * y**2) / 2,
        slider=Slider("c", "Condition number κ", 1, 200, 20, "log"),
        view=(-2.2, 2.2, -1.65, 1.65),
        start=(-1.9, 1.1),
        shown=("gd", "momentum", "adam"),
        rates={"gd": 0.08, "momentum": 0.03, "nesterov": 0.03},
        minima=((0, 0),),
        steps=100,
    ),
    "rotated": Landscape(
        label="Rotated quadratic",
        about="The same bowl with κ = 20, turned. Methods that treat each coordinate by itself "
        "see the axes; gradient descent does not.",
        formula=_quadratic(sympy.pi * c / 180, sympy.Integer(20)),
        slider=Slider("c", "Angle in degrees", 0, 90, 45),
        view=(-2.2, 2.2, -1.65, 1.65),
        start=(-1.9, 0.3),
        shown=("gd", "adagrad", "adam"),
        rates={"gd": 0.08, "momentum": 0.03, "nesterov": 0.03},
        minima=((0, 0),),
        steps=100,
    ),
    "rosenbrock": Landscape(
        label="Rosenbrock's valley",
        about="The loss (1 − x)² + 100 (y − x²)². Finding the bent valley is easy, "
        "following it is not.",
        formula=(1 - x) ** 2 + 100 * (y - x**2) ** 2,
        view=(-2.0, 2.0, -1.0, 2.0),
        start=(-1.2, 1.0),
        shown=("gd", "momentum", "adam"),
        rates={"gd": 0.0015, "momentum": 0.0005, "nesterov": 0.0005, "sophia": 0.5},
        minima=((1, 1),),
        steps=400,
    ),
    "beale": Landscape(
        label="Beale's function",
        about="A flat plain with steep corners: "
        "(1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)².",
        formula=(sympy.Rational(3, 2) - x + x * y) ** 2
        + (sympy.Rational(9, 4) - x + x * y**2) ** 2
        + (sympy.Rational(21, 8) - x + x * y**3) ** 2,
        view=(-1.2, 4.4, -2.1, 2.1),
        start=(1.0, 1.5),
        shown=("gd", "momentum", "adam"),
        rates={"gd": 0.005, "momentum": 0.002, "nesterov": 0.002},
        minima=((3, 0.5),),
        steps=300,
    ),
    "saddle": Landscape(
        label="Saddle",
        about="The loss x²/2 − y²/2 + y⁴/4: a saddle at the origin, minima at y = ±1. "
        "Start on the line y = 0, and no gradient leads away.",
        formula=x**2 / 2 - y**2 / 2 + y**4 / 4,
        view=(-2.0, 2.0, -1.5, 1.5),
        start=(-1.6, 0.01),
        shown=("gd", "momentum", "adam"),
        rates={"gd": 0.1, "momentum": 0.05, "nesterov": 0.05, "adam": 0.05},
        minima=((0, -1), (0, 1)),
        steps=100,
    ),
    "game": Landscape(
        label="Reddi's counterexample",
        about="A game on [−1, 1]: the loss is Cx in rounds 1, 4, 7, … and −x in the others. "
        "For C > 2 the best point is −1. The picture shows x against the round.",
        formula=sympy.Piecewise((c * x, sympy.Eq(t % 3, 1)), (-x, True)),
        mean=(c - 2) * x / 3,
        slider=Slider("c", "Every third slope, C", 2.1, 10, 3),
        view=(0, 1, -1.12, 1.12),
        start=(0.0,),
        shown=("gd", "adam", "amsgrad"),
        rates={"gd": 0.05, "adam": 0.05, "amsgrad": 0.1},
        settings={
            "adam.beta1": 0,
            "adam.beta2": 0.1,
            "amsgrad.beta1": 0,
            "amsgrad.beta2": 0.1,
        },
        minima=((-1,),),
        steps=100,
    ),
    "noisy": Landscape(
        label="Noisy valley",
        about="The loss (x² + 10 y²)/2 with normal noise on both coordinates of each gradient, "
        "the same noise for every optimizer. Only a falling rate settles.",
        formula=(x**2 + 10 * y**2) / 2,
        noise=True,
        slider=Slider("c", "Noise σ", 0, 10, 3),
        view=(-2.2, 2.2, -1.65, 1.65),
        start=(-1.9, 1.1),
        shown=("gd", "momentum", "adam"),
        rates={"gd": 0.05, "momentum": 0.02, "nesterov": 0.02},
        minima=((0, 0),),
        steps=200,
    ),
}
