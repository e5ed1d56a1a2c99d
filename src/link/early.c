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

static bool set_options(int fd, const struct interface *interface, const uint16_t *ports, size_t port_count)
{
	static const int on = 1, buffer_bytes = EARLY_BUFFER_BYTES;
	struct filter filter;

	filter_make(&filter, interface->kind == LINK_ETHERNET ? FILTER_ETHERNET : FILTER_RAW_IP, ports, port_count);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof(buffer_bytes)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof(buffer_bytes));
	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	return filter_attach(fd, &filter) && setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) == 0 &&
	       setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) == 0;
}

int early_open(const struct interface *interface, const uint16_t *ports, size_t port_count)
{
	struct sockaddr_ll on = {
	        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = interface->index};
	/* SOCK_DGRAM: the kernel takes off whatever stands before the IP header. Protocol 0: nothing arrives before bind. */
	int fd = socket(AF_PACKET, (interface->kind == LINK_ETHERNET ? SOCK_RAW : SOCK_DGRAM) | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (!set_options(fd, interface, ports, port_count) || bind(fd, (const struct sockaddr *)&on, sizeof(on)) != 0) {
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

void early_finish(int socket, captured_handler *handler, void *context, uint64_t *drops)
{
	struct tpacket_stats stats;
	socklen_t stats_bytes = sizeof(stats);

	/* Not closed here: closing a packet socket waits for a grace period, too. */
	filter_attach_drop_all(socket);
	for (;;) {
		uint8_t bytes[CAPTURE_BYTES];
		_Alignas(struct cmsghdr) uint8_t control[256];
		struct iovec part = {bytes, sizeof(bytes)};
		struct sockaddr_ll from;
		struct msghdr message = {.msg_name = &from,
		                         .msg_namelen = sizeof(from),
		                         .msg_iov = &part,
		                         .msg_iovlen = 1,
		                         .msg_control = control,
		                         .msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_TRUNC); /* MSG_TRUNC: n is the whole length */
		struct early_info info;

		if (n < 0 && (errno == EINTR || errno == ENETDOWN))
			continue;
		if (n < 0)
			break;
		info = read_control(&message);
		/* The tag of a VLAN was taken off; the packet is none of this interface's. */
		if (info.vlan || from.sll_pkttype == PACKET_OUTGOING)
			continue;
		handler(context, info.wall_ns, bytes, (size_t)n < sizeof(bytes) ? (size_t)n : sizeof(bytes), (size_t)n);
	}
	if (getsockopt(socket, SOL_PACKET, PACKET_STATISTICS, &stats, &stats_bytes) == 0)
		*drops += stats.tp_drops;
}
