"""optlab: deep-learning optimizers, each written once, as its paper writes it."""
