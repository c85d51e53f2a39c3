"""What the notebooks print: parameter checks, claims, figures, the source of a rule.

Loaded lazily, so that the command line can check parameters without matplotlib.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optlab.report.claims import claim
    from optlab.report.dots import dot_rows
    from optlab.report.figures import figure
    from optlab.report.heatmaps import heat_map, line_on_map
    from optlab.report.metrics import metric
    from optlab.report.parameters import ParameterError, check_parameters, torch_device
    from optlab.report.sources import source
    from optlab.report.style import label_lines, reference_slope
    from optlab.report.tables import table

__all__ = [
    "ParameterError",
    "check_parameters",
    "claim",
    "dot_rows",
    "figure",
    "heat_map",
    "label_lines",
    "line_on_map",
    "metric",
    "reference_slope",
    "source",
    "table",
    "torch_device",
]

_MODULE = {
    "ParameterError": "parameters",
    "check_parameters": "parameters",
    "torch_device": "parameters",
    "claim": "claims",
    "dot_rows": "dots",
    "figure": "figures",
    "heat_map": "heatmaps",
    "line_on_map": "heatmaps",
    "metric": "metrics",
    "label_lines": "style",
    "reference_slope": "style",
    "source": "sources",
    "table": "tables",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
