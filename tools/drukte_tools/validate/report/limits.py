"""What a sample says and what it cannot tell, in sentences."""

from typing import Any

from drukte_tools.validate.report.intervals import FEW_BLOCKS


def cannot_tell(found: dict[str, Any]) -> list[str]:
    """Sentences for the report: what its figures say nothing about, from `figures.figures`."""
    overall, counters = found["overall"], found["counters"]
    said = [
        f"Moments unlike these {overall['pictures']}: other seasons, weather and events than those between "
        f"{found['start'][:10]} and {found['end'][:10]}, and crowds of more than {overall['most_counted']:.0f} people, "
        "the most in any picture.",
        "How well people are counted who cross a line, how long they stay and how fast they walk: a picture shows a "
        "moment, not a movement. Count a line by hand beside it, or look at the weekly self-check.",
        "People whom neither counter could see, because somebody or something hid them. The device is compared with "
        "what people can see in a picture, not with who was there."
        if found["sensor"] == "picture"
        else "People who gave no echo. Counters saw the echoes and nothing else, so this tells how well echoes are "
        "turned into people. Who stands still gives few: the device remembers them, the counters see nothing. "
        "Somebody on the spot has to count whom the radar does not see at all.",
    ]
    if found["blur"] and found["sensor"] == "picture":
        said.append(
            "Quite how blind the counters were to the device: heads are unrecognisable where it found somebody, "
            "however unsure it was, so they could see that it had found something there."
        )
    thin = [
        f"{row['by']} {row['name']} ({row['pictures']} pictures in {row['blocks']} blocks of time)"
        for row in found["strata"]
        if row["blocks"] < FEW_BLOCKS
    ]
    if thin:
        said.append(
            f"How well it counts in strata with fewer than {FEW_BLOCKS} blocks of time; their figures are shown for "
            f"completeness and prove nothing: {'; '.join(thin)}."
        )
    missed = found["pictures_ordered"] - found["pictures_kept"]
    if missed > 0:
        said.append(
            f"What {missed} of {found['pictures_ordered']} ordered moments were like: no picture of them was kept "
            "(device off, sensor without frames, or a file that was damaged)."
        )
    if found["pictures_doubted"]:
        said.append(
            f"What {found['pictures_doubted']} pictures show in which people could not be counted. The device found "
            f"{found['doubted_mean_found']:.1f} people in them on average, in the others {overall['mean_found']:.1f}."
        )
    if counters["allowance"] > 0.02:
        said.append(
            f"Anything finer than {100 * counters['allowance']:.1f} people in a hundred: so far may the hand count "
            "itself be wrong, going by how often the two counters differed."
        )
    if found["levels"] is None:
        said.append("How well closeness levels are told: heads were marked, or the calibration gives no metres.")
    return said


def verdict(found: dict[str, Any]) -> str:
    """What the figures come to, in two or three sentences."""
    o = found["overall"]
    ratio, bias, gain = o["total_ratio"], o["count_bias"], o["gain_over_constant"]
    if ratio["low"] is None:
        return (
            f"These {o['pictures']} pictures lie in {o['blocks']} block of time, which is too little for an interval: "
            "the figures below describe these pictures and nothing else."
        )
    said = (
        f"Where two persons counted 100 people, the device counted {100 * ratio['value']:.0f} "
        f"(95 % interval {100 * ratio['low']:.0f} to {100 * ratio['high']:.0f}). "
    )
    if bias["low"] > 0:
        said += "It counts too many. "
    elif bias["high"] < 0:
        said += "It counts too few. "
    else:
        said += "That it counts too many or too few cannot be told from these pictures. "
    if gain["low"] > 0:
        return said + "It does better than always saying the usual number would."
    if gain["high"] < 0:
        return said + "Always saying the usual number would do BETTER: the device is of no use for counting here."
    return said + "Whether it does better than always saying the usual number cannot be told from these pictures."
