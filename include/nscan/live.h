/* live.h: opening the real network. Implemented in src/link; needs CAP_NET_RAW. */
#ifndef NSCAN_LIVE_H
#define NSCAN_LIVE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/err.h"
#include "nscan/link.h"
#include "nscan/network.h"

/* Reads interfaces, addresses and routes from the kernel (rtnetlink through libmnl). */
bool network_read(struct network *out, struct err *err);

/* News of the network, for a scan that goes on for long. */
struct network_monitor;

enum network_news {
	NETWORK_SAME,
	NETWORK_CHANGED, /* something of interfaces, addresses or routes is new */
	NETWORK_LOST,    /* an interface in use was down, or lost an address, if only for a moment */
};

/* From now on. NULL with errno set. */
struct network_monitor *network_monitor_open(void);
void network_monitor_close(struct network_monitor *monitor);
/* What happened since the last call; never waits. use_interface: one flag for each of network->interfaces. */
enum network_news network_monitor_read(struct network_monitor *monitor, const struct network *network,
                                       const bool *use_interface);

struct live_options {
	const struct network *network; /* borrowed, must outlive the link */
	const bool *use_interface;     /* one flag for each interface: open it */
	const uint16_t *source_ports;  /* the held ports: the capture filter admits UDP to them */
	size_t source_port_count;
	const sigset_t
	        *wait_mask; /* signal mask while waiting in recv (ppoll), so that no Ctrl-C is missed; may be NULL */
	bool may_overtake; /* packets may leave in another order than they were given: faster, where nothing is concluded from it (-sn) */
	int wake_fd; /* waiting also ends when this becomes readable (reading it is the caller's business); 0: none */
	send_failed_handler *send_failed;
	void *context; /* for send_failed */
};

/* Opens capture and sending on each wanted interface. The capture is active when this returns. *err (ERR_SYSTEM) says in one
 * line what is missing: rights ("needs root or CAP_NET_RAW: run with sudo, or setcap ..."), an interface that is down. */
struct link *live_link_open(const struct live_options *options, struct err *err);

/* Source ports held for the run: bound on the wildcard address (UDP), with a filter that discards everything, so that the kernel
 * neither delivers replies nor answers them with port-unreachables of its own. */
struct held_ports {
	uint16_t *ports;
	int *sockets;
	size_t count;
};

/* Holds `want` ports picked at random by `seed` between 1024 and 65535, skipping those in use; or exactly `fixed` when it
 * is not 0 (-g). Raises RLIMIT_NOFILE as needed. Fewer than wanted is fine, none is an error. */
bool held_ports_take(size_t want, uint16_t fixed, uint64_t seed, struct held_ports *out, struct err *err);
/* Holds the ports first to last that are free here, or `most` of them drawn by `seed` when the range has more (-g FIRST-LAST). None
 * is an error. */
bool held_ports_take_range(uint16_t first, uint16_t last, size_t most, uint64_t seed, struct held_ports *out,
                           struct err *err);
void held_ports_release(struct held_ports *held);

/* The clock of live links, for who has none open. */
int64_t live_now_ns(void);
/* The time of day in nanoseconds since 1970, for reports. */
int64_t live_wall_ns(void);
/* Random bytes from the kernel for keys and seeds. */
bool live_random(void *out, size_t n, struct err *err);

#endif
