/* event_ring.h: events that wait to be taken, oldest first: the one queue of everything in core that tells events. */
#ifndef NSCAN_CORE_EVENT_RING_H
#define NSCAN_CORE_EVENT_RING_H

#include "nscan/event.h"

/* Zero-initialised: empty. Grows as needed; event_ring_free releases it. */
struct event_ring {
	struct event *events;
	size_t capacity, first, count;
};

/* A new event at the end: zero but for what is given; the caller fills the rest before the next call. NULL when memory ran out. */
struct event *event_ring_add(struct event_ring *ring, enum event_kind kind, int64_t at_ns, const struct addr *addr,
                             uint64_t ordinal, uint64_t index);
/* Takes the oldest. False: there is none. */
bool event_ring_take(struct event_ring *ring, struct event *out);
/* Releases the ring. What its events point to stays with whoever put it there. */
void event_ring_free(struct event_ring *ring);

#endif
