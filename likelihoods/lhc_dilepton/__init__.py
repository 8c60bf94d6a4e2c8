"""ATLAS Run 2: dielectron and dimuon resonances from 250 GeV to 6 TeV in 139 fb^-1, as binned Poisson counts.

    ln L = sum_bins n ln(mu/n) - mu + n,   mu = background + sum over resonances of their events

with the signal of `spectrum`, for any couplings to quarks and leptons and total widths up to a tenth of the mass. The
background is the experiment's fit and has no freedom of its own: at 0.5-1 TeV, limits come out stronger in the coupling
than the experiment's by up to a factor 1.4 for narrow resonances and 1.6 for a width of a tenth of the mass.
Interference with the Drell-Yan process is neglected.

Resonances below 250 GeV or above 6 TeV have no signal; it sets in smoothly within one bin (250 to 256 GeV) and fades
beyond the last one (5.8 to 6 TeV).
"""

from __future__ import annotations

from typing import ClassVar, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from pydantic import BaseModel, ConfigDict, Field

from globalfit.experiment.counting import Counting
from globalfit.experiment.limit_curves import Curve, LimitCurves
from globalfit.experiment.protocol import Measurement
from globalfit.experiment.resonance_scans import b_minus_l_scan
from globalfit.experiment.statistics import asymptotic_limit
from globalfit.physics import status
from globalfit.physics.collider.production import luminosity_table
from globalfit.physics.inputs import Inputs
from globalfit.physics.predictions import Prediction, Predictions
from globalfit.tables import Table, read_table

from . import spectrum


class LHCDileptonOptions(BaseModel):
    """Options of `lhc_dilepton`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    double_exposure: bool = Field(
        default=False,
        description="a stand-in for an equally sensitive CMS search, not its data: a second experiment like ATLAS "
        "whose counts equal the expected background",
    )


class LHCDilepton(Counting):
    """ATLAS search for dilepton resonances."""

    Options: ClassVar = LHCDileptonOptions
    title: ClassVar[str] = "ATLAS dilepton resonances, 139/fb"
    references: ClassVar[tuple[str, ...]] = ("arXiv:1903.06248", "arXiv:1912.06374")
    exclusion: ClassVar = "cls"

    signal: spectrum.Signal
    double_exposure: bool = eqx.field(static=True, default=False)

    @classmethod
    def build(cls, options: LHCDileptonOptions, inputs: Inputs) -> Self:  # noqa: ARG003 - the base's signature
        table = spectrum.bins_table()
        observed, background = (
            np.stack([table[f"{channel}_{kind}"] for channel in spectrum.CHANNELS])
            for kind in ("observed", "background")
        )
        # Poisson counts with equal means add up: both experiments together are one with the sum of the counts.
        copies = 2.0 if options.double_exposure else 1.0
        return cls(
            jnp.asarray(observed + (copies - 1.0) * background),
            jnp.asarray(copies * background),
            jax.tree.map(jnp.asarray, spectrum.signal(copies)),
            options.double_exposure,
        )

    @property
    def provides(self) -> tuple[Prediction, ...]:
        return (_EVENTS,)

    @property
    def tables(self) -> tuple[Table, ...]:
        return (
            spectrum.bins_table(),
            spectrum.production_table(),
            spectrum.resolution_table(),
            luminosity_table(),
            read_table(spectrum.PACKAGE, "recast.csv"),
            read_table(spectrum.PACKAGE, "cross_section_limits.csv"),
        )

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        edges, observed, background = (np.asarray(x) for x in (self.signal.edges, self.observed, self.background))
        return tuple(
            Measurement(
                observable=f"{channel} events at {edges[i]:.4g}-{edges[i + 1]:.4g} GeV",
                summary=f"{observed[c, i]:.6g} observed, {background[c, i]:.4g} expected without a signal",
            )
            for c, channel in enumerate(spectrum.CHANNELS)
            for i in range(edges.size - 1)
        )

    def expected_signal(self, predictions: Predictions) -> Float[Array, "2 bin"]:
        """By channel and bin."""
        return self.signal(predictions)

    def limit_curves(self) -> LimitCurves:
        recast, published = (read_table(spectrum.PACKAGE, f"{name}.csv") for name in ("recast", "cross_section_limits"))
        within = recast["mass_gev"] > spectrum.MARGINS[0]
        masses, reference = recast["mass_gev"][within], recast["g_bl_95_median"][within]
        coupling2 = np.linspace(0.0, 4.0, 401)  # in units of the expected limit
        values, median = (
            b_minus_l_scan(experiment.log_likelihood, masses, reference[:, None] * np.sqrt(coupling2))
            for experiment in (self, self.without_signal())
        )
        implied = reference * np.sqrt(asymptotic_limit(coupling2, values, median, 0.95))
        converted = _coupling(published["mass_gev"], published["width_0_fb"])
        inside = published["mass_gev"] <= masses[-1]
        curves = (
            Curve("implied, asymptotic CLs, 95 %", masses, implied),
            Curve("recast of the same data in a separate program", masses, recast["g_bl_95"][within], "published"),
            Curve(
                "cross-section limit of ATLAS, 95 %, leading-order signal",
                published["mass_gev"][inside],
                converted[inside],
                "published",
            ),
        )
        return LimitCurves(self.title, "mass of the B-L boson [GeV]", "g_BL", curves)

    def status(self, predictions: Predictions) -> Int[Array, ""]:
        """`not_covered` when a resonance lies outside 250 GeV to 6 TeV."""
        mass = predictions.portal.mass[jnp.asarray(predictions.portal.new)]
        low, high = spectrum.MASS_RANGE
        return jnp.where(jnp.all((mass >= low) & (mass <= high)), 0, status.NOT_COVERED.bit)


def _coupling(
    mass: Float[np.ndarray, " mass"], cross_section: Float[np.ndarray, " mass"]
) -> Float[np.ndarray, " mass"]:
    """g_BL with a given fiducial dimuon cross section in fb: g^2 (c_u + c_d)/9 x 12 pi/6.5."""
    table = spectrum.production_table()
    log_sum = np.log(table["mumu_up_fb"] + table["mumu_down_fb"])
    per_coupling2 = np.exp(np.interp(np.log(mass), np.log(table["mass_gev"]), log_sum)) / 9.0 * 12.0 * np.pi / 6.5
    return np.sqrt(cross_section / per_coupling2)


_EVENTS = Prediction(
    name="events_lhc_dilepton",
    unit="events",
    meaning="signal of the resonances at 250 GeV to 6 TeV in the ATLAS dilepton search (139/fb, ee and mumu)",
    source="leading order; arXiv:1912.06374",
    compute=spectrum.signal_events,
)
