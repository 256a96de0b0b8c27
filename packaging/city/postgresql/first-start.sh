#!/bin/sh
# Sets the database up, now or again: tables, functions, views, roles, and the passwords that the environment holds.
# On a machine of your own: sudo -u postgres env POSTGRES_DB=drukte DRUKTE_INGEST_PASSWORD=... DRUKTE_READ_PASSWORD=... \
#     sh first-start.sh
set -eu
here=${DRUKTE_SQL:-/docker-entrypoint-initdb.d/drukte}
[ -d "$here" ] || here=$(dirname "$0")
for file in "$here"/[0-9]*.sql; do
    psql -q -v ON_ERROR_STOP=1 -d "$POSTGRES_DB" ${POSTGRES_USER:+-U "$POSTGRES_USER"} -f "$file"
done
psql -q -v ON_ERROR_STOP=1 -d "$POSTGRES_DB" ${POSTGRES_USER:+-U "$POSTGRES_USER"} \
    -v ingest="$DRUKTE_INGEST_PASSWORD" -v read="$DRUKTE_READ_PASSWORD" <<'SQL'
ALTER ROLE drukte_ingest LOGIN PASSWORD :'ingest';
ALTER ROLE drukte_read LOGIN PASSWORD :'read';
SQL
