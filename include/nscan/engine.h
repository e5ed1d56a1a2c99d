/* engine.h: the scan itself, as a pure function: time and replies in, probes and events out.
 *
 * The engine reads no clock, opens no socket and draws no randomness of its own: a run is a function of (configuration,
 * seed, inputs). The caller's loop is
 *
 *     while (engine_next_probe(e, now, &probe)) craft and send it;
 *     receive until engine_next_wake(e): decode each frame, engine_receive(e, &reply, at_ns);
 *     while (engine_next_event(e, &event)) report it;
 *     until engine_done(e)
 */
#ifndef NSCAN_ENGINE_H
#define NSCAN_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/decode.h"
#include "nscan/err.h"
#include "nscan/event.h"
#include "nscan/network.h"
#include "nscan/pmtu.h"
#include "nscan/ports.h"
#include "nscan/probe.h"
#include "nscan/rtt.h"
#include "nscan/shard.h"
#include "nscan/targets.h"

struct engine;

/* Ways of finding out whether a host is up; a set of bits. */
enum discovery {
	DISCOVER_ARP = 1,
	DISCOVER_ECHO = 2,
	DISCOVER_TIMESTAMP = 4,
	DISCOVER_UDP = 8,
	DISCOVER_NONE = 16, /* -Pn: every target is treated as up (on Ethernet its neighbour still has to be found) */
};

/* What an engine learnt about the ways to hosts, for the next one that goes them (--watch). */
struct engine_knowledge {
	struct loss discovery_loss;
	struct rtt link_rtt;
	struct rtt routed_rtt;
};

struct engine_config {
	const struct target_set *targets; /* borrowed, as all pointers here, until engine_free */
	const struct target_set *exclude; /* may be NULL */
	const struct port_list *ports;    /* NULL: hosts only (-sn) */
	const struct network *network;
	struct probe_settings probe;
	uint64_t seed;
	struct shard shard;                      /* --shard: of the targets only this part */
	unsigned discovery;                      /* enum discovery bits; 0: the default for each target */
	const struct port_list *discovery_ports; /* -PU; NULL: an unlikely port */
	int only_interface;                      /* -e: index into network.interfaces; -1: as routed */
	struct addr source;                      /* -S; none: as routed */
	const struct addr *
	        sources; /* --source-ips: addresses to ask ports from, each with its own limit at every host; NULL: one */
	size_t source_count;
	int64_t host_timeout_ns; /* --host-timeout: a host not settled by then is left unresolved; 0: none */
	double max_host_rate;    /* asks per second to one host; 0: as its answers allow */
	int max_retries;         /* re-asks of a silent host or port without any proof; -1: default */
	bool broadcast;          /* --broadcast-ping: instead of asking targets one by one */
	double min_rate;  /* probes per second below which a sweep does not go for the sake of lost answers; 0: none */
	double max_rate;  /* probes per second over all; 0: default */
	size_t max_hosts; /* hosts worked on at once; 0: default */
	enum pmtu_mode pmtu;                      /* observe the path MTU and fragments of hosts that are up */
	const struct engine_knowledge *knowledge; /* copied; NULL: none */
	/* Was the target with that ordinal up a moment ago? When one that was not answers late, that is no loss: it may just have
	 * come up. NULL: all may have been. */
	bool (*was_up)(const void *context, uint64_t ordinal);
	const void *was_up_context;
};

struct engine_progress {
	uint64_t hosts_total; /* targets, as far as known (an upper bound with overlapping specifications) */
	uint64_t hosts_finished;
	uint64_t hosts_up;
	uint64_t hosts_down;
	uint64_t ports_total; /* of the hosts known to be up so far */
	uint64_t ports_resolved;
	uint64_t ports_open;
	uint64_t sent;
	uint64_t send_errors;
	uint64_t received;      /* replies that verified */
	uint64_t rejected;      /* replies that claimed to answer us and did not verify */
	uint32_t pass, passes;  /* of a sweep: which one this is, of how many as far as known; 0: no sweep */
	double share_done;      /* of a sweep's passes */
	int64_t remaining_ns;   /* estimate from the limits learnt; -1: unknown */
	struct addr limited_by; /* the host whose limit decides how long it takes; none when no limit does */
	double limited_per_s;   /* that host's ICMP errors per second */
};

/* NULL with *err set when memory ran out or the configuration makes no sense. */
struct engine *engine_new(const struct engine_config *config, int64_t now_ns, struct err *err);
void engine_free(struct engine *engine);
/* The next probe that is due at now_ns. False: none is due now. The engine takes it as sent at now_ns. */
bool engine_next_probe(struct engine *engine, int64_t now_ns, struct probe *out);
/* A probe that the engine gave out could not be sent (errno). It is asked again, later and slower; nothing is lost to it. */
void engine_send_failed(struct engine *engine, uint64_t cookie, int error, int64_t now_ns);
/* The probe asks whether its size gets through: that it cannot be sent is an answer, and no error. */
bool engine_asks_size(uint64_t cookie);
/* A decoded packet, received at at_ns. Whatever is not for us is ignored; what claims to be and does not verify is counted. */
void engine_receive(struct engine *engine, const struct reply *reply, int64_t at_ns);
/* When engine_next_probe should be called next; INT64_MAX when only a reply could change anything (never while not done). */
int64_t engine_next_wake(const struct engine *engine);
/* The next event not yet taken. What it points to is valid until the next call. */
bool engine_next_event(struct engine *engine, struct event *out);
/* Every target has its final state. */
bool engine_done(const struct engine *engine);
/* How many frames the capture has lost so far (link_counters); tell it now and then, so that a sweep can slow down. */
void engine_capture_drops(struct engine *engine, uint64_t drops, int64_t now_ns);
/* Ends the scan here: hosts and ports not settled become unknown ("unresolved"), never guessed; their events follow. */
void engine_stop(struct engine *engine, int64_t now_ns);
/* What a later engine may begin with. */
void engine_knowledge(const struct engine *engine, struct engine_knowledge *out);
void engine_progress(const struct engine *engine, int64_t now_ns, struct engine_progress *out);

/* --resume: what an earlier run already settled is not asked again. Call before the first engine_next_probe. A port that the host
 * itself refused (`refused`: an ICMP error with the host's own address) is asked for its refusal where silence has to be proved. */
bool engine_skip_host(struct engine *engine, const struct addr *addr, struct err *err);
bool engine_skip_port(struct engine *engine, const struct addr *addr, uint16_t port, enum port_state state,
                      bool refused, struct err *err);

#endif
