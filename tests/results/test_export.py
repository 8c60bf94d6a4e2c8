"""Chains for other programs, read back by these programs."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from globalfit import runfile
from globalfit.cli import cli
from globalfit.errors import OutputError, UnknownNameError
from globalfit.fitting.fit import fit
from globalfit.results.export import export
from globalfit.results.result import Result

pytestmark = pytest.mark.usefixtures("toys", "no_report")


@pytest.fixture(params=[True, False], ids=["chains", "nested"])
def result(request, tmp_path):
    chosen = {"model": "toy", "likelihoods": ["gauss"], "sampler": {"toy_sampler": {"chains": request.param}}}
    return Result.load(fit(runfile.parse(chosen), tmp_path / "out").folder)


def test_getdist_reads_the_chains(result, tmp_path):
    paths = export(result, "getdist", tmp_path / "chains" / "mine")
    assert len(paths) == (result.chains or 1) + 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import getdist

        samples = getdist.loadMCSamples(str(tmp_path / "chains" / "mine"), settings={"ignore_rows": 0})
    assert samples.getParamNames().list()[:3] == ["mass", "coupling", "signal"]
    assert samples.getParamNames().parWithName("signal").isDerived
    draws = result.draws
    np.testing.assert_allclose(samples.mean("mass"), draws["mass"].mean(), rtol=1e-8)
    np.testing.assert_allclose(samples.std("signal"), draws["signal"].std(ddof=0), rtol=1e-6)
    np.testing.assert_allclose(samples.loglikes.min(), -(draws["loglike"] + draws["logprior"]).max(), rtol=1e-9)
    assert samples.ranges.getLower("mass") == 1.0
    assert samples.ranges.getUpper("mass") == 1000.0


def test_anesthetic_reads_the_table(result, tmp_path):
    (path,) = export(result, "anesthetic", tmp_path / "mine")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import anesthetic

        samples = anesthetic.read_csv(path)
    np.testing.assert_allclose(samples["coupling"].mean(), result.draws["coupling"].mean(), rtol=1e-12)
    np.testing.assert_allclose(samples["logL"].to_numpy().ravel(), result.draws["loglike"], rtol=1e-12)
    assert samples.get_label("logL") == r"$\ln\mathcal{L}$"


def test_a_plain_table_has_every_draw(result, tmp_path):
    (path,) = export(result, "csv", tmp_path / "mine")
    pd.testing.assert_frame_equal(pd.read_csv(path), result.draws, check_exact=False)


def test_nothing_is_overwritten_and_formats_have_names(result, tmp_path):
    export(result, "csv", tmp_path / "mine")
    with pytest.raises(OutputError, match=r"mine\.csv: exists already"):
        export(result, "anesthetic", tmp_path / "mine")
    with pytest.raises(UnknownNameError, match="did you mean 'getdist'"):
        export(result, "getdst", tmp_path / "mine")


def test_the_command_writes_into_the_folder_of_the_run(result):
    told = CliRunner().invoke(cli, ["export", str(result.folder), "--format", "getdist"])
    assert told.exit_code == 0, told.output
    assert (result.folder / "chains" / "out.paramnames").is_file()
    told = CliRunner().invoke(cli, ["export", str(result.folder / "chains"), "--format", "csv"])
    assert told.exit_code == 2
    assert "is not the folder of a finished run" in told.output
