"""Best fits and profile likelihoods."""
