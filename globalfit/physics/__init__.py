"""Everything that a parameter point predicts: portal, cross sections, freeze-out, recoil rates, precision
observables."""
