"""What an evaluation counts, shows and draws."""
