/* sweep.h: who is up among very many addresses, as a pure function: time and replies in, probes and events out.
 *
 * What engine.h is for hosts and their ports, this is for -sn over thousands to billions of addresses. It keeps a few bits for
 * each address and nothing for each probe:
 *
 *   order    a seeded permutation over all ranges (permutation.h), so that no subnet is hit in a burst
 *   passes   the first asks everybody, each later one only who is still silent; how many there are follows from the loss seen
 *   answers  an echo carries the asked address, the time it was sent and a keyed hash over both, and its answer brings them back;
 *            other answers and ICMP errors are matched by the probe kind's identity (probe.h)
 *   rate     as fast as nothing is lost (sweep_rate in src/core): drops that the kernel counts, sends that fail, and canaries,
 *            hosts known to be up that are asked again now and then; who stays silent because of our speed is asked again slower
 *
 * engine.h hands over to it by itself where sweep_fits says so; the functions mean the same as there. */
#ifndef NSCAN_SWEEP_H
#define NSCAN_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "nscan/engine.h"

struct sweep;

/* At least so many addresses make a sweep; fewer are asked one by one, gently. */
enum { SWEEP_LEAST_ADDRESSES = 1025 };
/* Up to so many addresses each inactive one is told by itself (one EVENT_SWEPT each); of more, runs. */
enum { SWEEP_MOST_LISTED = 65536 };

/* Is this a scan for a sweep: hosts only, many IPv4 addresses, no time limit for the single host? */
bool sweep_fits(const struct engine_config *config);
/* NULL with *err set when memory ran out. */
struct sweep *sweep_new(const struct engine_config *config, int64_t now_ns, struct err *err);
void sweep_free(struct sweep *sweep);
bool sweep_next_probe(struct sweep *sweep, int64_t now_ns, struct probe *out);
void sweep_send_failed(struct sweep *sweep, uint64_t cookie, int error, int64_t now_ns);
void sweep_receive(struct sweep *sweep, const struct reply *reply, int64_t at_ns);
int64_t sweep_next_wake(const struct sweep *sweep);
/* First EVENT_HOST (swept) for each host that is up, as it is found; when all is asked, EVENT_SWEPT for every address in
 * ascending order, a host's notes ahead of it; last, notes about networks. */
bool sweep_next_event(struct sweep *sweep, struct event *out);
bool sweep_done(const struct sweep *sweep);
void sweep_stop(struct sweep *sweep, int64_t now_ns);
void sweep_progress(const struct sweep *sweep, int64_t now_ns, struct engine_progress *out);
/* --resume: an address that an earlier run settled is neither asked nor told. */
bool sweep_skip(struct sweep *sweep, const struct addr *addr, struct err *err);
/* How many frames the capture has lost so far (link_counters). */
void sweep_capture_drops(struct sweep *sweep, uint64_t drops, int64_t now_ns);

#endif
