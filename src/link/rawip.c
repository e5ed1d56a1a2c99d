/* rawip.c: sending finished IP packets where there is no Ethernet header: loopback, tun, ppp. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#include "nscan/wire.h"

static int set_options(int fd, const struct interface *interface)
{
	static const int on = 1, receive_bytes = 1, mtu = IP_PMTUDISC_INTERFACE;

	/* Without IP_RECVERR a raw socket keeps silent about packets that a full interface queue dropped (ENOBUFS). No ICMP
	 * error ever reaches this socket: the kernel hands those to sockets of the quoted packet's protocol. */
	if (setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)) != 0 ||
	    /* Neither does the kernel's own idea of the path MTU hold a packet back or cut it up, nor is it changed. */
	    setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &mtu, sizeof(mtu)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes)) != 0 ||
	    !filter_attach_drop_all(fd))
		return -1;
	/* Packets to our own addresses have to take the loopback route, whatever interface holds the address. */
	if (interface->loopback)
		return 0;
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface->name, (socklen_t)strlen(interface->name));
}

static int rawip_open(const struct interface *interface)
{
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW); /* this protocol implies IP_HDRINCL */

	if (fd < 0)
		return -1;
	if (set_options(fd, interface) != 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static int rawip_queue(struct send_queue *queue, const uint8_t *bytes, size_t n, uint64_t cookie)
{
	struct sockaddr_in to = {.sin_family = AF_INET};

	if (n < IPV4_HEADER_BYTES)
		return EINVAL;
	if (bytes[0] >> 4 != 4)
		return EAFNOSUPPORT;
	memcpy(&to.sin_addr, bytes + 16, sizeof(to.sin_addr));
	return send_queue_add(queue, bytes, n, &to, cookie) ? 0 : EMSGSIZE;
}

const struct sender rawip_sender = {.open = rawip_open, .queue = rawip_queue};
