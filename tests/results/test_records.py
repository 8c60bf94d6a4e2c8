"""Files of a finished run that were changed by hand: one error that names the file and what is wrong with it."""

from __future__ import annotations

import copy
import functools
import json
import math
import operator
import re
from importlib.metadata import EntryPoint

import pytest

from globalfit import plugins, runfile
from globalfit.errors import OutputError
from globalfit.fitting.fit import fit
from globalfit.report import make_report
from globalfit.results import folder as names
from globalfit.results.records import read_details, read_evidence, read_provenance
from globalfit.results.schema import Evidence
from tests.support import toy

READERS = {names.EVIDENCE: read_evidence, names.DETAILS: read_details, names.PROVENANCE: read_provenance}
SAMPLERS = {
    "toy_sampler": {},
    "grid": {"points": 12, "x": "mass", "y": "coupling"},
    "optimize": {"scan": 256, "starts": 4, "profile_points": 5, "planes": [["mass", "coupling"]], "plane_points": 6},
}


@pytest.fixture(params=SAMPLERS)
def folder(request, monkeypatch, tmp_path):
    """A finished run of each kind: draws, a plane, a best fit; without checksums, as older versions wrote them."""
    toy.register(monkeypatch, tmp_path)
    for name, cls in (("grid", "grid:Grid"), ("optimize", "optimize.optimize:Optimize")):
        point = EntryPoint(name, f"globalfit.samplers.{cls}", "globalfit.samplers")
        monkeypatch.setitem(plugins.registered("sampler"), name, point)
    chosen = {request.param: SAMPLERS[request.param]}
    run = runfile.parse({"model": "toy", "likelihoods": ["gauss"], "sampler": chosen})
    return toy.unsealed(fit(run, tmp_path / "out").folder)


def places(value, path=()):
    """Keys and indices that lead to everything in a JSON document; one item stands for all of a list."""
    if isinstance(value, dict):
        inner = list(value.items())
    else:
        inner = list(enumerate(value[:1])) if isinstance(value, list) else []
    for key, item in inner:
        yield (*path, key)
        yield from places(item, (*path, key))


def element(document, path):
    return functools.reduce(operator.getitem, path, document)


def replaced(document, path, value):
    found = copy.deepcopy(document)
    element(found, path[:-1])[path[-1]] = value
    return found


def of_another_type(value):
    match value:
        case bool() | str() | list():
            return 7
        case None:
            return [7]
    return "text"


def test_a_value_of_another_type_is_an_error_that_names_its_place(folder):
    for name, read in READERS.items():
        document = json.loads((folder / name).read_text())
        # a sampler's own numbers are its own affair
        typed = [path for path in places(document) if name != names.EVIDENCE or path[0] in Evidence.__annotations__]
        assert len(typed) > 8
        for path in typed:
            value = of_another_type(element(document, path))
            (folder / name).write_text(json.dumps(replaced(document, path, value)))
            place = ".".join(map(str, path))
            with pytest.raises(OutputError, match=f"{name}: {re.escape(place)} must be .*; was it changed"):
                read(folder)
        (folder / name).write_text(json.dumps(document))
    make_report(folder)


def changed(folder, name, path, value):
    """The error of a report after one value of a file was changed; the file is put back."""
    whole = (folder / name).read_text()
    (folder / name).write_text(json.dumps(replaced(json.loads(whole), path, value)))
    with pytest.raises(OutputError) as raised:
        make_report(folder)
    (folder / name).write_text(whole)
    return str(raised.value)


@pytest.mark.parametrize("folder", ["toy_sampler"], indirect=True)
def test_values_that_do_not_go_together(folder):
    for path, value, message in (
        ((names.EVIDENCE, "log_evidence_error"), None, "log_evidence and log_evidence_error must both be numbers"),
        ((names.EVIDENCE, "log_evidence_error"), -5.0, "log_evidence_error must be greater than or equal to 0"),
        ((names.EVIDENCE, "effective_sample_size"), 0.0, "effective_sample_size must be greater than 0"),
        ((names.EVIDENCE, "fraction_without_solution"), 1.1, "fraction_without_solution must be less than or equal"),
        ((names.EVIDENCE, "best_log_likelihood"), math.nan, "best_log_likelihood must be a finite number"),
        ((names.DETAILS, "parameters", 0, "best_fit"), -1.0, "parameters: mass.best_fit must be above zero"),
        ((names.DETAILS, "parameters", 0, "prior_curve", "x"), [1.0], "mass.prior_curve must have ascending x and a"),
        ((names.DETAILS, "parameters", 0, "name"), "other", "modes: 'mass' is none of other, coupling"),
        ((names.DETAILS, "likelihoods", 0, "mean_log_likelihood"), None, "gauss.mean_log_likelihood must be a number"),
        (
            (names.DETAILS, "predictions", 0, "name"),
            "other",
            "summary.csv: is cut off, has numbers that cannot be, or is not that of",
        ),
    ):
        name, *place = path
        assert message in changed(folder, name, place, value)
    table = folder / names.SUMMARY
    whole = table.read_text()
    lines = whole.splitlines()
    for column, text in ((1, "many"), (2, "-1.0")):
        table.write_text(whole.replace(lines[1].split(",")[column], text))
        with pytest.raises(OutputError, match=r"summary\.csv: is cut off, has numbers that cannot be"):
            make_report(folder)


def test_a_parameter_that_is_infinite_has_no_number_in_the_report(monkeypatch, tmp_path):
    toy.register(monkeypatch, tmp_path)
    parameters = {"aux": "exp(1000 * mass)", "coupling": "0.5 + 1 / aux"}
    settings = {"model": "toy", "parameters": parameters, "likelihoods": ["gauss"], "sampler": {"toy_sampler": {}}}
    folder = toy.unsealed(fit(runfile.parse(settings), tmp_path / "out").folder)
    found = {row["name"]: row["best_fit"] for row in read_details(folder)["parameters"]}
    assert found["aux"] is None
    assert found["coupling"] == 0.5
    assert "mass.best_fit must be a number" in changed(folder, names.DETAILS, ["parameters", 0, "best_fit"], None)


@pytest.mark.parametrize("folder", ["grid"], indirect=True)
def test_a_plane_that_does_not_fit_its_table(folder):
    assert "plane: 'heat' is none of mass, coupling" in changed(folder, names.DETAILS, ["plane", "x", "name"], "heat")
    found = changed(folder, names.DETAILS, ["plane", "experiments", 0, "name"], "other")
    assert "plane.experiments: 'other' is none of gauss" in found
    assert "plane.csv: has no 84 numbers of mass" in changed(folder, names.DETAILS, ["plane", "x", "cells"], 7)
    assert "plane.x.low and plane.x.high" in changed(folder, names.DETAILS, ["plane", "x", "low"], 0.0)
    assert "x.cells must be greater than or equal to 1" in changed(folder, names.DETAILS, ["plane", "x", "cells"], 0)


@pytest.mark.parametrize("folder", ["optimize"], indirect=True)
def test_profiles_that_do_not_fit_their_table(folder):
    found = changed(folder, names.DETAILS, ["profile", "planes", 0], ["mass", "heat"])
    assert "profile.planes: 'heat' is none of mass, coupling" in found
    found = changed(folder, names.DETAILS, ["profile", "planes", 0], ["coupling", "mass"])
    assert "profile.csv: lacks the profile of coupling and mass" in found
    assert "intervals.68.pieces must have at least 1 item" in changed(
        folder, names.DETAILS, ["profile", "parameters", 0, "intervals", "68", "pieces"], []
    )
    table = folder / names.PROFILE
    whole = table.read_text()
    for damaged, message in (
        (whole.replace("mass coupling,", "mass,"), "lacks the profile of mass and coupling"),
        (whole[: whole.rindex("\n", 0, -1)], "lacks the profile of mass and coupling, or a part of it"),
        (whole[: len(whole) // 2].rstrip("0123456789.-e"), "cannot be read as a table of profiles"),
        (whole.replace("profile,", "name,", 1), "cannot be read as a table of profiles"),
        ("", "lacks the profile of mass"),
    ):
        table.write_text(damaged)
        with pytest.raises(OutputError, match=rf"profile\.csv: {message}"):
            make_report(folder)
