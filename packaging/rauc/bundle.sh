#!/bin/bash
# A signed update of a whole system for devices with A and B partitions: bundle.sh IMAGE.ext4 VERSION ARCH OUT.raucb
#   IMAGE: a root file system in which the Debian packages are installed.
#   CERT, KEY: the signing certificate and key (PEM); the device's keyring.pem holds the authority that signed CERT.
# The device installs it with `rauc install OUT.raucb`, restarts into it, and keeps it only when drukte makes windows
# there: mark-good (beside this file) waits for one, then `rauc status mark-good`, else it restarts into the other.
# Needs rauc and squashfs-tools.
set -euo pipefail
[ $# = 4 ] || { echo "usage: CERT=... KEY=... bundle.sh IMAGE.ext4 VERSION ARCH OUT.raucb" >&2; exit 1; }
image=$1 version=$2 arch=$3 out=$4
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
mkdir "$t/in"
cp --sparse=always "$image" "$t/in/rootfs.ext4"
cat >"$t/in/manifest.raucm" <<M
[update]
compatible=drukte-$arch
version=$version

[bundle]
format=verity

[image.rootfs]
filename=rootfs.ext4
M
rm -f "$out"
rauc --cert "$CERT" --key "$KEY" bundle "$t/in" "$out"
