"""Reward-guided learning: a small policy that edits a puzzle step by step learns from a reward, exact or learned.

    config.py      the key `policy` of a run          model.py      the network and its log-probabilities
    rollouts.py    attempts, step by step             clone.py      the demonstrations that it imitates first
    scorers.py     frozen step scorers and judges     rewards.py    the rewards, by name
    returns.py     advantages                         loss.py       the loss and its divergence from the clone
    evaluation.py  figures of an attempt              figures.py    pictures

The world that it acts in is `puzzles.steps.world`, which knows neither models nor rewards.
"""
