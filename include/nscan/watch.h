/* watch.h: what changed between rounds of the same questions (--watch). Pure: events of each round in, changes out.
 *
 * A host that answers is up at once. A host is down only when a whole round, with all its retries, was silent and the round is known
 * to have been sound: the changes to "down", and those of ports, are told at the end of the round. A round in which the own link was
 * down says nothing about those who were silent. Memory: one record for each target, and one byte for each port of a host that was
 * ever up. */
#ifndef NSCAN_WATCH_H
#define NSCAN_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/event.h"
#include "nscan/ports.h"

enum { WATCH_MOST_TARGETS = 1 << 20 };

/* One change. Times are on the clock of the events. */
struct watch_change {
	uint64_t round; /* from 1 */
	int64_t at_ns;
	struct addr addr;
	bool is_port; /* else it is the host */
	uint16_t port;
	const char *from; /* state names, static */
	const char *to;
	const char *reason; /* as event.h has it */
	bool has_rtt;
	int64_t rtt_ns;
	int64_t lasted_ns; /* how long the earlier state had lasted, as far as it was watched */
};

typedef void watch_tell(void *context, const struct watch_change *change);

/* What is known of one target. */
struct watched {
	struct addr addr;
	uint8_t state;       /* enum host_state; HOST_UNKNOWN: never settled */
	uint8_t round_state; /* in this round */
	uint32_t changes;
	uint64_t rounds_up;
	uint64_t rounds_known; /* rounds in which its state was settled */
	int64_t since_ns;      /* the state began, as far as watched; after a change the change's time */
	int64_t round_at_ns;
	const char *reason; /* of this round */
	uint8_t *ports;     /* enum port_state by place in the list of ports; NULL: never up */
};

struct watch_round {
	uint64_t number;
	uint64_t up; /* hosts, at the end of the round */
	uint64_t down;
	uint64_t unknown;
	uint64_t changes; /* of hosts and ports, told in this round */
};

struct watch;

/* ports: NULL for hosts only; borrowed. NULL when memory ran out. */
struct watch *watch_new(const struct port_list *ports, watch_tell *tell, void *context);
void watch_free(struct watch *watch);
void watch_begin_round(struct watch *watch);
/* Every event of the round. False when memory ran out. */
bool watch_event(struct watch *watch, const struct event *event);
/* The round is over. sound: the own link was up all the time; else nobody's silence counts. */
void watch_end_round(struct watch *watch, bool sound, struct watch_round *out);
/* The targets met so far, by ordinal. */
size_t watch_targets(const struct watch *watch);
const struct watched *watch_target(const struct watch *watch, size_t ordinal);

#endif
