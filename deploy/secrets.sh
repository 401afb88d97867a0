#!/usr/bin/env bash
# Makes the passwords of PostgreSQL's roles and the addresses that hold them, once: secrets.sh FOLDER [HOST [DATABASE]]
#
# One file each, for `secrets:` of compose.yaml or LoadCredential= of the systemd units. What is there already stays.
# Everybody in a container may have to read them, so it is the folder that is closed.
set -euo pipefail

folder=${1:?usage: secrets.sh FOLDER [HOST [DATABASE]]}
host=${2:-postgres}
database=${3:-muniment}

mkdir -p "$folder"
chmod 0700 "$folder"

password() {
  [ -s "$folder/$1_password" ] || od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$folder/$1_password"
  cat "$folder/$1_password"
}

password superuser >/dev/null
for role in owner application backup; do
  secret=$(password "$role")
  printf 'postgresql://muniment_%s:%s@%s/%s\n' "$role" "$secret" "$host" "$database" >"$folder/${role}_url"
done
chmod 0444 "$folder"/*_password "$folder"/*_url
echo "Passwords and addresses are in $folder. Keep the folder closed, and out of every repository and backup."
