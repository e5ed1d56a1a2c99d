/* sim.h: a simulated network in virtual time. Hosts with limiters, loss, jitter, routers; everything from one seed.
 *
 * It stands where the link and the craft stand in a live run: takes the engine's probes, gives it decoded replies. The clock
 * jumps to the next event, so that hours of scanning take milliseconds. */
#ifndef NSCAN_TESTS_SIM_H
#define NSCAN_TESTS_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "nscan/engine.h"
#include "sim/path.h"

/* What stands behind a port. */
enum sim_port {
	SIM_CLOSED,     /* refused: port unreachable */
	SIM_SILENT,     /* open, reads and never answers */
	SIM_ANSWERS,    /* open, answers every datagram */
	SIM_PARTICULAR, /* open, answers only the last of the payloads that its port has */
	SIM_DROPPED,    /* a firewall discards it */
	SIM_REJECTED,   /* a firewall refuses: administratively prohibited */
	SIM_ROUTER,     /* a router on the way refuses: administratively prohibited */
};

/* How ICMP errors are limited. */
enum sim_limit {
	SIM_UNLIMITED,
	SIM_BUCKET,   /* tokens: rate a second, burst at most, full at the start */
	SIM_WINDOW,   /* at most `burst` in each window of `window_ns`, counted from the first error in it */
	SIM_INTERVAL, /* one each window_ns at the earliest */
};

struct sim_limiter {
	enum sim_limit kind;
	double rate;
	double burst;
	int64_t window_ns;
	double spent; /* tokens that somebody else had taken before the scan came */
	double tokens;
	int64_t at_ns;
	uint32_t in_window;
	bool started;
};

struct sim_host {
	struct addr addr;
	bool alive;
	bool echo_ignored;
	bool routed;              /* behind the router: no ARP */
	int64_t gone_ns, back_ns; /* nothing reaches it from the one to the other; 0, 0: it is always there */
	int64_t router_waits_ns; /* so long after it has gone the router begins to say that there is no way to it; 0: it never does */
	int64_t rtt_ns;
	int64_t jitter_ns; /* added to each direction, uniform from 0 */
	double loss_there;
	double loss_back;
	double line_per_s; /* a slow line on the way there carries so many datagrams a second, ... */
	double line_queue; /* ... holds so many that wait, and drops the others; 0: no such line */
	double line_waiting;
	int64_t line_at_ns;
	double duplicate;             /* probability that a reply comes twice */
	enum sim_port *ports;         /* 65536 of them, indexed by number */
	bool *known;                  /* 65536 likewise: an earlier run settled the port (--resume); NULL: none */
	struct sim_limiter limiter;   /* towards each source address, one of its own */
	struct sim_limiter host_wide; /* over all of them together */
	bool same_router;             /* as the first host */
	struct sim_limiter router;    /* of the router in front of it */
	struct sim_path path;
	struct sim_limiter *peers; /* made from `limiter` when the scan begins */
	/* Counted while running. */
	uint64_t probes;      /* UDP probes to its ports */
	uint64_t errors;      /* ICMP errors it sent */
	uint64_t errors_lost; /* of these, lost on the way back */
	int64_t first_probe_ns, settled_ns;
};

/* The verdict of the engine on one port, as last told. */
struct sim_verdict {
	enum port_state state;
	const char *reason;
	uint32_t probes; /* it took so many to find that state */
};

struct sim {
	struct rng rng;
	int64_t now_ns;
	struct sim_host *hosts;
	size_t host_count;
	struct network network;
	struct target_set *targets;
	struct port_list ports;
	struct engine_config config;
	struct sim_event *queue;
	size_t queue_count, queue_capacity;
	uint64_t sequence;
	struct sim_verdict *verdicts; /* host_count * 65536 */
	struct host_event *host_verdicts;
	bool *host_done;
	struct mtu_event *mtus; /* what was told of each host's path */
	uint64_t sent, notes, limits;
	uint64_t given; /* probes that the engine gave out */
	int64_t next_forgery_ns;
	struct limit_event last_limit;
	struct engine_progress progress; /* at the end */
	int64_t forge_gap_ns; /* a forger sends a port unreachable and a UDP answer in the first host's name so often; 0: no forger */
	uint16_t forge_mtu; /* somebody on the link sees every large probe with DF and claims that MTU; 0: nobody */
	const char *note_codes[16]; /* of the notes told, the first ones */
	bool ids_rewritten;         /* a middlebox gives our packets other IP IDs, which errors then quote */
	unsigned fail_every;        /* every n-th probe cannot be sent; 0: none */
	int64_t stop_ns;            /* interrupted then; 0: never */
	FILE *trace;                /* NULL: none */
	uint16_t source_ports[64];
	struct addr *sources; /* --source-ips; the simulation frees them */
	size_t source_count;
	uint32_t deaf; /* bit for each of the first 32 sources that gets no answer */
	struct payload_book *book;
};

/* An empty network; add hosts, then run. NULL when memory ran out. */
struct sim *sim_new(uint64_t seed);
void sim_free(struct sim *sim);
/* The host after all others, address 10.0.0.1 + its index (routed: 10.1.0.1 + index); every port closed, no limit. The pointer
 * is valid until the next sim_add. */
struct sim_host *sim_add(struct sim *sim, bool routed);
/* From now on ports are asked from `count` source addresses, 10.0.2.1 and up. */
void sim_sources(struct sim *sim, size_t count);
/* Scans `ports` of every host ("" for hosts only). False when the engine was not done after limit_ns of virtual time. */
bool sim_run(struct sim *sim, const char *ports, int64_t limit_ns);
/* The state and reason that is right for what stands behind the port. NULL reason: any. */
void sim_truth(const struct sim *sim, const struct sim_host *host, uint16_t port, struct sim_verdict *out);
/* How many ports of all live hosts were told wrongly; prints each to `out` when it is not NULL. */
size_t sim_wrong(const struct sim *sim, FILE *out);

#endif
