"""The city side in a real PostgreSQL: every panel's query, doubles, late and hidden numbers, what must be refused."""

import json
import random
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import pytest
import yaml
from tests.packaging.database import CITY, Database, Message, database, days, expand, moved, programs
from tests.report.attack import T, publish, publish_for_the_public, random_day, town

from drukte.report.formats.native import Observation, dump
from drukte.report.merge import merge_hour

BIN = programs()
pytestmark = pytest.mark.skipif(
    BIN is None, reason="PostgreSQL is not installed: apt install postgresql. NOTHING OF THE CITY'S DATABASE IS TESTED"
)
DASHBOARDS = sorted((CITY / "grafana/dashboards").glob("*.json"))
NOW = datetime.now(UTC)
BY = timedelta(days=(NOW.date() - datetime.fromtimestamp(T, UTC).date()).days - 1)
"""From the simulated town's day to yesterday."""
HOUR = 3600


def town_day(seed: int, device: str) -> tuple[list[Message], list[tuple[str, Observation, float]]]:
    """Both products of a simulated town's day, and for each observation its product and the true mean number."""
    day = random_day(seed, 48)
    messages, truth = [], []
    for number, zone in enumerate(publish(town(), day)):
        true = [float(n) for n in day.people[number]]
        both = [("obs", zone, 1), ("open", publish_for_the_public(zone), 4)]
        for product, observations, together in both:
            for i, o in enumerate(observations):
                # One device's numbers run on over zones and products.
                o = o.model_copy(update={"device": device, "seq": len(messages)})
                messages.append((f"drukte/v1/testville/{device}/{o.zone}/{product}", moved(dump(o), BY).encode()))
                part = true[i * together : (i + 1) * together]
                truth.append((product, o, sum(part) / len(part)))
    return messages, truth


@pytest.fixture(scope="module")
def db() -> Iterator[Database]:
    assert BIN is not None
    with database(BIN) as made:
        yield made


@pytest.fixture(scope="module")
def full(db: Database) -> Database:
    """Eight days of two devices, a town's day, and something that cannot be understood."""
    db.land(days(window=900))
    db.land(m for m in days(devices=2, past=0) if "sim-0001" in m[0])
    db.land(town_day(3, "town-3")[0])
    db.land([("drukte/v1/simulated/sim-0000/zone-0/obs", b"no JSON")])
    return db


def counts(db: Database) -> dict[str, int]:
    tables = ("observation", "crossing", "hour", "hour_crossing", "day", "busyness", "expected", "device", "zone")
    return {name: db.one(f"SELECT count(*) FROM drukte.{name}") for name in tables}


def hours_of(db: Database, device: str) -> list[dict[str, Any]]:
    people = db.rows(
        "SELECT zone, product, hour, status, people::numeric(12, 3), low::numeric(12, 3), high::numeric(12, 3), most, "
        "observed, windows, windows_few, windows_suppressed, windows_good "
        f"FROM drukte.hours WHERE device = '{device}' ORDER BY 1, 2, 3"
    )
    return people + db.rows(
        "SELECT zone, product, hour, line, riders, count_in, count_out, spans_hidden "
        "FROM drukte.hour_crossing JOIN drukte.places USING (zone_id) "
        f"WHERE device = '{device}' ORDER BY 1, 2, 3, 4, 5"
    )


# ------------------------------------------------------------------ Grafana


def dashboards() -> list[dict[str, Any]]:
    return [json.loads(file.read_text()) for file in DASHBOARDS]


def test_every_panel_has_rows_for_who_may_only_read(full: Database) -> None:
    start, end = NOW - timedelta(days=9), NOW + timedelta(minutes=10)
    asked = 0
    for board in dashboards():
        choices: dict[str, Any] = {}
        for variable in board["templating"]["list"]:
            if variable["type"] == "custom":
                choices[variable["name"]] = [o["value"] for o in variable["options"]]
                continue
            rows = full.rows(variable["query"], role="drukte_read")
            assert rows, variable["query"]
            choices[variable["name"]] = [row.get("__value", next(iter(row.values()))) for row in rows]
        if board["uid"] == "drukte-place":
            # The street's zone is observed and has a usual; the town's publishes for the public as well.
            picks = [{"zone": choices["zone"], "product": product} for product in choices["product"]]
        else:
            picks = [choices | {"product": "obs"}]
        for panel in board["panels"]:
            for target in panel["targets"]:
                found = []
                for pick in picks:
                    rows = full.rows(expand(target["rawSql"], start, end, pick), role="drukte_read")
                    asked += 1
                    if target["format"] == "time_series" and rows:
                        assert next(iter(rows[0])) == "time", panel["title"]
                        moments = [datetime.fromisoformat(row["time"]) for row in rows]
                        assert moments == sorted(moments), panel["title"]
                        assert all(m.tzinfo is not None for m in moments), "a moment, not a wall clock"
                    numbers = [v for row in rows for v in row.values() if isinstance(v, int | float) and v is not True]
                    found += numbers if target["format"] == "time_series" else rows
                assert found, f"{board['title']}: {panel['title']} shows nothing"
    assert asked > 40


def test_dashboards_are_what_grafana_reads() -> None:
    source = yaml.safe_load((CITY / "grafana/provisioning/datasources/drukte.yaml").read_text())["datasources"][0]
    provider = yaml.safe_load((CITY / "grafana/provisioning/dashboards/drukte.yaml").read_text())["providers"][0]
    assert provider["type"] == "file"
    uids = set()
    for board in dashboards():
        assert board["schemaVersion"] >= 36
        assert board["uid"] not in uids
        uids.add(board["uid"])
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids)
        taken = set()
        for panel in board["panels"]:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not cells & taken, f"{panel['title']} lies over another panel"
            assert place["x"] + place["w"] <= 24
            taken |= cells
            assert panel["datasource"] == {"type": source["type"], "uid": source["uid"]}
            if panel["type"] == "timeseries":
                assert panel["fieldConfig"]["defaults"]["custom"]["spanNulls"] is False, "a gap must stay a gap"
            for target in panel["targets"]:
                assert target["datasource"] == panel["datasource"]
    for link in re.findall(r"/d/([\w-]+)", "".join(file.read_text() for file in DASHBOARDS)):
        assert link in uids


# ------------------------------------------------------------------ numbers


def test_scripts_can_be_run_again(full: Database) -> None:
    before = counts(full)
    full.set_up()
    assert counts(full) == before


def test_what_comes_twice_counts_once(full: Database) -> None:
    messages, _ = town_day(5, "twice")
    full.land(messages)
    before, hours = counts(full), hours_of(full, "twice")
    full.land(messages[::-1] + messages[:100], encoded=False)
    assert counts(full) == before
    assert hours_of(full, "twice") == hours
    assert len({json.loads(p)["seq"] for _, p in messages}) == full.one(
        "SELECT count(*) FROM drukte.windows WHERE device = 'twice'"
    )


def test_hidden_numbers_stay_hidden_and_the_truth_lies_within_their_bounds(full: Database) -> None:
    statuses = set()
    for seed in (1, 7):
        device = f"truth-{seed}"
        messages, truth = town_day(seed, device)
        full.land(messages)
        rows = {
            row["seq"]: row
            for row in full.rows(
                "SELECT o.*, d.device FROM drukte.observation o JOIN drukte.device d USING (device_id) "
                f"WHERE d.device = '{device}'"
            )
        }
        assert len(rows) == len(truth)
        for product, o, true in truth:
            row = rows[o.seq]
            statuses.add((product, o.people.status))
            assert row["people_status"] == o.people.status
            assert (row["people_mean"], row["people_max"]) == (o.people.mean, o.people.max)
            assert (row["people_mean"] is None) == (o.people.status != "shown")
            assert (row["safe"], row["pairs_low_risk"], row["groups_two"]) == (
                o.levels.safe,
                o.pairs.low_risk,
                o.groups.two,
            )
            if row["people_high"] is None:
                assert product == "open" or o.people.status == "suppressed"
            assert (
                row["people_low"] - 1e-3 <= true <= (1e9 if row["people_high"] is None else row["people_high"]) + 1e-3
            ), (product, o.people, true)
        # Hours: the mean of four windows' truth lies within the bounds, wherever there are any.
        by_hour: dict[tuple[str, str, datetime], list[float]] = {}
        for product, o, true in truth:
            if product == "obs":
                start = datetime.fromisoformat(o.from_) + BY
                by_hour.setdefault((o.zone, product, start.replace(minute=0)), []).append(true)
        for row in full.rows(f"SELECT * FROM drukte.hours WHERE device = '{device}' AND product = 'obs'"):
            true = by_hour[row["zone"], "obs", datetime.fromisoformat(row["hour"]).astimezone(UTC)]
            statuses.add(("hour", row["status"]))
            assert (row["people"] is None) == (row["status"] != "shown")
            assert (row["high"] is None) == (row["windows_suppressed"] > 0)
            assert row["low"] - 1e-3 <= sum(true) / len(true) <= (1e9 if row["high"] is None else row["high"]) + 1e-3
    assert statuses >= {
        ("obs", "shown"),
        ("obs", "under_5"),
        ("obs", "suppressed"),
        ("open", "under_5"),
        ("open", "shown"),
    }
    assert statuses >= {("hour", "shown"), ("hour", "few"), ("hour", "suppressed")}


@pytest.mark.parametrize("field", ["people_mean", "safe", "pairs_low_risk", "groups_two", "riders_mean", "speed_mean"])
def test_the_database_itself_refuses_a_number_that_is_hidden(full: Database, field: str) -> None:
    block = field.split("_", maxsplit=1)[0].replace("safe", "levels")
    with pytest.raises(AssertionError, match="violates check constraint"):
        full.sql(f"UPDATE drukte.observation SET {block}_status = 'under_5', {field} = 0 WHERE seq = 3")


def test_late_windows_correct_their_hour(full: Database) -> None:
    messages, _ = town_day(11, "in-order")
    full.land(messages)
    renamed = [(topic.replace("in-order", "late"), p.replace(b'"in-order"', b'"late"')) for topic, p in messages]
    random.Random(1).shuffle(renamed)
    for i in range(0, len(renamed), 200):
        full.land(renamed[i : i + 200])
    assert hours_of(full, "late") == hours_of(full, "in-order") != []


@pytest.mark.parametrize("first", ["windows", "hour"])
def test_windows_that_were_put_together_after_they_had_arrived(full: Database, first: str) -> None:
    """Their confirmation was lost, so the device put them together with others and sent them again."""
    device = f"together-{first}"
    (zone, *_) = publish(town(), random_day(4, 48))
    parts = [o.model_copy(update={"device": device, "seq": 7 + i}) for i, o in enumerate(zone[24:28])]
    whole = merge_hour(parts)
    assert (whole.boot, whole.seq) == (parts[-1].boot, parts[-1].seq)
    topic = f"drukte/v1/testville/{device}/{whole.zone}/obs"
    said = [[(topic, moved(dump(o), BY).encode()) for o in parts[1:]], [(topic, moved(dump(whole), BY).encode())]]
    for batch in said if first == "windows" else said[::-1]:
        full.land(batch)
    (row,) = full.rows(f"SELECT * FROM drukte.hours WHERE device = '{device}'")
    assert row["windows"] == 4
    assert row["people"] == pytest.approx(whole.people.mean, abs=0.01)
    crossings = full.rows(f"SELECT count_in FROM drukte.crossings WHERE device = '{device}' AND NOT riders")
    assert whole.crossings is not None
    assert [c["count_in"] for c in crossings] == [line.in_ for line in whole.crossings.lines]
    assert full.one(f"SELECT count(*) FROM drukte.windows WHERE device = '{device}'") == 1


def test_sums_of_crossings_are_those_of_the_messages(full: Database) -> None:
    messages, truth = town_day(6, "sums")
    full.land(messages)
    for product in ("obs", "open"):
        told = [
            line.in_ or 0
            for kind, o, _ in truth
            if kind == product and o.crossings is not None and o.crossings.status == "shown"
            for line in o.crossings.lines
        ]
        found = full.one(
            "SELECT coalesce(sum(count_in), 0) FROM drukte.crossing_days "
            f"WHERE device = 'sums' AND product = '{product}' AND NOT riders"
        )
        assert found == sum(told)


# ------------------------------------------------------------------ what may not happen


def wrong() -> Iterator[tuple[bytes, str]]:
    (message, *_) = (dump(o) for o in publish(town(), random_day(0))[0][:1])
    good = json.loads(moved(message, BY)) | {"device": "among-bad"}
    for number, (change, reason) in enumerate((
        ({"device": "another"}, "another device"),
        ({"zone": "another"}, "another device or zone"),
        ({"schema": "drukte/observation/9"}, "drukte/observation/1 is known"),
        ({"from": "2099-01-01T00:00:00Z", "to": "2099-01-01T00:01:00Z"}, "cannot be"),
        ({"from": "1970-01-01T00:00:00Z"}, "cannot be"),
        ({"to": None}, "null value|cannot be"),
        ({"seq": "seven"}, "bigint"),
        ({"seq": 10**30}, "out of range"),
        ({"people": {"status": "under_5", "mean": 0, "max": None}}, "violates check"),
        ({"people": {"status": "shown", "mean": "NaN", "max": 1}}, "violates check"),
        ({"people": "many"}, "null value"),
        ({"observed": -1}, "violates check"),
        ({"crossings": {"lines": 7, "riders": {}}}, "scalar"),
    )):  # fmt: skip
        yield json.dumps(good | {"seq": 10_000 + number} | change).encode(), reason
    yield json.dumps(good | {"state": "a\0b"}).encode(), "Unicode|u0000"
    yield b"[" * 100_000, "stack depth|base64|json"
    yield b'{"a":' * 20_000, "stack depth"
    yield b'{"a":"\xff\xfe"}', "encoding"
    yield b"{\0}", "encoding|json"
    yield b"", "nothing"


def test_one_bad_message_spoils_no_batch(full: Database) -> None:
    bad = list(wrong())
    messages, _ = town_day(8, "among-bad")
    topic = messages[0][0]
    full.sql("DELETE FROM drukte.rejected")
    mixed = list(chain(*((good, (topic, payload)) for good, (payload, _) in zip(messages, bad, strict=False))))
    full.land([*mixed, ("drukte/v1/x", b"{}"), ("", b"{}"), (topic.replace("/obs", "/what"), b"{}")])
    assert full.one(
        "SELECT count(*) FROM drukte.observation JOIN drukte.device USING (device_id) WHERE device = 'among-bad'"
    ) == len(bad)
    reasons = [row["reason"] for row in full.rows("SELECT reason FROM drukte.rejected ORDER BY ctid")]
    for (payload, wanted), said in zip([b for b in bad if b[0]], reasons, strict=False):
        assert re.search(wanted, said), (payload[:80], wanted, said)
    assert len(reasons) == len(bad) - 1 + 3
    assert full.one("SELECT count(*) FROM drukte.device WHERE device = 'another'") == 0


def test_mutated_messages_spoil_no_batch(full: Database) -> None:
    rng = random.Random(2)
    messages, _ = town_day(9, "mutated")
    greetings = [
        m for m in days(past=1, window=3600) if m[0].endswith(("status", "meta", "privacy", "busyness", "day"))
    ]
    mutated = []
    for topic, payload in [*messages[:200], *greetings * 20]:
        data = bytearray(payload)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(data))
            match rng.randrange(3):
                case 0:
                    data[at] = rng.randrange(256)
                case 1:
                    del data[at : at + rng.randrange(1, 20)]
                case _:
                    data[at:at] = rng.choice([b"null", b"-", b"1e999", b'"', b"{", b"[]", b"\\u0000", b"true"])
        mutated.append(
            (topic.replace("sim-0000", "mutant").encode().decode(), bytes(data).replace(b"sim-0000", b"mutant"))
        )
    full.land(mutated)
    assert (
        full.one("SELECT count(*) FROM drukte.observation WHERE people_status <> 'shown' AND people_mean IS NOT NULL")
        == 0
    )


def test_a_sender_of_messages_can_do_nothing_else(full: Database) -> None:
    for query in ("SELECT * FROM drukte.landing", "SELECT * FROM drukte.windows", "DELETE FROM drukte.observation"):
        with pytest.raises(AssertionError, match="permission denied"):
            full.sql(query, role="drukte_ingest")
    for query in (
        "INSERT INTO drukte.landing (topic, value) VALUES ('a', 'b')",
        "DELETE FROM drukte.hour",
        "SELECT drukte.tidy()",
    ):
        with pytest.raises(AssertionError, match="permission denied"):
            full.sql(query, role="drukte_read")
    assert full.sql("SELECT count(*) FROM drukte.open_windows", role="drukte_open").strip() != "0"
    with pytest.raises(AssertionError, match="permission denied"):
        full.sql("SELECT * FROM drukte.windows", role="drukte_open")


def test_old_windows_are_forgotten_and_their_hours_kept(full: Database) -> None:
    messages, _ = town_day(10, "old")
    full.land([(topic, moved(p.decode(), timedelta(days=-100)).encode()) for topic, p in messages])
    kept = hours_of(full, "old")
    assert kept
    full.sql("SELECT drukte.tidy(pause => interval '0')")
    assert full.one("SELECT count(*) FROM drukte.windows WHERE device = 'old'") == 0
    assert full.one("SELECT count(*) FROM drukte.windows WHERE device = 'town-3'") > 0
    assert hours_of(full, "old") == kept
    late = [(topic, moved(p.decode(), timedelta(days=-100)).encode()) for topic, p in messages[:30]]
    full.land(late)
    assert hours_of(full, "old") == kept, "a window that comes after its hour was forgotten does not replace the hour"


def test_a_table_in_parts_forgets_old_parts_alone(db: Database) -> None:
    """As TimescaleDB's chunks: each part counts its rows from the same beginning."""
    cut = f"{NOW - timedelta(days=95):%Y-%m-%d}"
    columns = (
        "zone_id, device_id, product, boot, seq, begins, ends, observed, state, people_status, levels_status, "
        "pairs_status, groups_status, riders_status, speed_status, grade, frames, ticks_missing, policy, "
        "hidden_under, rounded_to"
    )
    row = "1, 1, 'obs', 'b', n, {0}, {0}, 1, 's', 's', 's', 's', 's', 's', 's', 'g', 1, 0, 'p', 5, 1"
    db.sql("ALTER TABLE drukte.observation RENAME TO whole")
    try:
        db.sql(
            "CREATE TABLE drukte.observation (LIKE drukte.whole INCLUDING DEFAULTS) PARTITION BY RANGE (ends);"
            "CREATE TABLE drukte.part_old PARTITION OF drukte.observation "
            f"FOR VALUES FROM (MINVALUE) TO ('{cut}');"
            "CREATE TABLE drukte.part_new PARTITION OF drukte.observation "
            f"FOR VALUES FROM ('{cut}') TO (MAXVALUE);"
        )
        for moment in ("now() - interval '100 days'", "now()"):
            rows = f"SELECT {row.format(moment)} FROM generate_series(1, 50) AS n"
            db.sql(f"INSERT INTO drukte.observation ({columns}) {rows}")
        db.sql("SELECT drukte.tidy(pause => interval '0')")
        assert db.one("SELECT count(*) FROM drukte.part_old") == 0
        assert db.one("SELECT count(*) FROM drukte.part_new") == 50
    finally:
        db.sql("DROP TABLE IF EXISTS drukte.observation; ALTER TABLE drukte.whole RENAME TO observation")


def test_the_last_will_and_a_device_that_is_removed(full: Database) -> None:
    def attention() -> list[str]:
        return [row["attention"] for row in full.rows("SELECT attention FROM drukte.fleet WHERE device = 'sim-0001'")]

    said = [m for m in days(devices=2, past=0) if m[0].endswith("sim-0001/status")]
    full.land(said)
    assert attention() == [""]
    will = json.loads(said[-1][1]) | {"online": False, "sensing": False, "state": "unknown", "at": None}
    full.land([(said[-1][0], json.dumps(will).encode())])
    assert attention() == ["offline"]
    full.sql("SELECT drukte.remove('simulated', 'sim-0001')")
    assert attention() == []
    full.land([(said[-1][0], said[-1][1])])
    assert attention() == [""]
    full.land([(said[-1][0], b"")], encoded=False)
    assert attention() == []
    full.land([(said[-1][0], said[-1][1])])


# ------------------------------------------------------------------ Telegraf's file


def test_telegraf_asks_for_what_the_database_takes() -> None:
    """Telegraf itself was not at hand: its file is read as TOML and held against table and rules."""
    tree = tomllib.loads((CITY / "telegraf/telegraf.conf").read_text())
    ((source,), (sink,)) = tree["inputs"]["mqtt_consumer"], tree["outputs"]["postgresql"]
    table = (CITY / "postgresql/10-tables.sql").read_text()
    assert (sink["schema"], source["name_override"]) == ("drukte", "landing")
    assert f"{sink['schema']}.{source['name_override']} (" in table
    columns = re.search(r"drukte\.landing \(\n(.*?)\n\);", table, re.DOTALL)
    assert columns
    assert re.findall(r"^ +(\w+)", columns[1], re.MULTILINE) == ["time", source["topic_tag"], "value"]
    assert source["qos"] == 1
    assert source["persistent_session"]
    assert source["client_id"]
    assert (sink["create_templates"], sink["add_column_templates"]) == ([], [])
    acl = (CITY / "mosquitto/acl").read_text().split("user telegraf\n")[1].split("\n\n")[0]
    assert [line.removeprefix("topic read ") for line in acl.splitlines()] == source["topics"]
    known = re.search(r"kind NOT IN \(([^)]*)\)", (CITY / "postgresql/20-take.sql").read_text())
    assert known
    assert sorted(t.rsplit("/", 1)[1] for t in source["topics"]) == sorted(re.findall(r"'(\w+)'", known[1]))


def test_files_name_no_secret() -> None:
    for file in CITY.rglob("*"):
        if file.is_file():
            text = file.read_text()
            assert not re.search(r"password:? *[=:] *['\"]?[a-z0-9]{6,}['\"]?$", text, re.IGNORECASE | re.MULTILINE), (
                file
            )
            assert "PRIVATE KEY" not in text
