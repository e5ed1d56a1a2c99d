/* observe_tell.c: what was found becomes events: at once when somebody follows, whole and in order at the end. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "observer.h"

#define SURE_ENOUGH (-6.0)    /* logarithm: less than one in a million that a silent port is a closed one */
enum { MIRRORED_SHARE = 20 }; /* one question in so many captured twice: the capture doubles packets, not the network */

static struct event *push(struct observer *o, uint32_t host, enum event_kind kind, int64_t at_ns)
{
	const struct seen_host *h = &o->hosts[host];
	struct event *event = event_ring_add(&o->events, kind, at_ns, &h->addr, h->ordinal, h->ordinal);

	o->out_of_memory |= !event;
	return event;
}

bool observer_next_event(struct observer *o, struct event *out)
{
	while (!event_ring_take(&o->events, out)) {
		if (!o->finished || !tell_next(o))
			return false;
	}
	return true;
}

static struct addr addr_of(const struct observer *o, uint32_t host)
{
	struct addr none = {0};

	return host == NONE ? none : o->hosts[host].addr;
}

static void note(struct observer *o, uint32_t host, uint16_t port, const char *code, const char *format, ...)
        __attribute__((format(printf, 5, 6)));
static void note(struct observer *o, uint32_t host, uint16_t port, const char *code, const char *format, ...)
{
	struct event *event = push(o, host, EVENT_NOTE, o->last_ns);
	va_list args;

	if (!event)
		return;
	event->u.note.port = port;
	event->u.note.code = code;
	va_start(args, format);
	vsnprintf(event->u.note.text, sizeof(event->u.note.text), format, args);
	va_end(args);
}

/* --- hosts -------------------------------------------------------------------------------------------------------------- */

/* What silence, routers and other traffic make of a host that never answered. */
struct host_event host_judged(const struct observer *o, const struct seen_host *h)
{
	struct host_event event = {.state = HOST_DOWN, .reason = "no-response"};
	struct addr router = addr_of(o, h->gone_from);

	if (h->up)
		return (struct host_event){.state = HOST_UP,
		                           .reason = h->reason,
		                           .from = addr_of(o, h->from),
		                           .has_rtt = h->has_rtt,
		                           .rtt_ns = h->rtt_ns,
		                           .has_ttl = h->has_ttl,
		                           .ttl = h->ttl};
	if (h->alive)
		return (struct host_event){.state = HOST_UP, .reason = "traffic"};
	if (h->gone || (h->gone_reason && h->asked & (ASKED_ICMP | ASKED_TCP)))
		return (struct host_event){.state = HOST_DOWN, .reason = h->gone_reason, .from = router};
	if (h->asked & ASKED_LINK && h->silence_counts && h->addr.family == 4)
		event.reason = "no-arp-reply";
	else if (!(h->asked & (ASKED_ICMP | ASKED_TCP)) && !(h->asked & ASKED_LINK && h->silence_counts))
		/* Only its ports were asked, and those need not answer. */
		event = (struct host_event){.state = HOST_UNKNOWN,
		                            .reason = h->gone_reason ? h->gone_reason : "no-response",
		                            .from = router};
	return event;
}

static bool is_selected(const struct observer *o, uint16_t port)
{
	return !o->config.hosts_only && (!o->config.ports || port_list_contains(o->config.ports, port));
}

/* A port that somebody asked, or whose answers are believed without the question. */
bool port_is_reported(const struct observer *o, const struct seen_port *port)
{
	return is_selected(o, port->port) && (port->asks > 0 || port->finding.weight != WEIGHT_NONE);
}

bool host_is_reported(const struct observer *o, const struct seen_host *h)
{
	if (!h->wanted || h->asked == 0)
		return false;
	if (h->asked == ASKED_LINK && !h->up && !h->alive && !h->silence_counts)
		return false; /* the answer, if there was one, went where the capture did not see it */
	if (!o->config.ports)
		return true;
	for (uint32_t at = h->first_port; at != NONE; at = o->ports[at].next) {
		if (port_is_reported(o, &o->ports[at]))
			return true;
	}
	return o->config.targets && !target_set_is_empty(o->config.targets);
}

static void push_host(struct observer *o, uint32_t host, int64_t at_ns)
{
	struct seen_host *h = &o->hosts[host];
	struct event *event = push(o, host, EVENT_HOST, at_ns);

	h->told = true;
	if (!event)
		return;
	event->u.host = host_judged(o, h);
	event->u.host.has_mac = h->has_mac;
	memcpy(event->u.host.mac, h->mac, MAC_BYTES);
}

/* At the first word about a host it gets its place. */
static bool is_followed(struct observer *o, uint32_t host)
{
	struct seen_host *h = &o->hosts[host];

	if (!o->config.follow || o->finished || !host_is_reported(o, h))
		return false;
	if (h->ordinal == NONE)
		h->ordinal = o->next_ordinal++;
	return true;
}

void tell_host(struct observer *o, uint32_t host, int64_t at_ns)
{
	if (!o->hosts[host].told && is_followed(o, host))
		push_host(o, host, at_ns);
}

/* --- ports -------------------------------------------------------------------------------------------------------------- */

static void push_port(struct observer *o, uint32_t index, int64_t at_ns)
{
	struct seen_port *port = &o->ports[index];
	struct event *event = push(o, port->host, EVENT_PORT, at_ns);
	bool silent = port->finding.weight == WEIGHT_NONE, again = port->told && o->finished && !silent;

	port->told = true;
	port->told_asks = port->asks;
	port->told_readings = port->readings;
	if (!event)
		return;
	event->u.port = (struct port_event){
	        .port = port->port,
	        .state = silent ? PORT_OPEN_FILTERED : port->finding.state,
	        .reason = !silent                          ? port->finding.reason
	                  : port->doubt_log <= SURE_ENOUGH ? "silent-while-refusing"
	                                                   : "no-response",
	        .from = addr_of(o, port->finding.from),
	        .from_port = port->from_port,
	        .has_rtt = port->has_rtt,
	        .rtt_ns = port->rtt_ns,
	        .has_ttl = port->has_ttl,
	        .ttl = port->ttl,
	        .probes = port->asks > port->quoted ? port->asks : port->quoted,
	        .reading = !silent && port->finding.state == PORT_OPEN ? port->reading : NULL,
	        .more_known = again,
	};
	if (event->u.port.probes == 0)
		event->u.port.probes = 1;
}

void tell_port(struct observer *o, uint32_t index, int64_t at_ns)
{
	struct seen_port *port = &o->ports[index];

	if (o->config.follow && port_is_reported(o, port) && is_followed(o, port->host))
		push_port(o, index, at_ns);
}

static const char *finding_text(const struct observer *o, const struct finding *finding, char out[96])
{
	char from[ADDR_TEXT_BYTES];
	struct addr addr = addr_of(o, finding->from);

	if (addr_is_set(&addr))
		snprintf(out, 96, "%s (%s from %s)", port_state_name(finding->state), finding->reason,
		         addr_format(&addr, from));
	else
		snprintf(out, 96, "%s (%s)", port_state_name(finding->state), finding->reason);
	return out;
}

static void note_conflict(struct observer *o, const struct seen_port *port)
{
	char first[96], second[96], client[ADDR_TEXT_BYTES], other[ADDR_TEXT_BYTES];
	struct addr asker = addr_of(o, port->finding.client), other_asker = addr_of(o, port->other.client);

	finding_text(o, &port->finding, first);
	finding_text(o, &port->other, second);
	if (addr_is_set(&asker) && addr_is_set(&other_asker) && !addr_equal(&asker, &other_asker))
		note(o, port->host, port->port, "askers-differ", "%s for %s, %s for %s", first,
		     addr_format(&asker, client), second, addr_format(&other_asker, other));
	else
		note(o, port->host, port->port, "conflicting-replies", "%s, but also %s: the stronger evidence holds",
		     first, second);
}

static void push_port_notes(struct observer *o, uint32_t index)
{
	struct seen_port port = o->ports[index];
	bool doubled = o->mirrored * MIRRORED_SHARE > o->asked;

	if (port.other.weight != WEIGHT_NONE)
		note_conflict(o, &port);
	if (port.duplicates > 0 && !doubled)
		note(o, port.host, port.port, "duplicate-replies",
		     "the same answer came again %" PRIu32 " time%s, though nothing was asked again", port.duplicates,
		     port.duplicates == 1 ? "" : "s");
	if (port.nat)
		note(o, port.host, port.port, "nat-in-between",
		     "an ICMP error quotes the question with other addresses, ports or checksum: they are rewritten on "
		     "the "
		     "way");
	if (port.unasked)
		note(o, port.host, port.port, "question-not-captured",
		     "%" PRIu32 " datagram%s from the port; what they answer is not in the capture", port.strays,
		     port.strays == 1 ? "" : "s");
	else if (port.strays > 0)
		note(o, port.host, port.port, "stray-replies",
		     "%" PRIu32 " datagram%s from the port that answer%s nothing in the capture", port.strays,
		     port.strays == 1 ? "" : "s", port.strays == 1 ? "s" : "");
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

/* The reported ports of a host by number: each with its index in the low half. */
static size_t sort_ports(struct observer *o, uint32_t host)
{
	size_t count = 0;

	for (uint32_t at = o->hosts[host].first_port; at != NONE; at = o->ports[at].next) {
		if (!port_is_reported(o, &o->ports[at]))
			continue;
		if (count == o->host_ports_capacity) {
			size_t capacity = count ? count * 2 : 256;
			uint64_t *grown = realloc(o->host_ports, capacity * sizeof(*grown));

			if (!grown) {
				o->out_of_memory = true;
				break;
			}
			o->host_ports = grown;
			o->host_ports_capacity = capacity;
		}
		o->host_ports[count++] = (uint64_t)o->ports[at].port << 32 | at;
	}
	if (count > 0)
		qsort(o->host_ports, count, sizeof(*o->host_ports), by_number);
	return count;
}

/* --- the end ------------------------------------------------------------------------------------------------------------- */

/* Silence is judged for each asker by itself; of the limits they show the clearest one is told. */
static void push_limit(struct observer *o, uint32_t host)
{
	struct limit_found limit, best = {0};
	struct event *event;

	for (uint32_t at = o->hosts[host].log; at != NONE; at = o->logs[at].next) {
		judge_silence(o, &o->logs[at], &limit);
		if (limit.clear && !best.clear)
			best = limit;
	}
	if (!best.clear || o->config.hosts_only)
		return;
	event = push(o, host, EVENT_LIMIT, o->last_ns);
	if (event)
		event->u.limit = (struct limit_event){best.rate, (uint32_t)best.burst};
}

static void push_host_notes(struct observer *o, uint32_t host)
{
	const struct seen_host *h = &o->hosts[host];
	char mac[MAC_TEXT_BYTES], other[MAC_TEXT_BYTES];

	if (h->two_macs)
		note(o, host, 0, "duplicate-address", "two stations answer for it: %s and %s", mac_format(h->mac, mac),
		     mac_format(h->other_mac, other));
	h = &o->hosts[host];
	if (h->duplicates > 0 && o->mirrored * MIRRORED_SHARE <= o->asked)
		note(o, host, 0, "duplicate-replies", "%u ICMP repl%s came again, though nothing was asked again",
		     h->duplicates, h->duplicates == 1 ? "y" : "ies");
}

static void push_path(struct observer *o, uint32_t host)
{
	struct mtu_event found;
	struct event *event = path_event(o, host, &found) ? push(o, host, EVENT_MTU, o->last_ns) : NULL;

	if (event)
		event->u.mtu = found;
}

/* What a follower was told of the port is not all that is known by now. */
static bool is_news(const struct seen_port *port)
{
	return !port->told || port->finding.weight == WEIGHT_NONE || port->told_asks != port->asks ||
	       port->told_readings != port->readings;
}

bool tell_next(struct observer *o)
{
	uint32_t host;
	size_t count;

	if (o->order_next == o->order_count)
		return false;
	host = o->order[o->order_next++];
	if (!o->hosts[host].told)
		push_host(o, host, o->hosts[host].up ? o->hosts[host].up_ns : o->last_ns);
	push_limit(o, host);
	count = sort_ports(o, host);
	for (size_t i = 0; i < count; i++) {
		uint32_t index = (uint32_t)o->host_ports[i];

		if (is_news(&o->ports[index]))
			push_port(o, index, o->ports[index].finding.weight ? o->ports[index].at_ns : o->last_ns);
	}
	push_path(o, host);
	push_host_notes(o, host);
	for (size_t i = 0; i < count; i++)
		push_port_notes(o, (uint32_t)o->host_ports[i]);
	push(o, host, EVENT_HOST_DONE, o->last_ns);
	return true;
}
