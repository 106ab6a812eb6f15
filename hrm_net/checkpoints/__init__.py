"""Checkpoints of a run, pretrained models, and files of the published HRM and TRM."""
