/* network_read.c: asks the kernel for its interfaces, addresses and routes (rtnetlink, through libmnl). */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "internal.h"
#include "nscan/live.h"

enum { DUMP_BYTES = 32768, DUMP_TRIES = 5 };

/* What is asked, in this order: addresses and routes refer to interfaces. The header of each request is its family and zeros. */
static const struct dump {
	uint16_t type;
	uint8_t family;
	size_t header_bytes;
} dumps[] = {
        {RTM_GETLINK, AF_UNSPEC, sizeof(struct ifinfomsg)},
        {RTM_GETADDR, AF_UNSPEC, sizeof(struct ifaddrmsg)},
        {RTM_GETROUTE, AF_INET, sizeof(struct rtmsg)},
        {RTM_GETROUTE, AF_INET6, sizeof(struct rtmsg)},
};

/* One dump; false with errno set (EINTR: it changed meanwhile and has to be read again). */
static bool run_dump(struct mnl_socket *socket, const struct dump *dump, uint32_t sequence,
                     struct network_reading *reading)
{
	char bytes[DUMP_BYTES];
	struct nlmsghdr *request = mnl_nlmsg_put_header(bytes);
	uint8_t *header = mnl_nlmsg_put_extra_header(request, dump->header_bytes);
	unsigned port = mnl_socket_get_portid(socket);
	int more = MNL_CB_OK;

	request->nlmsg_type = dump->type;
	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	request->nlmsg_seq = sequence;
	header[0] = dump->family;
	reading->route_family = dump->family;
	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return false;
	while (more > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(socket, bytes, sizeof(bytes));

		if (n < 0)
			return false;
		more = mnl_cb_run(bytes, (size_t)n, sequence, port, network_reading_take, reading);
	}
	return more == MNL_CB_STOP;
}

/* All dumps; false with errno set. */
static bool read_all(struct network *out)
{
	struct network_reading reading = {.network = out};
	struct mnl_socket *socket = mnl_socket_open(NETLINK_ROUTE);
	bool ok = socket && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0;
	int error;

	for (size_t i = 0; ok && i < sizeof(dumps) / sizeof(dumps[0]); i++)
		ok = run_dump(socket, &dumps[i], (uint32_t)i + 1, &reading);
	error = reading.out_of_memory ? ENOMEM : errno;
	if (socket)
		mnl_socket_close(socket);
	errno = error;
	return ok;
}

bool network_read(struct network *out, struct err *err)
{
	/* A change in the middle of a dump, or more news than fit the socket, make it incomplete: read again from the start. */
	int error = EINTR;

	for (int tries = 0; tries < DUMP_TRIES && (error == EINTR || error == ENOBUFS); tries++) {
		*out = (struct network){0};
		if (read_all(out))
			return true;
		error = errno;
		network_free(out);
	}
	return err_set(err, ERR_SYSTEM, "cannot read interfaces and routes from the kernel: %s", strerror(error));
}
