/* asking.c: what to ask a host next, within its limit.
 *
 *   nothing refused yet   every port its number of tries, with doubling timeouts
 *   no limit met          as many asks in flight as answers came back, doubling each round trip
 *   limited               one token, one refusal: asks are sent when the model of the bucket says that one is there; ports that
 *                         were silent before go in front, so that the refusal proves their silence once more
 *   only suspects left    all the asks that they still need, and a sentinel behind them
 */
#include <stdlib.h>

#include "internal.h"

enum {
	BLIND_WINDOW = 16, /* asks in flight towards a host that never answered */
	BLIND_DOUBLINGS = 3,
	LAST_ASK_PAUSE_MS = 1500,
	LONGEST_GROUP_MS = 500, /* with --max-rate a group takes time, and what it proves must lie close together */
	PAUSES_IF_LOSSY = 3,
	SUSPECTS_PER_EPOCH = 64,
	SUSPECTS_PER_GROUP = 64,     /* no limit met: one sentinel behind so many */
	SUSPECTS_PER_SENTINEL = 256, /* limited: sentinels are dear */
	COPY_GAP_MS = 4,
};
#define SLOWEST_RATE   0.2 /* errors a second: no system in use limits itself further */
#define LIKELY         0.3
#define MOST_SPACING   0.01 /* tokens that may come between two asks kept apart */
#define CHECK_EXPECTED 1.5  /* refusals expected from the ports of a check */

/* Queues */

static void enqueue(struct portscan *scan, struct port_queue *queue, struct port_slot *slot)
{
	uint32_t number = (uint32_t)(slot - scan->slots);

	slot->next = NO_INDEX;
	if (queue->count++ == 0)
		queue->first = number;
	else
		scan->slots[queue->last].next = number;
	queue->last = number;
}

void queue_push(struct portscan *scan, struct port_slot *slot)
{
	slot->stage = STAGE_AGAIN;
	enqueue(scan, slot->silences > 0 ? &scan->suspects : &scan->retry, slot);
}

static struct port_slot *dequeue(struct portscan *scan, struct port_queue *queue)
{
	struct port_slot *slot = &scan->slots[queue->first];

	queue->first = slot->next;
	queue->count--;
	return slot;
}

/* The head of a queue after ports settled meanwhile are taken out, and ports whose silence was proved meanwhile are moved to
 * the suspects. NULL: empty. */
static struct port_slot *head(struct portscan *scan, struct port_queue *queue)
{
	while (queue->count > 0) {
		struct port_slot *slot = &scan->slots[queue->first];

		if (slot->stage == STAGE_AGAIN && (queue == &scan->suspects || slot->silences == 0))
			return slot;
		dequeue(scan, queue);
		if (slot->stage == STAGE_AGAIN)
			enqueue(scan, &scan->suspects, slot);
	}
	return NULL;
}

static struct port_slot *fresh_head(struct portscan *scan)
{
	while (scan->fresh_next < scan->slot_count && scan->slots[scan->fresh_next].stage != STAGE_FRESH)
		scan->fresh_next++;
	return scan->fresh_next < scan->slot_count ? &scan->slots[scan->fresh_next] : NULL;
}

/* One choice: a port out of its queue, or a sentinel, or nothing until *wake_ns. */
struct choice {
	struct port_slot *slot;
	bool sentinel;
	bool check;
	bool stays; /* a suspect's copy: it stays in its queue, at the end */
};

static void wake_at(int64_t *wake_ns, int64_t at_ns)
{
	if (at_ns < *wake_ns)
		*wake_ns = at_ns;
}

static struct choice take(struct portscan *scan, struct port_slot *slot)
{
	if (slot->stage == STAGE_FRESH)
		scan->fresh_next++;
	else
		dequeue(scan, slot->silences > 0 ? &scan->suspects : &scan->retry);
	return (struct choice){.slot = slot};
}

/* The next of the row of sentinels that closes a group of asks: as many as a proof needs. */
static struct choice sentinel(const struct host *host)
{
	struct portscan *scan = host->scan;

	if (scan->sentinels_due == 0) {
		scan->sentinels_due = refusals_for_proof(host);
		if (scan->sentinels_due == 0)
			scan->sentinels_due = 1; /* to a full bucket: one tells that the path is alive */
	}
	if (--scan->sentinels_due == 0)
		scan->group = 0;
	return (struct choice){.slot = &scan->slots[scan->sentinel], .sentinel = true};
}

static uint32_t blind_asks_needed(const struct engine *e, const struct portscan *scan)
{
	if (e->config.max_retries >= 0)
		return (uint32_t)e->config.max_retries + 1;
	return asks_needed(e, scan);
}

bool asking_exhausted(const struct engine *e, const struct portscan *scan)
{
	/* First in, first out: the head of the queue has had the fewest asks. */
	return scan->sentinel == NO_INDEX && scan->outstanding == 0 && scan->fresh_next >= scan->slot_count &&
	       (scan->retry.count == 0 || scan->slots[scan->retry.first].attempts >= blind_asks_needed(e, scan));
}

static struct choice choose_blind(const struct engine *e, struct host *host, int64_t now_ns, int64_t *wake_ns)
{
	struct portscan *scan = host->scan;
	struct port_slot *slot = fresh_head(scan);
	unsigned doublings, pauses = e->discovery_loss.lost > 0 ? PAUSES_IF_LOSSY : 1;
	int64_t due_ns;

	if (scan->outstanding >= BLIND_WINDOW)
		return (struct choice){0};
	if (slot)
		return take(scan, slot);
	slot = head(scan, &scan->retry);
	if (!slot || slot->attempts >= blind_asks_needed(e, scan))
		return (struct choice){0};
	doublings = slot->attempts - 1u < BLIND_DOUBLINGS ? slot->attempts - 1u : BLIND_DOUBLINGS;
	due_ns = slot->last_sent_ns + (ask_timeout(host) << doublings);
	/* Another scan, or somebody else's, may just have emptied the bucket of a host that does refuse: the last ask comes
	 * after a pause in which the slowest limit in wide use (Linux: 1/s) gives a token. */
	if (slot->attempts + pauses >= blind_asks_needed(e, scan) && e->config.max_retries < 0 &&
	    due_ns < slot->last_sent_ns + LAST_ASK_PAUSE_MS * MS)
		due_ns = slot->last_sent_ns + LAST_ASK_PAUSE_MS * MS;
	if (due_ns > now_ns) {
		wake_at(wake_ns, due_ns);
		return (struct choice){0};
	}
	return take(scan, slot);
}

/* A sentinel must not overtake the asks that it is to prove. */
static bool too_close(const struct host *host, int64_t now_ns, int64_t *wake_ns)
{
	int64_t free_ns = host->scan->last_suspect_ns + order_gap(host);

	if (now_ns >= free_ns)
		return false;
	wake_at(wake_ns, free_ns);
	return true;
}

/* A lead was sent a moment ago: its token is spent, and the group is to follow at once. */
static bool has_lead(const struct host *host, int64_t now_ns)
{
	return needs_lead(host) && now_ns - host->scan->lead_ns <= lead_window(host) / 2;
}

/* The ask in front of a group of suspects, if the proof needs one and there is none lately. Only true when it is chosen. */
static bool take_lead(const struct host *host, int64_t now_ns, struct choice *choice)
{
	struct portscan *scan = host->scan;
	struct port_slot *fresh = fresh_head(scan);

	if (!needs_lead(host) || has_lead(host, now_ns))
		return false;
	scan->lead_ns = scan->last_suspect_ns = now_ns;
	if (fresh && closed_share(scan) > 0.85)
		*choice = take(scan, fresh);
	else
		*choice = (struct choice){.slot = &scan->slots[scan->sentinel]};
	return true;
}

/* Where it costs next to nothing, asks that may be refused keep their distance, so that each one's silence can be proved by the
 * refusals behind it. */
static bool not_spaced(const struct host *host, int64_t now_ns, int64_t *wake_ns)
{
	const struct portscan *scan = host->scan;
	int64_t gap_ns = order_gap(host);

	if (now_ns >= scan->last_ask_ns + gap_ns || (double)gap_ns / 1e9 * scan->limiter.rate > MOST_SPACING)
		return false;
	wake_at(wake_ns, scan->last_ask_ns + gap_ns);
	return true;
}

/* Ports never asked make as good an end of a check as sentinels, and no token is spent on what is known. Only when that told
 * nothing do sentinels have to. */
static bool takers_wanted(const struct host *host)
{
	const struct portscan *scan = host->scan;

	return scan->limiter.phase == LIMITER_KNOWN && !limiter_is_interval(&scan->limiter) &&
	       scan->sentinels_due == 0 && scan->sentinels_silent == 0 && scan->empties_in_row < 2 &&
	       closed_share(scan) > LIKELY && scan->check_taken < refusals_for_proof(host) + 0.5;
}

/* Some ports of a silence once more, and a sentinel behind them, all at once. */
static struct choice choose_check(struct host *host, int64_t now_ns, int64_t *wake_ns)
{
	struct portscan *scan = host->scan;
	struct port_slot *slot = head(scan, &scan->retry), *fresh = fresh_head(scan);
	struct choice choice;

	if (scan->check_closed)
		return (struct choice){0};
	if (scan->check_asked == 0 && !scan->check_lead && limiter_level(&scan->limiter, now_ns) < proof_level(host)) {
		wake_at(wake_ns, limiter_ready_ns(&scan->limiter, proof_level(host), now_ns));
		return (struct choice){0};
	}
	if (scan->check_asked == 0 && !scan->check_lead && slot && scan->limiter.phase != LIMITER_LEARNING) {
		if (take_lead(host, now_ns, &choice)) {
			scan->check_level = limiter_level(&scan->limiter, now_ns);
			scan->check_lead = true;
			return choice;
		}
	}
	if (scan->check_lead && scan->check_asked == 0 && too_close(host, now_ns, wake_ns))
		return (struct choice){0};
	if (scan->check_asked == 0 && scan->check_level <= 0)
		scan->check_level = limiter_level(&scan->limiter, now_ns);
	if (slot && scan->check_left > 0 && scan->check_expected < CHECK_EXPECTED && scan->sentinels_due == 0) {
		scan->check_left--;
		scan->check_asked++;
		scan->check_expected += refusal_expected(scan, slot);
		choice = take(scan, slot);
	} else if (too_close(host, now_ns, wake_ns)) {
		return (struct choice){0};
	} else if (fresh && takers_wanted(host)) {
		if (not_spaced(host, now_ns, wake_ns))
			return (struct choice){0};
		scan->check_taken += refusal_expected(scan, fresh);
		choice = take(scan, fresh);
		scan->check_closed = !fresh_head(scan) || !takers_wanted(host);
	} else {
		choice = sentinel(host);
		scan->check_closed = scan->sentinels_due == 0;
	}
	scan->check_out++;
	choice.check = true;
	return choice;
}

/* After a pause in which any bucket got a token: ports until a refusal can be expected, then one sentinel. */
static struct choice choose_patient(struct host *host, int64_t now_ns, int64_t *wake_ns)
{
	struct portscan *scan = host->scan;
	struct port_slot *slot = head(scan, &scan->retry);
	struct choice choice;

	if (scan->check_closed)
		return (struct choice){0};
	if (scan->check_asked == 0 && (scan->outstanding > 0 || now_ns < scan->last_ask_ns + scan->patient_ns)) {
		wake_at(wake_ns, scan->outstanding > 0 ? NEVER : scan->last_ask_ns + scan->patient_ns);
		return (struct choice){0};
	}
	if (!slot)
		slot = head(scan, &scan->suspects);
	if (!slot)
		slot = fresh_head(scan);
	if (scan->check_asked == 0)
		scan->group_ns = now_ns;
	if (slot && scan->check_left > 0 && scan->check_expected < CHECK_EXPECTED &&
	    now_ns - scan->group_ns < LONGEST_GROUP_MS * MS) {
		scan->check_left--;
		scan->check_asked++;
		scan->check_expected += refusal_expected(scan, slot);
		scan->last_suspect_ns = now_ns;
		choice = take(scan, slot);
	} else if (too_close(host, now_ns, wake_ns)) {
		return (struct choice){0};
	} else {
		choice = sentinel(host);
		scan->check_closed = true;
	}
	scan->check_out++;
	choice.check = true;
	return choice;
}

/* Fresh ports first; what stayed silent is asked again in groups, each with its sentinels behind it. */
static struct choice choose_unlimited(const struct host *host, int64_t now_ns, int64_t *wake_ns)
{
	struct portscan *scan = host->scan;
	struct port_slot *slot = fresh_head(scan);
	struct choice choice;

	if (scan->sentinels_due == 0 && scan->outstanding >= scan->window)
		return (struct choice){0};
	if (scan->sentinels_due == 0 && slot)
		return take(scan, slot);
	slot = head(scan, &scan->retry);
	if (!slot)
		slot = head(scan, &scan->suspects);
	if (slot && scan->group == 0 && scan->sentinels_due == 0) {
		if (take_lead(host, now_ns, &choice))
			return choice;
		if (too_close(host, now_ns, wake_ns))
			return (struct choice){0};
	}
	if (slot && scan->group < SUSPECTS_PER_GROUP && scan->sentinels_due == 0) {
		scan->group++;
		scan->last_suspect_ns = now_ns;
		return take(scan, slot);
	}
	if (scan->group == 0 || too_close(host, now_ns, wake_ns))
		return (struct choice){0};
	return sentinel(host);
}

/* Only suspects are left: all the asks that each still needs, a little apart, then the sentinel that proves them. */
static struct choice choose_ending(struct engine *e, struct host *host, int64_t now_ns, int64_t *wake_ns)
{
	struct portscan *scan = host->scan;
	double level = limiter_level(&scan->limiter, now_ns), need = proof_level(host);
	struct choice choice;

	if (scan->sentinels_due > 0)
		return sentinel(host);
	if (scan->sentinels_out > 0)
		return (struct choice){0};
	if (level < need && scan->group == 0 && !has_lead(host, now_ns)) {
		wake_at(wake_ns, limiter_ready_ns(&scan->limiter, need, now_ns));
		return (struct choice){0};
	}
	if (scan->group == 0 && refusals_for_proof(host) > 0 && head(scan, &scan->suspects)) {
		if (take_lead(host, now_ns, &choice))
			return choice;
		if (needs_lead(host) && too_close(host, now_ns, wake_ns))
			return (struct choice){0};
	}
	for (uint32_t turns = scan->suspects.count; turns > 0; turns--) {
		struct port_slot *slot = head(scan, &scan->suspects);
		uint32_t unproven, missing;

		if (!slot)
			break;
		missing = silences_missing(e, scan, slot);
		unproven = unproven_asks(scan, slot);
		if (missing == 0) { /* less loss is known of by now, so that less proof will do */
			dequeue(scan, &scan->suspects);
			settle_silent(e, host, slot, "silent-while-refusing", now_ns);
			continue;
		}
		if (unproven < missing && (unproven > 0 || scan->group < SUSPECTS_PER_SENTINEL)) {
			if (now_ns < slot->last_sent_ns + COPY_GAP_MS * MS) {
				wake_at(wake_ns, slot->last_sent_ns + COPY_GAP_MS * MS);
				return (struct choice){0};
			}
			if (unproven == 0)
				scan->group++;
			dequeue(scan, &scan->suspects);
			enqueue(scan, &scan->suspects, slot);
			return (struct choice){.slot = slot, .stays = true};
		}
		dequeue(scan, &scan->suspects);
		enqueue(scan, &scan->suspects, slot);
	}
	if (!head(scan, &scan->suspects) || too_close(host, now_ns, wake_ns))
		return (struct choice){0};
	return sentinel(host);
}

static struct choice choose_limited(struct engine *e, struct host *host, int64_t now_ns, int64_t *wake_ns)
{
	struct portscan *scan = host->scan;
	double level = limiter_level(&scan->limiter, now_ns), need = 1.05, expected;
	struct port_slot *slot = head(scan, &scan->retry), *suspect = head(scan, &scan->suspects);
	struct choice choice;

	/* Asked in vain since the last refusal already: another port is the better question. */
	if (slot && (slot->epoch == scan->epoch || refusal_expected(scan, slot) < LIKELY))
		slot = NULL;
	if (!slot)
		slot = fresh_head(scan);
	if (!slot && head(scan, &scan->retry)) {
		/* No port left of which a refusal can be expected: a check proves them silent, or the bucket empty. */
		scan->drain = false;
		if (scan->outstanding == 0)
			check_begin(scan, now_ns);
		return (struct choice){0};
	}
	if (!slot) {
		/* Asks in flight of ports about which nothing is proved decide first what is left. */
		if (scan->outstanding > scan->sentinels_out && scan->suspects.count + scan->settled < scan->slot_count)
			return (struct choice){0};
		return choose_ending(e, host, now_ns, wake_ns);
	}
	if (scan->drain && slot && scan->outstanding < scan->drain_window)
		return take(scan, slot);
	/* Where every port refuses, nothing is to be proved but closed ports, and each token is used as it comes. */
	if (suspect || closed_share(scan) < 0.85)
		need = proof_level(host);
	else if (limiter_is_interval(&scan->limiter))
		need = limiter_try_level(&scan->limiter);
	if (level < need && scan->suspects_asked == 0 && !has_lead(host, now_ns)) {
		wake_at(wake_ns, limiter_ready_ns(&scan->limiter, need, now_ns));
		return (struct choice){0};
	}
	if (suspect && suspect->epoch != scan->epoch && scan->suspects_asked < SUSPECTS_PER_EPOCH) {
		if (scan->suspects_asked == 0) {
			if (take_lead(host, now_ns, &choice))
				return choice;
			if (needs_lead(host) && too_close(host, now_ns, wake_ns))
				return (struct choice){0};
		}
		scan->suspects_asked++;
		return take(scan, suspect);
	}
	if (scan->suspects_asked > 0 && too_close(host, now_ns, wake_ns))
		return (struct choice){0};
	/* Not more asks in flight than tokens to answer them. */
	if (not_spaced(host, now_ns, wake_ns))
		return (struct choice){0};
	expected = refusal_expected(scan, slot);
	if (scan->expected_out + expected / 2 > level) {
		wake_at(wake_ns, limiter_ready_ns(&scan->limiter, scan->expected_out + expected / 2, now_ns));
		return (struct choice){0};
	}
	return take(scan, slot);
}

static struct choice choose(struct engine *e, struct host *host, int64_t now_ns, int64_t *wake_ns)
{
	struct portscan *scan = host->scan;

	if (scan->sentinel == NO_INDEX)
		return choose_blind(e, host, now_ns, wake_ns);
	if (scan->limiter.phase == LIMITER_KNOWN &&
	    (scan->limiter.rate < SLOWEST_RATE || refusals_for_proof(host) == 0))
		become_patient(scan);
	if (scan->patient_ns > 0) {
		if (!scan->checking)
			check_begin(scan, now_ns);
		return choose_patient(host, now_ns, wake_ns);
	}
	/* The first new token is looked for by checks, each after twice the time. */
	if (scan->limiter.phase == LIMITER_LEARNING && !scan->checking)
		check_begin(scan, now_ns);
	if (scan->checking)
		return choose_check(host, now_ns, wake_ns);
	if (scan->limiter.phase == LIMITER_UNSEEN)
		return choose_unlimited(host, now_ns, wake_ns);
	return choose_limited(e, host, now_ns, wake_ns);
}

static void ask(struct engine *e, struct host *host, const struct choice *choice, int64_t now_ns, struct probe *out)
{
	struct portscan *scan = host->scan;
	struct port_slot *slot = choice->slot;
	struct ask question = {PROBE_UDP, host->path.source, host->addr, slot->number, slot->attempts};
	struct log_entry *entry = asklog_push(scan, now_ns);
	uint32_t number = scan->log_next - 1;

	*entry = (struct log_entry){
	        .sent_ns = now_ns,
	        .slot = (uint32_t)(slot - scan->slots),
	        .attempt = slot->attempts,
	        .sentinel = choice->sentinel,
	        .check = choice->check,
	        .patient = scan->patient_ns > 0,
	        .expected = choice->sentinel || slot->stage == STAGE_SETTLED ? 1 : (float)refusal_expected(scan, slot),
	};
	slot->attempts++;
	slot->waiting++;
	slot->last_entry = number;
	slot->last_sent_ns = now_ns;
	slot->epoch = scan->epoch;
	scan->last_ask_ns = now_ns;
	scan->outstanding++;
	scan->expected_out += entry->expected;
	if (choice->sentinel) {
		scan->sentinels_out++;
	} else if (slot->stage != STAGE_SETTLED) { /* else the lead of a group, known to be closed */
		if (slot->silences > 0 || choice->check)
			scan->last_suspect_ns = now_ns;
		slot->unproven = (uint8_t)(unproven_asks(scan, slot) + 1);
		slot->round = scan->round;
		if (!choice->stays)
			slot->stage = STAGE_WAITING;
	}
	fill_probe(e, host, &question, cookie_make(e, host, number & 0x7fffffff), out);
}

bool asking_next(struct engine *e, struct host *host, int64_t now_ns, struct probe *out, int64_t *wake_ns)
{
	struct portscan *scan = host->scan;
	struct choice choice;

	if (scan->hold_ns > now_ns) {
		wake_at(wake_ns, scan->hold_ns);
		return false;
	}
	choice = choose(e, host, now_ns, wake_ns);
	if (!choice.slot)
		return false;
	ask(e, host, &choice, now_ns, out);
	return true;
}
