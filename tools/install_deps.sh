#!/bin/sh
# Installs the packages named on the command line where apt-get is there and they are not; elsewhere names them.
missing=
if command -v dpkg-query >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1; then
    for package in "$@"; do
        case $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) in
            *"ok installed"*) ;;
            *) missing="$missing $package" ;;
        esac
    done
    [ -z "$missing" ] && exit 0
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    echo "${sudo:+$sudo }apt-get install -y --no-install-recommends$missing"
    # shellcheck disable=SC2086
    { $sudo apt-get update -qq; DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null; } ||
        { echo "could not install:$missing" >&2; exit 1; }
else
    echo "no apt-get here; the build needs what Debian calls: $*"
fi
