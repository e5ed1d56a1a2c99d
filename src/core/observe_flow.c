/* observe_flow.c: recent conversations: who of two sides asked, when, and what. A table that grows up to a fixed size, in which then
 * the oldest give way: what is known for good stands with the hosts and ports. */
#include <stdlib.h>

#include "observer.h"

enum { FIRST_SETS = 1 << 6, MOST_SETS = 1 << 15, FLOW_WAYS = 4 };

bool flows_init(struct observer *o)
{
	o->flow_sets = FIRST_SETS;
	o->flows = calloc((size_t)FIRST_SETS * FLOW_WAYS, sizeof(*o->flows));
	return o->flows != NULL;
}

static uint64_t mix(uint64_t h)
{
	h = (h ^ h >> 32) * 0xff51afd7ed558ccd;
	h = (h ^ h >> 32) * 0xc4ceb9fe1a85ec53;
	return h ^ h >> 32;
}

/* The same for both directions. */
static struct flow *set_of(const struct observer *o, enum flow_kind kind, uint32_t a, uint16_t a_port, uint32_t b,
                           uint16_t b_port)
{
	uint64_t sum = mix((uint64_t)a << 16 | a_port) + mix((uint64_t)b << 16 | b_port) + kind;

	return &o->flows[(mix(sum) & (o->flow_sets - 1)) * FLOW_WAYS];
}

/* ICMP has one identifier for both sides: there, only one of the orientations is meant, and the caller tells them apart. */
struct flow *flow_find(struct observer *o, enum flow_kind kind, uint32_t a, uint16_t a_port, uint32_t b,
                       uint16_t b_port)
{
	struct flow *set = set_of(o, kind, a, a_port, b, b_port);

	for (int i = 0; i < FLOW_WAYS; i++) {
		struct flow *f = &set[i];

		if (f->kind != kind)
			continue;
		if (f->client == a && f->client_port == a_port && f->server == b && f->server_port == b_port)
			return f;
		if (f->client == b && f->client_port == b_port && f->server == a && f->server_port == a_port)
			return f;
	}
	return NULL;
}

/* Twice the sets, when the table is half full. On memory shortage it stays as it is: older conversations are forgotten sooner. */
static void grow(struct observer *o)
{
	struct flow *before = o->flows;
	size_t count = (size_t)o->flow_sets * FLOW_WAYS;

	if (o->flow_sets >= MOST_SETS || o->flow_count < count / 2)
		return;
	o->flows = calloc(2 * count, sizeof(*o->flows));
	if (!o->flows) {
		o->flows = before;
		return;
	}
	o->flow_sets *= 2;
	for (size_t i = 0; i < count; i++) {
		struct flow *f = &before[i], *set;

		if (f->kind == FLOW_FREE)
			continue;
		set = set_of(o, (enum flow_kind)f->kind, f->client, f->client_port, f->server, f->server_port);
		while (set->kind != FLOW_FREE) /* one set became two: there is room for all of them in each */
			set++;
		*set = *f;
	}
	free(before);
}

struct flow *flow_new(struct observer *o, enum flow_kind kind, uint32_t client, uint16_t client_port, uint32_t server,
                      uint16_t server_port, int64_t at_ns)
{
	struct flow *set, *oldest;

	grow(o);
	oldest = set = set_of(o, kind, client, client_port, server, server_port);
	for (int i = 0; i < FLOW_WAYS; i++) {
		if (set[i].kind == FLOW_FREE) {
			oldest = &set[i];
			break;
		}
		if (set[i].asked_ns < oldest->asked_ns)
			oldest = &set[i];
	}
	if (oldest->kind == FLOW_FREE)
		o->flow_count++;
	else if (oldest->pending > 0)
		o->flows_evicted++;
	*oldest = (struct flow){.asked_ns = at_ns,
	                        .client = client,
	                        .server = server,
	                        .client_port = client_port,
	                        .server_port = server_port,
	                        .kind = (uint8_t)kind};
	return oldest;
}
