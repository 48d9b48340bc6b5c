# Sourced by the scripts that run a service for the tests (.ci/dynamodb-local, .ci/moto).
# Such a script sets name, home (a folder under .tools), install and launch, and then calls
# `service "$@"`:
#
#   install       a function that installs the service, once
#   launch PORT   a function that becomes the service, on that port of 127.0.0.1
#   probe         the path that an HTTP request is sent to, to see whether the service answers
#   exports       a function that prints the variables that clients need, given the endpoint
#
# The folder remembers which process it started and where it listens. A process is ended only
# if it is the very one that was started: same id, same start time. Set SERVICE_STATE to
# another folder for a second service that has nothing to do with the first.

# born PID prints when the process began. A process id can be given to another process later;
# together with this it cannot be mistaken.
born() {
	if [ -r "/proc/$1/stat" ]; then
		sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f20
	else
		ps -o lstart= -p "$1" 2>/dev/null
	fi
}

# running prints the endpoint of the service, and fails when it does not run.
running() {
	local pid start
	[ -s "$state/process" ] || return 1
	{ read -r pid; read -r start; } <"$state/process"
	kill -0 "$pid" 2>/dev/null && [ "$(born "$pid")" = "$start" ] && cat "$state/endpoint"
}

# answers PORT reports whether something there speaks HTTP; a refusal is an answer, too.
answers() {
	(exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'GET %s HTTP/1.0\r\n\r\n' "$probe" >&3 && read -r -t 5 line <&3 && [[ $line == HTTP* ]]) 2>/dev/null
}

start() {
	local pid port _
	running && return
	install
	for _ in 1 2 3 4 5; do
		port=$((20000 + RANDOM % 12000))
		answers $port && continue # the port is in use
		(launch $port) </dev/null >"$state/log" 2>&1 9>&- &
		pid=$!
		for _ in $(seq 150); do
			kill -0 $pid 2>/dev/null || break
			if answers $port; then
				echo "http://127.0.0.1:$port" >"$state/endpoint"
				printf '%s\n%s\n' $pid "$(born $pid)" >"$state/process"
				running
				return
			fi
			sleep 0.2
		done
		kill $pid 2>/dev/null || true
	done
	echo "$name: did not start; see $state/log" >&2
	exit 1
}

stop() {
	if running >/dev/null; then
		kill "$(head -n 1 "$state/process")"
		while running >/dev/null; do sleep 0.1; done
	fi
	rm -f "$state/process" "$state/endpoint"
}

service() {
	local endpoint
	state=${SERVICE_STATE:-$home}
	mkdir -p "$home" "$state"
	# One caller at a time, so that two that start the service at once get the same one.
	exec 9>"$home/lock"
	if command -v flock >/dev/null; then flock 9; fi
	case ${1-} in
	start) start ;;
	env) endpoint=$(start) && exports "$endpoint" ;;
	status) running ;;
	stop) stop ;;
	*) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
	esac
}
