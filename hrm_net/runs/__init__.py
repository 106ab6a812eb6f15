"""What any long run needs, whatever it trains: the loop, signals, one process a directory, progress, provenance."""
