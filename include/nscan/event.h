/* event.h: what the engine found, as it becomes known; the one input of every report. */
#ifndef NSCAN_EVENT_H
#define NSCAN_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "nscan/addr.h"
#include "nscan/service.h"

enum host_state { HOST_UP, HOST_DOWN, HOST_UNKNOWN };
enum port_state { PORT_UNKNOWN, PORT_OPEN, PORT_CLOSED, PORT_FILTERED, PORT_OPEN_FILTERED, PORT_STATE_COUNT };

enum event_kind { EVENT_HOST, EVENT_PORT, EVENT_LIMIT, EVENT_MTU, EVENT_NOTE, EVENT_HOST_DONE, EVENT_SWEPT };

/* A host's state is known. */
struct host_event {
	enum host_state state;
	const char *reason; /* static: "arp-reply", "echo-reply", "udp-response", "no-arp-reply", "no-response", ... */
	struct addr from;   /* who said so, when it was not the host itself (a router's host-unreach); else none */
	bool has_rtt;
	int64_t rtt_ns;
	bool has_ttl;
	uint8_t ttl; /* of the reply */
	bool has_mac;
	uint8_t mac[MAC_BYTES];
	const char *name; /* reverse name; valid while the event is told; NULL: none, or not known yet */
	const char *
	        vendor; /* of the MAC, as told by an earlier run; valid while the event is told; NULL: to be looked up */
};

/* A port's state is known. May come again for the same port when later evidence outweighs the first: the last one holds. */
struct port_event {
	uint16_t port;
	enum port_state state;
	const char *
	        reason; /* static: "udp-response", "port-unreach", "silent-while-refusing", "no-response", "unresolved", ICMP names */
	struct addr from;   /* who said so, when it was not the host itself; else none */
	uint16_t from_port; /* the answer came from another port of the host (TFTP); 0: from the port itself */
	bool has_rtt;
	int64_t rtt_ns;
	bool has_ttl;
	uint8_t ttl;
	uint32_t probes; /* how many were sent to this port */
	/* What its answers say; NULL: nothing answered, or nothing is known yet. From the engine: valid until the next event is taken. */
	struct service_reading *reading;
	bool more_known; /* the state was told before: only the reading is new */
};

/* The host's limit on ICMP errors, as learnt. burst 0: not known. */
struct limit_event {
	double icmp_per_s;
	uint32_t burst;
};

/* A sweep's last word on `count` consecutive addresses from event.addr on (sweep.h). Hosts that are up come one by one. These
 * events come when everything is asked, ascending; there is no EVENT_HOST_DONE. */
struct swept_event {
	struct host_event host;
	uint64_t count;
	bool one_by_one; /* the sweep is small enough for every address to be listed; else runs are */
};

/* How a path MTU was found. */
enum mtu_how {
	MTU_BY_INTERFACE, /* a datagram as large as the interface takes it was answered */
	MTU_BY_CLAIM,     /* a router's fragmentation-needed, verified by replies */
	MTU_BY_SEARCH,    /* what is larger was silently dropped */
};
enum fragments { FRAGMENTS_UNKNOWN, FRAGMENTS_PASS, FRAGMENTS_DROPPED };

/* What the path to the host carries. Zero fields are not known. Comes once, when the observations are done. */
struct mtu_event {
	uint32_t path_mtu;   /* way there: the largest datagram that arrives whole, in bytes */
	uint32_t return_mtu; /* way back, where it was seen by itself: the largest that comes back whole */
	uint32_t interface_mtu;
	uint32_t host_mtu; /* of the host's own interface, where it is another than ours on the same link */
	enum mtu_how how;
	struct addr from;       /* the router that said so; else none */
	bool verified;          /* a reply came for exactly that size, and none for one byte more */
	bool black_hole;        /* what is larger vanishes without a word from any router */
	const char *method;     /* static: "echo", "udp" */
	enum fragments to_host; /* datagrams cut into fragments reach it */
	enum fragments from_host;
	enum fragments reversed;   /* ... with the last fragment first */
	enum fragments tiny_first; /* ... with 8 bytes in the first */
	bool has_reply_df;
	bool reply_df;   /* its replies forbid fragmentation */
	uint32_t probes; /* frames sent to find out */
};

struct note_event {
	uint16_t port;    /* 0: about the host */
	const char *code; /* static, kebab-case: "conflicting-replies" */
	char text[240];   /* one line; may quote the network: to be escaped before it is printed */
};

struct event {
	enum event_kind kind;
	int64_t at_ns;    /* on the link's clock */
	uint64_t ordinal; /* the host's place in the order of targets, from 0: reports keep this order */
	uint64_t index;   /* the same place among all targets, also those of other shards */
	bool swept; /* of a sweep: reports keep nothing for it, EVENT_SWEPT follows. A note without addr is about networks. */
	struct addr addr;
	union {
		struct host_event host;
		struct swept_event swept;
		struct port_event port;
		struct limit_event limit;
		struct mtu_event mtu;
		struct note_event note;
	} u;
};

const char *host_state_name(enum host_state state); /* "up", "down", "unknown" */
const char *port_state_name(enum port_state state); /* "open|filtered", ... */
const char *mtu_how_name(enum mtu_how how);         /* "interface", "frag-needed", "search" */
const char *fragments_name(enum fragments state);   /* "unknown", "pass", "dropped" */

#endif
