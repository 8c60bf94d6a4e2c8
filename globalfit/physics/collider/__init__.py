"""Resonances and contact interactions at colliders: what the experiments of LEP and the LHC share."""
