#!/usr/bin/env bash
# action-install.sh FOLDER: downloads the archive of the release VERSION from RELEASES, compares it with the checksums in
# SHA256, and puts podseal into FOLDER. Nothing is unpacked that does not match. For CI: see action.yml.
set -euo pipefail
fail() { echo "::error title=podseal was not installed::$*" >&2; exit 1; }

folder=$1
[ -n "${VERSION:-}" ] && [ "$VERSION" != latest ] || fail "give the version of a release, like 1.2.3: \"${VERSION:-}\" names none"
[ -n "${SHA256:-}" ] || fail "give the SHA-256 of the archive, from SHA256SUMS of the release"
case $(uname -s) in
Linux) os=linux ;;
Darwin) os=darwin ;;
*) os=windows ;;
esac
case $(uname -m) in
x86_64 | amd64) arch=amd64 ;;
aarch64 | arm64) arch=arm64 ;;
*) fail "there is no release for $(uname -m)" ;;
esac
suffix=tar.gz
[ "$os" = windows ] && suffix=zip
name=podseal_${VERSION#v}_${os}_$arch.$suffix

mkdir -p "$folder"
archive=$folder/$name
url=$RELEASES/v${VERSION#v}/$name
curl -fsSL --retry 3 -o "$archive" "$url" || fail "downloading $url failed: is there such a release?"
if command -v sha256sum >/dev/null; then
  got=$(sha256sum "$archive")
else
  got=$(shasum -a 256 "$archive")
fi
got=${got%% *}
matches=
for want in $SHA256; do
  [ "$got" = "$want" ] && matches=yes
done
if [ -z "$matches" ]; then
  rm -f "$archive"
  fail "$name has the SHA-256 $got, which is not among those that the job names"
fi
if [ "$os" = windows ]; then
  unzip -qo "$archive" podseal.exe -d "$folder"
else
  tar -xzf "$archive" -C "$folder" podseal
fi
rm -f "$archive"
