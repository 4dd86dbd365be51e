# A service for a script. Source it after setup.sh; it defines functions.
# shellcheck shell=bash

SERVE_OUT=$(mktemp -d)
SERVE_PID=

stop_serve() {
    [ -z "$SERVE_PID" ] || kill "$SERVE_PID" 2>/dev/null || true
    rm -rf "$SERVE_OUT"
}
trap stop_serve EXIT

# serve DEVICE...: starts it with the options SERVE_OPTIONS, and waits until it is ready; SERVE_ADDRESS and SERVE_PID say
# where it is.
SERVE_OPTIONS=()
serve() {
    local device devices=() i
    for device in "$@"; do devices+=(--device "$device"); done
    "$FIREBRICK" serve --listen 127.0.0.1:0 "${devices[@]}" "${SERVE_OPTIONS[@]}" \
        >"$SERVE_OUT/address" 2>"$SERVE_OUT/log" &
    SERVE_PID=$!
    # A simulated engine may have to be built first.
    for ((i = 0; i < 6000; i++)); do
        SERVE_ADDRESS=$(sed -n 's,^http://,,p' "$SERVE_OUT/address")
        if [ -n "$SERVE_ADDRESS" ] && ready "$SERVE_ADDRESS"; then return 0; fi
        kill -0 "$SERVE_PID" 2>/dev/null || break
        sleep 0.1
    done
    cat "$SERVE_OUT/log" >&2
    die "the service is not ready"
}

# ready ADDRESS: asks for readiness, without a program that may be missing.
ready() {
    local line
    exec 9<>"/dev/tcp/${1%:*}/${1##*:}" || return 1
    printf 'GET /v2/health/ready HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n' >&9
    read -r -t 10 line <&9
    exec 9>&-
    [[ $line == *" 200 "* ]]
}

# end_of_serve: SIGTERM, after which it has to end by itself with exit code 0.
end_of_serve() {
    kill -TERM "$SERVE_PID"
    ended_serve
}

# ended_serve: waits for the end, after a SIGTERM that came from elsewhere.
ended_serve() {
    wait "$SERVE_PID" || { cat "$SERVE_OUT/log" >&2; die "the service did not end in order"; }
    SERVE_PID=
}
