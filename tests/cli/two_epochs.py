"""`python -m optlab.parallel`, with two epochs in place of the chapter's."""

import runpy
from dataclasses import replace

from optlab import experiments

whole = experiments.settings
experiments.settings = lambda *chapter: replace(whole(*chapter), epochs=2)
runpy.run_module("optlab.parallel", run_name="__main__", alter_sys=True)
