"""Pairs of people who may be near each other, how sure that is, and who hangs together by pairs."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from drukte.sense.geometry.lens import Floats

Indices = NDArray[np.intp]

FLOOR = 0.02
"""Smallest standard error of a distance, m: a person's place is not defined any better."""

FAR = 4.0
"""Standard errors beyond which a pair is left out: the chance that is lost is under 4e-5."""

SCALE = 0.1
"""By how much, as a part of it, calibration errors may change a distance for the gate to find all pairs."""

ALL_PAIRS = 32
"""Up to this many people it is quicker to look at all pairs."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


def near_pairs(xy: Floats, sigma: Floats, limit: float) -> tuple[Indices, Indices]:
    """Pairs (i < j) whose distance may be under `limit`: all that are nearer than limit + FAR hypot(sigma_i, sigma_j).

    A k-d tree finds the pairs of people with a usual error; the few with a much larger one are asked one by one, so
    that they do not widen the search for everybody.

    Args:
        xy: (n, 2) m.
        sigma: (n,) largest standard error of each place, m; without what all places share.
        limit: m.
    """
    n = len(xy)
    if n <= ALL_PAIRS:
        i, j = np.triu_indices(n, 1)
    else:
        cap = max(float(np.quantile(sigma, 0.9)), FLOOR)
        tree = cKDTree(xy)
        both = tree.query_pairs(limit + FAR * np.sqrt(2) * cap, output_type="ndarray")
        i, j = both[:, 0], both[:, 1]
        wide = np.flatnonzero(sigma > cap)
        if len(wide):
            reach = limit + FAR * np.hypot(sigma[wide], sigma.max())
            lists = tree.query_ball_point(xy[wide], reach)
            partner = np.concatenate([np.asarray(x, np.intp) for x in lists])
            first = np.repeat(wide, [len(x) for x in lists])
            usual = (sigma[i] <= cap) & (sigma[j] <= cap)
            # Two wide ones find each other twice.
            once = (first != partner) & ((sigma[partner] <= cap) | (first < partner))
            first, partner = first[once], partner[once]
            i = np.concatenate([i[usual], np.minimum(first, partner)])
            j = np.concatenate([j[usual], np.maximum(first, partner)])
    gap = np.hypot(xy[i, 0] - xy[j, 0], xy[i, 1] - xy[j, 1])
    near = gap < limit + FAR * np.hypot(sigma[i], sigma[j])
    return i[near], j[near]


def components(n: int, i: Indices, j: Indices) -> Indices:
    """(n,) the lowest number among all that each of `n` hangs together with by the links (i, j)."""
    label = np.arange(n)
    while len(i):
        low = np.minimum(label[i], label[j])
        if (low == label[i]).all() and (low == label[j]).all():
            break
        np.minimum.at(label, label[i], low)
        np.minimum.at(label, label[j], low)
        label = label[label]
    return label


def pair_covariance(i: Indices, j: Indices, cov: Floats, shared: Floats | None) -> Floats:
    """(m, 2, 2) covariance of xy[i] - xy[j].

    Args:
        i: (m,) first person of each pair.
        j: (m,) second.
        cov: (n, 2, 2) of each place, calibration included, m2.
        shared: (n, 2, k) part of it that moves people together, from `Ground.shared`; None: independent places.
    """
    out: Floats = cov[i] + cov[j]
    if shared is not None:
        a, b = shared[i], shared[j]
        cross = a @ b.transpose(0, 2, 1)
        out = out - cross - cross.transpose(0, 2, 1)
    return out


def principal(cov: Floats) -> tuple[Floats, Floats]:
    """Standard errors (m, 2), small one first and at least FLOOR, and unit vector (m, 2) of the small one."""
    a, b, c = cov[:, 0, 0], cov[:, 0, 1], cov[:, 1, 1]
    half, root = (a + c) / 2, np.hypot((a - c) / 2, b)
    sigma = np.sqrt(np.maximum(np.column_stack([half - root, half + root]), FLOOR**2))
    angle = 0.5 * np.arctan2(2 * b, a - c) + np.pi / 2
    return sigma, np.column_stack([np.cos(angle), np.sin(angle)])


def probability_within(delta: Floats, cov: Floats, radius: float | Floats) -> Floats:
    """Chance that a Gaussian vector is shorter than `radius`: the square root of a noncentral quadratic form.

    There is no closed form for unequal axes. In principal axes the integral over the long one is a difference of two
    normal distribution functions (`_normal`); the integral over the short one is by Gauss-Legendre with 24 nodes in
    the angle t, x = radius sin t, which takes the circle's root away. Largest error against 1500 nodes over random
    ellipses from 0.02 to 3 m: 1e-4 (tests/sense/reduction/test_pairs.py).

    Args:
        delta: (m, 2) mean, m.
        cov: (m, 2, 2) m2.
        radius: m; one for all pairs or (m,).
    """
    sigma, axis = principal(cov)
    radii = np.broadcast_to(np.asarray(radius, np.float64), len(delta))
    margin = radii - np.hypot(delta[:, 0], delta[:, 1])
    out: Floats = (margin > 0).astype(np.float64)
    open_ = np.flatnonzero(np.abs(margin) < FAR * sigma[:, 1])
    if len(open_):
        out[open_] = _integral(delta[open_], sigma[open_], axis[open_], radii[open_][:, None])
    return out


def _integral(delta: Floats, sigma: Floats, axis: Floats, radius: Floats) -> Floats:
    small, large = sigma[:, :1], sigma[:, 1:]
    u = np.abs(delta[:, 0] * axis[:, 0] + delta[:, 1] * axis[:, 1])[:, None]
    v = np.abs(delta[:, 1] * axis[:, 0] - delta[:, 0] * axis[:, 1])[:, None]
    # Only where the short axis' density is not nil.
    low = np.arcsin(np.clip((u - 6 * small) / radius, -1, 1))
    high = np.arcsin(np.clip((u + 6 * small) / radius, -1, 1))
    middle, half = (low + high) / 2, (high - low) / 2
    t = middle + half * _NODES
    x = radius * np.sin(t)
    y = np.sqrt(np.maximum(radius * radius - x * x, 0))
    density = np.exp(-0.5 * ((x - u) / small) ** 2) / (small * np.sqrt(2 * np.pi))
    inner = _normal((y - v) / large) - _normal((-y - v) / large)
    out: Floats = np.clip((density * inner * y) @ _WEIGHTS * half[:, 0], 0.0, 1.0)
    return out


def _normal(x: Floats) -> Floats:
    """Normal distribution function, off by at most 2e-5, at a quarter of the cost of the exact one.

    A logistic curve of an odd polynomial, its coefficients fitted here to the smallest largest error (Nelder-Mead).
    """
    x = np.clip(x, -8, 8)
    z = x * x
    out: Floats = 1 / (1 + np.exp(-x * (1.59543218 + z * (0.0736015643 - 0.000632009893 * z))))
    return out
