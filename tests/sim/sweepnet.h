/* sweepnet.h: a simulated network for sweeps in virtual time: hundreds of thousands of addresses of which a function says what they
 * are, a path with loss, a limited rate and duplicates. Everything from one seed. */
#ifndef NSCAN_TESTS_SWEEPNET_H
#define NSCAN_TESTS_SWEEPNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/engine.h"

/* What stands at an address. */
enum sweepnet_kind {
	NET_SILENT,
	NET_ALIVE,
	NET_TIMESTAMP_ONLY, /* ignores echo */
	NET_UDP_ONLY,       /* answers only with a port unreachable */
	NET_UNREACHABLE,    /* its router says host unreachable */
	NET_PROHIBITED,     /* its router says administratively prohibited */
	NET_TWICE,          /* every answer comes twice */
	NET_OTHER,          /* another address (the router's) answers */
};

struct sweepnet {
	enum sweepnet_kind (*kind)(const struct sweepnet *net, uint32_t addr);
	double loss;         /* of each round trip */
	double most_per_s;   /* what the path carries; the rest is dropped; 0: everything */
	unsigned fail_every; /* every n-th probe cannot be sent; 0: none */
	int64_t rtt_ns;
	int64_t stop_ns; /* interrupted then; 0: never */
	uint32_t router; /* address */
	bool forged;     /* echo replies of nobody's asking arrive in every address's name, too */
	uint64_t seed;
	const char *targets, *excludes;
	bool on_link;                /* all of 10.0.0.0/8 is, by ARP; else behind one gateway */
	struct engine_config config; /* discovery, max_retries, shard, rates */
	bool want_results;           /* fill `state` */

	/* Results. */
	uint64_t up, down, unknown; /* addresses, from EVENT_SWEPT */
	uint64_t told_up;           /* EVENT_HOST */
	uint64_t disordered;        /* EVENT_SWEPT out of order or overlapping */
	uint64_t wrong;             /* that do not fit what stands there */
	uint64_t notes;
	char note_code[64]; /* of the last one */
	char note_text[256];
	char reason[32]; /* of the last address that is down */
	bool rtt_wrong;  /* a host's time was not that of the path */
	uint64_t sent, dropped;
	int64_t took_ns;
	struct engine_progress progress;
};

/* Runs the whole sweep. False when it was not done after limit_ns of virtual time. */
bool sweepnet_run(struct sweepnet *net, int64_t limit_ns);

#endif
