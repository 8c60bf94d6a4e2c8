"""Fermi-LAT: gamma rays from dwarf spheroidal galaxies in six years of data, none of which stands out.

Energy flux in bin k of a dwarf galaxy, for dark matter that is the fraction f of all (arXiv:1611.03184, eq. 1):

    F_k = f^2 <sigma v>/(8 pi m^2) 10^J I_k     (16 pi where particle and antiparticle differ),

with I_k the photon energy per annihilation in the bin and sigma v at rest but for its Sommerfeld factor, which is that
at the velocity in dwarf galaxies, the same one in all of them. The likelihood of each bin is that of
`profile`; J factors are log-normal and by default integrated over.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Literal, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import BaseModel, ConfigDict, Field

from globalfit.experiment.limit_curves import LimitCurves
from globalfit.experiment.protocol import Likelihood, Measurement
from globalfit.physics.indirect.annihilation import (
    VELOCITY_DWARFS,
    enhancement,
    enhancement_flags,
    pair_fraction,
    sigma_v_at,
)
from globalfit.physics.indirect.photons import photon_energies, spectra_status
from globalfit.physics.indirect.spectra import BINS, PhotonSpectra
from globalfit.physics.inputs import GEV_M2_TO_CM3_S, Inputs
from globalfit.physics.predictions import Prediction, Predictions
from globalfit.tables import Table, read_table

from .limits import show_limits
from .profile import LN10, Profile, marginalised, profiled, with_fixed_j

_TREATMENTS: dict[str, Callable[..., Float[Array, ""]]] = {
    "marginalised": marginalised,
    "profiled": profiled,
    "fixed": with_fixed_j,
}


class FermiDwarfsOptions(BaseModel):
    """Options of `fermi_dwarfs`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dwarfs: Literal["measured_j", "all"] = Field(
        default="measured_j",
        description="a fixed list of 12 of the 19 dwarf galaxies whose J factor was measured with stellar velocities "
        "(without Leo I and II, Canes Venatici I, Hercules and others), or all 41 of the paper, more than half of "
        "which have a J factor guessed from the distance",
    )
    j_factors: Literal["marginalised", "profiled", "fixed"] = Field(
        default="marginalised",
        description="what becomes of the uncertain J factors; limits on sigma v differ by a factor of 1.3 to 2.7; "
        "profiled ones are the weaker ones and what is usually published",
    )


class FermiDwarfs(Likelihood):
    """Fermi-LAT and DES, 2017."""

    Options: ClassVar = FermiDwarfsOptions
    title: ClassVar = "Fermi-LAT dwarf galaxies"
    references: ClassVar = (
        "Fermi-LAT and DES Collaborations, arXiv:1611.03184",
        "Pythia 8.3, Bierlich et al., arXiv:2203.11601",
        "VINCIA's electroweak shower, arXiv:2108.10786",
    )

    profile: Profile
    log10_j: Float[Array, " dwarf"]
    sigma: Float[Array, " dwarf"]
    spectra: PhotonSpectra
    options: FermiDwarfsOptions = eqx.field(static=True)
    dwarfs: tuple[str, ...] = eqx.field(static=True)
    data: tuple[Table, ...] = eqx.field(static=True)

    @classmethod
    def build(cls, options: FermiDwarfsOptions, inputs: Inputs) -> Self:  # noqa: ARG003 - the base's signature
        names = ("bins.csv", "dwarfs.csv", "published_limits.csv")
        bins, galaxies, published = (read_table("globalfit.likelihoods.fermi_dwarfs", name) for name in names)
        chosen = (galaxies["measured_j_set"] > 0.0) | (options.dwarfs == "all")
        dwarfs = tuple(str(name) for name in galaxies["dwarf"][chosen])
        spectra = PhotonSpectra.build()
        return cls(
            profile=_profile(bins, dwarfs),
            log10_j=jnp.asarray(galaxies["log10_j"][chosen]),
            sigma=jnp.asarray(galaxies["sigma"][chosen]),
            spectra=spectra,
            options=options,
            dwarfs=dwarfs,
            data=(bins, galaxies, published, spectra.table, spectra.nodes),
        )

    @property
    def provides(self) -> tuple[Prediction, ...]:
        return (_SIGMA_V,)

    @property
    def tables(self) -> tuple[Table, ...]:
        return self.data

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """One for each dwarf galaxy. Its pull is the distance from the fluxes that its 24 bins like best, so that it is
        above zero without a signal too: as the root of chi^2 of the bins."""
        return tuple(
            Measurement(
                f"gamma rays from {dwarf.replace('_', ' ')}",
                f"{BINS} energy bins, log10 J = {log10_j:.2f} +- {sigma:.2f}",
                _SIGMA_V.name,
            )
            for dwarf, log10_j, sigma in zip(self.dwarfs, self.log10_j.tolist(), self.sigma.tolist(), strict=True)
        )

    @property
    def maximum(self) -> Float[Array, ""]:
        """ln L if every bin of every dwarf galaxy had the flux that it likes best (none of them negative)."""
        return jnp.sum(self.profile.best())

    @property
    def no_signal(self) -> Float[Array, ""]:
        return jnp.zeros(())

    def log_likelihood(self, predictions: Predictions) -> Float[Array, ""]:
        """ln L - ln L(no signal)."""
        return self.of_flux(self.flux(predictions))

    def flux(self, predictions: Predictions) -> Float[Array, " bin"]:
        """Energy flux in each bin for a J factor of 1 GeV^2 cm^-5, in GeV cm^-2 s^-1."""
        mass = predictions.dark_matter.mass
        rate = GEV_M2_TO_CM3_S * photon_energies(predictions, self.spectra) / (8.0 * math.pi * mass**2)
        pairs = pair_fraction(predictions) * predictions.dark_matter_fraction**2
        return enhancement(predictions, VELOCITY_DWARFS) * pairs * rate

    def of_flux(self, flux: Float[Array, " bin"]) -> Float[Array, ""]:
        """ln L - ln L(no signal) of an energy flux for a J factor of 1 GeV^2 cm^-5."""
        return jnp.sum(self._by_dwarf(flux))

    def predicted(self, predictions: Predictions) -> Float[Array, " dwarf"]:
        return jnp.full(len(self.dwarfs), _sigma_v(predictions))

    def pulls(self, predictions: Predictions) -> Float[Array, " dwarf"]:
        """Distance of each dwarf galaxy from the best conceivable agreement; it has no sign."""
        square = 2.0 * (self.profile.best() - self._by_dwarf(self.flux(predictions)))
        positive = square > 0.0
        return jnp.where(positive, jnp.sqrt(jnp.where(positive, square, 1.0)), 0.0)

    def simulate(self, predictions: Predictions, key: PRNGKeyArray) -> Self:
        """Counts drawn for the flux of this point.

        If J factors are marginalised, the true ones scatter around the measured ones; if they are profiled, the
        measured ones scatter around the true ones.
        """
        for_counts, for_j = jax.random.split(key)
        scatter = self.sigma * jax.random.normal(for_j, self.sigma.shape)
        fixed = jnp.zeros_like(scatter)
        true = self.log10_j + (scatter if self.options.j_factors == "marginalised" else fixed)
        measured = self.log10_j + (scatter if self.options.j_factors == "profiled" else fixed)
        flux = jnp.exp(LN10 * true)[:, None] * self.flux(predictions)[None, :]
        drawn = self.profile.draw(flux, for_counts)
        return eqx.tree_at(lambda item: (item.profile, item.log10_j), self, (drawn, measured))

    def limit_curves(self) -> LimitCurves:
        """95 % limits on sigma v against the mass; the published ones beside those of the same 41 dwarf galaxies."""
        as_published = FermiDwarfs.build(FermiDwarfsOptions(dwarfs="all", j_factors="profiled"), Inputs())
        title = f"{self.title}, {len(self.dwarfs)} with {self.options.j_factors} J"
        return show_limits(title, self.of_flux, as_published.of_flux, self.spectra, self.data[2])

    def _by_dwarf(self, flux: Float[Array, " bin"]) -> Float[Array, " dwarf"]:
        return _TREATMENTS[self.options.j_factors](self.profile, flux, self.log10_j, self.sigma)

    def status(self, predictions: Predictions) -> Array:
        return spectra_status(predictions, self.spectra) | enhancement_flags(predictions, VELOCITY_DWARFS)


def _sigma_v(predictions: Predictions) -> Float[Array, ""]:
    return sigma_v_at(predictions, VELOCITY_DWARFS) * GEV_M2_TO_CM3_S


_SIGMA_V = Prediction(
    "sigma_v_at_rest_cm3_s",
    "cm^3/s",
    "sigma v of chi chibar in dwarf galaxies, without the p wave",
    f"tree level at threshold, with the Sommerfeld factor at v_rel = {VELOCITY_DWARFS:g}",
    _sigma_v,
)


def _profile(table: Table, dwarfs: tuple[str, ...]) -> Profile:
    """Terms of these dwarf galaxies, each list as long as the longest."""
    slope = np.stack([table["slope"][table["dwarf"] == dwarf] for dwarf in dwarfs])
    terms: list[list[tuple[float, float, int, int]]] = []
    for dwarf in dwarfs:
        row = table["dwarf"] == dwarf
        columns = [[table[f"{letter}{place + 1}"][row] for letter in "nb"] for place in range(2)]
        terms.append(
            [
                (count[k], background[k], k, place)
                for k in range(BINS)
                for place, (count, background) in enumerate(columns)
                if count[k] > 0.0
            ]
        )
    longest = max(len(own) for own in terms)
    padded = np.array([own + [(0.0, 1.0, 0, 0)] * (longest - len(own)) for own in terms])
    count, background, in_bin, place = np.moveaxis(padded, 2, 0)
    return Profile(
        jnp.asarray(slope),
        jnp.asarray(count),
        jnp.asarray(background),
        jnp.asarray(in_bin, dtype=int),
        jnp.asarray(place, dtype=int),
    )
