"""Default priors: one YAML file per model."""
