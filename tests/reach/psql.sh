#!/bin/sh
# In a client's place: what it was given.
echo "user=$PGUSER database=$PGDATABASE host=$PGHOST password=${PGPASSWORD:-$POSTGRES_PASSWORD} arguments=$*"
[ -t 0 ] || while read -r line; do echo "input=$line"; done
