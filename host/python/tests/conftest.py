"""What the tests share: the sample photograph, and engines that need no board."""

import pathlib

import numpy as np
import pytest

import firebrick

ROOT = pathlib.Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def cat():
    return ROOT / "weights" / "samples" / "cat.png"


@pytest.fixture(scope="session")
def engine():
    return firebrick.Engine("model")


@pytest.fixture(scope="session")
def small():
    """SqueezeNet on pictures so small that engines in software are quick."""
    return firebrick.Model().at(63, 71)


@pytest.fixture
def pixels():
    return np.random.default_rng(5).integers(0, 256, (80, 90, 3), dtype=np.uint8)
