/* echo_socket.c: the sockets of --echo-server. */
#include "nscan/echo_socket.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal.h"

enum { EVENTS = 64, BATCH = 64, DATAGRAM_BYTES = 65536, SPARE_FILES = 32 };

struct echo_sockets {
	int epoll;
	int *sockets;
	uint16_t *ports;
	size_t count;
	uint64_t unsent;
	uint8_t data[DATAGRAM_BYTES];
};

static void allow_files(size_t count)
{
	struct rlimit limit;
	rlim_t need = count + SPARE_FILES;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need)
		return;
	if (limit.rlim_max < need) {
		struct rlimit more = {.rlim_cur = need, .rlim_max = need};

		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return;
		need = limit.rlim_max;
	}
	limit.rlim_cur = need;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static bool failed(struct err *err, uint16_t port, int error)
{
	switch (error) {
	case EADDRINUSE:
		return err_set(
		        err, ERR_SYSTEM,
		        "--echo-server %u: another program has that port (ss -ulpn 'sport = %u' shows it): leave "
		        "it out",
		        port, port);
	case EACCES:
		return err_set(err, ERR_SYSTEM,
		               "--echo-server %u: ports below 1024 need root or CAP_NET_BIND_SERVICE (nscan gives all "
		               "rights up once they are bound)",
		               port);
	case EMFILE:
		return err_set(err, ERR_SYSTEM,
		               "--echo-server %u: every port takes an open file, and no more are allowed: give fewer "
		               "ports, or raise the limit (ulimit -n)",
		               port);
	case EADDRNOTAVAIL:
		return err_set(err, ERR_SYSTEM, "-S: this machine has no such address (--iflist shows what it has)");
	case ENODEV:
		return err_set(err, ERR_USAGE, "-e: there is no such interface (--iflist shows them)");
	default:
		return err_set(err, ERR_SYSTEM, "--echo-server %u: %s", port, strerror(error));
	}
}

static int bind_port(uint16_t port, const struct addr *addr, const char *interface)
{
	static const int on = 1;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
	bool ok = fd >= 0;

	if (addr_is_set(addr))
		memcpy(&at.sin_addr, addr->bytes, sizeof(at.sin_addr));
	ok = ok && setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) == 0;
	ok = ok &&
	     (!interface || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) == 0);
	ok = ok && bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0;
	if (!ok && fd >= 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static bool add_port(struct echo_sockets *s, uint16_t port, const struct addr *addr, const char *interface)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = s->count};
	int fd = bind_port(port, addr, interface);

	if (fd < 0)
		return false;
	s->sockets[s->count] = fd;
	s->ports[s->count++] = port;
	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

struct echo_sockets *echo_sockets_open(const struct port_list *ports, const struct addr *addr, const char *interface,
                                       struct err *err)
{
	struct echo_sockets *s = calloc(1, sizeof(*s));

	if (s) {
		s->epoll = epoll_create1(EPOLL_CLOEXEC);
		s->sockets = calloc(ports->count, sizeof(*s->sockets));
		s->ports = calloc(ports->count, sizeof(*s->ports));
	}
	if (!s || s->epoll < 0 || !s->sockets || !s->ports) {
		echo_sockets_close(s);
		err_set(err, ERR_SYSTEM, "out of memory while starting the echo server");
		return NULL;
	}
	allow_files(ports->count);
	for (size_t i = 0; i < ports->count; i++) {
		if (!add_port(s, ports->ports[i], addr, interface)) {
			failed(err, ports->ports[i], errno);
			echo_sockets_close(s);
			return NULL;
		}
	}
	return s;
}

void echo_sockets_close(struct echo_sockets *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		close(s->sockets[i]);
	if (s->epoll >= 0)
		close(s->epoll);
	free(s->sockets);
	free(s->ports);
	free(s);
}

/* Room for the address that a datagram was sent to. */
union control {
	char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
	struct cmsghdr align;
};

static bool find_destination(struct msghdr *message, struct in_pktinfo *out)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(out, CMSG_DATA(c), sizeof(*out));
			return true;
		}
	}
	return false;
}

/* The same bytes back, from the address that was asked, whichever of ours it is. */
static void answer(struct echo_sockets *s, int fd, struct sockaddr_in *to, struct in_addr from, size_t n)
{
	struct iovec part = {.iov_base = s->data, .iov_len = n};
	union control control = {.bytes = {0}};
	struct msghdr message = {.msg_name = to,
	                         .msg_namelen = sizeof(*to),
	                         .msg_iov = &part,
	                         .msg_iovlen = 1,
	                         .msg_control = control.bytes,
	                         .msg_controllen = sizeof(control.bytes)};
	struct in_pktinfo info = {.ipi_spec_dst = from};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	if (sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)n)
		s->unsent++;
}

/* One datagram. False when there is none. */
static bool take(struct echo_sockets *s, size_t place, echo_handler *handler, void *context)
{
	struct iovec part = {.iov_base = s->data, .iov_len = sizeof(s->data)};
	struct sockaddr_in from = {0};
	union control control;
	struct msghdr message = {.msg_name = &from,
	                         .msg_namelen = sizeof(from),
	                         .msg_iov = &part,
	                         .msg_iovlen = 1,
	                         .msg_control = control.bytes,
	                         .msg_controllen = sizeof(control.bytes)};
	struct in_pktinfo info = {0};
	struct echo_request request = {.dst_port = s->ports[place], .data = s->data};
	ssize_t n = recvmsg(s->sockets[place], &message, 0);

	if (n < 0)
		return errno != EAGAIN && errno != EWOULDBLOCK &&
		       errno != EINTR; /* another error is a past one: go on */
	request.n = (size_t)n;
	request.src = addr_from_v4(ntohl(from.sin_addr.s_addr));
	request.src_port = ntohs(from.sin_port);
	request.cut = message.msg_flags & MSG_TRUNC;
	/* spec_dst is the local address; it differs from what the packet said when that was a broadcast or multicast address. */
	request.to_one = find_destination(&message, &info) && info.ipi_addr.s_addr == info.ipi_spec_dst.s_addr;
	if (handler(context, &request, clock_link_ns()))
		answer(s, s->sockets[place], &from, info.ipi_addr, request.n);
	return true;
}

static int wait_ms(int64_t until_ns)
{
	int64_t left_ns = until_ns == INT64_MAX ? INT64_MAX : until_ns - clock_link_ns();

	if (left_ns <= 0)
		return 0;
	return left_ns > 3600 * SECOND_NS ? 3600 * 1000 : (int)((left_ns + 999999) / 1000000);
}

bool echo_sockets_serve(struct echo_sockets *s, int64_t until_ns, const sigset_t *wait_mask, echo_handler *handler,
                        void *context, struct err *err)
{
	struct epoll_event events[EVENTS];
	int count = epoll_pwait(s->epoll, events, EVENTS, wait_ms(until_ns), wait_mask);

	if (count < 0 && errno != EINTR)
		return err_set(err, ERR_SYSTEM, "cannot wait for datagrams: %s", strerror(errno));
	for (int i = 0; i < count; i++) {
		for (int left = BATCH; left > 0 && take(s, events[i].data.u64, handler, context);)
			left--;
	}
	return true;
}

int64_t echo_sockets_now(void)
{
	return clock_link_ns();
}

uint64_t echo_sockets_unsent(const struct echo_sockets *s)
{
	return s->unsent;
}
