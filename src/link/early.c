/* early.c: a plain packet socket that catches replies until libpcap's ring is up. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

/* Room for some thousand replies; without CAP_NET_ADMIN the kernel grants what net.core.rmem_max allows. */
enum { EARLY_BUFFER_BYTES = 4 << 20 };

static bool set_options(int fd, const struct capture_options *options)
{
	static const int on = 1, buffer_bytes = EARLY_BUFFER_BYTES;
	struct filter filter;

	filter_make(&filter, options->interface->kind == LINK_ETHERNET ? FILTER_ETHERNET : FILTER_RAW_IP,
	            options->ports, options->port_count);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof(buffer_bytes)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof(buffer_bytes));
	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	return filter_attach(fd, &filter) && setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) == 0 &&
	       setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) == 0;
}

int early_open(const struct capture_options *options)
{
	const struct interface *interface = options->interface;
	struct sockaddr_ll on = {
	        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = interface->index};
	/* SOCK_DGRAM: the kernel takes off whatever stands before the IP header. Protocol 0: nothing arrives before bind. */
	int fd = socket(AF_PACKET, (interface->kind == LINK_ETHERNET ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (!set_options(fd, options) || bind(fd, (const struct sockaddr *)&on, sizeof(on)) != 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* What the kernel says beside the bytes. */
struct early_info {
	int64_t wall_ns;
	bool vlan;
};

static struct early_info read_control(struct msghdr *message)
{
	struct early_info info = {0, false};

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec at;

			memcpy(&at, CMSG_DATA(c), sizeof(at));
			info.wall_ns = (int64_t)at.tv_sec * SECOND_NS + at.tv_nsec;
		} else if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA) {
			struct tpacket_auxdata aux;

			memcpy(&aux, CMSG_DATA(c), sizeof(aux));
			info.vlan = aux.tp_status & TP_STATUS_VLAN_VALID;
		}
	}
	return info;
}

/* One frame, or what was none of ours; false when there is nothing to read. */
static bool read_one(int socket, captured_handler *handler, void *context)
{
	uint8_t bytes[CAPTURE_BYTES];
	_Alignas(struct cmsghdr) uint8_t control[256];
	struct iovec part = {bytes, sizeof(bytes)};
	struct sockaddr_ll from = {0};
	struct msghdr message = {.msg_name = &from,
	                         .msg_namelen = sizeof(from),
	                         .msg_iov = &part,
	                         .msg_iovlen = 1,
	                         .msg_control = control,
	                         .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_TRUNC); /* MSG_TRUNC: n is the whole length */
	struct early_info info;

	/* ENETDOWN is told once, then cleared. */
	if (n < 0)
		return errno == EINTR || errno == ENETDOWN;
	info = read_control(&message);
	/* Where the tag of a VLAN was taken off, the packet is none of this interface's. */
	if (!info.vlan && from.sll_pkttype != PACKET_OUTGOING)
		handler(context, info.wall_ns, bytes, (size_t)n < sizeof(bytes) ? (size_t)n : sizeof(bytes), (size_t)n);
	return true;
}

enum capture_state early_read(int socket, int limit, captured_handler *handler, void *context)
{
	for (int i = 0; i < limit; i++)
		if (!read_one(socket, handler, context))
			return CAPTURE_EMPTY;
	return CAPTURE_MORE;
}

void early_stop(int socket, uint64_t *drops)
{
	struct tpacket_stats stats;
	socklen_t bytes = sizeof(stats);

	/* Not closed: closing a packet socket waits for a grace period, too. */
	filter_attach_drop_all(socket);
	if (getsockopt(socket, SOL_PACKET, PACKET_STATISTICS, &stats, &bytes) == 0)
		*drops += stats.tp_drops;
}
