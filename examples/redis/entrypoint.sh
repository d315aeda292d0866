#!/bin/sh
# As root: give the data folder to redis and start again as that user.
set -e
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
  chown -R redis:redis .
  exec gosu redis "$0" "$@"
fi
umask 0077
exec "$@"
