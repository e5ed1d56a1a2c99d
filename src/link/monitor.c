/* monitor.c: news of interfaces, addresses and routes (rtnetlink groups, through libmnl), for scans that go on for long. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "nscan/live.h"

enum { NEWS_BYTES = 32768, LOWER_UP = 1 << 16 /* IFF_LOWER_UP, of linux/if.h, which does not go with net/if.h */ };

struct network_monitor {
	struct mnl_socket *socket;
	const struct network *network;
	const bool *use_interface;
	enum network_news news;
};

struct network_monitor *network_monitor_open(void)
{
	struct network_monitor *monitor = calloc(1, sizeof(*monitor));

	if (!monitor)
		return NULL;
	monitor->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (monitor->socket && mnl_socket_bind(monitor->socket, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE,
	                                       MNL_SOCKET_AUTOPID) == 0)
		return monitor;
	network_monitor_close(monitor);
	return NULL;
}

void network_monitor_close(struct network_monitor *monitor)
{
	if (!monitor)
		return;
	if (monitor->socket)
		mnl_socket_close(monitor->socket);
	free(monitor);
}

static bool is_used(const struct network_monitor *monitor, int index)
{
	for (size_t i = 0; i < monitor->network->interface_count; i++) {
		if (monitor->use_interface[i] && monitor->network->interfaces[i].index == index)
			return true;
	}
	return false;
}

static void heard(struct network_monitor *monitor, enum network_news news)
{
	if (news > monitor->news)
		monitor->news = news;
}

static int take(const struct nlmsghdr *message, void *context)
{
	struct network_monitor *monitor = context;
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(message);
	const struct ifaddrmsg *addr = mnl_nlmsg_get_payload(message);
	size_t bytes = mnl_nlmsg_get_payload_len(message);
	const unsigned running = IFF_UP | LOWER_UP;
	bool lost = false;

	if (message->nlmsg_type == RTM_NEWLINK && bytes >= sizeof(*link))
		lost = (link->ifi_flags & running) != running && is_used(monitor, link->ifi_index);
	else if (message->nlmsg_type == RTM_DELLINK && bytes >= sizeof(*link))
		lost = is_used(monitor, link->ifi_index);
	else if (message->nlmsg_type == RTM_DELADDR && bytes >= sizeof(*addr))
		lost = is_used(monitor, (int)addr->ifa_index);
	heard(monitor, lost ? NETWORK_LOST : NETWORK_CHANGED);
	return MNL_CB_OK;
}

enum network_news network_monitor_read(struct network_monitor *monitor, const struct network *network,
                                       const bool *use_interface)
{
	char bytes[NEWS_BYTES];
	ssize_t n;

	monitor->network = network;
	monitor->use_interface = use_interface;
	monitor->news = NETWORK_SAME;
	for (;;) {
		n = mnl_socket_recvfrom(monitor->socket, bytes, sizeof(bytes));
		if (n > 0)
			mnl_cb_run(bytes, (size_t)n, 0, 0, take, monitor);
		else if (n < 0 && (errno == ENOBUFS || errno == ENOSPC)) /* more than fit: anything may have happened */
			heard(monitor, NETWORK_LOST);
		else if (n == 0 || errno != EINTR)
			break;
	}
	return monitor->news;
}
