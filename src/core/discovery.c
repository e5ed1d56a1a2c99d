/* discovery.c: hardware addresses of next hops, and the question whether a host is up.
 *
 * On the link ARP answers both. Elsewhere each round sends one probe of every method chosen, rounds are repeated with
 * doubling timeouts, and how many rounds a silent host gets follows from the loss seen on those that answered. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum {
	ARP_INITIAL_MS = 150,
	ARP_FLOOR_MS = 60,
	IP_INITIAL_MS = 500,
	IP_FLOOR_MS = 100,
	BACKOFF_DOUBLINGS = 2, /* the timeout doubles this often, then stays */
	ARP_DOUBLINGS = 1,     /* once it is known how quick the link is; five asks then take 0.54 s */
	FEWEST_ASKS = 3,
	MOST_ASKS = 12,
	GATEWAY_ASKS = 6,
	SEND_FAILED_PAUSE_MS = 50,
	MOST_FAILED_SENDS = 40,
};
#define WRONG_DOWN 1e-6 /* wanted probability of calling a live host down */

static const unsigned kind_bit[PROBE_KIND_COUNT] = {
        [PROBE_ARP] = DISCOVER_ARP,
        [PROBE_ECHO] = DISCOVER_ECHO,
        [PROBE_TIMESTAMP] = DISCOVER_TIMESTAMP,
        [PROBE_UDP] = DISCOVER_UDP,
};

static uint32_t rounds_needed(const struct engine *e, const struct host *host)
{
	(void)host;
	if (e->config.max_retries >= 0)
		return (uint32_t)e->config.max_retries + 1;
	return loss_asks_needed(&e->discovery_loss, WRONG_DOWN, FEWEST_ASKS, MOST_ASKS);
}

static int64_t round_timeout(const struct engine *e, const struct host *host)
{
	unsigned doublings = host->round > 1 ? host->round - 1u : 0;
	unsigned most =
	        host->stage == HOST_WANTS_NEIGHBOUR && e->link_rtt.samples > 0 ? ARP_DOUBLINGS : BACKOFF_DOUBLINGS;
	int64_t timeout_ns;

	if (host->stage == HOST_WANTS_NEIGHBOUR)
		timeout_ns = rtt_timeout(&e->link_rtt, ARP_INITIAL_MS * MS, ARP_FLOOR_MS * MS);
	else
		timeout_ns = rtt_timeout(&e->routed_rtt, IP_INITIAL_MS * MS, IP_FLOOR_MS * MS);
	return timeout_ns << (doublings < most ? doublings : most);
}

static uint32_t gateway_entry(struct engine *e, const struct path *path, int64_t now_ns)
{
	struct neighbour *neighbours;

	for (uint32_t i = 0; i < e->neighbour_count; i++)
		if (addr_equal(&e->neighbours[i].addr, &path->next_hop) &&
		    e->neighbours[i].interface == path->interface)
			return i;
	neighbours = realloc(e->neighbours, (e->neighbour_count + 1) * sizeof(*neighbours));
	if (!neighbours)
		return NO_INDEX;
	e->neighbours = neighbours;
	neighbours[e->neighbour_count] = (struct neighbour){
	        .addr = path->next_hop,
	        .interface = path->interface,
	        .source = path->source,
	        .next_ns = now_ns,
	};
	return (uint32_t)e->neighbour_count++;
}

static void begin_questions(struct engine *e, struct host *host, int64_t now_ns)
{
	const unsigned by_ip = DISCOVER_ECHO | DISCOVER_TIMESTAMP | DISCOVER_UDP;

	if (e->config.discovery & DISCOVER_NONE) {
		host_is_up(e, host, "user-set", NULL, 0, now_ns);
		return;
	}
	host->stage = HOST_DISCOVERY;
	host->methods = e->config.discovery & by_ip ? e->config.discovery & by_ip : by_ip;
	host_set_wake(e, host, now_ns);
}

void discovery_start(struct engine *e, struct host *host, int64_t now_ns)
{
	if (host->path.kind == LINK_RAW_IP) {
		begin_questions(e, host, now_ns);
		return;
	}
	host->stage = HOST_WANTS_NEIGHBOUR;
	if (host->path.on_link) {
		host->methods = DISCOVER_ARP;
		host_set_wake(e, host, now_ns);
		return;
	}
	host->gateway = gateway_entry(e, &host->path, now_ns);
	if (host->gateway == NO_INDEX) {
		host_is_gone(e, host, "no-memory", NULL, now_ns);
	} else if (e->neighbours[host->gateway].known) {
		memcpy(host->mac, e->neighbours[host->gateway].mac, MAC_BYTES);
		host->has_mac = true;
		begin_questions(e, host, now_ns);
	} else if (e->neighbours[host->gateway].failed) {
		host_is_gone(e, host, "no-gateway", &e->neighbours[host->gateway].addr, now_ns);
	} else {
		host_set_wake(e, host, NEVER);
	}
}

/* All hosts that waited for this gateway go on, or end here. */
static void release_waiting(struct engine *e, uint32_t gateway, int64_t now_ns)
{
	for (size_t i = 0; i < e->host_capacity; i++) {
		struct host *host = &e->hosts[i];

		if (!host->in_use || host->stage != HOST_WANTS_NEIGHBOUR || host->gateway != gateway)
			continue;
		if (e->neighbours[gateway].known) {
			memcpy(host->mac, e->neighbours[gateway].mac, MAC_BYTES);
			host->has_mac = true;
			begin_questions(e, host, now_ns);
		} else {
			host_is_gone(e, host, "no-gateway", &e->neighbours[gateway].addr, now_ns);
		}
	}
}

void neighbour_learnt(struct engine *e, const struct addr *addr, const uint8_t *mac, int64_t at_ns)
{
	for (uint32_t i = 0; i < e->neighbour_count; i++) {
		struct neighbour *neighbour = &e->neighbours[i];

		if (neighbour->known || neighbour->attempts == 0 || !addr_equal(&neighbour->addr, addr))
			continue;
		neighbour->known = true;
		memcpy(neighbour->mac, mac, MAC_BYTES);
		release_waiting(e, i, at_ns);
	}
}

int64_t neighbours_wake(const struct engine *e)
{
	int64_t wake_ns = NEVER;

	for (size_t i = 0; i < e->neighbour_count; i++)
		if (!e->neighbours[i].known && !e->neighbours[i].failed && e->neighbours[i].next_ns < wake_ns)
			wake_ns = e->neighbours[i].next_ns;
	return wake_ns;
}

bool neighbours_next(struct engine *e, int64_t now_ns, struct probe *out)
{
	for (uint32_t i = 0; i < e->neighbour_count; i++) {
		struct neighbour *neighbour = &e->neighbours[i];
		struct host gateway;
		struct ask ask;

		if (neighbour->known || neighbour->failed || neighbour->next_ns > now_ns)
			continue;
		if (neighbour->attempts >= GATEWAY_ASKS) {
			neighbour->failed = true;
			release_waiting(e, i, now_ns);
			continue;
		}
		memset(&gateway, 0, sizeof(gateway));
		gateway.path.interface = neighbour->interface;
		gateway.path.kind = LINK_ETHERNET;
		ask = (struct ask){PROBE_ARP, neighbour->source, neighbour->addr, 0, neighbour->attempts, 0};
		fill_probe(e, &gateway, &ask, UINT64_MAX, out);
		neighbour->attempts++;
		neighbour->next_ns =
		        now_ns + (ARP_INITIAL_MS * MS << (neighbour->attempts < 3 ? neighbour->attempts : 3));
		return true;
	}
	return false;
}

/* Begins a round, or decides that the host is down. False: decided, or not due yet. */
static bool next_round(struct engine *e, struct host *host, int64_t now_ns)
{
	if (host->round > 0 && now_ns < host->decide_ns) {
		host_set_wake(e, host, host->decide_ns);
		return false;
	}
	if (host->router_says_gone || (host->gone_reason && host->round >= rounds_needed(e, host))) {
		host_is_gone(e, host, host->gone_reason, &host->gone_from, now_ns);
		return false;
	}
	if (host->round >= rounds_needed(e, host)) {
		host_is_gone(e, host, host->stage == HOST_WANTS_NEIGHBOUR ? "no-arp-reply" : "no-response", NULL,
		             now_ns);
		return false;
	}
	host->round++;
	host->round_pending = host->methods;
	/* A refused UDP probe costs the host an ICMP error that its ports may need: first try without. */
	if (host->round == 1 && host->methods & (DISCOVER_ECHO | DISCOVER_TIMESTAMP))
		host->round_pending &= ~(unsigned)DISCOVER_UDP;
	host->round_port = 0;
	return true;
}

/* The low half of a discovery probe's cookie names its kind, so that a failed send can be repeated. */
bool discovery_next(struct engine *e, struct host *host, int64_t now_ns, struct probe *out)
{
	struct ask ask = {.src = host->path.source, .dst = host->addr};

	if (host->stage == HOST_WANTS_NEIGHBOUR && host->gateway != NO_INDEX) {
		host_set_wake(e, host, NEVER); /* release_waiting will wake it */
		return false;
	}
	if (now_ns < host->hold_ns) {
		host_set_wake(e, host, host->hold_ns);
		return false;
	}
	if (host->round_pending == 0 && !next_round(e, host, now_ns))
		return false;
	for (unsigned kind = 0; kind < PROBE_KIND_COUNT; kind++) {
		if (!(host->round_pending & kind_bit[kind]))
			continue;
		ask.kind = (enum probe_kind)kind;
		ask.attempt = (uint16_t)(host->round - 1);
		if (kind == PROBE_UDP) {
			ask.attempt |= DISCOVERY_ATTEMPT;
			ask.port = e->discovery_ports[host->round_port++];
			if (host->round_port >= e->discovery_port_count)
				host->round_pending &= ~kind_bit[kind];
		} else {
			host->round_pending &= ~kind_bit[kind];
		}
		fill_probe(e, host, &ask, cookie_make(e, host, UINT32_C(1) << 31 | kind), out);
		host->sent_at_ns[kind] = now_ns;
		host->decide_ns = now_ns + round_timeout(e, host);
		host_set_wake(e, host, host->round_pending ? now_ns : host->decide_ns);
		return true;
	}
	return false;
}

void discovery_send_failed(struct engine *e, struct host *host, uint32_t low, int64_t now_ns)
{
	unsigned kind = low & ~(UINT32_C(1) << 31);

	if (host->stage == HOST_PORTS || kind >= PROBE_KIND_COUNT)
		return;
	if (++host->failed_sends >= MOST_FAILED_SENDS) {
		discovery_unresolved(e, host, now_ns);
		return;
	}
	/* The same probe of the same round, a little later. */
	host->round_pending |= kind_bit[kind];
	if (kind == PROBE_UDP)
		host->round_port = 0;
	host->hold_ns = now_ns + SEND_FAILED_PAUSE_MS * MS;
	host_set_wake(e, host, host->hold_ns);
}

void host_is_up(struct engine *e, struct host *host, const char *reason, const struct reply *reply, int64_t sent_ns,
                int64_t at_ns)
{
	struct event *event;

	if (host->told_up)
		return;
	host->told_up = true;
	e->progress.hosts_up++;
	event = event_new(e, host, EVENT_HOST, at_ns);
	if (event) {
		struct host_event *up = &event->u.host;

		up->state = HOST_UP;
		up->reason = reason;
		if (reply && sent_ns > 0 && at_ns >= sent_ns) {
			up->has_rtt = true;
			up->rtt_ns = at_ns - sent_ns;
		}
		if (reply && reply->kind != REPLY_ARP) {
			up->has_ttl = true;
			up->ttl = reply->ttl;
		}
		up->has_mac = host->has_mac && host->path.on_link;
		memcpy(up->mac, host->mac, MAC_BYTES);
	}
	if (reply)
		mtu_start(e, host, at_ns);
	if (!e->config.ports || e->port_count == 0) {
		host->stage = HOST_MTU;
		if (!mtu_under_way(host))
			host_finish(e, host, at_ns);
		return;
	}
	host->stage = HOST_PORTS;
	presence_init(&host->presence, reply, at_ns);
	e->progress.ports_total += e->port_count;
	if (!portscan_start(e, host, at_ns)) {
		e->out_of_memory = true;
		host_finish(e, host, at_ns);
		return;
	}
	host_set_wake(e, host, at_ns);
}

static void host_ends_without_ports(struct engine *e, struct host *host, enum host_state state, const char *reason,
                                    const struct addr *from, int64_t at_ns)
{
	struct event *event = event_new(e, host, EVENT_HOST, at_ns);

	if (event) {
		event->u.host.state = state;
		event->u.host.reason = reason;
		if (from)
			event->u.host.from = *from;
	}
	host_finish(e, host, at_ns);
}

void host_is_gone(struct engine *e, struct host *host, const char *reason, const struct addr *from, int64_t at_ns)
{
	e->progress.hosts_down++;
	host_ends_without_ports(e, host, HOST_DOWN, reason, from, at_ns);
}

void discovery_unresolved(struct engine *e, struct host *host, int64_t now_ns)
{
	host_ends_without_ports(e, host, HOST_UNKNOWN,
	                        host->failed_sends >= MOST_FAILED_SENDS ? "send-failed" : "unresolved", NULL, now_ns);
}
