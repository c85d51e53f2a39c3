"""A number that the reader sets."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Scale = Literal["linear", "log", "memory"]


@dataclass(frozen=True)
class Slider:
    """
    Attributes:
        name: of the hyperparameter in the code.
        label: on the page.
        low, high: the ends.
        start: the value at first.
        scale: "linear"; "log" (ends > 0); or "memory", for decay rates of averages, which is
            logarithmic in 1/(1 - value) (ends in [0, 1)).
        whole: whole numbers only.
    """

    name: str
    label: str
    low: float
    high: float
    start: float
    scale: Scale = "linear"
    whole: bool = False

    def __post_init__(self) -> None:
        if not self.low <= self.start <= self.high:
            raise ValueError(f"{self.name}: {self.start} is not in [{self.low}, {self.high}]")
        if self.scale == "log" and self.low <= 0:
            raise ValueError(f"{self.name}: a logarithmic slider starts above 0")
        if self.scale == "memory" and not 0 <= self.low <= self.high < 1:
            raise ValueError(f"{self.name}: a decay rate is in [0, 1)")

    def data(self) -> dict[str, Any]:
        return asdict(self)
