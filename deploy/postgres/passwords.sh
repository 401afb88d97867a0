#!/usr/bin/env bash
# Run once by PostgreSQL's image after roles.sql: the roles get the passwords that are in /run/secrets.
set -euo pipefail

folder=${SECRETS_DIR:-/run/secrets}
for role in owner application backup; do
  # psql takes the password from its standard input, so that it stands on no command line; the log is told nothing.
  psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname "${POSTGRES_DB:-muniment}" <<SQL
set log_statement = 'none';
set log_min_error_statement = 'panic';
\\set secret \`cat "$folder/${role}_password"\`
alter role muniment_$role password :'secret';
SQL
done
