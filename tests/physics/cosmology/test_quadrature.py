"""Nodes of the thermal average against an independent average on panels that halve towards everything sharp."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from globalfit.models.axial import Axial
from globalfit.models.bl_x import BLX, BLXOptions
from globalfit.models.dark_photon import DarkPhoton, DarkPhotonOptions
from globalfit.physics.annihilation.cross_section import (
    own_thresholds,
    portal_thresholds,
    resonances,
    total_cross_section,
)
from globalfit.physics.cosmology.quadrature import Thresholds, nodes
from globalfit.physics.cosmology.thermal_average import thermal_average
from globalfit.physics.inputs import PRESETS
from tests.reference.dense_nodes import dense_nodes

INPUTS = PRESETS["default"]
MODELS = {
    "dark_photon": DarkPhoton(DarkPhotonOptions()),
    "axial": Axial(),
    "bl_x": BLX(BLXOptions()),
}
X = np.array([3.0, 8.0, 15.0, 20.0, 30.0, 100.0, 1e3, 1e5, 1e7])
BATCH = 64
# Those that the fast tests have: a pole of an s wave, and thresholds of a p wave.
QUICK = (("pole", "dark_photon"), ("forbidden", "axial"))


@functools.cache
def average(name, mesh):
    """<sigma v> at X of a batch of points."""

    def one(point):
        model = MODELS[name]
        values = dict(zip((parameter.name for parameter in model.parameters), point, strict=True))
        portal = model.portal(values, INPUTS)
        thresholds = Thresholds(own_thresholds(portal), portal_thresholds(portal, INPUTS))
        grid = mesh(portal.dark.mass, resonances(portal, INPUTS), thresholds)
        return thermal_average(grid, total_cross_section(portal, INPUTS, grid.energies), X)

    return jax.jit(lambda batch: jax.lax.map(one, batch))


def averages(name, points):
    padded = jnp.asarray(np.resize(points, (BATCH, points.shape[1])))
    return [np.asarray(average(name, mesh)(padded))[: len(points)] for mesh in (nodes, dense_nodes)]


def draws(name, kind):
    """Points where something sharp decides: at and next to a pole at threshold, or final states that open above."""
    rng = np.random.default_rng(7)
    m_chi = np.exp(rng.uniform(np.log(10.0), np.log(1500.0), BATCH))
    if kind == "pole":
        sides = [0.0, 1e-12, -1e-12, 1e-9, -1e-9, 1e-7, -1e-7, 1e-5]
        ratio = 2.0 * (1.0 + rng.choice(sides, BATCH))
    else:
        ratio = rng.uniform(1.05, 1.99, BATCH)
    epsilon, coupling = np.exp(rng.uniform(np.log(1e-7), np.log(1e-3), BATCH)), rng.uniform(0.01, 0.5, BATCH)
    if name == "bl_x":
        other = m_chi * np.exp(rng.uniform(np.log(0.3), np.log(8.0), BATCH))
        columns = (m_chi, other, ratio * m_chi, epsilon, np.sqrt(epsilon), np.sqrt(4.0 * np.pi * coupling))
    else:
        columns = (m_chi, ratio, epsilon, coupling)
    return np.stack(columns, axis=1)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        pytest.param(kind, name, marks=() if (kind, name) in QUICK else pytest.mark.slow)
        for kind in ("pole", "forbidden")
        for name in MODELS
    ],
)
def test_against_halving_panels(name, kind):
    found, exact = averages(name, draws(name, kind))
    deviation = np.abs(found / exact - 1.0)
    # at every temperature, and at those that matter for the relic density
    assert np.max(deviation) < 0.07
    assert np.quantile(deviation[:, X < 1e4], 0.99) < 0.01
    assert np.quantile(deviation[:, X < 1e4], 0.9) < 2e-3


def test_continuous_across_a_pole_at_threshold():
    sides = 2.0 * (1.0 + np.array([-1e-12, 0.0, 1e-12]))
    points = [(m_chi, ratio, epsilon, 0.1) for m_chi in (50.0, 62.5) for epsilon in (1e-10, 1e-6) for ratio in sides]
    found, _ = averages("dark_photon", np.array(points))
    found = found.reshape(4, 3, -1)
    np.testing.assert_allclose(found[:, [0, 2]][..., X < 1e4], found[:, [1, 1]][..., X < 1e4], rtol=1e-3)


@pytest.mark.slow
def test_a_channel_far_above_threshold_is_found_among_lower_ones():
    # Z h, Z A' and A' h open below the pair of A' that makes up nearly everything
    point = np.array([[100.0, 1.4, 1e-7, 0.5]])
    found, exact = averages("dark_photon", point)
    np.testing.assert_allclose(found, exact, rtol=2e-3)
