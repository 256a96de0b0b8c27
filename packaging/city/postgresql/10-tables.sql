-- drukte in PostgreSQL: tables. Run the files of this folder in order, as often as wanted:
--     for file in [0-9]*.sql; do psql -v ON_ERROR_STOP=1 -d drukte -f "$file"; done
-- Plain PostgreSQL 13 or newer; TimescaleDB is not needed.

CREATE SCHEMA IF NOT EXISTS drukte;

-- Where messages come in, whoever brings them: topic and payload as the broker had them, the payload as text or in base64
-- (as Telegraf sends it, so that no bytes of a payload can spoil a batch). The trigger in 20-take.sql
-- decodes each row and keeps none here; what cannot be decoded is in drukte.rejected, with the reason.
CREATE TABLE IF NOT EXISTS drukte.landing (
    time  timestamptz NOT NULL DEFAULT now(),
    topic text NOT NULL,
    value text NOT NULL
);

CREATE TABLE IF NOT EXISTS drukte.rejected (
    at      timestamptz NOT NULL DEFAULT now(),
    topic   text NOT NULL,
    reason  text NOT NULL,
    payload text NOT NULL
);
CREATE INDEX IF NOT EXISTS rejected_at ON drukte.rejected (at);

-- One row for each device; the retained messages as they were said last.
CREATE TABLE IF NOT EXISTS drukte.device (
    device_id    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation text NOT NULL,
    device       text NOT NULL,
    status       jsonb,
    meta         jsonb,
    privacy      jsonb,
    selfcheck    jsonb,
    time_zone    text NOT NULL DEFAULT 'UTC',           -- of the place; UTC where PostgreSQL does not know it
    heard        timestamptz NOT NULL DEFAULT now(),    -- when anything came from it last
    status_heard timestamptz,
    removed      timestamptz,                           -- since when nothing is retained of it
    UNIQUE (organisation, device)
);

CREATE TABLE IF NOT EXISTS drukte.device_state (
    device_id integer NOT NULL REFERENCES drukte.device ON DELETE CASCADE,
    at        timestamptz NOT NULL,
    online    boolean NOT NULL,
    state     text NOT NULL
);
CREATE INDEX IF NOT EXISTS device_state_at ON drukte.device_state (device_id, at);

CREATE TABLE IF NOT EXISTS drukte.zone (
    zone_id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id integer NOT NULL REFERENCES drukte.device ON DELETE CASCADE,
    zone      text NOT NULL,
    area      real,                                     -- m2
    UNIQUE (device_id, zone)
);

-- One row for each window, of both products: obs, and open for the public. A number is null unless its block's status
-- is `shown`; the constraints see to it that a hidden number cannot turn into 0 on its way.
CREATE TABLE IF NOT EXISTS drukte.observation (
    zone_id   integer NOT NULL REFERENCES drukte.zone ON DELETE CASCADE,
    device_id integer NOT NULL REFERENCES drukte.device ON DELETE CASCADE,
    product   text NOT NULL CHECK (product IN ('obs', 'open')),
    boot      text NOT NULL,
    seq       bigint NOT NULL,
    begins    timestamptz NOT NULL,
    ends      timestamptz NOT NULL,
    observed  real NOT NULL,                            -- part of the window in which frames were seen
    state     text NOT NULL,
    people_status text NOT NULL,
    people_mean   real,
    people_max    real,
    people_low    real,                                 -- the mean lies between these; null: nothing bounds it
    people_high   real,
    levels_status text NOT NULL,                        -- shares of people by closeness level
    safe real, low_risk real, high_risk real, undetermined real,
    pairs_status text NOT NULL,
    pairs_low_risk real, pairs_high_risk real, pairs_together real,
    groups_status text NOT NULL,
    groups_two real, groups_three_four real, groups_five_up real,
    riders_status text NOT NULL,
    riders_mean real,
    speed_status text NOT NULL,
    speed_mean real,                                    -- m/s
    stays_status text,
    stays_under_1_min real, stays_to_5_min real, stays_to_15_min real, stays_over_15_min real,
    grade text NOT NULL,
    frames bigint NOT NULL,
    ticks_missing integer NOT NULL,
    calibration text,
    counted_from text,
    confidence real, residual real, held real, saturated real,
    policy text NOT NULL,
    hidden_under integer NOT NULL,
    rounded_to integer NOT NULL,
    noise real,
    windows integer NOT NULL DEFAULT 1,                 -- put together to this one, after an outage
    windows_hidden integer NOT NULL DEFAULT 0,          -- of these, hiding few people (each counted as 2)
    superseded boolean NOT NULL DEFAULT false,          -- its time is told again by one that was put together
    received timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (device_id, boot, seq, ends),           -- ends is in it so that it can be partitioned by time
    CHECK (people_mean BETWEEN 0 AND 1e6 AND people_max BETWEEN 0 AND 1e6),
    CHECK (observed BETWEEN 0 AND 1),
    CHECK (people_status = 'shown' OR num_nonnulls(people_mean, people_max) = 0),
    CHECK (levels_status = 'shown' OR num_nonnulls(safe, low_risk, high_risk, undetermined) = 0),
    CHECK (pairs_status = 'shown' OR num_nonnulls(pairs_low_risk, pairs_high_risk, pairs_together) = 0),
    CHECK (groups_status = 'shown' OR num_nonnulls(groups_two, groups_three_four, groups_five_up) = 0),
    CHECK (riders_status = 'shown' OR riders_mean IS NULL),
    CHECK (speed_status = 'shown' OR speed_mean IS NULL)
);
CREATE INDEX IF NOT EXISTS observation_of_zone ON drukte.observation (zone_id, product, ends);
CREATE INDEX IF NOT EXISTS observation_ends ON drukte.observation (ends);

-- Crossings of one line over a span of their own, which begins earlier when numbers were carried into it.
CREATE TABLE IF NOT EXISTS drukte.crossing (
    zone_id   integer NOT NULL REFERENCES drukte.zone ON DELETE CASCADE,
    device_id integer NOT NULL,
    product   text NOT NULL,
    boot      text NOT NULL,
    seq       bigint NOT NULL,
    line      text NOT NULL,
    riders    boolean NOT NULL,                         -- people on bicycles and the like; else on foot
    begins    timestamptz NOT NULL,
    ends      timestamptz NOT NULL,
    observed  real,
    status    text NOT NULL,
    count_in  real,
    count_out real,
    superseded boolean NOT NULL DEFAULT false,
    PRIMARY KEY (device_id, boot, seq, line, riders, ends),
    CHECK (count_in BETWEEN 0 AND 1e6 AND count_out BETWEEN 0 AND 1e6),
    CHECK (status = 'shown' OR num_nonnulls(count_in, count_out) = 0)
);
CREATE INDEX IF NOT EXISTS crossing_of_zone ON drukte.crossing (zone_id, product, ends);
CREATE INDEX IF NOT EXISTS crossing_ends ON drukte.crossing (ends);

CREATE TABLE IF NOT EXISTS drukte.day (
    zone_id integer NOT NULL REFERENCES drukte.zone ON DELETE CASCADE,
    date    date NOT NULL,                              -- in the place's own time
    begins  timestamptz NOT NULL,
    ends    timestamptz NOT NULL,
    observed real NOT NULL,
    status  text NOT NULL,
    person_hours real,
    noise   real,                                       -- scale of the noise in it
    PRIMARY KEY (zone_id, date),
    CHECK (person_hours BETWEEN 0 AND 1e6),
    CHECK (status = 'shown' OR person_hours IS NULL)
);

-- What the last window means, and what is usual and expected by hour.
CREATE TABLE IF NOT EXISTS drukte.busyness (
    zone_id integer PRIMARY KEY REFERENCES drukte.zone ON DELETE CASCADE,
    begins  timestamptz NOT NULL,
    ends    timestamptz NOT NULL,
    level   text,
    compared text,
    usual_days integer NOT NULL
);
CREATE TABLE IF NOT EXISTS drukte.expected (
    zone_id integer NOT NULL REFERENCES drukte.zone ON DELETE CASCADE,
    hour    timestamptz NOT NULL,
    usual   real,                                       -- median over earlier days
    spread  real,
    forecast real, forecast_low real, forecast_high real,
    PRIMARY KEY (zone_id, hour)
);

-- Hours, reckoned anew whenever a window of theirs comes in, however late (40-keep.sql).
CREATE TABLE IF NOT EXISTS drukte.hour (
    zone_id integer NOT NULL REFERENCES drukte.zone ON DELETE CASCADE,
    product text NOT NULL,
    hour    timestamptz NOT NULL,
    status  text NOT NULL,            -- shown; few: all windows hide few people; suppressed; not_observed
    people  real,                     -- mean, each window with few people counted as 2; null unless status is shown
    low     real,                     -- the true mean lies between these; null: nothing bounds it
    high    real,
    most    real,
    observed real NOT NULL,           -- part of the hour in which frames were seen
    windows integer NOT NULL,
    windows_few integer NOT NULL,
    windows_suppressed integer NOT NULL,
    windows_good integer NOT NULL,    -- of grade good
    PRIMARY KEY (zone_id, product, hour),
    CHECK (status = 'shown' OR people IS NULL)
);
CREATE INDEX IF NOT EXISTS hour_hour ON drukte.hour (hour);
CREATE TABLE IF NOT EXISTS drukte.hour_crossing (
    zone_id integer NOT NULL REFERENCES drukte.zone ON DELETE CASCADE,
    product text NOT NULL,
    hour    timestamptz NOT NULL,
    line    text NOT NULL,
    riders  boolean NOT NULL,
    count_in  real,                   -- null: no span that ended in the hour was shown
    count_out real,
    spans_hidden integer NOT NULL,    -- carried into the next span that is shown
    PRIMARY KEY (zone_id, product, hour, line, riders)
);
CREATE TABLE IF NOT EXISTS drukte.hour_to_do (
    zone_id integer NOT NULL,
    product text NOT NULL,
    hour    timestamptz NOT NULL,
    PRIMARY KEY (zone_id, product, hour)
);

-- How long things are kept. Change a row to change it: UPDATE drukte.keep SET days = 365 WHERE what = 'windows';
CREATE TABLE IF NOT EXISTS drukte.keep (
    what text PRIMARY KEY,
    days integer NOT NULL CHECK (days > 0)
);
INSERT INTO drukte.keep VALUES ('windows', 90), ('hours', 1826), ('rejected', 30) ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS drukte.tidied (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), at timestamptz NOT NULL);
INSERT INTO drukte.tidied VALUES (true, '-infinity') ON CONFLICT DO NOTHING;
