/* event_ring.c: events that wait to be taken, oldest first. */
#include "event_ring.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 64 };

static bool grow(struct event_ring *ring)
{
	size_t capacity = ring->capacity ? ring->capacity * 2 : FIRST_CAPACITY;
	struct event *events = malloc(capacity * sizeof(*events));

	if (!events)
		return false;
	for (size_t i = 0; i < ring->count; i++)
		events[i] = ring->events[(ring->first + i) % ring->capacity];
	free(ring->events);
	ring->events = events;
	ring->capacity = capacity;
	ring->first = 0;
	return true;
}

struct event *event_ring_add(struct event_ring *ring, enum event_kind kind, int64_t at_ns, const struct addr *addr,
                             uint64_t ordinal, uint64_t index)
{
	struct event *event;

	if (ring->count == ring->capacity && !grow(ring))
		return NULL;
	event = &ring->events[(ring->first + ring->count++) % ring->capacity];
	*event = (struct event){.kind = kind, .at_ns = at_ns, .ordinal = ordinal, .index = index, .addr = *addr};
	return event;
}

bool event_ring_take(struct event_ring *ring, struct event *out)
{
	if (ring->count == 0)
		return false;
	*out = ring->events[ring->first];
	ring->first = (ring->first + 1) % ring->capacity;
	ring->count--;
	return true;
}

void event_ring_free(struct event_ring *ring)
{
	free(ring->events);
	*ring = (struct event_ring){0};
}
