"""Rules run on SymPy: proofs, the formula on the page, the step function in the browser.

A rule is arithmetic, so it runs on SymPy expressions as it runs on tensors:

    theta, g = vector("theta", 2), vector("g", 2)
    adam(theta, g, adam.init(theta), 1, lr=alpha, beta1=beta1, beta2=beta2, eps=0)

`latex` and `javascript` write the rule down in another language. Both keep the
intermediate quantities that the rule names (m, v, m_hat, v_hat): `record` runs
the rule and puts a fresh symbol in the place of every value it assigns.
"""

from optlab.symbolic.javascript import JAVASCRIPT_OPERATIONS as JAVASCRIPT_OPERATIONS
from optlab.symbolic.javascript import javascript, javascript_of_layer
from optlab.symbolic.latex import assignments, function_assignments, latex, operator, page
from optlab.symbolic.matrices import Matrix, matrix
from optlab.symbolic.recording import Record, record
from optlab.symbolic.vectors import Vector, vector

__all__ = [
    "Matrix",
    "Record",
    "Vector",
    "assignments",
    "function_assignments",
    "javascript",
    "javascript_of_layer",
    "latex",
    "matrix",
    "operator",
    "page",
    "record",
    "vector",
]
