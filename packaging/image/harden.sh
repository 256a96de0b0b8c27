#!/bin/bash
# First start of a device: Raspberry Pi OS Lite (64-bit) or Debian 12/13, made into one that counts and does nothing else.
# seed.py puts it on the card with cloud-init; by hand: sudo ./harden.sh. Running it again changes nothing more.
#   REPOSITORY, RING, SUITE     the signed apt repository (packaging/apt); its key lies in /etc/apt/keyrings/drukte.gpg
#   PACKAGES                    .deb files in place of a repository
#   READ_ONLY=1                 root read-only, changes in memory; state on the partition labelled drukte-data
#   ROOT                        another root than / (tests)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
ROOT=${ROOT:-}
say() { echo "== $*"; }
live() { [ -z "$ROOT" ] && [ -d /run/systemd/system ]; }
boot=$ROOT/boot/firmware
[ -d "$boot" ] || boot=$ROOT/boot

if [ -d "$here/files" ]; then
  say "Settings of the system"
  (cd "$here/files" && find . -type f) | while read -r name; do install -D -m 0644 "$here/files/$name" "$ROOT/${name#./}"; done
fi

say "Kernel: memory cgroup on, freed memory wiped"
if [ -f "$boot/cmdline.txt" ]; then
  line=$(tr -d '\n' <"$boot/cmdline.txt")
  for word in cgroup_enable=memory init_on_free=1; do
    [[ " $line " == *" $word "* ]] || line="$line $word"
  done
  echo "$line" >"$boot/cmdline.txt.new" && mv "$boot/cmdline.txt.new" "$boot/cmdline.txt"
fi
if [ -f "$boot/config.txt" ]; then
  # Bluetooth off, watchdog on, and the board's green light left to drukte (indicator: {kind: led, name: ACT})
  for word in dtoverlay=disable-bt dtparam=watchdog=on dtparam=act_led_trigger=none; do
    grep -qx "$word" "$boot/config.txt" || echo "$word" >>"$boot/config.txt"
  done
fi

say "Swap: in compressed memory or not at all, never on the card"
if [ -e "$ROOT/etc/rpi/swap.conf" ] || [ -d "$ROOT/etc/rpi/swap.conf.d" ]; then
  mkdir -p "$ROOT/etc/rpi/swap.conf.d"
  printf '[Main]\nMechanism=zram\n' >"$ROOT/etc/rpi/swap.conf.d/drukte.conf"
fi
if [ -f "$ROOT/etc/fstab" ]; then sed -i -E '/^[^#]\S*\s+\S+\s+swap\s/s/^/# drukte: /' "$ROOT/etc/fstab"; fi
if [ -f "$ROOT/etc/dphys-swapfile" ]; then
  sed -i -E 's/^#?CONF_SWAPSIZE=.*/CONF_SWAPSIZE=0/' "$ROOT/etc/dphys-swapfile"
  rm -f "$ROOT/var/swap"
fi

if [ -n "${REPOSITORY:-}" ]; then
  suite=${SUITE:-$(. "$ROOT/etc/os-release" && echo "$VERSION_CODENAME")}
  cat >"$ROOT/etc/apt/sources.list.d/drukte.sources" <<S
Types: deb
URIs: $REPOSITORY
Suites: $suite-${RING:-stable}
Components: main
Signed-By: /etc/apt/keyrings/drukte.gpg
S
fi
[ -z "$ROOT" ] || { say "Only files, since ROOT is given"; exit 0; }

say "Packages"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
install_packages() {
  apt-get -qq -y --no-install-recommends -o Dpkg::Options::=--force-confold install "$@" >"$log" 2>&1 \
    || { tail -n 30 "$log" >&2; exit 1; }
}
apt-get -qq update
install_packages nftables openssh-server unattended-upgrades systemd-timesyncd ca-certificates ${REPOSITORY:+drukte drukte-model}
# shellcheck disable=SC2086 # words
[ -z "${PACKAGES:-}" ] || install_packages $PACKAGES

say "No password opens anything; one user, by key"
id technician >/dev/null 2>&1 || useradd --create-home --shell /bin/bash technician
for user in $(awk -F: '$2 !~ /^[!*]/ {print $1}' /etc/shadow); do usermod --lock "$user"; done
mkdir -p /run/sshd
sshd -t
nft -c -f /etc/nftables.conf || { echo "harden: /etc/nftables.conf is not right; the firewall stays as it was" >&2; exit 1; }

say "Services"
for unit in bluetooth hciuart avahi-daemon ModemManager triggerhappy cups rpcbind dphys-swapfile; do
  systemctl disable --quiet "$unit.service" 2>/dev/null || true
done
systemctl mask --quiet avahi-daemon.socket serial-getty@.service ctrl-alt-del.target systemd-coredump.socket 2>/dev/null || true
systemctl enable --quiet nftables.service unattended-upgrades.service systemd-timesyncd.service ssh.service \
  apt-daily.timer apt-daily-upgrade.timer

if [ -n "${READ_ONLY:-}" ]; then
  say "Root read-only, changes in memory; what has to stay goes to the partition labelled drukte-data"
  blkid -L drukte-data >/dev/null || { echo "harden: there is no partition labelled drukte-data (mkfs.ext4 -L drukte-data)" >&2; exit 1; }
  install_packages overlayroot
  echo 'overlayroot="tmpfs:recurse=0"' >/etc/overlayroot.local.conf
  grep -q LABEL=drukte-data /etc/fstab || cat >>/etc/fstab <<'F'
LABEL=drukte-data /data ext4 noatime,nodev,nosuid,noexec,commit=30 0 2
/data/private /var/lib/private none bind,x-systemd.requires-mounts-for=/data 0 0
/data/acts /var/lib/drukte-acts none bind,x-systemd.requires-mounts-for=/data 0 0
/data/sample /var/lib/drukte-sample none bind,x-systemd.requires-mounts-for=/data 0 0
F
  mkdir -p /data && { mountpoint -q /data || mount /data; }
  install -d -m 0700 /data/private /data/sample /var/lib/private /var/lib/drukte-sample
  install -d -m 0755 /data/acts
  systemctl disable --quiet apt-daily-upgrade.timer unattended-upgrades.service # would be forgotten; see docs
fi

if live; then
  systemctl daemon-reload
  systemctl restart systemd-timesyncd nftables ssh || true
  sysctl -q --system || true
fi
if [ -e /etc/drukte/site.yaml ]; then
  drukte check /etc/drukte/site.yaml >/dev/null || { echo "harden: the site file is not right; see: drukte check" >&2; exit 1; }
fi
say "Done. Restart once: the kernel's settings need it"
