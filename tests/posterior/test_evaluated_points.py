"""Evaluation of given points: values, order, precision, and rows that cannot be evaluated."""

from __future__ import annotations

import csv
import gzip
import math
import os
import threading

import jax.numpy as jnp
import numpy as np
import pytest

from globalfit import runfile
from globalfit.build.built import build_posterior
from globalfit.errors import ConfigurationError, OutputError, PointsError, UnknownNameError
from globalfit.posterior import evaluated_points as evaluate
from globalfit.posterior.evaluated_points import BLOCK, check_domain, evaluate_batch, evaluate_point
from globalfit.posterior.points_table import count_rows, evaluate_table

pytestmark = pytest.mark.usefixtures("toys")


def posterior(**settings):
    return build_posterior(runfile.parse({"model": "toy", "likelihoods": ["gauss"], **settings}))


def table(tmp_path, text, names=("signal",), **settings):
    source, target = tmp_path / "points.csv", tmp_path / "out.csv"
    source.write_text(text)
    counts = evaluate_table(posterior(**settings), source, target, names)
    with target.open() as stream:
        rows = list(csv.DictReader(stream))
    return rows, counts


def log_likelihood(mass, coupling):
    return -0.5 * (mass * coupling**2 - 10.0) ** 2


def test_columns_order_and_full_precision(tmp_path):
    rows, counts = table(
        tmp_path, "tag,coupling,mass\nb,0.1,123.456789012345678\na,0.7,20\n", ("events_gauss", "signal")
    )
    names = ["tag", "coupling", "mass", "events_gauss", "signal", "loglike_gauss", "loglike", "logprior", "status"]
    assert list(rows[0]) == names
    assert [row["tag"] for row in rows] == ["b", "a"]
    assert rows[0]["mass"] == "123.456789012345678"
    for row, (mass, coupling) in zip(rows, [(123.456789012345678, 0.1), (20.0, 0.7)], strict=True):
        assert float(row["signal"]) == pytest.approx(mass * coupling**2, rel=1e-15)
        assert float(row["events_gauss"]) == pytest.approx(2.0 * mass * coupling**2, rel=1e-15)
        # compiled apart, so that the last digits may differ
        assert float(row["loglike"]) == pytest.approx(log_likelihood(mass, coupling), rel=1e-13)
        # compiled apart, so that the last digits may differ
        assert float(row["loglike"]) == pytest.approx(float(row["loglike_gauss"]), rel=1e-14)
        assert float(row["logprior"]) == pytest.approx(-math.log(mass * math.log(1000.0)), rel=1e-13)
    assert counts == {"ok": 2}


def test_rows_that_cannot_be_evaluated_keep_their_place(tmp_path):
    text = "mass,coupling\n10,0.5\nten,0.5\n10,nan\n10,inf\n1e5,0.5\n10\n10,0.95\n,0.5\n10,0.5,1\n20,0.5\n"
    rows, counts = table(tmp_path, text)
    assert [row["status"] for row in rows] == [
        "ok",
        "mass is not a number: 'ten'",
        "coupling is not finite: nan",
        "coupling is not finite: inf",
        "mass must lie in [0.1, 10000] GeV, found 100000",
        "the row has 1 cells but the header 2",
        "no_solution",
        "mass is not a number: ''",
        "the row has 3 cells but the header 2",
        "ok",
    ]
    assert [row["signal"] for row in rows] == ["2.5", *[""] * 8, "5.0"]
    assert [row["loglike"] for row in rows if row["status"] == "no_solution"] == ["-inf"]
    assert counts == {"ok": 2, "not evaluated": 7, "no_solution": 1}


def test_outside_the_prior_is_evaluated(tmp_path):
    (row,), _ = table(tmp_path, "mass,coupling\n0.5,0.5\n")
    assert row["logprior"] == "-inf"
    assert float(row["loglike"]) == pytest.approx(log_likelihood(0.5, 0.5))


def test_a_flag_that_is_not_fatal_keeps_its_numbers(tmp_path):
    (row,), counts = table(tmp_path, "mass,coupling\n1000,0.5\n")
    assert (row["status"], row["signal"]) == ("outside_table", "250.0")
    assert counts == {"outside_table": 1}


def test_more_rows_than_a_block_in_order_and_traced_once(tmp_path, monkeypatch):
    traces = []

    def counted(*arguments):
        traces.append(1)
        return evaluate_point(*arguments)

    monkeypatch.setattr(evaluate, "evaluate_point", counted)
    mass = np.linspace(1.0, 900.0, 9001)
    text = "mass,coupling\n" + "".join(f"{m!r},0.5\n" for m in mass.tolist())
    rows, _ = table(tmp_path, text, parameters={"mass": {"uniform": [1, 901]}})
    assert len(rows) == len(mass) > 2 * BLOCK
    np.testing.assert_allclose([float(row["signal"]) for row in rows], 0.25 * mass, rtol=1e-15)
    assert len(traces) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mass\n1\n", "points.csv: the column 'coupling' is missing. Found: mass."),
        ("m,c\n1,2\n", "the columns 'mass', 'coupling' are missing"),
        ("", "is empty"),
        ("mass,mass,coupling\n1,1,1\n", "the column 'mass' appears twice"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path, text, message):
    with pytest.raises(PointsError) as error:
        table(tmp_path, text)
    assert message in str(error.value)
    assert not (tmp_path / "out.csv").exists()


def test_files_that_cannot_be_used(tmp_path):
    with pytest.raises(PointsError, match="cannot be read: No such file"):
        evaluate_table(posterior(), tmp_path / "none.csv", tmp_path / "out.csv", ())
    (tmp_path / "bytes.csv").write_bytes(b"mass,coupling\n\xff,1\n")
    with pytest.raises(PointsError, match="is not a CSV table in UTF-8"):
        evaluate_table(posterior(), tmp_path / "bytes.csv", tmp_path / "out.csv", ())
    (tmp_path / "good.csv").write_text("mass,coupling\n1,0.5\n")
    with pytest.raises(OutputError, match="cannot be written"):
        evaluate_table(posterior(), tmp_path / "good.csv", tmp_path / "good.csv" / "out.csv", ())
    (tmp_path / "same.csv").symlink_to("good.csv")
    with pytest.raises(PointsError, match="is the table of the points itself; name another one with --output"):
        evaluate_table(posterior(), tmp_path / "good.csv", tmp_path / "same.csv", ())


def test_comments_byte_order_mark_and_windows_lines(tmp_path):
    path = tmp_path / "points.csv"
    path.write_bytes(b"\xef\xbb\xbf# a comment\r\nmass,coupling\r\n10,0.5\r\n\r\n20,0.5\r\n")
    counts = evaluate_table(posterior(), path, tmp_path / "out.csv", ())
    assert counts == {"ok": 2}
    assert count_rows(path) == 2


def test_a_column_of_the_same_name_is_kept_under_another(tmp_path):
    (row,), _ = table(tmp_path, "mass,coupling,signal\n10,0.5,17\n")
    assert (row["input_signal"], row["signal"]) == ("17", "2.5")


def test_an_output_is_evaluated_again_and_again(tmp_path):
    text = "mass,coupling\n10,0.5\n"
    for _ in range(3):
        table(tmp_path, text)
        text = (tmp_path / "out.csv").read_text()
    header = text.splitlines()[0].split(",")
    assert len(set(header)) == len(header)
    assert {"status", "input_status", "input_input_status"} <= set(header)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (gzip.compress(b"mass,coupling\n10,0.5\n"), "ok"),
        (b"mass;coupling\n10;0.5\n", "ok"),
        (b"mass\tcoupling\n10\t0.5\n", "ok"),
        (b"mass;coupling\n10;0,5\n", "coupling is not a number: '0,5'"),
        (b"mass,coupling\n1_0,0.5\n", "mass is not a number: '1_0'"),
        ("mass,coupling\n\uff11\uff10,0.5\n".encode(), "mass is not a number: '\uff11\uff10'"),
    ],
    ids=["gzip", "semicolons", "tabs", "decimal comma", "underscore", "wide digits"],
)
def test_what_else_a_table_may_be(tmp_path, content, status):
    path = tmp_path / "points.csv"
    path.write_bytes(content)
    assert count_rows(path) == 1
    counts = evaluate_table(posterior(), path, tmp_path / "out.csv", ())
    (row,) = csv.DictReader((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines())
    assert row["status"] == status
    assert sum(counts.values()) == 1


def test_a_table_that_can_be_read_only_once(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("mass,coupling\n10,0.5\n",))
    assert count_rows(path) == 0
    writer.start()
    assert evaluate_table(posterior(), path, tmp_path / "out.csv", ()) == {"ok": 1}
    writer.join()


def test_files_in_another_encoding(tmp_path):
    (tmp_path / "latin.csv").write_bytes("mass,coupling,größe\n10,0.5,1\n".encode("latin-1"))
    (tmp_path / "cut.csv").write_bytes(gzip.compress(b"mass,coupling\n10,0.5\n")[:-9])
    for name in ("latin.csv", "cut.csv"):
        for read in (count_rows, lambda path: evaluate_table(posterior(), path, tmp_path / "out.csv", ())):
            with pytest.raises(PointsError, match=f"{name}: is not a CSV table in UTF-8"):
                read(tmp_path / name)


def test_a_point_of_another_shape():
    for size in (1, 3):
        with pytest.raises(PointsError, match=rf"a point has the shape \(2,\): mass, coupling; found \({size},\)"):
            posterior().log_likelihood(jnp.ones(size))


def test_a_column_wins_over_the_run_file(tmp_path):
    settings = {"parameters": {"coupling": 0.5}}
    (row,), _ = table(tmp_path, "mass\n10\n", **settings)
    assert row["signal"] == "2.5"
    (row,), _ = table(tmp_path, "mass,coupling\n10,0.2\n", **settings)
    assert float(row["signal"]) == pytest.approx(0.4)


def test_expressions_are_followed_or_replaced(tmp_path):
    settings = {"parameters": {"mass": "10**a", "a": {"uniform": [0, 2]}}}
    (row,), _ = table(tmp_path, "a,coupling\n1,0.5\n", **settings)
    assert float(row["signal"]) == pytest.approx(2.5)
    assert float(row["logprior"]) == pytest.approx(-math.log(2.0))
    (row,), _ = table(tmp_path, "mass,coupling\n10,0.5\n", **settings)
    assert (float(row["signal"]), row["logprior"]) == (2.5, "")
    with pytest.raises(PointsError, match="the column 'a' is missing"):
        table(tmp_path, "coupling\n0.5\n", **settings)


def test_batches_from_python():
    row = evaluate_batch(posterior(), {"mass": np.array([10.0, 20.0]), "coupling": np.array([0.5, 1.0])}, ["signal"])
    assert row.predictions["signal"].tolist() == [2.5, 20.0]
    assert row.log_likelihood[1] == -np.inf
    assert row.pulls["gauss"][0, 0] == pytest.approx(7.5)
    with pytest.raises(UnknownNameError, match="unknown prediction 'sigmal'; did you mean 'signal'"):
        evaluate_batch(posterior(), {"mass": np.ones(1), "coupling": np.ones(1)}, ["sigmal"])
    with pytest.raises(ConfigurationError, match="no value for the parameter 'coupling'"):
        evaluate_batch(posterior(), {"mass": np.ones(1)})


def test_domain_of_a_single_point():
    with pytest.raises(ConfigurationError, match=r"mass must lie in \[0.1, 10000\] GeV, found 0.01"):
        check_domain(posterior(), {"mass": 0.01})
    with pytest.raises(UnknownNameError, match="unknown parameter 'mas'; did you mean 'mass'"):
        check_domain(posterior(), {"mas": 1.0})
    with pytest.raises(ConfigurationError, match="mass must be finite"):
        check_domain(posterior(), {"mass": math.nan})
