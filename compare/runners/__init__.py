"""One file a runner: a training step behind a small protocol, in its own process."""
