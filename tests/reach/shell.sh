#!/bin/sh
# In a person's shell's place.
echo "$COLOUR $IN_RAILWAY_SHELL"
exit 4
