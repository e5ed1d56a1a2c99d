/* watch.c: changes between rounds. */
#include "nscan/watch.h"

#include <stdlib.h>
#include <string.h>

struct watch {
	const struct port_list *ports;
	watch_tell *tell;
	void *context;
	struct watched *targets; /* by ordinal */
	size_t count;
	size_t room;
	uint64_t round;
	uint64_t changes; /* told in this round */
};

struct watch *watch_new(const struct port_list *ports, watch_tell *tell, void *context)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (watch)
		*watch =
		        (struct watch){.ports = ports && ports->count ? ports : NULL, .tell = tell, .context = context};
	return watch;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	for (size_t i = 0; i < watch->count; i++)
		free(watch->targets[i].ports);
	free(watch->targets);
	free(watch);
}

void watch_begin_round(struct watch *watch)
{
	watch->round++;
	watch->changes = 0;
	for (size_t i = 0; i < watch->count; i++)
		watch->targets[i].round_state = HOST_UNKNOWN;
}

/* The record of that ordinal; NULL when memory ran out or there are too many. */
static struct watched *target_of(struct watch *watch, const struct event *event)
{
	struct watched *grown;
	size_t room = watch->room ? watch->room : 64;

	if (event->ordinal >= WATCH_MOST_TARGETS)
		return NULL;
	while (room <= event->ordinal)
		room *= 2;
	if (room > watch->room) {
		grown = realloc(watch->targets, room * sizeof(*grown));
		if (!grown)
			return NULL;
		memset(grown + watch->room, 0, (room - watch->room) * sizeof(*grown));
		for (size_t i = watch->room; i < room; i++)
			grown[i].state = grown[i].round_state = HOST_UNKNOWN;
		watch->targets = grown;
		watch->room = room;
	}
	if (event->ordinal >= watch->count)
		watch->count = (size_t)event->ordinal + 1;
	watch->targets[event->ordinal].addr = event->addr;
	return &watch->targets[event->ordinal];
}

static void tell(struct watch *watch, struct watch_change *change)
{
	change->round = watch->round;
	watch->changes++;
	watch->tell(watch->context, change);
}

/* The first known state is no change: changes are measured against it. */
static void set_host(struct watch *watch, struct watched *target, enum host_state state, int64_t at_ns,
                     const struct host_event *host)
{
	struct watch_change change = {
	        .at_ns = at_ns,
	        .addr = target->addr,
	        .from = host_state_name((enum host_state)target->state),
	        .to = host_state_name(state),
	        .reason = target->reason,
	        .has_rtt = host && host->has_rtt,
	        .rtt_ns = host ? host->rtt_ns : 0,
	        .lasted_ns = at_ns - target->since_ns,
	};

	if (target->state == state)
		return;
	target->changes += target->state != HOST_UNKNOWN;
	/* Whom the first round knows the report has from there; who is known later is told. */
	if (target->state != HOST_UNKNOWN || watch->round > 1)
		tell(watch, &change);
	target->state = (uint8_t)state;
	target->since_ns = at_ns;
}

static void take_host(struct watch *watch, struct watched *target, const struct event *event)
{
	target->round_state = (uint8_t)event->u.host.state;
	target->round_at_ns = event->at_ns;
	target->reason = event->u.host.reason;
	if (event->u.host.state == HOST_UP)
		set_host(watch, target, HOST_UP, event->at_ns, &event->u.host);
}

/* Where the port is in the list; the list's size when it is not there. */
static size_t place_of(const struct port_list *ports, uint16_t port)
{
	size_t low = 0, high = ports->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ports->ports[middle] < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ports->count && ports->ports[low] == port ? low : ports->count;
}

/* The last word on the port in this round comes when the round's last event about it comes; a correction is a change of its own. */
static bool take_port(struct watch *watch, struct watched *target, const struct event *event)
{
	const struct port_event *port = &event->u.port;
	size_t place = watch->ports ? place_of(watch->ports, port->port) : 0;
	struct watch_change change;

	if (!watch->ports || place == watch->ports->count || port->state == PORT_UNKNOWN)
		return true;
	if (!target->ports)
		target->ports = calloc(watch->ports->count, 1);
	if (!target->ports)
		return false;
	if (target->ports[place] != PORT_UNKNOWN && target->ports[place] != port->state) {
		change = (struct watch_change){
		        .at_ns = event->at_ns,
		        .addr = target->addr,
		        .is_port = true,
		        .port = port->port,
		        .from = port_state_name((enum port_state)target->ports[place]),
		        .to = port_state_name(port->state),
		        .reason = port->reason,
		        .has_rtt = port->has_rtt,
		        .rtt_ns = port->rtt_ns,
		        .lasted_ns = -1,
		};
		tell(watch, &change);
	}
	target->ports[place] = (uint8_t)port->state;
	return true;
}

/* A sweep's word on a run of addresses, taken as if each had an event of its own. */
static bool take_swept(struct watch *watch, const struct event *event)
{
	struct event one = {.kind = EVENT_HOST, .at_ns = event->at_ns, .ordinal = event->ordinal, .addr = event->addr};

	one.u.host = event->u.swept.host;
	for (uint64_t i = 0; i < event->u.swept.count; i++) {
		if (!watch_event(watch, &one))
			return false;
		one.ordinal++;
		addr_increment(&one.addr);
	}
	return true;
}

bool watch_event(struct watch *watch, const struct event *event)
{
	struct watched *target;

	if (event->kind == EVENT_SWEPT)
		return take_swept(watch, event);
	if (event->kind != EVENT_HOST && event->kind != EVENT_PORT)
		return true;
	target = target_of(watch, event);
	if (!target)
		return false;
	if (event->kind == EVENT_PORT)
		return take_port(watch, target, event);
	take_host(watch, target, event);
	return true;
}

/* An answer counts in any round, silence in a sound one. */
static void count_round(struct watch *watch, struct watched *target, bool sound)
{
	if (target->round_state == HOST_UP) {
		target->rounds_up++;
		target->rounds_known++;
	} else if (target->round_state == HOST_DOWN && sound) {
		target->rounds_known++;
		set_host(watch, target, HOST_DOWN, target->round_at_ns, NULL);
	}
}

void watch_end_round(struct watch *watch, bool sound, struct watch_round *out)
{
	*out = (struct watch_round){.number = watch->round};
	for (size_t i = 0; i < watch->count; i++) {
		struct watched *target = &watch->targets[i];

		count_round(watch, target, sound);
		out->up += target->state == HOST_UP;
		out->down += target->state == HOST_DOWN;
		out->unknown += target->state == HOST_UNKNOWN;
	}
	out->changes = watch->changes;
}

size_t watch_targets(const struct watch *watch)
{
	return watch->count;
}

const struct watched *watch_target(const struct watch *watch, size_t ordinal)
{
	return &watch->targets[ordinal];
}
