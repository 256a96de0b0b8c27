-- drukte in PostgreSQL: what dashboards and analysts read. Times are UTC instants; names are spelt out.

CREATE OR REPLACE VIEW drukte.places AS
SELECT z.zone_id, d.device_id, d.organisation, d.device, z.zone, coalesce(d.meta->>'place', d.device) AS place,
    coalesce(d.meta->>'place', d.device) || ', ' || z.zone AS name, z.area,
    (d.meta->>'latitude')::float8 AS latitude, (d.meta->>'longitude')::float8 AS longitude,
    d.time_zone
FROM drukte.zone z JOIN drukte.device d USING (device_id)
WHERE d.removed IS NULL;

-- Every window once. people is null unless people_status is shown; people_low and people_high bound it even then.
CREATE OR REPLACE VIEW drukte.windows AS
SELECT p.organisation, p.device, p.zone, p.place, p.name, o.zone_id, o.product, o.begins, o.ends, o.observed, o.state,
    o.people_status, o.people_mean AS people, o.people_max AS people_most, o.people_low, o.people_high,
    CASE o.people_status
        WHEN 'shown' THEN to_char(o.people_mean, 'FM999999990.0')
        WHEN 'under_5' THEN CASE o.policy WHEN 'open' THEN '0 to 4' ELSE '1 to 4' END
        WHEN 'suppressed' THEN 'hidden'
        ELSE 'not observed' END AS people_in_words,
    o.levels_status, o.safe, o.low_risk, o.high_risk, o.undetermined,
    o.pairs_status, o.pairs_low_risk, o.pairs_high_risk, o.pairs_together,
    o.groups_status, o.groups_two, o.groups_three_four, o.groups_five_up,
    o.riders_status, o.riders_mean AS riders, o.speed_status, o.speed_mean AS speed,
    o.stays_status, o.stays_under_1_min, o.stays_to_5_min, o.stays_to_15_min, o.stays_over_15_min,
    o.grade, o.confidence, o.residual, o.policy, o.windows, o.windows_hidden, o.received, o.received - o.ends AS delay
FROM drukte.observation o JOIN drukte.places p USING (zone_id)
WHERE NOT o.superseded;

CREATE OR REPLACE VIEW drukte.hours AS
SELECT p.organisation, p.device, p.zone, p.place, p.name, p.time_zone, h.*
FROM drukte.hour h JOIN drukte.places p USING (zone_id);

CREATE OR REPLACE VIEW drukte.crossings AS
SELECT p.organisation, p.device, p.zone, p.place, p.name, c.zone_id, c.product, c.line, c.riders, c.begins, c.ends,
    c.status, c.count_in, c.count_out, c.observed
FROM drukte.crossing c JOIN drukte.places p USING (zone_id)
WHERE NOT c.superseded;

CREATE OR REPLACE VIEW drukte.crossing_days AS
SELECT p.organisation, p.device, p.zone, p.place, p.name, c.zone_id, c.product, c.line, c.riders,
    (c.hour AT TIME ZONE p.time_zone)::date AS date, sum(c.count_in) AS count_in, sum(c.count_out) AS count_out
FROM drukte.hour_crossing c JOIN drukte.places p USING (zone_id)
GROUP BY p.organisation, p.device, p.zone, p.place, p.name, c.zone_id, c.product, c.line, c.riders, date;

CREATE OR REPLACE VIEW drukte.days AS
SELECT p.organisation, p.device, p.zone, p.place, p.name, p.time_zone, d.*
FROM drukte.day d JOIN drukte.places p USING (zone_id);

CREATE OR REPLACE VIEW drukte.expectations AS
SELECT p.organisation, p.device, p.zone, p.name, e.*
FROM drukte.expected e JOIN drukte.places p USING (zone_id);

-- How it is at each place: the last window, and what it means.
CREATE OR REPLACE VIEW drukte.now AS
SELECT p.*, w.ends, w.state, w.people_status, w.people, w.people_in_words, w.grade, b.level, b.compared,
    now() - w.ends AS age
FROM drukte.places p
CROSS JOIN LATERAL (
    SELECT * FROM drukte.windows x WHERE x.zone_id = p.zone_id AND x.product = 'obs' ORDER BY x.ends DESC LIMIT 1
) w
LEFT JOIN drukte.busyness b ON b.zone_id = p.zone_id AND b.ends = w.ends;

-- Health. `attention` is what needs somebody; drukte fleet inventory says more.
CREATE OR REPLACE VIEW drukte.fleet AS
SELECT f.*, array_to_string(ARRAY_REMOVE(ARRAY[
    CASE WHEN NOT online THEN 'offline' END,
    CASE WHEN online AND status_heard < now() - interval '10 minutes' THEN 'silent' END,
    CASE WHEN online AND NOT sensing AND state NOT IN ('closed', 'validation') THEN 'does not count: ' || state END,
    CASE WHEN sealed IS FALSE THEN 'NOT SEALED' END,
    CASE WHEN store <> 'fine' THEN 'store ' || store END,
    CASE WHEN lost > 0 THEN lost || ' windows lost' END,
    CASE WHEN valid_until < current_date THEN 'purpose is over'
         WHEN valid_until < current_date + 60 THEN 'purpose ends soon' END
], NULL), '; ') AS attention
FROM (
    SELECT d.device_id, d.organisation, d.device, d.meta->>'place' AS place, (d.status->>'online')::boolean AS online,
        (d.status->>'sensing')::boolean AS sensing, d.status->>'state' AS state,
        (d.status->>'since')::timestamptz AS since, d.status->>'software' AS software,
        (d.status->>'waiting')::integer AS waiting, (d.status->>'lost')::integer AS lost, d.status->>'store' AS store,
        (d.privacy->>'sealed')::boolean AS sealed, left(d.privacy->>'settings', 8) AS settings,
        d.privacy->>'audit' AS audit, (d.meta->>'valid_until')::date AS valid_until, d.heard, d.status_heard
    FROM drukte.device d WHERE d.removed IS NULL AND d.status IS NOT NULL
) f;

CREATE OR REPLACE VIEW drukte.states AS
SELECT d.organisation, d.device, s.at, s.online, s.state
FROM drukte.device_state s JOIN drukte.device d USING (device_id) WHERE d.removed IS NULL;

-- For the public: the second product alone.
CREATE OR REPLACE VIEW drukte.open_windows AS
SELECT organisation, device, zone, place, name, begins, ends, observed, people_status, people, people_most, people_low,
    people_high, grade
FROM drukte.windows WHERE product = 'open';
