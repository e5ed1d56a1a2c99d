# netns.bash: what the live tests share that make network namespaces of their own.

# remove_netns NAME...: ends what runs in them, and deletes them.
remove_netns()
{
	local name pids
	for name; do
		pids=$(ip netns pids "$name" 2>/dev/null)
		# shellcheck disable=SC2086  # a list of numbers
		[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
		ip netns del "$name" 2>/dev/null
	done
}

# machine NAMESPACE SWITCH PORT ADDRESS [WORDS]: a namespace whose eth0 hangs on that port of the switch, another namespace; the words are
# for the port, such as "master bridge".
machine()
{
	ip netns add "$1" &&
		ip -n "$2" link add "$3" type veth peer name eth0 netns "$1" &&
		ip -n "$2" link set "$3" "${@:5}" up &&
		ip netns exec "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 &&
		ip -n "$1" addr add "$4/24" dev eth0 &&
		ip -n "$1" link set lo up &&
		ip -n "$1" link set eth0 up
}
