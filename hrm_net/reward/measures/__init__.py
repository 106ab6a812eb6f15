"""What scores are worth, as numbers: from arrays alone, without a model."""
