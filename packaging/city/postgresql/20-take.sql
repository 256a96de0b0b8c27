-- drukte in PostgreSQL: from a message to rows. Everything that knows the message's fields is in this file; they are
-- told in docs/messages.md.

-- The range in which the mean number of people of a window lies. Few (under_5) means under 5 after rounding, so the mean
-- is below 4.5. Where windows were put together, those that hide their number were counted as 2 each, which may be too
-- many or too few: below such a number lies at most 2 less, and nothing is known above it.
CREATE OR REPLACE FUNCTION drukte.bounds(
    status text, mean real, hidden_under integer, rounded_to integer, noise real, hides_some boolean
) RETURNS real[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN noise IS NOT NULL OR status IN ('not_observed', 'not_measured') THEN ARRAY[NULL, NULL]::real[]
        WHEN status = 'shown' THEN ARRAY[
            greatest(0, mean - half - CASE WHEN hides_some THEN 2 ELSE 0 END),
            CASE WHEN NOT hides_some THEN mean + half END]::real[]
        WHEN status = 'under_5' AND NOT hides_some THEN ARRAY[0, greatest(hidden_under - 0.5, 0)]::real[]
        ELSE ARRAY[0, NULL]::real[]
    END FROM (SELECT CASE WHEN rounded_to = 0 THEN 0.05 ELSE rounded_to / 2.0 END AS half) AS r
$$;

CREATE OR REPLACE FUNCTION drukte.id_of_device(organisation text, device text) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE found_id integer;
BEGIN
    SELECT d.device_id INTO found_id FROM drukte.device d WHERE d.organisation = $1 AND d.device = $2;
    UPDATE drukte.device d SET heard = now() WHERE d.device_id = found_id AND d.heard < now() - interval '5 seconds';
    IF found_id IS NULL THEN
        INSERT INTO drukte.device (organisation, device) VALUES ($1, $2) RETURNING device_id INTO found_id;
    END IF;
    RETURN found_id;
END $$;

CREATE OR REPLACE FUNCTION drukte.id_of_zone(device_id integer, zone text) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE found_id integer;
BEGIN
    SELECT z.zone_id INTO found_id FROM drukte.zone z WHERE z.device_id = $1 AND z.zone = $2;
    IF found_id IS NULL THEN
        IF (SELECT count(*) FROM drukte.zone z WHERE z.device_id = $1) >= 100 THEN
            RAISE EXCEPTION 'its device has named 100 zones already';
        END IF;
        INSERT INTO drukte.zone (device_id, zone) VALUES ($1, $2) RETURNING zone_id INTO found_id;
    END IF;
    RETURN found_id;
END $$;

CREATE OR REPLACE FUNCTION drukte.take_observation(the_device integer, the_zone integer, kind text, m jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    start timestamptz := m->>'from';
    stop timestamptz := m->>'to';
    parts integer := coalesce((m->'merged'->>'windows')::integer, 1);
    hidden integer := coalesce((m->'merged'->>'hidden')::integer, 0);
    spans jsonb := m->'crossings';
    told_again boolean;
    range real[] := drukte.bounds(m->'people'->>'status', (m->'people'->>'mean')::real,
        (m->'disclosure'->>'hidden_under')::integer, (m->'disclosure'->>'rounded_to')::integer,
        (m->'disclosure'->>'noise')::real, hidden > 0 OR kind = 'open');
BEGIN
    IF stop <= start OR stop > start + interval '1 day' OR start > now() + interval '1 day' THEN
        RAISE EXCEPTION 'its window cannot be: % to %', start, stop;
    END IF;
    -- After an outage a device may put windows together that had arrived although their confirmation had not. The one
    -- that was put together has them all; the others stay, marked, and are in no sum.
    IF parts > 1 THEN
        DELETE FROM drukte.crossing c USING drukte.observation o
            WHERE (o.device_id, o.boot, o.seq, o.ends) = (the_device, m->>'boot', (m->>'seq')::bigint, stop)
            AND o.windows < parts AND (c.device_id, c.boot, c.seq, c.ends) = (o.device_id, o.boot, o.seq, o.ends);
        DELETE FROM drukte.observation o
            WHERE (o.device_id, o.boot, o.seq, o.ends) = (the_device, m->>'boot', (m->>'seq')::bigint, stop)
            AND o.windows < parts;
        UPDATE drukte.observation o SET superseded = true
            WHERE o.zone_id = the_zone AND o.product = kind AND o.begins >= start AND o.ends <= stop AND o.ends > start
            AND o.windows < parts AND NOT o.superseded;
        UPDATE drukte.crossing c SET superseded = true
            FROM drukte.observation o
            WHERE o.zone_id = the_zone AND o.product = kind AND o.superseded AND o.ends > start AND o.ends <= stop
            AND (c.device_id, c.boot, c.seq, c.ends) = (o.device_id, o.boot, o.seq, o.ends) AND NOT c.superseded;
    END IF;
    told_again := EXISTS (
        SELECT FROM drukte.observation o
        WHERE o.zone_id = the_zone AND o.product = kind AND o.windows > parts
        AND o.ends >= stop AND o.ends < stop + interval '1 day' AND o.begins <= start);
    INSERT INTO drukte.observation VALUES (
        the_zone, the_device, kind, m->>'boot', (m->>'seq')::bigint, start, stop, (m->>'observed')::real, m->>'state',
        m->'people'->>'status', (m->'people'->>'mean')::real, (m->'people'->>'max')::real, range[1], range[2],
        m->'levels'->>'status', (m->'levels'->>'safe')::real, (m->'levels'->>'low_risk')::real,
        (m->'levels'->>'high_risk')::real, (m->'levels'->>'undetermined')::real,
        m->'pairs'->>'status', (m->'pairs'->>'low_risk')::real, (m->'pairs'->>'high_risk')::real,
        (m->'pairs'->>'together')::real,
        m->'groups'->>'status', (m->'groups'->>'two')::real, (m->'groups'->>'three_four')::real,
        (m->'groups'->>'five_up')::real,
        m->'riders'->>'status', (m->'riders'->>'mean')::real,
        m->'speed'->>'status', (m->'speed'->>'mean')::real,
        spans->'stays'->>'status', (spans->'stays'->>'under_1_min')::real, (spans->'stays'->>'to_5_min')::real,
        (spans->'stays'->>'to_15_min')::real, (spans->'stays'->>'over_15_min')::real,
        m->'quality'->>'grade', (m->'quality'->>'frames')::bigint, (m->'quality'->>'ticks_missing')::integer,
        m->'quality'->>'calibration', m->'quality'->>'counted_from', (m->'quality'->>'confidence')::real,
        (m->'quality'->>'residual')::real, (m->'quality'->>'held')::real, (m->'quality'->>'saturated')::real,
        m->'disclosure'->>'policy', (m->'disclosure'->>'hidden_under')::integer,
        (m->'disclosure'->>'rounded_to')::integer, (m->'disclosure'->>'noise')::real,
        parts, hidden, told_again, now()
    ) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN;  -- it came twice
    END IF;
    IF jsonb_typeof(spans) = 'object' THEN
        INSERT INTO drukte.crossing
        SELECT the_zone, the_device, kind, m->>'boot', (m->>'seq')::bigint, line->>'line', false, (spans->>'from')::timestamptz,
            stop, (spans->>'observed')::real, spans->>'status', (line->>'in')::real, (line->>'out')::real, told_again
        FROM jsonb_array_elements(spans->'lines') AS line
        UNION ALL
        SELECT the_zone, the_device, kind, m->>'boot', (m->>'seq')::bigint, line->>'line', true,
            (spans->'riders'->>'from')::timestamptz, stop, (spans->>'observed')::real, spans->'riders'->>'status',
            (line->>'in')::real, (line->>'out')::real, told_again
        FROM jsonb_array_elements(spans->'riders'->'lines') AS line
        WHERE spans->'riders'->>'status' <> 'not_measured'
        ON CONFLICT DO NOTHING;
    END IF;
    INSERT INTO drukte.hour_to_do
    SELECT the_zone, kind, hour FROM generate_series(
        date_trunc('hour', start, 'UTC'), date_trunc('hour', stop - interval '1 microsecond', 'UTC'), interval '1 hour'
    ) AS hour ON CONFLICT DO NOTHING;
END $$;

CREATE OR REPLACE FUNCTION drukte.take_busyness(the_zone integer, m jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO drukte.busyness AS b VALUES (
        the_zone, (m->>'from')::timestamptz, (m->>'to')::timestamptz, m->>'level', m->>'compared',
        (m->'usual'->>'days')::integer)
    ON CONFLICT (zone_id) DO UPDATE SET begins = excluded.begins, ends = excluded.ends, level = excluded.level,
        compared = excluded.compared, usual_days = excluded.usual_days
        WHERE b.ends <= excluded.ends;
    IF m->'usual'->>'status' = 'known' THEN
        INSERT INTO drukte.expected AS e (zone_id, hour, usual, spread) VALUES (
            the_zone, date_trunc('hour', (m->>'from')::timestamptz, 'UTC'), (m->'usual'->>'people')::real,
            (m->'usual'->>'spread')::real)
        ON CONFLICT (zone_id, hour) DO UPDATE SET usual = excluded.usual, spread = excluded.spread
            WHERE (e.usual, e.spread) IS DISTINCT FROM (excluded.usual, excluded.spread);
    END IF;
    INSERT INTO drukte.expected AS e (zone_id, hour, forecast, forecast_low, forecast_high)
    SELECT the_zone, (f->>'from')::timestamptz, (f->>'people')::real, (f->>'low')::real, (f->>'high')::real
    FROM jsonb_array_elements(m->'forecast') AS f
    ON CONFLICT (zone_id, hour) DO UPDATE SET forecast = excluded.forecast, forecast_low = excluded.forecast_low,
        forecast_high = excluded.forecast_high
        WHERE (e.forecast, e.forecast_low, e.forecast_high)
            IS DISTINCT FROM (excluded.forecast, excluded.forecast_low, excluded.forecast_high);
END $$;

CREATE OR REPLACE FUNCTION drukte.take_status(the_device integer, m jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE before jsonb;
BEGIN
    SELECT d.status INTO before FROM drukte.device d WHERE d.device_id = the_device;
    IF (m->>'at')::timestamptz < (before->>'at')::timestamptz THEN
        RETURN;  -- an older one that was retained elsewhere
    END IF;
    UPDATE drukte.device d SET status = m || jsonb_build_object('at', coalesce(m->>'at', before->>'at')),
        status_heard = now(), removed = NULL WHERE d.device_id = the_device;
    IF before IS NULL OR (before->'online', before->'state') IS DISTINCT FROM (m->'online', m->'state') THEN
        INSERT INTO drukte.device_state VALUES (the_device, coalesce((m->>'at')::timestamptz, now()), (m->>'online')::boolean,
            m->>'state');
    END IF;
END $$;

-- Take one message. Raises what is wrong with it.
CREATE OR REPLACE FUNCTION drukte.take(topic text, payload text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    part text[] := string_to_array(topic, '/');
    n integer := cardinality(part);
    kind text := part[n];
    of_zone boolean := kind IN ('obs', 'open', 'day', 'busyness');
    organisation_name text := part[n - CASE WHEN of_zone THEN 3 ELSE 2 END];
    device_name text := part[n - CASE WHEN of_zone THEN 2 ELSE 1 END];
    wanted text;
    m jsonb;
    the_device integer;
    the_zone integer;
BEGIN
    wanted := CASE kind WHEN 'obs' THEN 'observation' WHEN 'open' THEN 'observation' ELSE kind END;
    IF kind NOT IN ('obs', 'open', 'day', 'busyness', 'status', 'meta', 'privacy', 'selfcheck') OR device_name IS NULL
        OR organisation_name IS NULL THEN
        RAISE EXCEPTION 'nothing is known of this topic';
    END IF;
    IF payload = '' THEN  -- nothing is retained there any more
        UPDATE drukte.device d SET removed = now()
            WHERE kind = 'status' AND d.organisation = organisation_name AND d.device = device_name;
        RETURN;
    END IF;
    m := payload::jsonb;
    IF m->>'schema' IS DISTINCT FROM 'drukte/' || wanted || '/1' THEN
        RAISE EXCEPTION 'its schema is %, drukte/%/1 is known', coalesce(m->>'schema', 'not told'), wanted;
    END IF;
    -- The broker binds topics to certificates, so the topic is what can be trusted.
    IF (m->>'organisation', m->>'device') IS DISTINCT FROM (organisation_name, device_name)
        OR (of_zone AND m->>'zone' IS DISTINCT FROM part[n - 1]) THEN
        RAISE EXCEPTION 'it names another device or zone than its topic';
    END IF;
    the_device := drukte.id_of_device(organisation_name, device_name);
    IF of_zone THEN
        the_zone := drukte.id_of_zone(the_device, part[n - 1]);
    END IF;
    CASE kind
        WHEN 'obs', 'open' THEN PERFORM drukte.take_observation(the_device, the_zone, kind, m);
        WHEN 'busyness' THEN PERFORM drukte.take_busyness(the_zone, m);
        WHEN 'day' THEN
            INSERT INTO drukte.day AS d VALUES (
                the_zone, (m->>'date')::date, (m->>'from')::timestamptz, (m->>'to')::timestamptz, (m->>'observed')::real,
                m->'people'->>'status', (m->'people'->>'person_hours')::real, (m->>'noise')::real)
            ON CONFLICT (zone_id, date) DO UPDATE SET begins = excluded.begins, ends = excluded.ends,
                observed = excluded.observed, status = excluded.status, person_hours = excluded.person_hours,
                noise = excluded.noise WHERE d.ends <= excluded.ends;
        WHEN 'status' THEN PERFORM drukte.take_status(the_device, m);
        WHEN 'meta' THEN
            UPDATE drukte.device d SET meta = m, time_zone = coalesce(
                (SELECT n.name FROM pg_timezone_names n WHERE n.name = m->>'time_zone'), 'UTC')
                WHERE d.device_id = the_device;
            PERFORM drukte.id_of_zone(the_device, z->>'name') FROM jsonb_array_elements(m->'zones') AS z;
            UPDATE drukte.zone t SET area = (z->>'area')::real FROM jsonb_array_elements(m->'zones') AS z
                WHERE t.device_id = the_device AND t.zone = z->>'name';
        WHEN 'privacy' THEN UPDATE drukte.device d SET privacy = m WHERE d.device_id = the_device;
        WHEN 'selfcheck' THEN UPDATE drukte.device d SET selfcheck = m WHERE d.device_id = the_device;
    END CASE;
END $$;

-- One bad message must not hold up the batch that it came in, else its sender would send the batch for ever.
CREATE OR REPLACE FUNCTION drukte.on_landing() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = drukte, pg_temp SET jit = off AS $$
BEGIN
    BEGIN
        PERFORM drukte.take(NEW.topic, CASE WHEN ltrim(NEW.value) LIKE '{%' OR NEW.value = '' THEN NEW.value
            ELSE convert_from(decode(NEW.value, 'base64'), 'UTF8') END);
    EXCEPTION WHEN data_exception OR integrity_constraint_violation OR raise_exception
        OR case_not_found OR program_limit_exceeded THEN
        INSERT INTO drukte.rejected (topic, reason, payload) VALUES (left(NEW.topic, 300), SQLERRM, left(NEW.value, 2000));
    END;
    RETURN NULL;
END $$;

-- Whoever writes takes turns, so that no hour is reckoned without what another one is writing.
CREATE OR REPLACE FUNCTION drukte.before_landing() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = drukte, pg_temp SET jit = off AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('drukte.landing'));
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION drukte.after_landing() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = drukte, pg_temp SET jit = off AS $$
BEGIN
    PERFORM drukte.roll_up();
    PERFORM drukte.tidy();
    RETURN NULL;
END $$;

DROP TRIGGER IF EXISTS before_landing ON drukte.landing;
CREATE TRIGGER before_landing BEFORE INSERT ON drukte.landing FOR EACH STATEMENT EXECUTE FUNCTION drukte.before_landing();
DROP TRIGGER IF EXISTS on_landing ON drukte.landing;
CREATE TRIGGER on_landing BEFORE INSERT ON drukte.landing FOR EACH ROW EXECUTE FUNCTION drukte.on_landing();
DROP TRIGGER IF EXISTS after_landing ON drukte.landing;
CREATE TRIGGER after_landing AFTER INSERT ON drukte.landing FOR EACH STATEMENT EXECUTE FUNCTION drukte.after_landing();

-- A device that is gone for good: it leaves the dashboards, its numbers stay. It is back when it says anything again.
CREATE OR REPLACE FUNCTION drukte.remove(organisation text, device text) RETURNS void
LANGUAGE sql AS $$
    UPDATE drukte.device d SET removed = now() WHERE d.organisation = $1 AND d.device = $2
$$;
