"""The picture that a link to the book is shown with elsewhere, where its address is known.

Three optimizers on one valley, drawn as PNG, which is what previews take, when the book is built.
"""

from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

import optlab

NAME = "_static/preview.png"
WIDTH, HEIGHT = 1200, 630  # pixels, as previews are
PAPER, INK = "#14181e", "#e3e7ec"
START, STEEP, STEPS = (-1.8, 0.8), 20.0, 60
OPTIMIZERS = {
    "gradient descent": (lambda w: optlab.SGD(w, lr=0.09), "#7fb2ff"),
    "momentum": (lambda w: optlab.SGD(w, lr=0.03, momentum=0.85), "#f2a65a"),
    "Adam": (lambda w: optlab.Adam(w, lr=0.12), "#56d364"),
}


def path(make):
    """The points that an optimizer visits on ½(x² + 20y²), an array (steps + 1, 2)."""
    weights = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = make([weights])
    points = [START]
    for _ in range(STEPS):
        optimizer.zero_grad()
        (0.5 * (weights[0] ** 2 + STEEP * weights[1] ** 2)).backward()
        optimizer.step()
        points.append(weights.tolist())
    return np.array(points)


def draw(title, file):
    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100, facecolor=PAPER)
    ax = figure.add_axes((0, 0, 1, 1), facecolor=PAPER, xlim=(-2.2, 1.2), ylim=(-1, 1.4))
    ax.axis("off")
    x, y = np.meshgrid(np.linspace(-2.2, 1.2, 300), np.linspace(-1, 1.4, 300))
    levels = np.geomspace(0.02, 20, 12)
    ax.contour(x, y, 0.5 * (x**2 + STEEP * y**2), levels, colors="#34404e", linewidths=1)
    for name, (make, color) in OPTIMIZERS.items():
        ax.plot(*path(make).T, ".-", color=color, linewidth=2.5, markersize=7, label=name)
    ax.legend(loc="lower right", frameon=False, labelcolor=INK, fontsize=20)
    figure.text(0.05, 0.87, title, color=INK, fontsize=30, weight="bold")
    figure.savefig(file, metadata={"Software": None})  # two builds are byte-identical


def add_picture(app, pagename, templatename, context, doctree):
    if app.config.html_baseurl and doctree is not None:
        address = f"{app.config.html_baseurl.rstrip('/')}/{NAME}"
        context["metatags"] += f'\n<meta property="og:image" content="{address}">'


def save_picture(app, exception):
    if not exception and app.builder.name == "html" and app.config.html_baseurl:
        draw(app.config.html_title, Path(app.outdir, NAME))


def setup(app):
    app.connect("html-page-context", add_picture)
    app.connect("build-finished", save_picture)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
