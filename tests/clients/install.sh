#!/bin/sh
# Installs from Debian what the tests in this folder and in tests/crash start. Debian 12, as root; does nothing
# where all is there.
set -eu

packages="buildah busybox-static containerd debootstrap docker.io e2fsprogs podman skopeo strace umoci util-linux"

missing=""
for package in $packages; do
    status=$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "install.sh: run it as root, to install:$missing" >&2
    exit 1
fi

export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# shellcheck disable=SC2086  # one word per package
apt-get -qq --no-install-recommends install $missing >/dev/null
