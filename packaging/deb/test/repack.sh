#!/bin/bash
# The same package under another revision, to try upgrades with: repack.sh FILE REVISION OUT [break]
# With `break` its sealed room starts, sees and counts, and writes nothing to the door.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
dpkg-deb -R "$1" "$t/p"
old=$(dpkg-deb -f "$1" Version)
new=$(sed "s/-[0-9]*~/-$2~/" <<<"$old")
cd "$t/p"
mv "opt/drukte/releases/$old" "opt/drukte/releases/$new"
sed -i "s#$old#$new#g" DEBIAN/* "opt/drukte/releases/$new/SHA256SUMS"
if [ "${4:-}" = break ]; then
  room=$(echo opt/drukte/releases/"$new"/lib/python3*/site-packages/drukte/sense/room.py)
  sed -i 's/^            os.write(self._fd, encode.*/            pass/' "$room"
  grep -q '^            pass' "$room"
  digest=$(sha256sum "$room" | cut -d' ' -f1)
  sed -i "s#^[0-9a-f]*  /$room\$#$digest  /$room#" "opt/drukte/releases/$new/SHA256SUMS"
fi
dpkg-deb --root-owner-group -Znone --build . "$3" >/dev/null
