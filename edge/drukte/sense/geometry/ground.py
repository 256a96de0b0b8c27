"""The ground model of a camera: pixels and boxes to metres with a covariance, and back."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drukte.sense.geometry.lens import Floats, Lens, inverse2
from drukte.sense.geometry.plane import GroundError, Pose, invert, project

__all__ = ["Ground", "GroundError"]

Mask = NDArray[np.bool_]

HORIZON = 0.2
"""Largest relative error of the range at which linear propagation of errors still holds; beyond it: refused."""

CLICK = 1.0
"""Standard error of a single pixel given to `to_ground`, px."""

BY_HAND = 0.5
"""Standard error of the edges of a box drawn by hand to whole pixels, px."""

FOOT_FLOOR = 0.7
"""Part of a detected box edge's standard error that does not shrink with the box, px."""

FOOT_ALONG, FOOT_ACROSS = 0.043, 0.045
"""Standard error of a detected box's lower edge and of its middle, as a fraction of its height.

Measured: YOLOX-Nano at 416x256 with threshold 0.35 against the boxes of PETS 2009 S2.L1 view 1, frames 1 to 400 (1890
matched people of 40 to 150 px): 3.4 px and 3.7 px at a mean height of 81 px."""

CLEAR, DOUBTFUL_ALONG, DOUBTFUL_ACROSS = 0.65, 5.0, 1.6
"""Boxes scored lower than `CLEAR` are placed worse, by (CLEAR / score)^1.5 up to these factors.

Measured with the same detector and recording: the lower edge errs by 3.2 % of the height (standard deviation) at scores
over 0.8, by 9 % from 0.5 to 0.65, by 12 % from 0.35 to 0.5 and by 25 % below; the middle by 4.2, 5.5, 6.0 and 7.2 %."""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """How one camera sees the ground plane.

    Attributes:
        picture: (width, height) of the picture, px.
        lens: pixels to rays.
        plane: (3, 3) matrix from (ray, 1) to metres, with positive scale on the visible ground.
        errors: (k, 3, 3) one-sigma changes of `plane` by each independent cause.
        pose: of the camera; None where the calibration leaves it open, then body heights cannot be used.
        body_height, body_spread: mean and standard deviation of people's height, m.
    """

    picture: tuple[int, int]
    lens: Lens
    plane: Floats
    errors: Floats
    pose: Pose | None
    body_height: float = 1.72
    body_spread: float = 0.10
    _back: Floats = field(init=False, repr=False)  # metres to rays
    _causes: Floats = field(init=False, repr=False)  # (3, 3k): (ray, 1) to what each cause changes
    _shifts: Floats = field(init=False, repr=False)  # (3, 3k): (metres, 1) to the same

    def __post_init__(self) -> None:
        object.__setattr__(self, "_back", invert(self.plane))
        object.__setattr__(self, "_causes", self.errors.transpose(1, 0, 2).reshape(-1, 3).T.copy())
        object.__setattr__(self, "_shifts", (self.errors @ self._back).transpose(1, 0, 2).reshape(-1, 3).T.copy())

    def positions(self, boxes: ArrayLike, scores: ArrayLike | None = None) -> tuple[Floats, Floats, Mask]:
        """Where the people in these boxes stand.

        Args:
            boxes: (n, 4) left, top, right, bottom; px, continuous, the picture spans (0, 0) to (width, height).
            scores: (n,) of the detector; the foot of a doubtful box is less certain. None: boxes drawn by hand.

        Returns:
            (n, 2) metres, (n, 2, 2) covariance in square metres, (n,) mask of usable ones; the rest is NaN.
        """
        box = np.asarray(boxes, np.float64).reshape(-1, 4) - 0.5
        height = box[:, 3] - box[:, 1]
        foot = self.feet(box)
        sigma = np.full((len(box), 2), BY_HAND)
        if scores is not None:
            sigma[:, 0] = np.hypot(FOOT_FLOOR, FOOT_ACROSS * height)
            sigma[:, 1] = np.hypot(FOOT_FLOOR, FOOT_ALONG * height)
            doubt = np.maximum(CLEAR / np.maximum(np.asarray(scores, np.float64), 1e-3), 1.0) ** 1.5
            sigma *= np.minimum(doubt[:, None], (DOUBTFUL_ACROSS, DOUBTFUL_ALONG))
        return self._place(foot, sigma)

    def feet(self, box: Floats) -> Floats:
        """(n, 2) rays to the feet of whole bodies in (n, 4) boxes, px with pixel centres at whole numbers.

        A standing body is a vertical: its picture points at the vertical vanishing point, so that off the middle of
        the picture the foot is not under the box's middle.
        """
        size = box[:, 2:] - box[:, :2]
        centre = (box[:, :2] + box[:, 2:]) / 2
        foot: Floats = np.column_stack([centre[:, 0], box[:, 3]])
        if self.pose is not None:
            down = -self.pose.rotation[:, 2]
            rays = self.lens.rays(centre)
            with np.errstate(all="ignore"):
                # A lens bends the vertical too; its chord is parallel to the tangent in the middle.
                toward = (down[:2] - rays * down[2])[:, :, None]
                lean = (inverse2(self.lens.jacobian(rays)) @ toward)[:, :, 0]
                # To the box's lower edge, or to its side where a camera overhead sees the body lie down sideways; but
                # never past the point straight below the camera.
                reach = size / 2 / np.abs(lean)
                lying = np.abs(lean[:, 0]) > np.abs(lean[:, 1])
                step = np.where(lying, np.fmin(reach[:, 0], reach[:, 1]), reach[:, 1])
                if down[2] > 0:
                    step = np.fmin(step, 1 / down[2])
                leaned = centre + lean * step[:, None]
            good = np.isfinite(leaned[:, 0]) & np.isfinite(leaned[:, 1])
            foot[good] = leaned[good]
        return self.lens.rays(foot)

    def to_ground(self, pixels: ArrayLike, sigma: float = CLICK) -> tuple[Floats, Floats, Mask]:
        """Ground points under pixels.

        Args:
            pixels: (n, 2), px, (0, 0) in the middle of the first pixel.
            sigma: standard error of a pixel, px.

        Returns:
            As `positions`.
        """
        px = np.asarray(pixels, np.float64).reshape(-1, 2)
        return self._place(self.lens.rays(px), np.full_like(px, sigma))

    def to_pixels(self, xy: ArrayLike, height: float | Floats = 0.0) -> tuple[Floats, Mask]:
        """Pixels of ground points, or of points `height` metres above them.

        A pose that follows from ground points alone fits them only roughly: it says how a vertical leans and how long
        it looks, from where the plane itself has its foot.

        Returns:
            (n, 2) px, (n,) mask of those that the lens can see, inside the picture or not; the rest is NaN.

        Raises:
            GroundError: a height is asked of a calibration without a pose.
        """
        at = np.asarray(xy, np.float64).reshape(-1, 2)
        rays, scale = project(self._back, at)
        rays[~(scale > 0)] = np.nan
        px = self.lens.pixels(rays)
        if np.any(np.asarray(height) != 0):
            if self.pose is None:
                raise GroundError("this calibration does not say where the camera is, so heights cannot be drawn")
            up = np.column_stack([at, np.broadcast_to(height, len(at))])
            feet = self.lens.pixels(self.pose.rays(up * (1, 1, 0)))
            px = self.lens.pixels(self.pose.rays(up)) + np.nan_to_num(px - feet)
        ok: Mask = np.isfinite(px[:, 0]) & np.isfinite(px[:, 1])
        px[~ok] = np.nan
        return px, ok

    def shared(self, xy: ArrayLike) -> Floats:
        """(n, 2, k) metres by which each cause of calibration error moves these (n, 2) ground points.

        `shared(xy) @ shared(xy).transpose(0, 2, 1)` is the calibration's part in their covariance; for a pair the
        difference of the two counts, see `closeness`.
        """
        at = np.asarray(xy, np.float64).reshape(-1, 2)
        # The ray is (back @ (xy, 1)) / h and the plane's scale there is 1 / h, so that what is divided out by the one
        # is multiplied in by the other: no division is left.
        change = (at @ self._shifts[:2] + self._shifts[2]).reshape(len(at), 3, len(self.errors))
        out: Floats = change[:, :2] - at[:, :, None] * change[:, 2:]
        behind = at @ self._back[2, :2] + self._back[2, 2] <= 0
        if behind.any():
            out[behind] = np.nan
        return out

    def for_picture(self, width: int, height: int) -> "Ground":
        """The same camera delivering pictures of another size.

        Raises:
            GroundError: the size has another shape, so that it is not known which part of the sensor it shows.
        """
        if (width, height) == self.picture:
            return self
        sx, sy = width / self.picture[0], height / self.picture[1]
        if abs(sx / sy - 1) > 0.02:
            w, h = self.picture
            raise GroundError(
                f"ground.picture: the calibration is for {w}x{h} but the source delivers {width}x{height}, which has "
                f"another shape. Set the source to {w}x{h} or a multiple of it, or calibrate anew"
            )
        return replace(self, picture=(width, height), lens=self.lens.scaled(sx, sy))

    def _moves(self, rays: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Effect of calibration errors, ground points, scales and (n, 2, 2) derivative of the point by the ray."""
        xy, scale = project(self.plane, rays)
        with np.errstate(all="ignore"):
            by_ray = (self.plane[:2, :2] - xy[:, :, None] * self.plane[2, :2]) / scale[:, None, None]
            change = (rays @ self._causes[:2] + self._causes[2]).reshape(len(rays), 3, len(self.errors))
            moves = (change[:, :2] - xy[:, :, None] * change[:, 2:]) / scale[:, None, None]
        return moves, xy, scale, by_ray

    def _place(self, rays: Floats, sigma: Floats) -> tuple[Floats, Floats, Mask]:
        """Ground points of rays whose pixels have independent standard errors `sigma` (n, 2)."""
        moves, xy, scale, by_ray = self._moves(rays)
        with np.errstate(all="ignore"):
            lens = self.lens.jacobian(rays) * sigma[:, None, :]
            spread = by_ray @ lens
            cov = spread @ spread.transpose(0, 2, 1) + moves @ moves.transpose(0, 2, 1)
            # How much of the distance to the horizon the errors make up: above HORIZON nothing is known.
            change = np.einsum("kj,nj->nk", self.errors[:, 2], np.column_stack([rays, np.ones(len(rays))]))
            toward = np.einsum("j,nji->ni", self.plane[2, :2], lens)
            share = np.sqrt((toward**2).sum(axis=1) + (change**2).sum(axis=1)) / scale
            ok: Mask = (scale > 0) & (share < HORIZON) & np.isfinite(xy).all(axis=1) & np.isfinite(cov).all(axis=(1, 2))
        xy[~ok] = np.nan
        cov[~ok] = np.nan
        return xy, cov, ok
