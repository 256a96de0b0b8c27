#!/bin/bash
# The role against a device: a Debian 12 root under its own systemd, as for the packages. `sudo make ansible-test`
#   ANSIBLE: folder site-packages with ansible-core for Python 3.11. DEBS, ROOTS, VIDEO as for packaging/deb/test/run.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
DEBS=${DEBS:-$top/dist} ROOTS=${ROOTS:-$top/build/roots}
VIDEO=${VIDEO:-${DRUKTE_DEMO_VIDEO:-$top/../shared/data/camera/pets09-s2l1/vtest.avi}}
ANSIBLE=${ANSIBLE:-$(echo "$top"/build/ansible/lib/python3.11/site-packages)}
[ "$(id -u)" = 0 ] || { echo "ansible-test: namespaces and an overlay need root: sudo make ansible-test" >&2; exit 1; }
[ -d "$ANSIBLE/ansible" ] || { echo "ansible-test: no ansible-core in $ANSIBLE" >&2; exit 1; }
root=$ROOTS/bookworm-ansible
if [ ! -e "$root/.ok" ]; then
  [ -d "$ROOTS/bookworm/usr" ] || { echo "ansible-test: no root at $ROOTS/bookworm; make deb-test makes it" >&2; exit 1; }
  rm -rf "$root" && cp -a "$ROOTS/bookworm" "$root"
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  chroot "$root" sh -c 'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
    install python3-apt unattended-upgrades' >/dev/null 2>&1
  touch "$root/.ok"
fi
t=$(mktemp -d /tmp/drukte-ansible-test.XXXXXX)
chmod 755 "$t"
mkdir -p "$t"/{out,gnupg,sites}
chmod 700 "$t/gnupg"
cp "$here/inside.py" "$t"
cp -r "$top/packaging/ansible" "$t/ansible"
cp -r "$ANSIBLE" "$t/packages"
cp "$VIDEO" "$t/sites/street.avi"
cp "$top/firmware_config/sites/demo-street.yaml" "$t"
export GNUPGHOME=$t/gnupg
gpg --batch --quiet --passphrase '' --quick-gen-key 'drukte test <t@localhost>' ed25519 sign 1d 2>/dev/null
KEY=$(gpg --list-keys --with-colons 2>/dev/null | awk -F: '/^fpr/ {print $10; exit}')
export KEY
"$top/packaging/apt/repo.sh" add "$t/repo" canary "$DEBS"/drukte-model_*_all.deb "$DEBS"/drukte_*~deb12_amd64.deb >/dev/null 2>&1
gpg --export "$KEY" >"$t/drukte.gpg"
unshare --mount --pid --fork --uts --ipc --cgroup --net --kill-child "$top/packaging/deb/test/boot.sh" "$root" "$t" >"$t/out/boot" 2>&1 || true
cat "$t/out/log"
if grep -q '^all passed' "$t/out/log"; then rm -rf "$t"; else echo "FAILED (all of it in $t)"; exit 1; fi
