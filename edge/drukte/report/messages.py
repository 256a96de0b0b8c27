"""The messages of one site: their topics, and how they are made from its settings and windows."""

from collections.abc import Callable

from drukte import __version__
from drukte.config import Site
from drukte.config.radar import RadarGround
from drukte.config.radar_limits import LIMITS
from drukte.report.disclose import Blocks
from drukte.report.formats.native import Level, Meta, Observation, Sensor, ZoneMeta, moment
from drukte.report.window import Closed


def topics(site: Site) -> Callable[[str], str]:
    """Full topic of a device's message from its end, as in `topic("status")` or `topic("square/obs")`."""
    return lambda end: f"{site.mqtt.prefix}/{site.organisation}/{site.device}/{end}"


def meta(site: Site) -> Meta:
    """What the device is for and how its messages are to be read."""
    c = site.closeness
    return Meta(
        organisation=site.organisation,
        device=site.device,
        place=site.place.name,
        latitude=site.place.latitude,
        longitude=site.place.longitude,
        time_zone=site.place.time_zone,
        what_for=site.purpose.what_for,
        controller=site.purpose.controller,
        legal_ground=site.purpose.legal_ground,
        legal_basis=site.purpose.legal_basis,
        contact=site.purpose.contact,
        valid_until=site.purpose.valid_until.isoformat(),
        sensor=site.source.kind,
        sensors=[_sensor(one) for one in site.sensors()],
        tick=site.tick,
        window=site.window,
        crossings_window=site.crossings_span,
        open_window=site.disclosure.open_window,
        levels={
            "low_risk": Level(name=c.low_risk_name, nearer_than=c.low_risk),
            "high_risk": Level(name=c.high_risk_name, nearer_than=c.high_risk),
        },
        group_distance=c.group,
        zones=[
            ZoneMeta(name=zone.name, area=round(zone.area, 2), lines=[line.name for line in zone.lines])
            for zone in site.zones
        ],
        disclosure_policy=site.disclosure.policy,
        disclosure_reason=site.disclosure.reason,
        software=__version__,
    )


def _sensor(site: Site) -> Sensor:
    ground = site.ground
    if not isinstance(ground, RadarGround):
        return Sensor(kind=site.source.kind, max_targets=None, range=None, decidable=None)
    name = getattr(site.source, "module", site.source.kind[len("radar-") :])
    limits = LIMITS[name]
    reach = min(limits.max_range, ground.reach or limits.max_range)
    c = site.closeness
    # Two people an arc apart are two when that arc is seen under more than the module's resolution.
    decidable = {"low_risk": c.low_risk, "high_risk": c.high_risk}
    return Sensor(
        kind=f"radar-{name}",
        max_targets=limits.capacity,
        range=reach,
        decidable={
            level: round(min(reach, apart / limits.azimuth_resolution), 1) for level, apart in decidable.items()
        },
    )


def observation(site: Site, boot: str, seq: int, closed: Closed, blocks: Blocks) -> Observation:
    """The message of one window, made of what may be shown of it."""
    t = closed.tally
    return Observation(
        organisation=site.organisation,
        device=site.device,
        zone=site.zones[closed.zone].name,
        boot=boot,
        seq=seq,
        from_=moment(t.start),
        to=moment(t.end),
        observed=round(t.share_observed, 3),
        sensing=t.observed > 0,
        state=t.state,
        people=blocks.people,
        levels=blocks.levels,
        pairs=blocks.pairs,
        groups=blocks.groups,
        riders=blocks.riders,
        speed=blocks.speed,
        crossings=blocks.crossings,
        quality=blocks.quality,
        disclosure=blocks.disclosure,
    )
