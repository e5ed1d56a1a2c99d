/* observe_end.c: the capture has ended: what answers nothing is judged, silence counts, and hosts get their order. */
#include <stdlib.h>
#include <string.h>

#include "observer.h"

/* Datagrams that answer nothing: believed where the capture has no question to that host at all, because it shows one direction
 * only or began too late. */
static void judge_strays(struct observer *o)
{
	for (uint32_t i = 0; i < o->port_count; i++) {
		struct seen_port *port = &o->ports[i];
		struct seen_host *host = &o->hosts[port->host];
		struct proof proof = {.reason = "udp-response",
		                      .from = NONE,
		                      .at_ns = port->stray_ns,
		                      .has_ttl = true,
		                      .ttl = port->stray_ttl};

		if (port->strays == 0)
			continue;
		if (port->strays_answer != NONE && port->asks == 0 &&
		    o->ports[port->strays_answer].finding.weight != WEIGHT_ANSWER) {
			port_answered_from(o, i);
			continue;
		}
		if (host->asks_seen || port->finding.weight != WEIGHT_NONE) {
			o->rejected += port->strays;
			continue;
		}
		port->unasked = true;
		port->finding = (struct finding){PORT_OPEN, WEIGHT_ANSWER, "udp-response", NONE, port->stray_client};
		port->at_ns = port->stray_ns;
		port->has_ttl = true;
		port->ttl = port->stray_ttl;
		o->answered++;
		host->asked |= ASKED_UDP;
		host_proved(o, port->host, &proof);
	}
}

/* Whether the capture was made where answers to that station's ARP requests pass. */
static bool is_seen_from(const struct observer *o, const uint8_t *station)
{
	if (o->station_count <=
	    0) /* no unicast frame at all, or frames between others: a tap, a bridge, a mirror port */
		return true;
	for (int i = 0; i < o->station_count; i++) {
		if (memcmp(o->stations[i], station, MAC_BYTES) == 0)
			return true;
	}
	return false;
}

struct sorted_host {
	struct addr addr;
	uint32_t ordinal;
	uint32_t host;
};

static int by_place(const void *a, const void *b)
{
	const struct sorted_host *left = a, *right = b;

	if (left->ordinal != right->ordinal)
		return left->ordinal < right->ordinal ? -1 : 1;
	return addr_compare(&left->addr, &right->addr);
}

static void count_host(struct observer *o, const struct seen_host *h)
{
	switch (host_judged(o, h).state) {
	case HOST_UP:
		o->hosts_up++;
		break;
	case HOST_DOWN:
		o->hosts_down++;
		break;
	case HOST_UNKNOWN:
		o->hosts_unknown++;
		break;
	}
}

/* The hosts to be told, those that were told of before first. */
static bool put_in_order(struct observer *o)
{
	struct sorted_host *sorted = malloc((o->host_count ? o->host_count : 1) * sizeof(*sorted));

	o->order = malloc((o->host_count ? o->host_count : 1) * sizeof(*o->order));
	if (!sorted || !o->order) {
		free(sorted);
		return false;
	}
	for (uint32_t i = 0; i < o->host_count; i++) {
		struct seen_host *h = &o->hosts[i];

		for (uint8_t k = 0; k < h->asker_count; k++)
			h->silence_counts = h->silence_counts || is_seen_from(o, h->askers[k]);
		if (!host_is_reported(o, h))
			continue;
		count_host(o, h);
		sorted[o->order_count++] = (struct sorted_host){h->addr, h->ordinal, i};
	}
	if (o->order_count > 0)
		qsort(sorted, o->order_count, sizeof(*sorted), by_place);
	for (uint32_t i = 0; i < o->order_count; i++) {
		o->order[i] = sorted[i].host;
		o->hosts[sorted[i].host].ordinal = i;
	}
	free(sorted);
	return true;
}

void observer_finish(struct observer *o)
{
	if (o->finished)
		return;
	o->finished = true;
	judge_strays(o);
	if (!put_in_order(o))
		o->out_of_memory = true;
}

bool observer_ports(const struct observer *o, struct port_list *out)
{
	uint8_t *seen = calloc(65536, 1);

	*out = (struct port_list){calloc(65536, sizeof(*out->ports)), 0};
	if (!seen || !out->ports) {
		free(seen);
		port_list_free(out);
		return false;
	}
	for (uint32_t i = 0; i < o->port_count; i++) {
		if (port_is_reported(o, &o->ports[i]) && host_is_reported(o, &o->hosts[o->ports[i].host]))
			seen[o->ports[i].port] = 1;
	}
	for (unsigned port = 0; port < 65536; port++) {
		if (seen[port])
			out->ports[out->count++] = (uint16_t)port;
	}
	free(seen);
	return true;
}
