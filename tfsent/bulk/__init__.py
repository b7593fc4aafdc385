"""Features and verdicts of more texts than memory or one process can take."""
