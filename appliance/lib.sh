# Shared by the commands of appliance/. Sourced, never run.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }

# Runs a command as root: directly, or through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# Installs those Debian packages of the given lists that are missing. No service of theirs starts: while packages are
# being set up, policy-rc.d says no (unless the machine has a policy of its own).
install_packages() {
    local missing=() name
    while read -r name; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
    done < <(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    say "Installing: ${missing[*]}"
    local policy=/usr/sbin/policy-rc.d made=no status=0
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
        made=yes
    fi
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || status=$?
    if [ "$made" = yes ]; then as_root rm -f "$policy"; fi
    [ "$status" -eq 0 ] || fail "apt-get could not install: ${missing[*]}"
}

need_swift() {
    command -v swift >/dev/null || fail "Swift 6.2 or newer is needed in PATH: https://www.swift.org/install/linux/"
}

# Builds the release executable and prints its path in `buzon`.
build_release() {
    need_swift
    (cd "$top" && swift build -c release --static-swift-stdlib --product buzon)
    buzon=$(cd "$top" && swift build -c release --static-swift-stdlib --show-bin-path)/buzon
}
