"""The second protocol: step scorers judged on prefixes that neither counting nor the rules can tell apart."""
