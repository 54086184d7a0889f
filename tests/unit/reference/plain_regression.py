"""The regression of the backtest as it is written down, one origin at a time."""

import numpy as np

from indicators.leading.ridge import RIDGE


def plain_forecast(columns, y, rounds=25):
    """One origin's fit by reweighted least squares on standardised columns; the last row is what is forecast."""
    seen = columns[:-1]
    spread = seen.std(axis=0)
    scaled = np.where(spread > 1e-9, (columns - seen.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0), 0.0)
    design = np.column_stack([np.ones(len(columns)), scaled])
    level = np.log(max(y.mean(), 0.1))
    beta = np.r_[level, np.zeros(columns.shape[1])]

    def means(of):
        return np.exp(np.clip(design @ of, level - 4, level + 4))

    def dispersion(mean):
        return max(((y - mean) ** 2 / mean).sum() / max(len(y) - design.shape[1], 1.0), 1.0)

    for _ in range(rounds):  # penalty of the deviance over its dispersion; the constant bears none
        mean = means(beta)[:-1]
        weight = mean / dispersion(mean)
        left = design[:-1].T * weight @ design[:-1] + np.diag(np.r_[0.0, np.full(columns.shape[1], RIDGE)])
        beta = np.linalg.solve(left, design[:-1].T @ (weight * (np.log(mean) + (y - mean) / mean)))
    return means(beta)[-1], dispersion(means(beta)[:-1])
