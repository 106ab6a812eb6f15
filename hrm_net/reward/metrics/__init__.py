"""What the scores of a step scorer are worth."""
