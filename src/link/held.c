/* held.c: source ports that the kernel keeps its hands off for the length of a scan. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal.h"
#include "nscan/hash.h"
#include "nscan/live.h"

enum { FIRST_PORT = 1024, PORTS = 65536 - FIRST_PORT, SPARE_FILES = 64 };

bool port_set_has(const struct port_set *set, unsigned port)
{
	return set->bits[port / 8] >> (port % 8) & 1;
}

void port_set_add(struct port_set *set, unsigned port)
{
	set->bits[port / 8] |= (uint8_t)(1 << (port % 8));
}

void port_set_add_text(struct port_set *set, const char *text)
{
	char *end;

	for (;;) {
		unsigned long first = strtoul(text, &end, 10), last = first;

		if (end == text)
			return;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (unsigned long port = first; port <= last && port < 65536; port++)
			port_set_add(set, (unsigned)port);
		if (*end != ',')
			return;
		text = end + 1;
	}
}

/* Ports that the administrator set aside for some program. */
static void avoid_reserved(struct port_set *set)
{
	FILE *file = fopen("/proc/sys/net/ipv4/ip_local_reserved_ports", "re");
	char *line = NULL;
	size_t capacity = 0;

	if (!file)
		return;
	if (getline(&line, &capacity, file) > 0)
		port_set_add_text(set, line);
	free(line);
	fclose(file);
}

static int bind_family(int family, uint16_t port)
{
	static const int off = 0, receive_bytes = 1, mtu = IP_PMTUDISC_INTERFACE, mtu6 = IPV6_PMTUDISC_INTERFACE;
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
	bool ok = fd >= 0;

	/* Fragmentation needed, verified or forged, must not change this machine's routes: these sockets take no part in it. The
	 * IPv4 option counts on an IPv6 socket, too. A kernel that does not know them (before 3.15) is no reason not to scan. */
	if (ok)
		setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &mtu, sizeof(mtu));
	if (ok && family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &mtu6, sizeof(mtu6));
	/* The filter stands before the port is bound, so that not a single datagram is ever queued. */
	ok = ok && filter_attach_drop_all(fd);
	ok = ok && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes)) == 0;
	if (family == AF_INET6)
		ok = ok && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0 &&
		     bind(fd, (const struct sockaddr *)&v6, sizeof(v6)) == 0;
	else
		ok = ok && bind(fd, (const struct sockaddr *)&v4, sizeof(v4)) == 0;
	if (!ok && fd >= 0) {
		int error = errno;

		close(fd);
		errno = error;
		fd = -1;
	}
	return fd;
}

/* One socket for both families; for IPv4 alone where the kernel has no IPv6. -1 with errno set. */
static int hold(uint16_t port)
{
	int fd = bind_family(AF_INET6, port);

	if (fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
		fd = bind_family(AF_INET, port);
	return fd;
}

static void raise_file_limit(size_t want)
{
	struct rlimit limit;
	rlim_t need = want + SPARE_FILES;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= need)
		return;
	if (need > limit.rlim_max) {
		struct rlimit more = {.rlim_cur = need, .rlim_max = need};

		if (setrlimit(RLIMIT_NOFILE, &more) == 0) /* takes CAP_SYS_RESOURCE */
			return;
	}
	limit.rlim_cur = need < limit.rlim_max ? need : limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static bool fixed_failed(struct err *err, uint16_t port, int error)
{
	if (error == EADDRINUSE)
		return err_set(err, ERR_SYSTEM,
		               "source port %u (-g) is in use by another program (ss -ulpn 'sport = %u' shows it): "
		               "choose another",
		               port, port);
	if (error == EACCES)
		return err_set(err, ERR_SYSTEM,
		               "source port %u (-g) needs root or CAP_NET_BIND_SERVICE: run with sudo, or "
		               "choose one above 1023",
		               port);
	return err_set(err, ERR_SYSTEM, "cannot hold source port %u (-g): %s", port, strerror(error));
}

static bool range_failed(struct err *err, uint16_t first, uint16_t last, int error)
{
	if (first == last)
		return fixed_failed(err, first, error);
	return err_set(err, ERR_SYSTEM, "cannot hold any source port from %u to %u (-g): %s", first, last,
	               strerror(error));
}

/* Holds that port too, or notes why that cannot be. False when other ports would fare no better. */
static bool hold_one(unsigned port, struct held_ports *out, int *error)
{
	int fd = hold((uint16_t)port);

	if (fd >= 0) {
		out->ports[out->count] = (uint16_t)port;
		out->sockets[out->count++] = fd;
		return true;
	}
	*error = errno;
	return *error == EADDRINUSE || *error == EACCES;
}

/* Random ports of the range until enough are held, all were tried, or the process may open no more files. Returns the last
 * errno. */
static int hold_random(unsigned first, unsigned last, size_t want, uint64_t seed, struct port_set *avoid,
                       struct held_ports *out)
{
	struct rng rng = rng_from_seed(seed);
	unsigned left = 0;
	int error = EADDRINUSE;

	for (unsigned port = first; port <= last; port++)
		left += !port_set_has(avoid, port);
	for (; left > 0 && out->count < want; left--) {
		unsigned port = first + rng_below(&rng, last - first + 1);

		while (port_set_has(avoid, port))
			port = port == last ? first : port + 1;
		port_set_add(avoid, port);
		if (!hold_one(port, out, &error))
			break;
	}
	return error;
}

/* Every port of the range that can be had, in ascending order. Returns the last errno. */
static int hold_all(unsigned first, unsigned last, struct held_ports *out)
{
	int error = EADDRINUSE;

	for (unsigned port = first; port <= last; port++) {
		if (!hold_one(port, out, &error))
			break;
	}
	return error;
}

static uint64_t files_allowed(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX : limit.rlim_cur;
}

/* Whether the process may open that many sockets, and the few others that it needs. */
static bool files_suffice(size_t want, struct err *err)
{
	return files_allowed() >= want + SPARE_FILES ||
	       err_set(err, ERR_SYSTEM,
	               "%zu source ports (-g) take as many open files, and %llu are allowed: give a smaller range, or "
	               "raise the limit (ulimit -n)",
	               want, (unsigned long long)files_allowed());
}

/* So many of them that the process can still open what else it needs, but one. */
static size_t as_files_allow(size_t want)
{
	uint64_t allowed = files_allowed();

	if (allowed >= want + SPARE_FILES)
		return want;
	return allowed > SPARE_FILES ? (size_t)(allowed - SPARE_FILES) : 1;
}

static bool make_room(size_t want, struct held_ports *out, struct err *err)
{
	*out = (struct held_ports){.ports = calloc(want, sizeof(*out->ports)),
	                           .sockets = calloc(want, sizeof(*out->sockets))};
	if (!out->ports || !out->sockets) {
		held_ports_release(out);
		return err_set(err, ERR_SYSTEM, "out of memory");
	}
	raise_file_limit(want);
	return true;
}

bool held_ports_take_range(uint16_t first, uint16_t last, size_t most, uint64_t seed, struct held_ports *out,
                           struct err *err)
{
	struct port_set avoid = {{0}};
	size_t size = (size_t)(last - first) + 1;
	size_t want = most < size ? most : size;
	int error;

	if (!make_room(want, out, err))
		return false;
	if (!files_suffice(want, err)) {
		held_ports_release(out);
		return false;
	}
	error = want < size ? hold_random(first, last, want, seed, &avoid, out) : hold_all(first, last, out);
	if (out->count > 0)
		return true;
	held_ports_release(out);
	return range_failed(err, first, last, error);
}

bool held_ports_take(size_t want, uint16_t fixed, uint64_t seed, struct held_ports *out, struct err *err)
{
	struct port_set avoid = {{0}};
	int error;

	if (fixed)
		return held_ports_take_range(fixed, fixed, 1, seed, out, err);
	if (want == 0)
		want = 1;
	if (want > PORTS)
		want = PORTS;
	if (!make_room(want, out, err))
		return false;
	want = as_files_allow(want);
	avoid_reserved(&avoid);
	error = hold_random(FIRST_PORT, UINT16_MAX, want, seed, &avoid, out);
	if (out->count > 0)
		return true;
	held_ports_release(out);
	return err_set(err, ERR_SYSTEM, "cannot hold any UDP source port: %s", strerror(error));
}

void held_ports_release(struct held_ports *held)
{
	for (size_t i = 0; i < held->count; i++)
		close(held->sockets[i]);
	free(held->ports);
	free(held->sockets);
	*held = (struct held_ports){0};
}
