#!/usr/bin/env bash
# Puts a backup into a database made anew: restore.sh DUMP, with every process of Muniment stopped.
#
#   RESTORE_URL    the server as a superuser, with the database to make: postgresql://postgres:…@host/muniment
#   RESTORE_URL_FILE   or a file that holds it
#   PG_BIN         a folder of PostgreSQL's programs, where they are not on the path
#
# It refuses a database that is there already: rename it first (alter database muniment rename to muniment_before) and
# drop it when all is well. The erasure ledger is not touched, and must not be: it knows who was erased since.
# Afterwards: muniment db upgrade; muniment db restored.
set -euo pipefail

[ -z "${PG_BIN:-}" ] || PATH=$PG_BIN:$PATH
here=$(cd "$(dirname "$0")" && pwd)
dump=${1:?usage: restore.sh DUMP}
url=${RESTORE_URL:-$(cat "${RESTORE_URL_FILE:?set RESTORE_URL or RESTORE_URL_FILE}")}
if [[ $url =~ ^(postgres(ql)?://[^:@/]+):([^@/]*)@(.*)$ ]]; then
  PGPASSWORD=$(printf '%b' "${BASH_REMATCH[3]//%/\\x}")
  export PGPASSWORD
  url=${BASH_REMATCH[1]}@${BASH_REMATCH[4]}
fi
[[ $url =~ ^(postgres(ql)?://[^/]*/)([A-Za-z_][A-Za-z0-9_]*)(\?.*)?$ ]] \
  || { echo "RESTORE_URL must name a database: postgresql://postgres@host/muniment" >&2; exit 2; }
maintenance=${BASH_REMATCH[1]}postgres${BASH_REMATCH[4]}
database=${BASH_REMATCH[3]}

if [ -f "$dump.sha256" ]; then
  (cd "$(dirname "$dump")" && sha256sum --quiet --check "$(basename "$dump").sha256") \
    || { echo "$dump is not what was backed up: take an older one" >&2; exit 1; }
fi
pg_restore --list "$dump" >/dev/null

sql() { psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 "$@"; }
sql --dbname "$maintenance" --command "create database $database encoding 'UTF8' template template0"
# Nobody but us until it is whole: a program that is started too early must not see half a database.
sql --dbname "$maintenance" --command "alter database $database connection limit 0"
sql --dbname "$url" --file "$here/roles.sql"
pg_restore --exit-on-error --dbname "$url" "$dump"
sql --dbname "$url" --command "analyze"
sql --dbname "$maintenance" --command "alter database $database connection limit -1"

echo "Restored. Now: muniment db upgrade, then muniment db restored, then start the processes."
