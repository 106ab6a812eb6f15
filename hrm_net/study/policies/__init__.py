"""The study of policies that learn from a reward: which rewards hold up when a policy is optimised against them.

plan.py    domain, sizes and arms      run.py       one job: a seed's clone and scorers, or an arm
measure.py figures of policies         claims.py    what is claimed, and how it is decided
pages.py   the page, from the rows     pictures.py  its pictures
"""
