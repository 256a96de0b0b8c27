-- drukte in PostgreSQL: hours made of windows, and what is forgotten when. Both run with every batch that comes in; no
-- timer is needed.

-- Reckon anew the hours of which a window came in. A window belongs to the hour in which it begins.
CREATE OR REPLACE FUNCTION drukte.roll_up() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    -- What comes in so late that its hour's other windows are forgotten already must not replace the whole hour.
    DELETE FROM drukte.hour_to_do t USING drukte.keep k, drukte.hour h
    WHERE k.what = 'windows' AND t.hour < now() - k.days * interval '1 day'
        AND (h.zone_id, h.product, h.hour) = (t.zone_id, t.product, t.hour);

    WITH part AS (
        SELECT t.zone_id, t.product, t.hour, o.people_status AS status, o.people_mean AS mean, o.people_max AS most,
            o.people_low AS low, o.people_high AS high, o.windows, o.grade,
            o.observed * extract(epoch FROM o.ends - o.begins) AS weight
        FROM drukte.hour_to_do t
        JOIN drukte.observation o ON o.zone_id = t.zone_id AND o.product = t.product AND NOT o.superseded
            AND o.ends > t.hour AND o.ends < t.hour + interval '1 day'
            AND o.begins >= t.hour AND o.begins < t.hour + interval '1 hour'
    ), whole AS (
        SELECT zone_id, product, hour,
            sum(weight) FILTER (WHERE status IN ('shown', 'under_5')) AS told,
            sum(weight) FILTER (WHERE status = 'shown') AS shown,
            sum(weight * coalesce(mean, 2)) FILTER (WHERE status IN ('shown', 'under_5')) AS sum_mean,
            sum(weight * low) AS sum_low, sum(weight * high) AS sum_high,
            coalesce(bool_and(weight = 0 OR low IS NOT NULL), false) AS has_low,
            coalesce(bool_and(weight = 0 OR high IS NOT NULL), false) AS has_high,
            bool_or(status = 'under_5') AS few, bool_or(status = 'suppressed') AS hidden,
            max(most) AS most, coalesce(sum(weight), 0) AS watched, sum(windows) AS windows,
            coalesce(sum(windows) FILTER (WHERE status = 'under_5'), 0) AS windows_few,
            coalesce(sum(windows) FILTER (WHERE status = 'suppressed'), 0) AS windows_suppressed,
            coalesce(sum(windows) FILTER (WHERE grade = 'good'), 0) AS windows_good
        FROM part GROUP BY zone_id, product, hour
    )
    INSERT INTO drukte.hour AS h
    SELECT zone_id, product, hour,
        CASE WHEN shown > 0 THEN 'shown' WHEN few THEN 'few' WHEN hidden THEN 'suppressed' ELSE 'not_observed' END,
        CASE WHEN shown > 0 THEN sum_mean / told END,
        CASE WHEN has_low AND watched > 0 THEN sum_low / watched END,
        CASE WHEN has_high AND watched > 0 THEN sum_high / watched END,
        most, least(1, watched / 3600), windows, windows_few, windows_suppressed, windows_good
    FROM whole
    ON CONFLICT (zone_id, product, hour) DO UPDATE SET status = excluded.status, people = excluded.people,
        low = excluded.low, high = excluded.high, most = excluded.most, observed = excluded.observed,
        windows = excluded.windows, windows_few = excluded.windows_few,
        windows_suppressed = excluded.windows_suppressed, windows_good = excluded.windows_good;

    INSERT INTO drukte.hour_crossing
    SELECT t.zone_id, t.product, t.hour, c.line, c.riders, sum(c.count_in), sum(c.count_out),
        count(*) FILTER (WHERE c.status <> 'shown')
    FROM drukte.hour_to_do t
    JOIN drukte.crossing c ON c.zone_id = t.zone_id AND c.product = t.product AND NOT c.superseded
        AND c.ends > t.hour AND c.ends <= t.hour + interval '1 hour'
    GROUP BY t.zone_id, t.product, t.hour, c.line, c.riders
    ON CONFLICT (zone_id, product, hour, line, riders) DO UPDATE SET count_in = excluded.count_in,
        count_out = excluded.count_out, spans_hidden = excluded.spans_hidden;

    DELETE FROM drukte.hour_to_do;
END $$;

-- Forget what is older than drukte.keep says: at most once a minute, and so much at a time that nobody waits for it.
CREATE OR REPLACE FUNCTION drukte.tidy(at_most integer DEFAULT 20000, pause interval DEFAULT '1 minute') RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    windows_until timestamptz := now() - (SELECT days FROM drukte.keep WHERE what = 'windows') * interval '1 day';
    hours_until timestamptz := now() - (SELECT days FROM drukte.keep WHERE what = 'hours') * interval '1 day';
    rejected_until timestamptz := now() - (SELECT days FROM drukte.keep WHERE what = 'rejected') * interval '1 day';
BEGIN
    UPDATE drukte.tidied SET at = now() WHERE at < now() - pause;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    -- The condition stands twice: in a table that is made of parts, rows of several parts have the same ctid.
    DELETE FROM drukte.observation WHERE ends < windows_until
        AND ctid = ANY (ARRAY(SELECT ctid FROM drukte.observation WHERE ends < windows_until LIMIT at_most));
    DELETE FROM drukte.crossing WHERE ends < windows_until
        AND ctid = ANY (ARRAY(SELECT ctid FROM drukte.crossing WHERE ends < windows_until LIMIT at_most));
    DELETE FROM drukte.hour WHERE hour.hour < hours_until
        AND ctid = ANY (ARRAY(SELECT ctid FROM drukte.hour WHERE hour.hour < hours_until LIMIT at_most));
    DELETE FROM drukte.hour_crossing WHERE hour_crossing.hour < hours_until
        AND ctid = ANY (ARRAY(SELECT ctid FROM drukte.hour_crossing WHERE hour_crossing.hour < hours_until LIMIT at_most));
    DELETE FROM drukte.expected WHERE expected.hour < hours_until
        AND ctid = ANY (ARRAY(SELECT ctid FROM drukte.expected WHERE expected.hour < hours_until LIMIT at_most));
    DELETE FROM drukte.day WHERE ends < hours_until;
    DELETE FROM drukte.device_state WHERE at < windows_until;
    DELETE FROM drukte.rejected WHERE at < rejected_until;
END $$;
