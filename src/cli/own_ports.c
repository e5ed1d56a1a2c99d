/* own_ports.c: source ports that do not show up in the result. */
#include "own_ports.h"

#include <unistd.h>

enum { HELD_PORTS = 64, MOST_TRIED = 1024, FIRST_PORT = 1024, PORTS = 65536 - FIRST_PORT };

/* This machine is a target: some path leads over the loopback. */
static bool scans_itself(const struct scan *scan)
{
	for (size_t i = 0; i < scan->network.interface_count; i++) {
		if (scan->use_interface[i] && scan->network.interfaces[i].loopback)
			return true;
	}
	return false;
}

/* So many random ports that enough of them are probably outside of the list. */
static size_t how_many(const struct port_list *asked)
{
	size_t inside = 0, outside, want;

	for (size_t i = 0; i < asked->count; i++)
		inside += asked->ports[i] >= FIRST_PORT;
	outside = PORTS - inside;
	if (outside < PORTS / 50)
		return HELD_PORTS;
	want = (size_t)HELD_PORTS * 2 * PORTS / outside;
	return want < MOST_TRIED ? want : MOST_TRIED;
}

/* Lets go of those inside the list, and of what is more than enough; one is kept whatever it is. */
static void keep_outside(struct held_ports *held, const struct port_list *asked)
{
	size_t kept = 0;
	bool any = false;

	for (size_t i = 0; i < held->count; i++)
		any |= !port_list_contains(asked, held->ports[i]);
	for (size_t i = 0; i < held->count; i++) {
		bool wanted = any ? !port_list_contains(asked, held->ports[i]) : kept == 0;

		if (!wanted || kept == HELD_PORTS) {
			close(held->sockets[i]);
			continue;
		}
		held->ports[kept] = held->ports[i];
		held->sockets[kept++] = held->sockets[i];
	}
	held->count = kept;
}

bool own_ports_hold(struct scan *scan, uint64_t random, struct err *err)
{
	const struct options *o = scan->options;
	const struct port_list *asked = &o->ports;
	bool apart = asked->count > 0 && scans_itself(scan);

	bool ping = options_action(o) == ACTION_PING;

	if (o->source_port)
		return held_ports_take_range(o->source_port, o->source_port_last, ping ? UINT16_MAX : MOST_TRIED,
		                             random, &scan->held, err);
	if (ping) /* one, as one flow for every device on the way */
		return held_ports_take(1, 0, random, &scan->held, err);
	if (!held_ports_take(apart ? how_many(asked) : HELD_PORTS, 0, random, &scan->held, err))
		return false;
	if (apart)
		keep_outside(&scan->held, asked);
	return true;
}

bool own_ports_note(const struct scan *scan, const struct event *event, struct event *note)
{
	struct path path;
	bool held = false;

	if (event->kind != EVENT_PORT || event->u.port.state != PORT_OPEN_FILTERED)
		return false;
	for (size_t i = 0; i < scan->held.count; i++)
		held |= scan->held.ports[i] == event->u.port.port;
	if (!held ||
	    !network_path(&scan->network, &event->addr, scan->config.only_interface, &scan->config.source, &path,
	                  NULL) ||
	    !scan->network.interfaces[path.interface].loopback)
		return false;
	*note = (struct event){
	        .kind = EVENT_NOTE, .at_ns = event->at_ns, .ordinal = event->ordinal, .addr = event->addr};
	note->u.note.port = event->u.port.port;
	note->u.note.code = "own-source-port";
	snprintf(note->u.note.text, sizeof(note->u.note.text),
	         "nscan itself held this port as its source port; ask it with another one (-g)");
	return true;
}
