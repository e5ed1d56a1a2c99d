/* portscan.c: the port scan of one host: its lanes, its turns, its verdicts, and the end. */
#include <math.h>
#include <stdlib.h>

#include "internal.h"

#define MINUTE_NS       (60000 * MS)
#define LIMIT_TOLERANCE 0.02 /* by so much an estimate may differ from what was told */

enum {
	FIRST_WINDOW = 8, /* asks in flight at first: a default Linux host has 6 errors to give */
	FIRST_LOG = 256,
	INITIAL_TIMEOUT_MS = 500,
	LEAST_TIMEOUT_MS = 30,
	LINGER_LEAST_MS = 150,
	LINGER_MOST_MS = 1000,
	HOST_WIDE_PER_S = 600, /* Linux gives 1000 ICMP errors a second to all peers together, ... */
	HOST_WIDE_BURST = 20,  /* ... 50 at once, both a little randomised */
	IDLE_LANE_MS = 20,
	LIMIT_SURE_MS = 30000, /* by then more than the burst has been seen of any limit in use */
};

int64_t ask_timeout(const struct lane *lane)
{
	return rtt_timeout(&lane->scan->rtt, INITIAL_TIMEOUT_MS * MS, LEAST_TIMEOUT_MS * MS);
}

static int by_addr_and_port(const void *a, const void *b)
{
	const struct skip_port *x = a, *y = b;
	int order = addr_compare(&x->addr, &y->addr);

	return order != 0 ? order : (int)x->port - (int)y->port;
}

/* --resume: ports whose state an earlier run found out. Those that the host refused go on being of use: when only silent ports are left,
 * nothing else could show that it still refuses. */
static void skip_known_ports(struct engine *e, struct host *host)
{
	struct portscan *scan = host->scan;
	size_t low = 0, high = e->skip_port_count;

	if (!e->skip_ports_sorted && e->skip_port_count > 0)
		qsort(e->skip_ports, e->skip_port_count, sizeof(*e->skip_ports), by_addr_and_port);
	e->skip_ports_sorted = true;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (addr_compare(&e->skip_ports[middle].addr, &host->addr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < e->skip_port_count && addr_equal(&e->skip_ports[low].addr, &host->addr); low++) {
		const struct skip_port *known = &e->skip_ports[low];
		uint32_t place = e->slot_of_port[known->port];
		struct port_slot *slot;

		if (place == 0 || scan->slots[place - 1].stage == STAGE_SETTLED)
			continue;
		slot = &scan->slots[place - 1];
		slot->stage = STAGE_SETTLED;
		slot->state = known->state;
		slot->by_target = known->refused;
		scan->settled++;
		e->progress.ports_resolved++;
		e->progress.ports_open += known->state == PORT_OPEN;
		if (known->refused) {
			scan->sentinel = place - 1;
			scan->target_refuses = true;
		}
	}
}

/* A lane that has asked nothing yet, with the room for its log. */
static struct lane new_lane(struct portscan *scan, uint32_t index, const struct addr *source, struct log_entry *log,
                            uint32_t log_capacity, int64_t now_ns)
{
	struct lane lane = {
	        .scan = scan,
	        .index = index,
	        .source = *source,
	        .log = log,
	        .log_capacity = log_capacity,
	        .window = FIRST_WINDOW,
	        .window_slow = 1e9,
	        .silence = 1,
	        .last_ask_ns = now_ns,
	};

	limiter_init(&lane.limiter);
	return lane;
}

static bool lane_init(struct portscan *scan, uint32_t index, const struct addr *source, int64_t now_ns)
{
	struct log_entry *log = calloc(FIRST_LOG, sizeof(*log));

	scan->lanes[index] = new_lane(scan, index, source, log, FIRST_LOG, now_ns);
	return log != NULL;
}

static void fresh_slot(struct port_slot *slot, uint16_t number)
{
	*slot = (struct port_slot){.number = number, .next = NO_INDEX, .last_bracket = NO_INDEX, .epoch = NO_INDEX};
}

/* One lane for each source address; on an interface without Ethernet only the routed one can be used. */
static bool add_lanes(const struct engine *e, const struct host *host, struct portscan *scan, int64_t now_ns)
{
	bool several = e->config.source_count > 1 && host->path.kind == LINK_ETHERNET;
	size_t count = several ? e->config.source_count : 1;

	if (count > MOST_LANES)
		count = MOST_LANES;
	scan->lanes = calloc(count, sizeof(*scan->lanes));
	if (!scan->lanes)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		scan->lane_count++;
		if (!lane_init(scan, i, several ? &e->config.sources[i] : &host->path.source, now_ns))
			return false;
	}
	return true;
}

bool portscan_start(struct engine *e, struct host *host, int64_t now_ns)
{
	struct portscan *scan = calloc(1, sizeof(*scan));

	if (!scan)
		return false;
	scan->slot_count = e->port_count;
	scan->slots = calloc(e->port_count, sizeof(*scan->slots));
	if (!scan->slots || !add_lanes(e, host, scan, now_ns)) {
		portscan_free(scan);
		return false;
	}
	for (size_t i = 0; i < scan->slot_count; i++)
		fresh_slot(&scan->slots[i], e->port_order[i]);
	scan->sentinel = NO_INDEX;
	scan->rtt = host->rtt;
	if (scan->lane_count > 1)
		pace_init(&scan->pace, HOST_WIDE_PER_S, HOST_WIDE_BURST, now_ns);
	if (e->config.max_host_rate > 0 && (scan->lane_count == 1 || e->config.max_host_rate < HOST_WIDE_PER_S))
		pace_init(&scan->pace, e->config.max_host_rate, 1, now_ns);
	host->scan = scan;
	e->slots_in_use += scan->slot_count;
	skip_known_ports(e, host);
	return true;
}

void portscan_restart(struct portscan *scan, int64_t now_ns)
{
	for (uint32_t i = 0; i < scan->lane_count; i++) {
		struct lane *lane = &scan->lanes[i];
		struct addr source = lane->source;
		uint32_t next = lane->log_next;

		*lane = new_lane(scan, i, &source, lane->log, lane->log_capacity, now_ns);
		/* The numbers go on, so that no late answer is taken for one to a new ask. */
		lane->log_first = lane->log_judged = lane->log_unexpired = lane->log_next = next;
		for (uint32_t n = 0; n < lane->log_capacity; n++)
			lane->log[n].slot = NO_INDEX;
	}
	for (size_t i = 0; i < scan->slot_count; i++)
		if (scan->slots[i].stage != STAGE_SETTLED)
			fresh_slot(&scan->slots[i], scan->slots[i].number);
	scan->fresh_next = scan->turn = scan->teacher = 0;
	scan->loss = scan->open_loss = (struct loss){0};
	scan->closed_weight = scan->silent_weight = 0;
}

void portscan_refuses(struct portscan *scan, uint32_t slot)
{
	if (scan->sentinel == NO_INDEX)
		scan->sentinel = slot;
	scan->target_refuses = true;
}

void portscan_free(struct portscan *scan)
{
	if (!scan)
		return;
	answers_free(scan);
	for (size_t i = 0; i < scan->lane_count; i++)
		free(scan->lanes[i].log);
	free(scan->lanes);
	free(scan->slots);
	free(scan);
}

struct lane *portscan_lane(struct portscan *scan, const struct addr *source)
{
	for (size_t i = 0; i < scan->lane_count; i++)
		if (addr_equal(&scan->lanes[i].source, source))
			return &scan->lanes[i];
	return NULL;
}

double portscan_rate(const struct portscan *scan)
{
	double rate = 0;

	for (size_t i = 0; i < scan->lane_count; i++)
		if (scan->lanes[i].limiter.phase == LIMITER_KNOWN)
			rate += scan->lanes[i].limiter.rate;
	return rate;
}

double portscan_remaining_s(const struct portscan *scan)
{
	double rate = portscan_rate(scan);

	return rate > 0 ? (double)(scan->slot_count - scan->settled) * closed_share(&scan->lanes[0]) / rate : 0;
}

/* Settling */

static void tell_port(struct engine *e, struct host *host, const struct port_slot *slot, const struct verdict *verdict,
                      const struct reply *reply, int64_t sent_ns, int64_t at_ns)
{
	struct event *event = event_new(e, host, EVENT_PORT, at_ns);
	struct port_event *port;

	if (!event)
		return;
	port = &event->u.port;
	port->port = slot->number;
	port->state = verdict->state;
	port->reason = verdict->reason;
	port->from = verdict->from;
	port->from_port = verdict->from_port;
	port->probes = slot->attempts - slot->passed_over;
	if (reply) {
		port->has_ttl = true;
		port->ttl = reply->ttl;
		port->has_rtt = sent_ns > 0 && at_ns >= sent_ns;
		port->rtt_ns = port->has_rtt ? at_ns - sent_ns : 0;
	}
	if (verdict->state == PORT_OPEN)
		answers_attach(host, slot, event);
}

void settle(struct engine *e, struct host *host, struct port_slot *slot, const struct verdict *verdict,
            const struct reply *reply, int64_t sent_ns, int64_t at_ns)
{
	if (slot->stage != STAGE_SETTLED) {
		set_stage(&host->scan->lanes[slot->lane], slot, STAGE_SETTLED);
		host->scan->settled++;
		made_progress(&host->scan->lanes[slot->lane]);
		e->progress.ports_resolved++;
	} else if (slot->state == PORT_OPEN) {
		e->progress.ports_open--;
	}
	slot->state = (uint8_t)verdict->state;
	slot->by_target = verdict->by_target;
	if (verdict->state == PORT_OPEN)
		e->progress.ports_open++;
	tell_port(e, host, slot, verdict, reply, sent_ns, at_ns);
}

void settle_silent(struct engine *e, struct host *host, struct port_slot *slot, const char *reason, int64_t at_ns)
{
	struct verdict verdict = {.state = PORT_OPEN_FILTERED, .reason = reason};

	if (slot->weak_answers > 0 && host->rejected_udp == 0) {
		/* It answered once and then no more, and nobody forges. */
		verdict = (struct verdict){.state = PORT_OPEN, .reason = "udp-response"};
		settle(e, host, slot, &verdict, NULL, 0, at_ns);
		return;
	}
	if (!host->scan->target_refuses)
		verdict.reason = "no-response"; /* a router refused others: that says nothing about the host */
	host->scan->silent += slot->stage != STAGE_SETTLED;
	settle(e, host, slot, &verdict, NULL, 0, at_ns);
}

/* The end */

/* The limit of the first lane that knows one: the lanes have limits of their own, and they are alike. NULL: none is known. */
static const struct limiter *known_limit(const struct portscan *scan)
{
	for (size_t i = 0; i < scan->lane_count; i++)
		if (scan->lanes[i].limiter.phase == LIMITER_KNOWN && scan->lanes[i].limiter.settled)
			return &scan->lanes[i].limiter;
	return NULL;
}

static bool is_told(const struct limit_event *told, const struct limit_event *limit)
{
	return fabs(told->icmp_per_s - limit->icmp_per_s) <= LIMIT_TOLERANCE * limit->icmp_per_s &&
	       told->burst == limit->burst;
}

/* At the end; in a long scan also as soon as it is beyond doubt: the first errors of one limit look like those of another. */
static void tell_limit(struct engine *e, struct host *host, bool is_last, int64_t now_ns)
{
	struct portscan *scan = host->scan;
	const struct limiter *limiter = known_limit(scan);
	struct limit_event limit;
	struct event *event;

	if (!limiter ||
	    (!is_last && (scan->limit_told.icmp_per_s > 0 || now_ns < host->started_ns + LIMIT_SURE_MS * MS)))
		return;
	limit = (struct limit_event){limiter->rate, (uint32_t)(limiter->burst + 0.5)};
	if (is_told(&scan->limit_told, &limit))
		return;
	scan->limit_told = limit;
	event = event_new(e, host, EVENT_LIMIT, now_ns);
	if (event)
		event->u.limit = limit;
}

void portscan_unresolved(struct engine *e, struct host *host, int64_t now_ns)
{
	struct portscan *scan = host->scan;
	struct verdict verdict = {.state = PORT_UNKNOWN, .reason = "unresolved"};

	for (size_t i = 0; i < scan->slot_count; i++)
		if (scan->slots[i].stage != STAGE_SETTLED)
			settle(e, host, &scan->slots[i], &verdict, NULL, 0, now_ns);
	tell_limit(e, host, true, now_ns);
	answers_finish(e, host, now_ns);
	host_finish(e, host, now_ns);
}

/* On a host that refuses nothing every port has had all its tries. */
static bool is_exhausted(const struct engine *e, const struct portscan *scan)
{
	for (size_t i = 0; i < scan->lane_count; i++)
		if (!asking_exhausted(e, &scan->lanes[i]))
			return false;
	return true;
}

static void settle_exhausted(struct engine *e, struct host *host, int64_t now_ns)
{
	struct portscan *scan = host->scan;

	for (size_t i = 0; i < scan->slot_count; i++)
		if (scan->slots[i].stage != STAGE_SETTLED)
			settle_silent(e, host, &scan->slots[i], "no-response", now_ns);
}

static int64_t last_ask(const struct portscan *scan)
{
	int64_t last_ns = 0;

	for (size_t i = 0; i < scan->lane_count; i++)
		if (scan->lanes[i].last_ask_ns > last_ns)
			last_ns = scan->lanes[i].last_ask_ns;
	return last_ns;
}

/* All ports are settled: late answers of silent ones still count, and a second answer of an open one. A service that is slow had its
 * time since its first ask. */
static bool lingers(const struct portscan *scan, int64_t now_ns, int64_t *wake_ns)
{
	int64_t linger_ns = 2 * ask_timeout(&scan->lanes[0]);

	*wake_ns = answers_until(scan);
	if (scan->silent == 0)
		return now_ns < *wake_ns;
	if (linger_ns < LINGER_LEAST_MS * MS)
		linger_ns = LINGER_LEAST_MS * MS;
	if (linger_ns > LINGER_MOST_MS * MS)
		linger_ns = LINGER_MOST_MS * MS;
	if (scan->fresh_ns + linger_ns > *wake_ns)
		*wake_ns = scan->fresh_ns + linger_ns;
	return now_ns < *wake_ns;
}

/* The lane's next ask; else when it wants to be called again. */
static bool lane_next(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, struct probe *out)
{
	struct portscan *scan = host->scan;
	int64_t wake_ns = NEVER;

	asklog_expire(e, host, lane, now_ns);
	if (scan->lane_count > 1)
		asking_take_over(lane);
	if (scan->settled < scan->slot_count && asking_next(e, host, lane, now_ns, out, &wake_ns)) {
		lane->wake_ns = now_ns;
		return true;
	}
	if (lane->log_unexpired != lane->log_next) {
		int64_t expiry_ns = asklog_entry(lane, lane->log_unexpired)->sent_ns + ask_timeout(lane);

		if (expiry_ns < wake_ns)
			wake_ns = expiry_ns;
	}
	/* A wake in the past would spin; one that nobody sets would hang. */
	if (wake_ns <= now_ns || wake_ns == NEVER)
		wake_ns = now_ns + (scan->lane_count > 1 ? IDLE_LANE_MS : 1) * MS;
	lane->wake_ns = wake_ns;
	return false;
}

/* However a silence is looked into: what refused nothing for so long is not hurried. */
static void lane_rests(const struct host *host, struct lane *lane, int64_t now_ns)
{
	int64_t rest_ns = lane->scan->sentinel == NO_INDEX ? 0 : presence_rest(&host->presence, now_ns);

	if (rest_ns > 0 && lane->outstanding == 0 && lane->wake_ns < lane->last_ask_ns + rest_ns)
		lane->wake_ns = lane->last_ask_ns + rest_ns;
}

/* The host is finished, unless its path is still being looked at. */
static void ports_done(struct engine *e, struct host *host, int64_t now_ns)
{
	if (!mtu_under_way(host)) {
		host_finish(e, host, now_ns);
		return;
	}
	host->stage = HOST_MTU;
	mtu_ports_done(host, now_ns);
	host_set_wake(e, host, now_ns);
}

/* The host has been away for so long that it is given up, or answers no question to a port any more. */
static void give_up(struct engine *e, struct host *host, bool is_there, int64_t now_ns)
{
	struct portscan *scan = host->scan;
	size_t left = scan->slot_count - scan->settled;

	if (is_there) {
		note(e, host, now_ns, 0, "stopped-refusing",
		     "answers, but refused nothing for %d minutes: %zu ports are called open|filtered without proof",
		     (int)((now_ns - host->presence.ports_heard_ns) / MINUTE_NS), left);
		settle_exhausted(e, host, now_ns);
		return;
	}
	note(e, host, now_ns, 0, "stopped-answering",
	     "nothing came from it for %d minutes: %zu ports are unknown; --resume asks them again",
	     (int)((now_ns - host->presence.heard_ns) / MINUTE_NS), left);
	portscan_unresolved(e, host, now_ns);
}

bool portscan_next(struct engine *e, struct host *host, int64_t now_ns, struct probe *out)
{
	struct portscan *scan = host->scan;
	int64_t wake_ns = NEVER, more_ns = NEVER;
	enum presence_turn turn = PRESENCE_ASK_PORTS;

	if (scan->settled < scan->slot_count)
		turn = presence_next(e, host, now_ns, out, &wake_ns);
	if (turn == PRESENCE_CHECKS || turn == PRESENCE_WAITS) {
		host_set_wake(e, host, turn == PRESENCE_CHECKS ? now_ns : wake_ns);
		return turn == PRESENCE_CHECKS;
	}
	if (turn == PRESENCE_GIVEN_UP || turn == PRESENCE_STUCK) {
		give_up(e, host, turn == PRESENCE_STUCK, now_ns);
		if (turn == PRESENCE_GIVEN_UP)
			return false;
	}
	for (size_t i = 0; i < scan->lane_count; i++) {
		size_t index = (scan->turn + i) % scan->lane_count;
		struct lane *lane = &scan->lanes[index];

		lane_rests(host, lane, now_ns);
		if (lane->wake_ns <= now_ns && lane_next(e, host, lane, now_ns, out)) {
			scan->turn = (index + 1) % scan->lane_count;
			presence_asked(&host->presence);
			host_set_wake(e, host, now_ns);
			return true;
		}
		if (lane->wake_ns < wake_ns)
			wake_ns = lane->wake_ns;
	}
	/* Silence is the host's only as long as it is there. */
	if (scan->settled < scan->slot_count && is_exhausted(e, scan)) {
		if (!presence_confirmed(host, last_ask(scan), now_ns)) {
			host_set_wake(e, host, host->presence.check_ns);
			return false;
		}
		settle_exhausted(e, host, now_ns);
	}
	if (answers_next(e, host, now_ns, out, &more_ns)) {
		host_set_wake(e, host, now_ns);
		return true;
	}
	tell_limit(e, host, false, now_ns);
	if (scan->settled == scan->slot_count && more_ns == NEVER && !lingers(scan, now_ns, &wake_ns)) {
		tell_limit(e, host, true, now_ns);
		answers_finish(e, host, now_ns);
		ports_done(e, host, now_ns);
		return false;
	}
	host_set_wake(e, host, more_ns < wake_ns ? more_ns : wake_ns);
	return false;
}
