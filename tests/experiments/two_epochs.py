"""`python -m optlab.experiments.parallel`, with two epochs in place of the chapter's."""

import runpy
from dataclasses import replace

from optlab.experiments import scales

whole = scales.settings
scales.settings = lambda *chapter: replace(whole(*chapter), epochs=2)
runpy.run_module("optlab.experiments.parallel", run_name="__main__", alter_sys=True)
