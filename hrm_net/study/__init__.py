"""The controlled comparison of step scorers: what is compared, the runs, the pages made of their rows."""
