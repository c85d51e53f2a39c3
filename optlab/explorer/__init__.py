"""The explorer of the book: what it offers, and the script that its pages run.

`rules_script()` is the text of site/static/explorer/rules.js: step functions from
`optlab.rules`, schedules from `optlab.schedules`, and the landscapes with their derivatives.
"""

from optlab.explorer.landscapes import LANDSCAPES, Landscape
from optlab.explorer.optimizers import OPTIMIZERS, Choice
from optlab.explorer.schedules import SCHEDULES, Shape
from optlab.explorer.script import PATH, rules_script
from optlab.explorer.slider import Slider

__all__ = [
    "LANDSCAPES",
    "OPTIMIZERS",
    "PATH",
    "SCHEDULES",
    "Choice",
    "Landscape",
    "Shape",
    "Slider",
    "rules_script",
]
