-- drukte in PostgreSQL: who may do what. Give them a way to log in, each with a password of its own:
--     ALTER ROLE drukte_ingest LOGIN PASSWORD '...';  ALTER ROLE drukte_read LOGIN PASSWORD '...';

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['drukte_ingest', 'drukte_read', 'drukte_open'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I', name);
        END IF;
    END LOOP;
END $$;

REVOKE ALL ON SCHEMA drukte FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA drukte FROM PUBLIC;

-- Telegraf: may hand in messages, and read nothing.
GRANT USAGE ON SCHEMA drukte TO drukte_ingest;
GRANT INSERT ON drukte.landing TO drukte_ingest;

-- Grafana and analysts: may read everything, and write nothing.
GRANT USAGE ON SCHEMA drukte TO drukte_read;
GRANT SELECT ON ALL TABLES IN SCHEMA drukte TO drukte_read;
ALTER ROLE drukte_read SET statement_timeout = '30s';
ALTER ROLE drukte_read SET default_transaction_read_only = on;
-- Compiling such short queries costs more than running them.
ALTER ROLE drukte_read SET jit = off;

-- A public website: the second product, and nothing else.
GRANT USAGE ON SCHEMA drukte TO drukte_open;
GRANT SELECT ON drukte.open_windows TO drukte_open;
ALTER ROLE drukte_open SET statement_timeout = '10s';
