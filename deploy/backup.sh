#!/usr/bin/env bash
# One backup of the database, checked, and the end of those that are too old.
#
#   BACKUP_URL        the database as muniment_backup: postgresql://muniment_backup:…@host/muniment
#   BACKUP_URL_FILE   or a file that holds it
#   BACKUP_DIR        where the backups lie; a folder that is encrypted, and not the host's only disk
#   BACKUP_KEEP_DAYS  how long one is kept, 30 unless set. It is part of what the council promises: a person who was
#                     erased is in the backups for so long. Never longer than the notice says.
#   PG_BIN            a folder of PostgreSQL's programs, where they are not on the path
#
# Neither the erasure ledger nor the key ring belongs here, ever: see docs/runbook.md.
set -euo pipefail
umask 077

[ -z "${PG_BIN:-}" ] || PATH=$PG_BIN:$PATH
url=${BACKUP_URL:-$(cat "${BACKUP_URL_FILE:?set BACKUP_URL or BACKUP_URL_FILE}")}
folder=${BACKUP_DIR:?set BACKUP_DIR}
keep=${BACKUP_KEEP_DAYS:-30}
case $keep in '' | *[!0-9]*) echo "BACKUP_KEEP_DAYS must be a number of days" >&2; exit 2 ;; esac

# One at a time: a second run would delete the first one's unfinished file.
exec 9>"$folder/.lock"
flock --nonblock 9 || { echo "another backup is under way" >&2; exit 1; }

name=muniment-$(date --utc +%Y%m%dT%H%M%SZ)
unfinished=$folder/.$name.unfinished
trap 'rm -f "$unfinished"' EXIT
rm -f "$folder"/.muniment-*.unfinished

# A password stands on no command line, where everybody on the host could read it.
if [[ $url =~ ^(postgres(ql)?://[^:@/]+):([^@/]*)@(.*)$ ]]; then
  PGPASSWORD=$(printf '%b' "${BASH_REMATCH[3]//%/\\x}")
  export PGPASSWORD
  url=${BASH_REMATCH[1]}@${BASH_REMATCH[4]}
fi

PGCONNECT_TIMEOUT=10 pg_dump --format custom --lock-wait-timeout 60000 --file "$unfinished" "$url"

# A backup that cannot be read is none: its table of contents and every compressed block are read back.
contents=$(pg_restore --list "$unfinished")
[[ $contents == *"TABLE DATA public disposal "* ]] || { echo "the dump holds no table of Muniment" >&2; exit 1; }
pg_restore --file /dev/null "$unfinished"

mv "$unfinished" "$folder/$name.dump"
(cd "$folder" && sha256sum "$name.dump" >"$name.dump.sha256")
sync -f "$folder"

# Too old is gone, but never the newest that there is.
find "$folder" -maxdepth 1 -name 'muniment-*.dump' -mmin "+$((keep * 1440))" ! -name "$name.dump" -print0 |
  while IFS= read -r -d '' old; do rm -f "$old" "$old.sha256"; done

echo "$folder/$name.dump"
