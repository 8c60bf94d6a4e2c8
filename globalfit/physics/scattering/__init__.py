"""Dark matter scattering off xenon nuclei."""
