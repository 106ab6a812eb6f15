"""Step scorers put to use and under pressure: guided search, probes made to fool them, hill climbing."""
