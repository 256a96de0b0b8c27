"""Pairs of people who may be near each other, how sure that is, and who hangs together by pairs."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from drukte.sense.geometry.lens import Floats
from drukte.sense.geometry.nearby import pairs_within

Indices = NDArray[np.intp]
Singles = NDArray[np.float32]

FLOOR = 0.02
"""Smallest standard error of a distance, m: a person's place is not defined any better."""

FAR = 4.0
"""Standard errors beyond which a pair is left out: the chance that is lost is under 4e-5."""

SCALE = 0.1
"""By how much, as a part of it, calibration errors may change a distance for the gate to find all pairs."""

ALL_PAIRS = 150
"""Up to this many people it is quicker to look as far for everybody as for those whose place is known worst."""

TAIL = 4.3
"""Standard errors beyond which a density counts as nil: 2e-5 of it lies there."""

_NODES, _WEIGHTS = (part.astype(np.float32) for part in np.polynomial.legendre.leggauss(20))


def near_pairs(xy: Floats, sigma: Floats, limit: float) -> tuple[Indices, Indices]:
    """Pairs (i < j) whose distance may be under `limit`: all that are nearer than limit + FAR hypot(sigma_i, sigma_j).

    In a crowd, people with a usual error are looked for first; the few with a much larger one are asked one by one, so
    that they do not widen the search for everybody.

    Args:
        xy: (n, 2) m.
        sigma: (n,) largest standard error of each place, m; without what all places share.
        limit: m.
    """
    n = len(xy)
    if n <= ALL_PAIRS:
        i, j = pairs_within(xy, limit + FAR * np.sqrt(2) * float(sigma.max(initial=0)))
    else:
        cap = max(float(np.partition(sigma, k := (9 * n) // 10)[k]), FLOOR)
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


def pair_covariance(i: Indices, j: Indices, own: Floats, shared: Floats | None) -> Floats:
    """(m, 2, 2) covariance of xy[i] - xy[j].

    Args:
        i: (m,) first person of each pair.
        j: (m,) second.
        own: (n, 2, 2) of each place by itself, m2.
        shared: (n, 2, k) what moves people together, from `Ground.shared`; None: nothing does.
    """
    out: Floats = own[i] + own[j]
    if shared is not None:
        apart = shared[i] - shared[j]
        out += apart @ apart.transpose(0, 2, 1)
    return out


def principal(cov: Floats) -> tuple[Floats, Floats]:
    """Standard errors (m, 2), small one first and at least FLOOR, and unit vector (m, 2) of the small one."""
    sigma, axis = np.empty((len(cov), 2)), np.empty((len(cov), 2))
    a, b, c = cov[:, 0, 0], cov[:, 0, 1], cov[:, 1, 1]
    half, root = (a + c) / 2, np.hypot((a - c) / 2, b)
    np.subtract(half, root, out=sigma[:, 0])
    np.add(half, root, out=sigma[:, 1])
    np.sqrt(np.maximum(sigma, FLOOR**2, out=sigma), out=sigma)
    angle = 0.5 * np.arctan2(2 * b, a - c) + np.pi / 2
    np.cos(angle, out=axis[:, 0])
    np.sin(angle, out=axis[:, 1])
    return sigma, axis


def largest(cov: Floats) -> Floats:
    """(m,) larger of the two standard errors, m."""
    a, b, c = cov[:, 0, 0], cov[:, 0, 1], cov[:, 1, 1]
    out: Floats = np.sqrt((a + c) / 2 + np.hypot((a - c) / 2, b))
    return np.maximum(out, FLOOR)


def probability_within(delta: Floats, cov: Floats, radius: float) -> Floats:
    """(m,) chance that Gaussian vectors are shorter than `radius`, see `chances_within`.

    Args:
        delta: (m, 2) mean, m.
        cov: (m, 2, 2) m2.
        radius: m.
    """
    out: Floats = chances_within(delta, *principal(cov), (radius,))[0]
    return out


def chances_within(delta: Floats, sigma: Floats, axis: Floats, radii: tuple[float, ...]) -> Floats:
    """(r, m) chance that Gaussian vectors are shorter than each radius: square roots of noncentral quadratic forms.

    There is no closed form for unequal axes. In principal axes the integral over the long one is a difference of two
    normal distribution functions (`_normal`); the integral over the short one is by Gauss-Legendre with 20 nodes in
    the angle t, x = radius sin t, which takes the circle's root away. In single precision: the largest error against
    1500 nodes over random ellipses from 0.02 to 3 m is 1e-4 (tests/sense/reduction/test_pairs.py).

    Args:
        delta: (m, 2) mean, m.
        sigma, axis: of the covariances, as `principal` gives them.
        radii: m.
    """
    radius = np.array(radii)[:, None]
    margin = radius - np.hypot(delta[:, 0], delta[:, 1])
    out: Floats = (margin > 0).astype(np.float64)
    which, open_ = np.nonzero(np.abs(margin) < FAR * sigma[:, 1])
    if len(open_):
        parts = (delta[open_], sigma[open_], axis[open_], radius[which])
        out[which, open_] = _integral(*(part.astype(np.float32) for part in parts))
    return out


def _integral(delta: Singles, sigma: Singles, axis: Singles, radius: Singles) -> Singles:
    small, large = sigma[:, :1], sigma[:, 1:]
    u = np.abs(delta[:, 0] * axis[:, 0] + delta[:, 1] * axis[:, 1])[:, None]
    v = np.abs(delta[:, 1] * axis[:, 0] - delta[:, 0] * axis[:, 1])[:, None]
    # Only where the short axis' density is not nil.
    low = np.arcsin(np.clip((u - TAIL * small) / radius, -1, 1))
    high = np.arcsin(np.clip((u + TAIL * small) / radius, -1, 1))
    middle, half = (low + high) / 2, (high - low) / 2
    x = radius * np.sin(middle + half * _NODES)
    y = np.sqrt(np.maximum(radius * radius - x * x, 0))
    z = (x - u) / small
    inner = _normal((y - v) / large) - _normal((-y - v) / large)
    scale = half[:, 0] / small[:, 0] / math.sqrt(2 * math.pi)
    return np.asarray(np.clip(((np.exp(-0.5 * z * z) * inner * y) @ _WEIGHTS) * scale, 0.0, 1.0), np.float32)


def _normal(x: Singles) -> Singles:
    """Normal distribution function, off by at most 2e-5, at a quarter of the cost of the exact one.

    A logistic curve of an odd polynomial, its coefficients fitted here to the smallest largest error (Nelder-Mead).
    """
    x = np.clip(x, -8, 8)
    z = x * x
    return np.asarray(1 / (1 + np.exp(-x * (1.59543218 + z * (0.0736015643 - 0.000632009893 * z)))), np.float32)
