"""Of which partner types new entries are: as they were listed of late, or as somebody has said (METHODS 3f, 2)."""

import numpy as np

from indicators.inputs import Flags, Floats


def shares_of(pace: Floats, said: Floats | None, there: Flags) -> tuple[Floats, bool]:
    """The shares of new entries [types], which sum to 1, or to 0 where nothing is listed; and whether they are as said.

    pace    [types] entries a week of late
    said    [types] weights of any scale, such as 3 and 1; None where nobody has said
    there   [types] whether a partner in question is of that type: a type that has none is left out, and where none of weight is there,
            the pace stands in
    """
    if said is not None:
        weights = np.where(there, said, 0.0)
        if weights.sum() > 0:
            return weights / weights.sum(), True
    whole = pace.sum()
    return (pace / whole if whole > 0 else np.zeros(len(pace))), False
