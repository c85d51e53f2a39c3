"""Every algorithm of the book, once, as its paper writes it.

A line here registers a rule: it is `optlab.rules.<name>`, and `optlab.optim` makes a class of
those that name one.
"""

from optlab.rules.adafactor import adafactor as adafactor
from optlab.rules.adafactor import adafactor_vector as adafactor_vector
from optlab.rules.adafactor import factored_adam as factored_adam
from optlab.rules.adagrad import adagrad as adagrad
from optlab.rules.adagrad import adagrad_dual as adagrad_dual
from optlab.rules.adagrad import adagrad_full as adagrad_full
from optlab.rules.adagrad import adagrad_full_dual as adagrad_full_dual
from optlab.rules.adagrad import l1 as l1
from optlab.rules.adagrad import no_penalty as no_penalty
from optlab.rules.adam import adam as adam
from optlab.rules.adamw import adamw as adamw
from optlab.rules.ademamix import ademamix as ademamix
from optlab.rules.amsgrad import amsgrad as amsgrad
from optlab.rules.cautious import cautious as cautious
from optlab.rules.gradient_descent import gradient_descent as gradient_descent
from optlab.rules.gradient_descent import momentum as momentum
from optlab.rules.lamb import lamb as lamb
from optlab.rules.lars import lars as lars
from optlab.rules.lars import lars_deck as lars_deck
from optlab.rules.lion import lion as lion
from optlab.rules.muon import muon as muon
from optlab.rules.muon import muon_polar as muon_polar
from optlab.rules.rule import Rule as Rule
from optlab.rules.rule import State as State
from optlab.rules.rule import rule as rule
from optlab.rules.schedule_free import schedule_free as schedule_free
from optlab.rules.sophia import average_hessian as average_hessian
from optlab.rules.sophia import sophia as sophia
from optlab.rules.weight_decay import with_decay as with_decay
from optlab.rules.weight_decay import with_l2 as with_l2
