#!/bin/sh
# ALLOCATOR_URL: the address of the HTTP API; ALLOCATOR_TOKEN: one of its API_TOKENS. The game's id goes into JSON as it
# is, so it must have no quotes.
game_id="${1:-my-game}"
ask() { # method, path, more for curl
  method="$1" path="$2"
  shift 2
  curl --silent --show-error --max-time 1.5 --request "$method" "$ALLOCATOR_URL$path" \
    --header "Authorization: Bearer $ALLOCATOR_TOKEN" --header 'Timeout-Ms: 1000' "$@"
}

reply=$(ask POST /assign --data "{\"game_id\":\"$game_id\",\"settings\":{\"resource_level\":\"high\"}}") || exit 1
echo "$reply"
case "$reply" in
  '{"success":true,'*) ;;
  *) exit 1 ;;
esac
ask DELETE "/games/$game_id" > /dev/null
