"""A notebook run for every combination of parameters, on Dask; `optlab sweep` is the command."""
