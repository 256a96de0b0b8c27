#!/usr/bin/env bash
# Put drukte on this machine out of its source (`make deb` makes packages, which upgrade and roll back): an environment in /opt/drukte, two systemd services and an example site file.
# Run through `sudo make install`; `sudo make uninstall` takes it away again and leaves /etc/drukte alone.
set -euo pipefail
cd "$(dirname "$0")/.."

PREFIX=${PREFIX:-/opt/drukte}
ETC=${ETC:-/etc/drukte}
UNITS=${UNITS:-/etc/systemd/system}
PYTHON=${PYTHON:-python3}
if [ -e /var/lib/dpkg/info/drukte.list ] && [ "$PREFIX" = /opt/drukte ]; then
  echo "install: the Debian package drukte is installed; use apt, or remove it first" >&2
  exit 1
fi
NAMES=(drukte-door.socket drukte-sense.service drukte-report.service drukte-indicator.service drukte-settings.path
  drukte-settings.service drukte-sample.service drukte-sample-resume.service drukte-sample-tidy.service
  drukte-sample-tidy.timer drukte-page.service)

say() { printf '== %s\n' "$*"; }
fail() { printf 'install: %s\n' "$*" >&2; exit 1; }
running_systemd() { [ -d /run/systemd/system ]; }

[ "$(id -u)" = 0 ] || fail "must run as root: sudo make install"

if [ "${1:-}" = --remove ]; then
  if running_systemd; then systemctl disable --now "${NAMES[@]}" 2>/dev/null || true; fi
  for name in "${NAMES[@]}"; do rm -f "$UNITS/$name"; done
  if running_systemd; then systemctl daemon-reload; fi
  rm -rf "$PREFIX"
  say "Removed. Your site file and keys are still in $ETC."
  exit 0
fi

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "'$PYTHON' is older than Python 3.11"
"$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || fail "the venv module is missing: sudo apt install python3-venv"
"$PYTHON" -c 'import struct, sys; sys.exit(struct.calcsize("P") != 8)' \
  || fail "this is a 32-bit system; drukte needs the 64-bit one (on a Pi: Raspberry Pi OS 64-bit)"

# Raspberry Pi OS ships picamera2 and libcamera for its own Python only, so there the environment builds on it.
site_packages=()
if "$PYTHON" -c 'import picamera2' 2>/dev/null; then
  say "picamera2 of this system is used for the Pi camera"
  site_packages=(--system-site-packages)
fi

say "Python environment in $PREFIX (pinned packages, checked by hash)"
"$PYTHON" -m venv "${site_packages[@]}" "$PREFIX"
"$PREFIX/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/device.txt
"$PREFIX/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation .
"$PREFIX/bin/python" -m compileall -q "$PREFIX/lib" || true

MODELS=/var/lib/drukte/models
say "The person detector in $MODELS"
if [ -n "${MODEL_FILE:-}" ]; then from=(--from "$MODEL_FILE"); else from=(); fi
DRUKTE_MODELS="$MODELS" "$PREFIX/bin/drukte" models pull "${from[@]}"
chmod -R a+rX "$PREFIX"

install -d -m 0755 "$ETC" "$PREFIX/share/doc"
install -d -m 0700 "$ETC/credentials"
install -d -m 0755 /var/lib/drukte-acts
cp docs/*.md "$PREFIX/share/doc/"
install -m 0644 firmware_config/sites/*.yaml -t "$PREFIX/share"
if [ ! -e "$ETC/site.yaml" ]; then
  install -m 0644 firmware_config/sites/example.yaml "$ETC/site.yaml"
  say "An example site file is now $ETC/site.yaml: fill it in, then run: drukte check $ETC/site.yaml"
fi

say "Units in $UNITS"
install -d "$UNITS"
for name in "${NAMES[@]}"; do
  sed "s#/opt/drukte/current#$PREFIX#g; s#/opt/drukte#$PREFIX#g; s#/etc/drukte#$ETC#g" "packaging/systemd/$name" > "$UNITS/$name"
done
ln -sf "$PREFIX/bin/drukte" /usr/local/bin/drukte
if running_systemd; then
  systemctl daemon-reload
  systemctl enable --quiet drukte-door.socket drukte-report.service drukte-sense.service \
    drukte-indicator.service drukte-settings.path drukte-sample-resume.service drukte-sample-tidy.timer
  systemctl start drukte-sample-tidy.timer
  say "Start it with: systemctl start drukte-sense drukte-report    Look at it with: drukte watch --site $ETC/site.yaml"
else
  say "systemd does not run here; enable the units once it does: ${NAMES[*]}"
fi
