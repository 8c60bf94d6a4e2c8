"""Symbols of the quantities, for figures (TeX) and pages (HTML), and numbers as physicists write them."""

from __future__ import annotations

import html
import math
import re

_SYMBOLS: dict[str, tuple[str, str]] = {
    "m_chi": (r"m_\chi", "m<sub>&chi;</sub>"),
    "mass_ratio": (r"M/m_\chi", "M/m<sub>&chi;</sub>"),
    "epsilon": (r"\epsilon", "&epsilon;"),
    "alpha_d": (r"\alpha_D", "&alpha;<sub>D</sub>"),
    "g_chi": (r"g_\chi", "g<sub>&chi;</sub>"),
    "m_zp": (r"m_{Z'}", "m<sub>Z&prime;</sub>"),
    "nonlocal_scale": (r"\Lambda", "&Lambda;"),
    "m_c": (r"M_C", "M<sub>C</sub>"),
    "m_x": (r"M_X", "M<sub>X</sub>"),
    "g_bl": (r"g_{B-L}", "g<sub>B&minus;L</sub>"),
    "g_x": (r"g_X", "g<sub>X</sub>"),
    "y": (r"y", "y"),
    "c8_first_order": (r"c_8^p \ {\rm (first\ order\ in}\ \epsilon{\rm )}", "c<sub>8</sub><sup>p</sup> (first order)"),
    "omega_h2": (r"\Omega h^2", "&Omega; h<sup>2</sup>"),
    "x_f": (r"x_f", "x<sub>f</sub>"),
    "log10_y": (r"\log_{10} y", "log<sub>10</sub> y"),
    "sigma_v_at_rest_cm3_s": (r"\sigma v_0", "&sigma;v<sub>0</sub>"),
    "sigma_v_today_cm3_s": (r"\sigma v", "&sigma;v"),
    "p_ann_cm3_s_gev": (r"p_{\rm ann}", "p<sub>ann</sub>"),
    "gamma_z_gev": (r"\Gamma_Z", "&Gamma;<sub>Z</sub>"),
    "gamma_w_gev": (r"\Gamma_W", "&Gamma;<sub>W</sub>"),
    "m_w_gev": (r"m_W", "m<sub>W</sub>"),
    "sigma_had_pb": (r"\sigma_{\rm had}", "&sigma;<sub>had</sub>"),
    "s2eff_l": (r"\sin^2\theta_{\rm eff}^\ell", "sin<sup>2</sup>&theta;<sub>eff</sub>"),
    "c8_p": (r"c_8^p", "c<sub>8</sub><sup>p</sup>"),
    "c8_n": (r"c_8^n", "c<sub>8</sub><sup>n</sup>"),
}


_EXPERIMENTS = {
    "planck": "Planck",
    "cmb": "CMB",
    "lz": "LZ",
    "pandax4t": "PandaX-4T",
    "xenon1t": "XENON1T",
    "xenonnt": "XENONnT",
    "fermi": "Fermi",
    "ewpo": "EWPO",
    "cms": "CMS",
    "lhc": "LHC",
    "lep": "LEP",
    "zprime": "Z'",
}


# Units that say nothing beside a number.
PURE = ("", "1", "events")


def experiment(name: str) -> str:
    """Name of a likelihood as people write it: `lz_2024` is LZ 2024."""
    return " ".join(_EXPERIMENTS.get(part, part) for part in name.split("_"))


def tex(name: str, unit: str = "") -> str:
    """Axis label, e.g. `$m_\\chi$ [GeV]`."""
    symbol = name.replace("_", " ")
    if name in _SYMBOLS:
        symbol = f"${_SYMBOLS[name][0]}$"
    elif name.startswith("events_"):
        symbol = f"events in {experiment(name.removeprefix('events_'))}"
    raised = re.sub(r"\^(-?\d+)", r"$^{\1}$", unit)
    return symbol if unit in PURE else f"{symbol} [{raised}]"


def latex(name: str, unit: str = "") -> str:
    """The same for programs that put the dollar signs themselves, e.g. `m_\\chi\\ [\\mathrm{GeV}]`."""
    plain = name.replace("_", r"\_")
    symbol = _SYMBOLS[name][0] if name in _SYMBOLS else rf"\mathrm{{{plain}}}"
    raised = re.sub(r"\^(-?\d+)", r"^{\1}", unit)
    return symbol if unit in PURE else rf"{symbol}\ [\mathrm{{{raised}}}]"


def html_symbol(name: str) -> str:
    """Symbol of a quantity as HTML, empty if it has none."""
    if name.startswith("log10_") and name not in _SYMBOLS:
        inner = html_symbol(name.removeprefix("log10_"))
        return f"log<sub>10</sub> {inner}" if inner else ""
    return _SYMBOLS[name][1] if name in _SYMBOLS else ""


def number(value: float | None, digits: int = 4) -> str:
    """A number with significant digits as HTML, e.g. `3.217 x 10^-5`; a dash for what is not defined."""
    if value is None or math.isnan(value):
        return "&ndash;"
    if math.isinf(value):
        return "&infin;" if value > 0 else "&minus;&infin;"
    if value == 0.0:
        return "0"
    exponent = math.floor(math.log10(abs(float(f"{value:.{digits - 1}e}"))))
    if -3 <= exponent < 6:
        text = f"{value:.{max(digits - 1 - exponent, 0)}f}"
    else:
        text = f"{value / 10.0**exponent:.{digits - 1}f} &times; 10<sup>{exponent}</sup>"
    return text.replace("-", "&minus;")


def decimal(value: float | None, places: int = 3) -> str:
    """A log likelihood or a pull with a fixed number of decimals as HTML: what lies below means nothing."""
    if value is None or not math.isfinite(value):
        return number(value)
    return f"{round(value, places) + 0.0:.{places}f}".replace("-", "&minus;")


def unit_symbol(unit: str) -> str:
    """Unit as HTML with raised exponents; nothing for a pure number or a count."""
    return "" if unit in PURE else re.sub(r"\^(-?\d+)", r"<sup>\1</sup>", html.escape(unit))
