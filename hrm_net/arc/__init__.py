"""Real ARC tasks on the reasoning core: batches over augmentations, votes, scores, pictures."""
