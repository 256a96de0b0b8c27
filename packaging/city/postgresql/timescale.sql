-- Optional, after the numbered files, where TimescaleDB is installed: windows and crossings in daily chunks, so that
-- forgetting drops a chunk. Written from TimescaleDB's documentation; it was not run, since no TimescaleDB was at hand.
-- Everything else works the same with and without it.
CREATE EXTENSION IF NOT EXISTS timescaledb;
SELECT create_hypertable('drukte.observation', 'ends', chunk_time_interval => interval '1 day', if_not_exists => true,
    migrate_data => true);
SELECT create_hypertable('drukte.crossing', 'ends', chunk_time_interval => interval '1 day', if_not_exists => true,
    migrate_data => true);
SELECT add_retention_policy('drukte.observation', interval '90 days', if_not_exists => true);
SELECT add_retention_policy('drukte.crossing', interval '90 days', if_not_exists => true);
