/* ethernet.c: sending finished Ethernet frames through a packet socket. */
#include <errno.h>
#include <linux/if_packet.h>
#include <unistd.h>

#include "internal.h"
#include "nscan/wire.h"

static int ethernet_open(const struct interface *interface)
{
	/* Protocol 0: sends, receives nothing. */
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = 0, .sll_ifindex = interface->index};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static int ethernet_queue(struct send_queue *queue, const uint8_t *bytes, size_t n, uint64_t cookie)
{
	if (n < ETHERNET_HEADER_BYTES)
		return EINVAL;
	return send_queue_add(queue, bytes, n, NULL, cookie) ? 0 : EMSGSIZE;
}

const struct sender ethernet_sender = {.open = ethernet_open, .queue = ethernet_queue};
