"""Looking into the state of a trained model: participation ratios, residuals, trajectories (`hrm-latent`)."""
