unshare --mount sh -c 'mount --bind /var/tmp/x/w/passwd /etc/passwd && exec "$@"' x env -i PATH=/usr/bin:/bin "$@"
