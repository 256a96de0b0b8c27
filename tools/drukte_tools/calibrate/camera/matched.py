"""Give a `mount` section the errors with which the device reckons a pair's distance as wrong as the fit says it is.

A fit's errors hang together: a camera taken for too high is also taken for too steep, and distances hardly change. The
section states them one by one, as if independent, which makes most of them look worse. So they are all scaled by one
factor, such that the standard errors of distances, where people are, agree.
"""

from typing import Any, Final

import numpy as np

from drukte.sense.geometry.lens import Floats
from drukte_tools.calibrate.camera.fit import ground_of
from drukte_tools.calibrate.camera.mount_fit import CameraFit, Unknowns

PAIR: Final = 1.5
"""Distance of the pairs that are compared, m."""
SHARE: Final = 0.8
"""Part of the pairs whose stated error is no smaller than the fit's."""
LARGEST: Final = {"height": 2.0, "tilt": 20.0, "roll": 20.0, "fov": 0.5}
STEP: Final = 1e-5


def matched(section: dict[str, Any], fit: CameraFit, unknowns: Unknowns, feet: Floats) -> dict[str, Any]:
    """The section with its `error` scaled.

    Args:
        section: a `mount` section with the fit's errors, as if independent.
        fit: its fit.
        unknowns: of the fit.
        feet: (n, 2) px of places where people are.
    """
    ground = ground_of(section)
    xy, _, ok = ground.to_ground(feet)
    low, high = (np.quantile(xy[ok], q, axis=0) for q in (0.05, 0.95))
    if not ok.any() or not (high > low).all():
        return section
    x, y = (np.linspace(low[k], high[k], 6) for k in (0, 1))
    places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    ratios = []
    for angle in np.arange(4) * np.pi / 4:
        along = np.array([np.cos(angle), np.sin(angle)])
        ends = [places - along * PAIR / 2, places + along * PAIR / 2]
        moves = [ground.shared(e) for e in ends]
        stated = np.linalg.norm(np.einsum("i,nik->nk", along, moves[1] - moves[0]), axis=1)
        slopes = _slopes(fit, unknowns, [ground.to_pixels(e)[0] for e in ends], along)
        true = np.sqrt(np.maximum(np.einsum("nk,kl,nl->n", slopes, fit.covariance, slopes), 0))
        good = np.isfinite(stated) & np.isfinite(true) & (stated > 0)
        ratios.append(true[good] / stated[good])
    factor = float(np.quantile(np.concatenate(ratios), SHARE)) if any(map(len, ratios)) else 1.0
    digits = {"height": 3, "tilt": 2, "roll": 2, "fov": 4}
    error = {
        key: round(min(LARGEST[key], max(10.0 ** -digits[key], value * factor)), digits[key])
        for key, value in section["error"].items()
    }
    return {**section, "error": error}


def _slopes(fit: CameraFit, unknowns: Unknowns, ends: list[Floats], along: Floats) -> Floats:
    """(n, k) change of the distances between pixels `ends` (two of (n, 2)) by each parameter."""
    rays = [unknowns.lens.rays(e) for e in ends]

    def gaps(p: Floats) -> Floats:
        camera = unknowns.camera(p)
        return np.asarray((camera.ground(rays[1]) - camera.ground(rays[0])) @ along)

    out = np.empty((len(ends[0]), len(fit.parameters)))
    for k in range(len(fit.parameters)):
        step = np.zeros_like(fit.parameters)
        step[k] = STEP
        out[:, k] = (gaps(fit.parameters + step) - gaps(fit.parameters - step)) / (2 * STEP)
    return out
