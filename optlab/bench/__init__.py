"""What `optlab bench` measures: `steps` of optimizers, and `grid`s against loops of runs."""
