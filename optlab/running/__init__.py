"""Run the notebooks; `optlab.cli` is the command line over it."""
