"""Pairs of people who may be near each other, and how sure that is."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.special import ndtr

from drukte.sense.geometry.lens import Floats

Indices = NDArray[np.intp]

FLOOR = 0.02
"""Smallest standard error of a distance, m: a person's place is not defined any better."""

FAR = 5.0
"""Standard errors beyond which a pair is left out: the chance that is lost is under 1e-6."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


def near_pairs(xy: Floats, sigma: Floats, limit: float) -> tuple[Indices, Indices]:
    """Pairs (i < j) whose distance may be under `limit`: nearer than limit + FAR (sigma_i + sigma_j).

    A k-d tree finds the pairs of people with a usual error; the few with a much larger one are asked one by one, so
    that they do not widen the search for everybody.

    Args:
        xy: (n, 2) m.
        sigma: (n,) largest standard error of each place, m.
        limit: m.
    """
    n = len(xy)
    if n <= 48:
        i, j = np.triu_indices(n, 1)
    else:
        cap = max(float(np.quantile(sigma, 0.9)), FLOOR)
        tree = cKDTree(xy)
        found = [tree.query_pairs(limit + 2 * FAR * cap, output_type="ndarray")]
        wide = np.flatnonzero(sigma > cap)
        if len(wide):
            lists = tree.query_ball_point(xy[wide], limit + 2 * FAR * sigma[wide])
            partner = np.concatenate([np.asarray(x, np.intp) for x in lists])
            first = np.repeat(wide, [len(x) for x in lists])
            found.append(np.column_stack([np.minimum(first, partner), np.maximum(first, partner)]))
        both = np.unique(np.concatenate(found), axis=0)
        both = both[both[:, 0] < both[:, 1]]
        i, j = both[:, 0].astype(np.intp), both[:, 1].astype(np.intp)
    gap = np.hypot(xy[i, 0] - xy[j, 0], xy[i, 1] - xy[j, 1])
    near = gap < limit + FAR * (sigma[i] + sigma[j])
    return i[near], j[near]


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


def probability_within(delta: Floats, cov: Floats, radius: float) -> Floats:
    """Chance that a Gaussian vector is shorter than `radius`: the square root of a noncentral quadratic form.

    There is no closed form for unequal axes. In principal axes the integral over the long one is a difference of two
    normal distribution functions; the integral over the short one is by Gauss-Legendre with 24 nodes in the angle t,
    x = radius sin t, which takes the circle's root away. Largest error against 1500 nodes over random
    ellipses from 0.02 to 3 m: 2e-5 (tests/sense/test_pairs.py).

    Args:
        delta: (m, 2) mean, m.
        cov: (m, 2, 2) m2.
        radius: m.
    """
    sigma, axis = principal(cov)
    margin = radius - np.hypot(delta[:, 0], delta[:, 1])
    out: Floats = (margin > 0).astype(np.float64)
    open_ = np.flatnonzero(np.abs(margin) < FAR * sigma[:, 1])
    if len(open_):
        out[open_] = _integral(delta[open_], sigma[open_], axis[open_], radius)
    return out


def _integral(delta: Floats, sigma: Floats, axis: Floats, radius: float) -> Floats:
    small, large = sigma[:, :1], sigma[:, 1:]
    u = np.abs(delta[:, 0] * axis[:, 0] + delta[:, 1] * axis[:, 1])[:, None]
    v = np.abs(delta[:, 1] * axis[:, 0] - delta[:, 0] * axis[:, 1])[:, None]
    # Only where the short axis' density is not nil.
    low = np.arcsin(np.clip((u - 6 * small) / radius, -1, 1))
    high = np.arcsin(np.clip((u + 6 * small) / radius, -1, 1))
    middle, half = (low + high) / 2, (high - low) / 2
    t = middle + half * _NODES
    x, y = radius * np.sin(t), radius * np.cos(t)
    density = np.exp(-0.5 * ((x - u) / small) ** 2) / (small * np.sqrt(2 * np.pi))
    inner = ndtr((y - v) / large) - ndtr((-y - v) / large)
    out: Floats = np.clip((density * inner * y) @ _WEIGHTS * half[:, 0], 0.0, 1.0)
    return out
