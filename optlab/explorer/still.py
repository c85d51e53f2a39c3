"""A still picture of the explorer: what it shows at first, for paper and where no script runs."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import sympy
import torch
from matplotlib.axes import Axes

from optlab.explorer import landscapes
from optlab.explorer.landscapes import LANDSCAPES, Landscape
from optlab.explorer.optimizers import HESSIAN, OPTIMIZERS
from optlab.explorer.schedules import SCHEDULES
from optlab.explorer.schedules import T as HORIZON
from optlab.explorer.schedules import c as SHAPE
from optlab.explorer.schedules import cycle as CYCLE
from optlab.report import style
from optlab.report.figures import figure
from optlab.rules import State

FAR = 1e6  # beyond this a run has diverged, and stops
LEVELS = 14
GRID = 81  # points of the landscape, each way


def still(settings: str, name: str) -> tuple[str, str]:
    """The picture as an SVG element, and its description.

    settings: what the explorer's address has behind its #. name: of the figure, for its ids.
    """
    given = dict(parse_qsl(settings))
    key = given.get("landscape", "quadratic")
    land = LANDSCAPES[key]
    c = float(given.get("c", land.slider.start if land.slider else 0))
    steps = int(given.get("steps", land.steps))
    shown = given["shown"].split(",") if "shown" in given else list(land.shown)
    paths = {id: _path(id, land, c, steps, given) for id in OPTIMIZERS if id in shown}

    def draw(ax: Axes) -> None:
        if land.mean is None:
            _ground(ax, land, c)
        for k, id in enumerate(OPTIMIZERS):
            if id in paths:
                p = paths[id]
                x, y = (np.arange(len(p)), p[:, 0]) if land.mean is not None else p.T
                color = style.PALETTE[k % len(style.PALETTE)]
                ax.plot(x, y, color=color, label=OPTIMIZERS[id].label, linewidth=1.4)
        left, right, low, high = land.view
        if land.mean is None:
            ax.set(xlim=(left, right), xlabel="x", ylabel="y")
        else:
            ax.set(xlabel="round t", ylabel="x")
        ax.set_ylim(low, high)
        ax.grid(visible=False)
        ax.legend(loc="best")

    *others, last = [OPTIMIZERS[id].label for id in paths] or ["nothing"]
    names = f"{', '.join(others)} and {last}" if others else last
    text = f"{land.label}: the paths of {names} in {steps} steps."
    drawn = figure(draw, caption=text, alt=text, name=name)
    return drawn.svgs[0], text


def _ground(ax: Axes, land: Landscape, c: float) -> None:
    left, right, low, high = land.view
    X, Y = np.meshgrid(np.linspace(left, right, GRID), np.linspace(low, high, GRID))
    value = _function(land.value, land)(X, Y, 1, c)
    above = np.log10(np.maximum(value - value.min(), 1e-3 * np.ptp(value)))
    ax.contour(
        X, Y, above, levels=LEVELS, colors=style.INK, alpha=0.22, linewidths=0.6, linestyles="solid"
    )
    for best in land.minima:
        ax.plot(*best, marker="*", color=style.INK, linestyle="", label="_minimum")


def _function(formula: sympy.Expr, land: Landscape) -> Any:
    return sympy.lambdify((landscapes.x, landscapes.y, landscapes.t, landscapes.c), formula)


def _path(id: str, land: Landscape, c: float, steps: int, given: dict[str, str]) -> Any:
    """The points of a run, from the start, (steps + 1) × variables or fewer if it diverges."""
    choice = OPTIMIZERS[id]
    hyper: dict[str, Any] = {
        slider.name: land.settings.get(f"{id}.{slider.name}", slider.start)
        for slider in choice.sliders
    }
    hyper["lr"] = land.rates.get(id, hyper["lr"])
    for slider in choice.sliders:
        hyper[slider.name] = float(given.get(f"{id}.{slider.name}", hyper[slider.name]))
    every = int(hyper.pop("k", 1))
    # Where curvatures are estimated, beta2 is the decay rate of their average.
    averaging = hyper.pop("beta2") if choice.rule.estimated else 0.0
    shape = given.get("schedule", "constant")
    rates = _rates(shape, steps, given.get(f"schedule.{shape}"))
    gradient = [_function(g, land) for g in land.gradient]
    curvature = [_function(h, land) for h in land.curvature]
    noise = np.random.default_rng(int(given.get("seed", 1))).standard_normal((steps, 2))
    start = [float(x) for x in given["start"].split(",")] if "start" in given else list(land.start)
    p = torch.tensor(start, dtype=torch.float64)
    state = choice.rule.init(p)
    lr, points = hyper.pop("lr"), [p.numpy()]
    for t in range(1, steps + 1):
        place = (*p.tolist(), 0.0)[:2]
        slopes = [g(*place, t, c) for g in gradient]
        if land.noise:
            slopes = [slope + c * e for slope, e in zip(slopes, noise[t - 1], strict=True)]
        g = torch.tensor([float(slope) for slope in slopes], dtype=torch.float64)
        if choice.rule.estimated and (t - 1) % every == 0:
            h = torch.tensor([float(f(*place, t, c)) for f in curvature], dtype=torch.float64)
            _, estimate = HESSIAN(p, h, state, t, beta2=averaging)
            state = State(**{**vars(state), **vars(estimate)})
        p, state = choice.rule(
            p,
            g,
            state,
            t,
            lr=lr * rates[t - 1],
            **hyper,
            **choice.constants,
            **choice.fixed,
        )
        if land.mean is not None:
            p = p.clamp(-1, 1)
        if not bool((p.abs() < FAR).all()):
            break
        points.append(p.numpy())
    return np.array(points)


def _rates(shape: str, steps: int, setting: str | None) -> list[float]:
    """What the learning rate is multiplied by, at each step."""
    chosen = SCHEDULES[shape]
    value = float(setting) if setting else (chosen.slider.start if chosen.slider else 0)
    put = {HORIZON: steps, SHAPE: value, CYCLE: int(value) if value >= 1 else 1}
    rates = []
    for t in range(steps):
        rate = chosen.schedule(t)
        rates.append(float(rate.subs(put)) if isinstance(rate, sympy.Basic) else float(rate))
    return rates
