"""What the signs say of a run that is given as numbers."""

from recipe.hapo.method import HAPO
from recipe.htpo.method import HTPO
from recipe.runs.health import SIGNS, Watch

ALL = (*SIGNS, *HTPO.signs, *HAPO.signs)


def said(sign, values):
    """{step: sentence} of one sign; a value of None is a step without the metric."""
    return said_of(sign, {i: {} if x is None else {sign.metric: x} for i, x in enumerate(values, start=1)})


def said_of(sign, steps):
    """{step: sentence} of one sign over {step: metrics}."""
    watch = Watch(sign)
    return {step: sentence for step, metrics in steps.items() if (sentence := watch.look(step, metrics))}


def begun(steps, signs=ALL):
    """[(step, metric, kind of limit)] of all warnings that begin, in their order."""
    watches = [Watch(sign) for sign in signs]
    found = []
    for step, metrics in steps.items():
        for watch in watches:
            if watch.look(step, metrics) and watch.began is not None:
                found.append((step, watch.sign.metric, type(watch.sign.limit).__name__))
    return found


def only(metric, kind=None):
    """The sign of a metric, of that kind of limit if there are several."""
    (sign,) = [s for s in ALL if s.metric == metric and kind in (None, type(s.limit).__name__)]
    return sign
