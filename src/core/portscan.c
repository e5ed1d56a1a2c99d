/* portscan.c: the states of one host's UDP ports: what replies say, which evidence outweighs which, and the end. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum {
	FIRST_WINDOW = 8, /* asks in flight at first: a default Linux host has 6 errors to give */
	MOST_WINDOW = 2048,
	FIRST_LOG = 256,
	INITIAL_TIMEOUT_MS = 500,
	LEAST_TIMEOUT_MS = 30,
	LINGER_LEAST_MS = 150,
	LINGER_MOST_MS = 1000,
	SEND_PAUSE_MS = 10,
	MOST_SEND_PAUSES = 6, /* doublings */
	MOST_FAILED_SENDS = 30,
	WEAK_ANSWERS_NEEDED = 4,
	WEAK_WINDOW_MS = 5,
	MORE_THAN_A_BUCKET = 32,
};

int64_t ask_timeout(const struct host *host)
{
	return rtt_timeout(&host->rtt, INITIAL_TIMEOUT_MS * MS, LEAST_TIMEOUT_MS * MS);
}

static int by_addr_and_port(const void *a, const void *b)
{
	const struct skip_port *x = a, *y = b;
	int order = addr_compare(&x->addr, &y->addr);

	return order != 0 ? order : (int)x->port - (int)y->port;
}

/* --resume: ports whose state an earlier run found out. */
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
		uint32_t place = e->slot_of_port[e->skip_ports[low].port];

		if (place == 0 || scan->slots[place - 1].stage == STAGE_SETTLED)
			continue;
		scan->slots[place - 1].stage = STAGE_SETTLED;
		scan->slots[place - 1].by_target = true;
		scan->settled++;
		e->progress.ports_resolved++;
	}
}

bool portscan_start(struct engine *e, struct host *host, int64_t now_ns)
{
	struct portscan *scan = calloc(1, sizeof(*scan));

	if (!scan)
		return false;
	scan->slot_count = e->port_count;
	scan->slots = calloc(e->port_count, sizeof(*scan->slots));
	scan->log_capacity = FIRST_LOG;
	scan->log = calloc(scan->log_capacity, sizeof(*scan->log));
	if (!scan->slots || !scan->log) {
		portscan_free(scan);
		return false;
	}
	for (size_t i = 0; i < scan->slot_count; i++) {
		scan->slots[i].number = e->port_order[i];
		scan->slots[i].next = NO_INDEX;
		scan->slots[i].last_bracket = NO_INDEX;
		scan->slots[i].epoch = NO_INDEX;
	}
	scan->window = FIRST_WINDOW;
	scan->silence = 1;
	scan->sentinel = NO_INDEX;
	scan->last_ask_ns = now_ns;
	limiter_init(&scan->limiter);
	host->scan = scan;
	e->slots_in_use += scan->slot_count;
	skip_known_ports(e, host);
	return true;
}

void portscan_free(struct portscan *scan)
{
	if (!scan)
		return;
	free(scan->slots);
	free(scan->log);
	free(scan);
}

double portscan_remaining_s(const struct portscan *scan)
{
	size_t unsettled = scan->slot_count - scan->settled;

	if (scan->limiter.phase != LIMITER_KNOWN || scan->limiter.rate <= 0)
		return 0;
	return (double)unsettled * closed_share(scan) / scan->limiter.rate;
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
	port->probes = slot->attempts;
	if (reply) {
		port->has_ttl = true;
		port->ttl = reply->ttl;
		port->has_rtt = sent_ns > 0 && at_ns >= sent_ns;
		port->rtt_ns = port->has_rtt ? at_ns - sent_ns : 0;
	}
}

static void settle(struct engine *e, struct host *host, struct port_slot *slot, const struct verdict *verdict,
                   const struct reply *reply, int64_t sent_ns, int64_t at_ns)
{
	if (slot->stage != STAGE_SETTLED) {
		slot->stage = STAGE_SETTLED;
		host->scan->settled++;
		made_progress(host->scan);
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

	settle(e, host, slot, &verdict, NULL, 0, at_ns);
}

/* Which evidence outweighs which: an answer from the port, then a refusal of the target itself, then one of a router, then
 * silence. */
static int weight(enum port_state state, bool by_target)
{
	switch (state) {
	case PORT_OPEN:
		return 4;
	case PORT_CLOSED:
	case PORT_FILTERED:
		return by_target ? 3 : 2;
	case PORT_OPEN_FILTERED:
		return 1;
	default:
		return 0;
	}
}

/* Replies */

/* While the bucket is drained every refusal allows one ask more. A bucket that gives far more than it ever held is none. */
static void on_drain(struct portscan *scan, int64_t sent_ns)
{
	if (scan->limiter.phase != LIMITER_KNOWN)
		return;
	if (scan->drain) {
		scan->drain_window += 1;
		if (++scan->drained > 2 * scan->limiter.burst + MORE_THAN_A_BUCKET &&
		    (double)(sent_ns - scan->drain_ns) / 1e9 * scan->limiter.rate * 4 < scan->drained) {
			scan->window = scan->drain_window;
			scan->drain = false;
			limiter_init(&scan->limiter);
		}
	} else if (scan->limiter.drains_left > 0) {
		scan->drain = true;
		scan->drain_window = 1;
		scan->drained = 0;
		scan->drain_ns = sent_ns;
	}
}

/* An ICMP error of the target: a token was there for this ask, and was taken. */
static void on_refusal(struct engine *e, struct host *host, struct port_slot *slot, struct log_entry *entry,
                       uint32_t number, int64_t at_ns)
{
	struct portscan *scan = host->scan;

	limiter_used(&scan->limiter, entry->sent_ns);
	if (slot->stage != STAGE_SETTLED) {
		loss_answered(&scan->loss, slot->silences);
		scan->closed_weight = scan->closed_weight * 0.97 + 1;
		scan->silent_weight *= 0.97;
	} else if (entry->sentinel) {
		loss_answered(&scan->loss, 0);
	}
	scan->refusals++;
	made_no_progress(scan);
	scan->epoch++;
	scan->suspects_asked = 0;
	scan->silence = 1;
	scan->empties_in_row = 0;
	on_drain(scan, entry->sent_ns);
	scan->sentinel = (uint32_t)(slot - scan->slots);
	asklog_prove(e, host, number, at_ns);
	if (entry->sentinel)
		scan->round++;
	if (entry->check && !entry->expired)
		check_answered(scan, entry, true);
}

/* Somebody sends UDP datagrams in this host's name to ports that asked nothing. Then an answer that proves nothing by its
 * content is believed only when several asks, each from its own source port, were each answered at once: a flood of guesses
 * hits a given port in a given few milliseconds with a probability of well under a tenth. */
static bool weak_is_credible(struct host *host, struct port_slot *slot, uint16_t attempt, const struct log_entry *entry,
                             int64_t at_ns)
{
	int64_t window_ns = host->rtt.samples ? host->rtt.srtt_ns + 4 * host->rtt.rttvar_ns : 0;

	if (host->rejected_udp == 0)
		return true;
	if (window_ns < WEAK_WINDOW_MS * MS)
		window_ns = WEAK_WINDOW_MS * MS;
	if (!entry || at_ns - entry->sent_ns > window_ns || slot->weak_attempt == attempt + 1)
		return false;
	slot->weak_attempt = (uint16_t)(attempt + 1);
	return ++slot->weak_answers >= WEAK_ANSWERS_NEEDED;
}

void portscan_reply(struct engine *e, struct host *host, uint32_t slot_number, uint16_t attempt,
                    const struct verdict *verdict, const struct reply *reply, int64_t at_ns)
{
	struct portscan *scan = host->scan;
	struct port_slot *slot = &scan->slots[slot_number];
	uint32_t number = 0;
	struct log_entry *entry = asklog_find(scan, slot, attempt, &number);
	bool duplicate = entry && (entry->refused || entry->answered);

	if (verdict->weak && !weak_is_credible(host, slot, attempt, entry, at_ns)) {
		host_set_wake(e, host, at_ns);
		return;
	}
	scan->send_pauses = 0;
	if (entry && !duplicate) {
		rtt_sample(&host->rtt, at_ns - entry->sent_ns);
		if (!entry->expired)
			asklog_close(scan, entry);
		if (scan->window < MOST_WINDOW)
			scan->window += 1;
		entry->refused = verdict->by_target;
		entry->answered = !verdict->by_target;
		if (verdict->by_target)
			on_refusal(e, host, slot, entry, number, at_ns);
		else if (entry->check && !entry->expired)
			check_answered(scan, entry, false);
	}
	if (slot->stage != STAGE_SETTLED) {
		settle(e, host, slot, verdict, reply, entry ? entry->sent_ns : 0, at_ns);
	} else if (slot->state != PORT_UNKNOWN &&
	           weight(verdict->state, verdict->by_target) > weight(slot->state, slot->by_target)) {
		if (slot->state != PORT_OPEN_FILTERED)
			note(e, host, at_ns, slot->number, "conflicting-replies",
			     "first %s, then %s (%s): the stronger evidence holds", port_state_name(slot->state),
			     port_state_name(verdict->state), verdict->reason);
		settle(e, host, slot, verdict, reply, entry ? entry->sent_ns : 0, at_ns);
	}
	host_set_wake(e, host, at_ns);
}

void portscan_send_failed(struct engine *e, struct host *host, uint32_t low, int64_t now_ns)
{
	struct portscan *scan = host->scan;
	uint32_t number = (scan->log_next & ~UINT32_C(0x7fffffff)) | low;
	struct log_entry *entry;
	struct port_slot *slot;
	int64_t pause_ns;

	if (number - scan->log_first >= scan->log_next - scan->log_first)
		return; /* forgotten already */
	entry = asklog_entry(scan, number);
	if (entry->slot == NO_INDEX || entry->refused || entry->answered || entry->expired)
		return;
	slot = &scan->slots[entry->slot];
	asklog_close(scan, entry);
	entry->slot = NO_INDEX;
	if (slot->unproven > 0)
		slot->unproven--;
	pause_ns = SEND_PAUSE_MS * MS << (scan->send_pauses < MOST_SEND_PAUSES ? scan->send_pauses : MOST_SEND_PAUSES);
	if (scan->hold_ns <= now_ns) {
		scan->send_pauses++;
		scan->hold_ns = now_ns + pause_ns;
	}
	if (slot->stage == STAGE_WAITING) {
		struct verdict verdict = {.state = PORT_UNKNOWN, .reason = "send-failed"};

		if (++slot->failed_sends >= MOST_FAILED_SENDS)
			settle(e, host, slot, &verdict, NULL, 0, now_ns);
		else if (slot->waiting == 0)
			queue_push(scan, slot);
	}
	host_set_wake(e, host, scan->hold_ns);
}

/* The end */

static void tell_limit(struct engine *e, struct host *host, int64_t now_ns)
{
	struct limiter *limiter = &host->scan->limiter;
	struct event *event;

	if (host->scan->limit_told || limiter->phase != LIMITER_KNOWN || !limiter->settled)
		return;
	host->scan->limit_told = true;
	event = event_new(e, host, EVENT_LIMIT, now_ns);
	if (event) {
		event->u.limit.icmp_per_s = limiter->rate;
		event->u.limit.burst = (uint32_t)(limiter->burst + 0.5);
	}
}

void portscan_unresolved(struct engine *e, struct host *host, int64_t now_ns)
{
	struct portscan *scan = host->scan;
	struct verdict verdict = {.state = PORT_UNKNOWN, .reason = "unresolved"};

	for (size_t i = 0; i < scan->slot_count; i++)
		if (scan->slots[i].stage != STAGE_SETTLED)
			settle(e, host, &scan->slots[i], &verdict, NULL, 0, now_ns);
	tell_limit(e, host, now_ns);
	host_finish(e, host, now_ns);
}

static void settle_exhausted(struct engine *e, struct host *host, int64_t now_ns)
{
	struct portscan *scan = host->scan;

	for (size_t i = 0; i < scan->slot_count; i++)
		if (scan->slots[i].stage != STAGE_SETTLED)
			settle_silent(e, host, &scan->slots[i], "no-response", now_ns);
}

/* All ports are settled: late answers to the last asks still count. */
static bool lingers(const struct host *host, int64_t now_ns, int64_t *wake_ns)
{
	int64_t linger_ns = 2 * ask_timeout(host);

	if (linger_ns < LINGER_LEAST_MS * MS)
		linger_ns = LINGER_LEAST_MS * MS;
	if (linger_ns > LINGER_MOST_MS * MS)
		linger_ns = LINGER_MOST_MS * MS;
	if (host->scan->outstanding == 0 && host->scan->refusals == host->scan->slot_count)
		return false; /* nothing silent: nothing can come any more */
	*wake_ns = host->scan->last_ask_ns + linger_ns;
	return now_ns < *wake_ns;
}

bool portscan_next(struct engine *e, struct host *host, int64_t now_ns, struct probe *out)
{
	struct portscan *scan = host->scan;
	int64_t wake_ns = NEVER;

	asklog_expire(e, host, now_ns);
	if (scan->settled < scan->slot_count && asking_next(e, host, now_ns, out, &wake_ns)) {
		host_set_wake(e, host, now_ns);
		return true;
	}
	if (scan->settled < scan->slot_count && asking_exhausted(e, scan))
		settle_exhausted(e, host, now_ns);
	tell_limit(e, host, now_ns);
	if (scan->settled == scan->slot_count) {
		if (lingers(host, now_ns, &wake_ns))
			host_set_wake(e, host, wake_ns);
		else
			host_finish(e, host, now_ns);
		return false;
	}
	if (scan->log_unexpired != scan->log_next) {
		int64_t expiry_ns = asklog_entry(scan, scan->log_unexpired)->sent_ns + ask_timeout(host);

		if (expiry_ns < wake_ns)
			wake_ns = expiry_ns;
	}
	/* A wake in the past would spin; one that nobody sets would hang. */
	if (wake_ns <= now_ns || wake_ns == NEVER)
		wake_ns = now_ns + MS;
	host_set_wake(e, host, wake_ns);
	return false;
}
