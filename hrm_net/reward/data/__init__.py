"""What step scorers learn from: solutions of a policy or out of trees, labelled, kept beside the run, in batches."""
