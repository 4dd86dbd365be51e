"""Firebrick: SqueezeNet on an FPGA board, on the simulated engine, or on the integer model.

>>> import firebrick
>>> engine = firebrick.Engine("model")
>>> engine.classify("cat.png").top(1)
[Class(285, 'Egyptian cat', 0.597)]

An Engine runs a Model: SqueezeNet v1.1 is built in, ``Model.load`` reads a packed model that
``firebrick import`` wrote. Every backend gives the same bits.
"""

# The extension module takes it for granted; without NumPy, or with one that is broken, this says so.
import numpy as _numpy  # noqa: F401

from ._native import (
    Class,
    Classification,
    Engine,
    FirebrickError,
    Forecast,
    LayerForecast,
    LayerQuantisation,
    Model,
    __version__,
    predict,
)

__all__ = [
    "Class",
    "Classification",
    "Engine",
    "FirebrickError",
    "Forecast",
    "LayerForecast",
    "LayerQuantisation",
    "Model",
    "__version__",
    "predict",
]
