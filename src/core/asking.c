/* asking.c: what to ask a host next, within its limit. choose() decides which way of asking is in force:
 *
 *   nothing refused yet      every port its number of tries, with doubling timeouts (choose_blind)
 *   no limit met             as many asks in flight as answers came back, doubling each round trip (groups.c)
 *   one error at a time      volleys, by the clock (volley.c)
 *   so many errors at a time the same (windows_choose.c)
 *   not in wide use          refusals are collected by the clock (collect_choose.c), silence is proved in roll calls (rollcall.c)
 *   too much jitter          refusals are collected, since order proves nothing (choose_collecting); then patience
 *   the model leads nowhere  patience: a pause in which any bucket gets a token before each group (groups.c)
 *   doubtful silence         a check (groups.c asks it, check.c concludes)
 *   limited                  one token, one refusal: asks are sent when the model of the bucket says that one is there; ports
 *                            that were silent before go in front, so that the refusals behind prove their silence once more
 *   only suspects left       all the asks that they still need, and sentinels behind them (groups.c) */
#include "asking.h"

#include "interval.h"

enum {
	/* Of a lane that waits for the first one: fewer than the 6 errors of a default Linux host, so that none of these is silent for
	 * want of a token, and its bucket fills again meanwhile. */
	ASKS_WHILE_WAITING = 5,
	BLIND_WINDOW = 16,   /* asks in flight towards a host that never answered: no flood, whatever is in between */
	BLIND_DOUBLINGS = 3, /* of the timeout: a port of such a host takes seconds, not minutes */
	/* The slowest limit in wide use (Linux: 1/s) gives a token meanwhile, with room for a late answer. */
	LAST_ASK_PAUSE_MS = 1500,
	PAUSES = 2, /* one refusal may be lost */
	PAUSES_IF_LOSSY = 3,
	SUSPECTS_PER_EPOCH =
	        64,      /* in front of one refusal: sent in a few milliseconds, in which hardly a token comes */
	ROW_MS = 5,      /* in which a row of suspects is sent: the same, in time */
	TAKERS_MS = 100, /* after suspects: a refusal that comes later than that proves little about them */
};
#define ONE_TOKEN    1.05 /* level at which one is there, with a little room for an error of the model */
#define SPARE_ASKS   1.0 /* refusals expected beyond the tokens: too many asks cost less than a token that nobody takes */
#define NEXT_ERROR   1.002 /* intervals after the last error: the host's clock is a little off */
#define SLOWEST_RATE 0.2   /* errors a second: no system in use limits itself further */
#define FEW          6.0 /* refusals expected of the ports that are left, when they all go into one last group: a small bucket */
#define MANY         0.5 /* share of these ports expected to refuse, from which on it is too soon for a last group, ... */
#define HANDFUL      2   /* ... unless there are no more than so many */

void wake_at(int64_t *wake_ns, int64_t at_ns)
{
	if (at_ns < *wake_ns)
		*wake_ns = at_ns;
}

bool level_is_low(const struct lane *lane, double need, int64_t now_ns, int64_t *wake_ns)
{
	if (limiter_level(&lane->limiter, now_ns) >= need)
		return false;
	wake_at(wake_ns, limiter_ready_ns(&lane->limiter, need, now_ns));
	return true;
}

struct choice take(struct lane *lane, struct port_slot *slot)
{
	if (slot->stage == STAGE_FRESH) {
		lane->scan->fresh_next++;
		slot->lane = lane->index;
	} else {
		/* It is the head of one of the two; which one does not follow from its silences once a last group was formed. */
		bool suspect = lane->suspects.count > 0 && lane->suspects.first == (uint32_t)(slot - lane->scan->slots);

		dequeue(lane, suspect ? &lane->suspects : &lane->retry);
	}
	return (struct choice){.slot = slot};
}

struct choice sentinel_choice(const struct lane *lane)
{
	return (struct choice){.slot = &lane->scan->slots[lane->scan->sentinel], .sentinel = true};
}

/* Never fewer than a port has payloads. */
static uint32_t blind_asks_needed(const struct engine *e, const struct lane *lane)
{
	uint32_t needed = asks_needed(e, lane);

	if (e->config.max_retries >= 0)
		return (uint32_t)e->config.max_retries + 1;
	return needed > e->most_payloads ? needed : (uint32_t)e->most_payloads;
}

bool asking_exhausted(const struct engine *e, const struct lane *lane)
{
	/* First in, first out: the head of the queue has had the fewest asks. */
	return lane->scan->sentinel == NO_INDEX && lane->outstanding == 0 &&
	       lane->scan->fresh_next >= lane->scan->slot_count &&
	       (lane->retry.count == 0 || lane->scan->slots[lane->retry.first].attempts >= blind_asks_needed(e, lane));
}

/* The host refused something during discovery, and of the first ports none: perhaps that was the only error it had to give, and the next
 * one comes when it does where they come one at a time. */
static bool waits_for_error(const struct host *host, const struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	int64_t due_ns = host->refused_ns + (int64_t)(NEXT_ERROR / usual_limits[USUAL_INTERVAL].per_s * 1e9);

	if (host->refused_ns == 0 || lane->log_next < BLIND_WINDOW || now_ns >= due_ns)
		return false;
	wake_at(wake_ns, due_ns);
	return true;
}

static struct choice choose_blind(const struct engine *e, const struct host *host, struct lane *lane, int64_t now_ns,
                                  int64_t *wake_ns)
{
	struct port_slot *slot = fresh_head(lane);
	unsigned doublings, pauses = e->discovery_loss.lost > 0 ? PAUSES_IF_LOSSY : PAUSES;
	int64_t due_ns;

	if (lane->outstanding >= BLIND_WINDOW || waits_for_error(host, lane, now_ns, wake_ns))
		return (struct choice){0};
	if (slot)
		return take(lane, slot);
	slot = head(lane, &lane->retry);
	if (!slot || slot->attempts >= blind_asks_needed(e, lane))
		return (struct choice){0};
	doublings = slot->attempts - 1u < BLIND_DOUBLINGS ? slot->attempts - 1u : BLIND_DOUBLINGS;
	due_ns = slot->last_sent_ns + (ask_timeout(lane) << doublings);
	/* Another scan, or somebody else's, may just have emptied the bucket of a host that does refuse: the last asks come
	 * after a pause. */
	if (slot->attempts + pauses >= blind_asks_needed(e, lane) && e->config.max_retries < 0 &&
	    due_ns < slot->last_sent_ns + LAST_ASK_PAUSE_MS * MS)
		due_ns = slot->last_sent_ns + LAST_ASK_PAUSE_MS * MS;
	if (due_ns > now_ns) {
		wake_at(wake_ns, due_ns);
		return (struct choice){0};
	}
	return take(lane, slot);
}

/* Of all ports that wait to be asked again, few are expected to be refused. */
static bool few_refusals_expected(const struct lane *lane)
{
	double expected = 0;

	for (uint32_t number = lane->retry.first, left = lane->retry.count; left > 0 && expected < FEW; left--) {
		const struct port_slot *slot = &lane->scan->slots[number];

		if (slot->stage == STAGE_AGAIN)
			expected += refusal_expected(lane, slot);
		number = slot->next;
	}
	return expected < FEW && (expected < MANY * lane->retry.count || lane->retry.count <= HANDFUL);
}

/* Nothing fresh is left, and few of the others can be expected to be refused: all of them are suspects now. */
static bool form_last_group(struct lane *lane)
{
	if (fresh_head(lane) || !few_refusals_expected(lane))
		return false;
	suspect_all(lane);
	return true;
}

/* A port of which a refusal can be expected: `slot`, the head of those silent so far, or one never asked. NULL: there is none. */
static struct port_slot *likely_taker(struct lane *lane, struct port_slot *slot)
{
	/* By the count it is known which silence tells something: ports that are hardly closed need proof, not more tokens. */
	while (lane->counted && slot && refusal_expected(lane, slot) < LIKELY) {
		suspect_head(lane);
		slot = head(lane, &lane->retry);
	}
	/* Asked in vain since the last refusal already: another port is the better question. */
	if (!lane->counted && slot && (slot->epoch == lane->epoch || refusal_expected(lane, slot) < LIKELY))
		slot = NULL;
	return slot ? slot : fresh_head(lane);
}

/* No port is left of which a refusal can be expected. If there is nothing else to ask, they all go into the last group; otherwise a check
 * proves some of them silent, or the bucket empty. */
static struct choice choose_without_taker(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns,
                                          int64_t *wake_ns)
{
	if (head(lane, &lane->retry)) {
		lane->drain = false;
		if (lane->outstanding > 0)
			return (struct choice){0};
		if (!form_last_group(lane)) {
			check_begin(lane, now_ns);
			return (struct choice){0};
		}
	} else if (lane->waiting > 0) {
		/* Asks in flight of ports about which nothing is proved decide first what is left. */
		return (struct choice){0};
	}
	return choose_ending(e, host, lane, now_ns, wake_ns);
}

/* The bucket is asked past the model until it is empty; not where the count tells its level. */
static bool drains(struct lane *lane)
{
	if (lane->drain && lane->limiter.recognised && lane->limiter.settled)
		lane->drain = false;
	return lane->drain && lane->outstanding < lane->drain_window;
}

/* All suspects go in one row in front of the next refusal. */
static bool may_join_row(const struct lane *lane, const struct port_slot *suspect, int64_t now_ns)
{
	return suspect->epoch != lane->epoch && lane->suspects_asked != SUSPECTS_PER_EPOCH &&
	       (lane->suspects_asked == 0 || now_ns <= lane->row_ns + ROW_MS * MS);
}

/* The level at which the next ask may go out. */
static double level_wanted(const struct lane *lane, bool suspects_wait, bool suspect_is_next, int64_t now_ns)
{
	/* Suspects were asked a moment ago: until enough refusals have followed, ports that may give them come without delay. */
	if (!suspect_is_next && lane->takers_due > 0 && now_ns - lane->last_suspect_ns < TAKERS_MS * MS)
		return ONE_TOKEN;
	if (suspects_wait || closed_share(lane) < MOSTLY_CLOSED)
		return proof_level(lane);
	/* Where every port refuses, nothing is to be proved but closed ports, and each token is used as it comes. */
	return counts_surely(lane) ? promise_level(lane) : ONE_TOKEN;
}

/* The next of a row of suspects, behind a lead if the proof needs one. */
static struct choice choose_suspect(struct lane *lane, struct port_slot *suspect, int64_t now_ns, int64_t *wake_ns)
{
	struct choice choice;

	if (lane->suspects_asked == 0) {
		if (choose_lead(lane, now_ns, wake_ns, &choice))
			return choice;
		lane->row_ns = now_ns;
	}
	lane->takers_due = refusals_for_proof(lane);
	lane->suspects_asked++;
	return take(lane, suspect);
}

/* A port that is to take a token, if there is one that no ask in flight is expected to take. */
static struct choice choose_taker(struct lane *lane, struct port_slot *slot, int64_t now_ns, int64_t *wake_ns)
{
	double level = limiter_level(&lane->limiter, now_ns),
	       need = lane->expected_out + refusal_expected(lane, slot) / 2; /* the half: rather one too many */

	if (lane->suspects_asked > 0 && too_close(lane, now_ns, wake_ns))
		return (struct choice){0};
	if (not_spaced(lane, now_ns, wake_ns))
		return (struct choice){0};
	/* Where ports are mixed, so many at once that one refusal among them is likely: it proves those in front silent, and those
	 * behind it lose nothing but an ask. */
	if (counts_surely(lane) && closed_share(lane) < MOSTLY_CLOSED)
		level += SPARE_ASKS;
	if (need > level) {
		wake_at(wake_ns, limiter_ready_ns(&lane->limiter, need, now_ns));
		return (struct choice){0};
	}
	return take(lane, slot);
}

static struct choice choose_limited(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns,
                                    int64_t *wake_ns)
{
	struct port_slot *slot = head(lane, &lane->retry), *suspect = head(lane, &lane->suspects);
	bool suspect_is_next;
	double need;

	slot = likely_taker(lane, slot);
	if (!slot)
		return choose_without_taker(e, host, lane, now_ns, wake_ns);
	if (drains(lane))
		return take(lane, slot);
	suspect_is_next = suspect && may_join_row(lane, suspect, now_ns);
	need = level_wanted(lane, suspect != NULL, suspect_is_next, now_ns);
	if (lane->suspects_asked == 0 && !has_lead(lane, now_ns) && level_is_low(lane, need, now_ns, wake_ns))
		return (struct choice){0};
	return suspect_is_next ? choose_suspect(lane, suspect, now_ns, wake_ns)
	                       : choose_taker(lane, slot, now_ns, wake_ns);
}

/* The first lane learns the limit for all. Until it has, the others take what a bucket surely holds, so that theirs begin to
 * fill again, and wait. Where there is no limit they are not needed. */
static bool waits_for_first(struct lane *lane, int64_t now_ns)
{
	struct portscan *scan = lane->scan;
	const struct limiter *first;

	while (scan->teacher + 1 < scan->lane_count && lane_is_deaf(&scan->lanes[scan->teacher]))
		scan->teacher++;
	first = &scan->lanes[scan->teacher].limiter;
	if (lane->index <= scan->teacher || lane->limiter.phase == LIMITER_KNOWN)
		return false;
	/* There is no model to learn. */
	if (scan->lanes[scan->teacher].patient_ns > 0) {
		become_patient(lane);
		return false;
	}
	if (first->phase == LIMITER_KNOWN && (first->is_bucket || first->settled)) {
		limiter_adopt(&lane->limiter, first, now_ns);
		lane->checking = false;
		return false;
	}
	return true;
}

static struct choice choose_while_waiting(struct lane *lane)
{
	struct port_slot *slot = fresh_head(lane);

	return slot && lane->log_next < ASKS_WHILE_WAITING ? take(lane, slot) : (struct choice){0};
}

/* The path jitters too much for the rate of the limit: the order of asks proves nothing. First collect the refusals that the
 * limit gives, then prove the rest silent with patience. */
static struct choice choose_collecting(struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	struct port_slot *slot = head(lane, &lane->retry);
	double level = limiter_level(&lane->limiter, now_ns), need;

	if (!slot || slot->epoch == lane->epoch)
		slot = fresh_head(lane);
	if (!slot) {
		if (lane->outstanding == 0)
			become_patient(lane);
		return (struct choice){0};
	}
	need = lane->expected_out + refusal_expected(lane, slot) / 2;
	if (level < ONE_TOKEN || need > level) {
		wake_at(wake_ns, limiter_ready_ns(&lane->limiter, level < ONE_TOKEN ? ONE_TOKEN : need, now_ns));
		return (struct choice){0};
	}
	return take(lane, slot);
}

/* What is expected of the ports that were silent depends on whether tokens are counted: when that changes, those about which nothing
 * is proved wait for their turn again. */
static void follow_count(struct lane *lane)
{
	bool counted = counts_surely(lane);

	if (lane->counted != counted)
		unsuspect_unproved(lane);
	lane->counted = counted;
}

static struct choice choose(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	while (lane->urgent.count > 0) {
		struct port_slot *slot = dequeue(lane, &lane->urgent);

		if (slot->stage == STAGE_URGENT)
			return (struct choice){.slot = slot, .urgent = true};
	}
	if (lane->scan->lane_count > 1 && lane_is_deaf(lane))
		return (struct choice){0};
	if (waits_for_first(lane, now_ns))
		return choose_while_waiting(lane);
	if (lane->scan->sentinel == NO_INDEX)
		return choose_blind(e, host, lane, now_ns, wake_ns);
	if (lane->limiter.phase == LIMITER_KNOWN && lane->limiter.rate < SLOWEST_RATE && !collecting(lane))
		become_patient(lane);
	if (interval_is_next(lane, now_ns)) {
		lane->collect.roll_call.stage = ROLL_CALL_NONE;
		return choose_interval(e, host, lane, now_ns, wake_ns);
	}
	if (windows_are_next(host, lane, now_ns, wake_ns)) {
		lane->collect.roll_call.stage = ROLL_CALL_NONE;
		return choose_windowed(e, host, lane, now_ns, wake_ns);
	}
	if (collecting(lane))
		return choose_collected(e, host, lane, now_ns, wake_ns);
	if (lane->patient_ns == 0 && order_proves_nothing(lane)) {
		lane->checking = false;
		return choose_collecting(lane, now_ns, wake_ns);
	}
	if (lane->patient_ns > 0) {
		if (!lane->checking)
			check_begin(lane, now_ns);
		return choose_patient(lane, now_ns, wake_ns);
	}
	follow_count(lane);
	/* The first new token is looked for by checks, each after twice the time. */
	if (lane->limiter.phase == LIMITER_LEARNING && !lane->checking)
		check_begin(lane, now_ns);
	if (lane->checking && lane->limiter.phase == LIMITER_KNOWN && lane->check_asked == 0 && !lane->check_lead &&
	    lane->sentinels_due == 0 && lane->sentinels_out == 0 && lane->retry.count > 0 && form_last_group(lane))
		lane->checking = false; /* it proves more than a check of some of them would */
	if (lane->checking)
		return choose_check(lane, now_ns, wake_ns);
	if (lane->limiter.phase == LIMITER_UNSEEN)
		return choose_unlimited(e, host, lane, now_ns, wake_ns);
	lane->collect.roll_call.stage = ROLL_CALL_NONE;
	return choose_limited(e, host, lane, now_ns, wake_ns);
}

static void ask(struct engine *e, struct host *host, struct lane *lane, const struct choice *choice, int64_t now_ns,
                struct probe *out)
{
	struct port_slot *slot = choice->slot;
	struct ask question = {PROBE_UDP, lane->source, host->addr, slot->number, slot->attempts, 0};
	struct log_entry *entry = asklog_push(lane, now_ns);
	uint32_t number = lane->log_next - 1;

	*entry = (struct log_entry){
	        .sent_ns = now_ns,
	        .slot = (uint32_t)(slot - lane->scan->slots),
	        .attempt = slot->attempts,
	        .sentinel = choice->sentinel,
	        .check = choice->check,
	        .roll_call = choice->stays && lane->collect.roll_call.stage != ROLL_CALL_NONE,
	        .patient = lane->patient_ns > 0,
	        /* A copy will not be refused when the first ask was not. */
	        .expected = choice->urgent || (choice->stays && slot->waiting > 0) ? 0
	                    : choice->sentinel || slot->stage == STAGE_SETTLED     ? 1
	                                                                       : (float)refusal_expected(lane, slot),
	};
	if (interval_governs(lane) && !choice->urgent)
		interval_asked(lane, slot, entry);
	if (windows_govern(lane)) {
		entry->expected = choice->urgent ? 0 : (float)windows_likely(lane, slot);
		entry->begins_volley = number == lane->windows.first;
	}
	slot->attempts++;
	slot->collected += collecting(lane);
	slot->waiting++;
	if (slot->lane == lane->index)
		slot->last_entry = number;
	if (slot->attempts == 1)
		lane->scan->fresh_ns = now_ns;
	slot->last_sent_ns = now_ns;
	slot->epoch = lane->epoch;
	lane->last_ask_ns = now_ns;
	lane->outstanding++;
	lane->expected_out += entry->expected;
	if (choice->sentinel) {
		lane->sentinels_out++;
	} else if (slot->stage != STAGE_SETTLED) { /* else the lead of a group, known to be closed */
		if (slot->silences > 0 || choice->check || choice->stays)
			lane->last_suspect_ns = now_ns;
		slot->unproven = (uint8_t)(unproven_asks(lane, slot) + 1);
		slot->round = lane->round;
		if (!choice->stays)
			set_stage(lane, slot, STAGE_WAITING);
	}
	fill_probe(e, host, &question,
	           cookie_make(e, host, lane->index << COOKIE_LOG_BITS | (number & COOKIE_LOG_MASK)), out);
}

bool asking_next(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, struct probe *out,
                 int64_t *wake_ns)
{
	struct choice choice;

	if (lane->hold_ns > now_ns) {
		wake_at(wake_ns, lane->hold_ns);
		return false;
	}
	if (!pace_ready(&lane->scan->pace, now_ns)) {
		wake_at(wake_ns, pace_wake(&lane->scan->pace));
		return false;
	}
	choice = choose(e, host, lane, now_ns, wake_ns);
	if (!choice.slot)
		return false;
	pace_take(&lane->scan->pace);
	ask(e, host, lane, &choice, now_ns, out);
	return true;
}
