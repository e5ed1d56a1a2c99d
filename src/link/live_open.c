/* live_open.c: opening the live link: rights and interfaces are checked here, before anything is sent. */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "internal.h"
#include "nscan/live.h"

enum { RING_BYTES = 16 << 20, RING_BYTES_MIN = 2 << 20 };

static bool opening_failed(struct err *err, const char *name, int error)
{
	if (error == EPERM || error == EACCES)
		return err_set(err, ERR_SYSTEM,
		               "raw sockets need root or CAP_NET_RAW: run with sudo, or: setcap cap_net_raw+ep nscan");
	if (error == EMFILE)
		return err_set(err, ERR_SYSTEM,
		               "cannot open interface %s: no more open files are allowed: raise the limit (ulimit -n)",
		               name);
	return err_set(err, ERR_SYSTEM, "cannot open interface %s: %s", name, strerror(error));
}

/* Sending into an interface that is down or unplugged fails, or worse, vanishes: say so before the first probe. */
static bool check_interface(const struct interface *interface, int any_socket, struct err *err)
{
	struct ifreq request = {0};

	memcpy(request.ifr_name, interface->name, strnlen(interface->name, sizeof(request.ifr_name) - 1));
	if (ioctl(any_socket, SIOCGIFFLAGS, &request) != 0)
		return err_set(err, ERR_SYSTEM, "interface %s: %s", interface->name, strerror(errno));
	if (!(request.ifr_flags & IFF_UP))
		return err_set(err, ERR_SYSTEM, "interface %s is down: ip link set %s up", interface->name,
		               interface->name);
	if (!interface->up)
		return err_set(
		        err, ERR_SYSTEM,
		        "interface %s has no carrier: connect its cable, network or tunnel, or choose another with -e",
		        interface->name);
	return true;
}

/* One buffer is shared out among the interfaces, but each gets some milliseconds' worth of replies. */
static int ring_bytes(const struct live_options *options)
{
	int count = 0, bytes;

	for (size_t i = 0; i < options->network->interface_count; i++)
		count += options->use_interface[i];
	bytes = RING_BYTES / (count ? count : 1);
	return bytes > RING_BYTES_MIN ? bytes : RING_BYTES_MIN;
}

static bool open_nic(struct live *live, int number, struct err *err)
{
	const struct interface *interface = &live->options.network->interfaces[number];
	struct capture_options capture = {.interface = interface,
	                                  .ports = live->source_ports,
	                                  .port_count = live->options.source_port_count,
	                                  .buffer_bytes = ring_bytes(&live->options)};
	struct pollfd *polls = &live->polls[2 * live->nic_count];
	struct nic *nic = calloc(1, sizeof(*nic));

	if (!nic)
		return err_set(err, ERR_SYSTEM, "out of memory");
	live->nics[live->nic_count++] = nic;
	nic->number = number;
	nic->interface = interface;
	nic->sender = interface->kind == LINK_ETHERNET ? &ethernet_sender : &rawip_sender;
	nic->early = -1;
	nic->empty_ns = clock_link_ns();
	send_queue_init(&nic->queue, nic->sender->open(interface));
	if (nic->queue.socket < 0)
		return opening_failed(err, interface->name, errno);
	if (!check_interface(interface, nic->queue.socket, err))
		return false;
	nic->early = early_open(&capture);
	if (nic->early < 0)
		return opening_failed(err, interface->name, errno);
	nic->bring_up = bring_up_start(&capture);
	if (!nic->bring_up)
		return opening_failed(err, interface->name, errno);
	polls[0] = (struct pollfd){.fd = nic->early, .events = POLLIN};
	polls[1] = (struct pollfd){.fd = bring_up_fd(nic->bring_up), .events = POLLIN};
	return true;
}

struct link *live_link_open(const struct live_options *options, struct err *err)
{
	size_t interfaces = options->network->interface_count;
	struct live *live = calloc(1, sizeof(*live));
	bool ok = live != NULL;

	if (ok) {
		live->link.ops = &live_ops;
		live->options = *options;
		if (options->wait_mask)
			live->wait_mask = *options->wait_mask;
		live->nics = calloc(interfaces + 1, sizeof(struct nic *));
		live->polls = calloc(2 * interfaces + 1, sizeof(struct pollfd));
		live->source_ports = calloc(options->source_port_count + 1, sizeof(uint16_t));
		ok = live->nics && live->polls && live->source_ports;
	}
	if (!ok) {
		err_set(err, ERR_SYSTEM, "out of memory");
	} else if (options->source_port_count) {
		memcpy(live->source_ports, options->source_ports, options->source_port_count * sizeof(uint16_t));
	}
	for (size_t i = 0; ok && i < interfaces; i++)
		if (options->use_interface[i])
			ok = open_nic(live, (int)i, err);
	if (ok) {
		live->polls[2 * live->nic_count] = (struct pollfd){.fd = live->options.wake_fd, .events = POLLIN};
		return &live->link;
	}
	if (live)
		link_close(&live->link);
	return NULL;
}
