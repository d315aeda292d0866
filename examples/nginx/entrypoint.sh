#!/bin/sh
# Adds an IPv6 listener to the shipped configuration where it can, then becomes the command.
set -e
conf=/etc/nginx/conf.d/default.conf
if [ "$1" = nginx ] && [ -e /proc/net/if_inet6 ] && ! grep -q '\[::\]:80' "$conf"; then
  if touch "$conf" 2>/dev/null && sed -i 's/^ *listen *80;/&\n    listen [::]:80;/' "$conf"; then
    echo "entrypoint: listening on IPv6 too"
  else
    echo "entrypoint: cannot change $conf, leaving it as it is"
  fi
fi
exec "$@"
