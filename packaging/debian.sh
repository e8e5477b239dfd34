#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# debian.sh TREE VERSION APT-BUILD LICENSE: fills in what debian/ in TREE leaves open: the changelog,
# the build dependencies and the licence each stand in one place of this repository already.
set -euo pipefail
tree=$1 version=$2 packages=$3 license=$4
build=$(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' -e '/^gcc$/d' -e '/^libc6-dev$/d' "$packages" | paste -sd, | sed 's/,/, /g')
sed -i "s|@BUILD@|$build|" "$tree/debian/control"
{
	sed '/^@LICENSE@$/,$d' "$tree/debian/copyright"
	sed -n '/^Permission/,$p' "$license" | sed -e 's/^$/./' -e 's/^/ /'
} >"$tree/debian/copyright.new"
mv "$tree/debian/copyright.new" "$tree/debian/copyright"
cat >"$tree/debian/changelog" <<END
waybill ($version) stable; urgency=medium

  * Version $version.

 -- waybill developers <developers@waybill.invalid>  $(date -R -d "@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}")
END
