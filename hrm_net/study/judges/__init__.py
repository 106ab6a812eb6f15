"""What judges of two candidates are worth: compared with judges that think less, and with scalar scorers.

plan.py     domain, sizes, networks and readings, as plain values     read.py     verdicts and scores of a network
pools.py    what every arm of a seed is measured on                   measure.py  the figures of a reading
train.py    the networks                                              run.py      one job
claims.py   what was claimed, and what decides it                     pages.py, pictures.py  the report
"""
