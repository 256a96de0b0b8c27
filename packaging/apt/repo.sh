#!/bin/bash
# A signed apt repository with rings: a few devices take a version first, the rest when it has proved itself there.
#
#   repo.sh add DIR RING FILE.deb...      put packages into a ring, by the suite in their version (~deb12, ~deb13)
#   repo.sh promote DIR FROM TO           a ring gets what another has
#   repo.sh sign DIR                      make all indexes anew and sign them (before they run out)
#
# RING is a name such as canary or stable. KEY: fingerprint of the signing key in gpg's keyring. VALID_DAYS: how long
# the signature on an index holds (14 unless set), so that nobody can hold a device on an old one for long.
# DIR is plain files: serve it with any web server, or carry it on a stick (file:///media/stick/apt).
# Needs apt-utils and gpg.
set -euo pipefail

fail() { echo "repo: $*" >&2; exit 1; }
[ $# -ge 2 ] || fail "usage: repo.sh add|promote|sign DIR ..."
command -v apt-ftparchive >/dev/null || fail "apt-ftparchive is missing: sudo apt install apt-utils"
[ -n "${KEY:-}" ] || fail "KEY is not set: the fingerprint of the signing key (gpg --list-secret-keys)"
verb=$1 dir=$2
shift 2

suites() { # of a package file
  case $(dpkg-deb -f "$1" Version) in
  *~deb12) echo bookworm ;;
  *~deb13) echo trixie ;;
  *) echo bookworm trixie ;;
  esac
}

index() { # RING: Packages, Release, InRelease of every suite in it
  local ring=$1 suite dist arch
  for suite in bookworm trixie; do
    [ -d "$dir/pool/$ring/$suite" ] || continue
    dist=$dir/dists/$suite-$ring
    rm -rf "$dist.new"
    for arch in amd64 arm64; do
      mkdir -p "$dist.new/main/binary-$arch"
      (cd "$dir" && apt-ftparchive --arch "$arch" packages "pool/$ring/$suite") >"$dist.new/main/binary-$arch/Packages"
      gzip -9nk "$dist.new/main/binary-$arch/Packages"
    done
    apt-ftparchive \
      -o APT::FTPArchive::Release::Origin=drukte -o APT::FTPArchive::Release::Label=drukte \
      -o APT::FTPArchive::Release::Suite="$suite-$ring" -o APT::FTPArchive::Release::Codename="$suite-$ring" \
      -o APT::FTPArchive::Release::Architectures="amd64 arm64" -o APT::FTPArchive::Release::Components=main \
      -o APT::FTPArchive::Release::ValidTime=$((86400 * ${VALID_DAYS:-14})) \
      release "$dist.new" >"$dist.new/Release.made"
    mv "$dist.new/Release.made" "$dist.new/Release"
    gpg --batch --yes --local-user "$KEY" --clearsign --output "$dist.new/InRelease" "$dist.new/Release"
    gpg --batch --yes --local-user "$KEY" --detach-sign --armor --output "$dist.new/Release.gpg" "$dist.new/Release"
    rm -rf "$dist.old"
    [ ! -d "$dist" ] || mv "$dist" "$dist.old"
    mv "$dist.new" "$dist"
    rm -rf "$dist.old"
  done
}

case $verb in
add)
  ring=$1
  shift
  [ $# -gt 0 ] || fail "which packages?"
  for file in "$@"; do
    for suite in $(suites "$file"); do
      mkdir -p "$dir/pool/$ring/$suite"
      cp "$file" "$dir/pool/$ring/$suite/"
    done
  done
  index "$ring"
  ;;
promote)
  [ -d "$dir/pool/$1" ] || fail "there is no ring $1 in $dir"
  mkdir -p "$dir/pool/$2"
  cp -r "$dir/pool/$1/." "$dir/pool/$2/"
  index "$2"
  ;;
sign)
  for ring in "$dir"/pool/*/; do index "$(basename "$ring")"; done
  ;;
*) fail "unknown: $verb" ;;
esac
