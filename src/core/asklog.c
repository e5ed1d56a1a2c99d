/* asklog.c: the order of asks, and what a refusal proves about the asks before it.
 *
 * A host that limits its ICMP errors has tokens for them. If an ask is refused, a token was there when it arrived; asks
 * that arrived just before it and stayed silent had that token too and did not take it, so their ports are not closed,
 * unless the ask or its answer was lost. How often that happens is measured: a port that is refused after all, though
 * its silence had been proved, was a loss. */
#include <math.h>
#include <stdlib.h>

#include "internal.h"

enum {
	MOST_LOG = 65536,
	FEWEST_ASKS = 3,
	MOST_ASKS = 24,
	BRACKETS_NEEDED = 1,
	BRACKETS_IF_LOSSY = 2,
	SEARCH_BACK = 4096,
	PROOF_WINDOW_MS = 3000,
	GROUP_MS = 1200, /* longer than a group of a patient scan takes, shorter than its pause */
	UNSEEN_WINDOW_US = 300,
	LEAD_WINDOW_US = 1000,
	ORDER_GAP_US = 50,
	CHECKED_MOST = 64,
	SHORT_CHECKS = 5,
	MOST_UNPRODUCTIVE = 24,
	FIRST_PAUSE_MS = 2200,
	LONGEST_PAUSE_MS = 15000,
	KEEP_MS = 5000, /* longer than any proof reaches back */
};
#define WRONG_STATE           1e-6 /* wanted probability of calling a closed port open|filtered */
#define SILENCE_IS_EMPTY      0.05 /* silence less probable than this, had tokens been there, says that none were */
#define SENTINELS_ALL_LOST    1e-3
#define SILENCE_WITHOUT_PROOF 0.6
#define CISCO_RATE            2.0 /* the one interval that is known exactly: 500 ms */
#define WEIGHT_DECAY          0.97

struct log_entry *asklog_entry(struct lane *lane, uint32_t number)
{
	return &lane->log[number & (lane->log_capacity - 1)];
}

/* Estimates */

double closed_share(const struct lane *lane)
{
	return (lane->scan->closed_weight + 0.5) / (lane->scan->closed_weight + lane->scan->silent_weight + 1);
}

double refusal_expected(const struct lane *lane, const struct port_slot *slot)
{
	double closed = closed_share(lane), missed;

	/* Silence that is not proved tells a little too. */
	missed = closed * pow(loss_estimate(&lane->scan->loss), slot->silences) *
	         pow(SILENCE_WITHOUT_PROOF, slot->attempts);
	return missed / (missed + 1 - closed);
}

uint32_t asks_needed(const struct engine *e, const struct lane *lane)
{
	struct loss both = lane->scan->loss;

	both.asked += e->discovery_loss.asked;
	both.lost += e->discovery_loss.lost;
	return loss_asks_needed(&both, WRONG_STATE, FEWEST_ASKS, MOST_ASKS);
}

/* Asks of an earlier round will never be proved. */
uint8_t unproven_asks(const struct lane *lane, const struct port_slot *slot)
{
	return slot->round == lane->round ? slot->unproven : 0;
}

void made_progress(struct lane *lane)
{
	lane->unproductive = 0;
}

void become_patient(struct lane *lane)
{
	if (lane->patient_ns > 0)
		return;
	lane->patient_ns = FIRST_PAUSE_MS * MS;
	lane->drain = false;
	lane->group = lane->sentinels_due = 0;
	check_begin(lane, lane->last_ask_ns);
}

void made_no_progress(struct lane *lane)
{
	if (++lane->unproductive >= MOST_UNPRODUCTIVE)
		become_patient(lane);
}

/* The ring */

static bool is_open(const struct log_entry *entry)
{
	return entry->slot != NO_INDEX && !entry->expired && !entry->refused && !entry->answered;
}

void asklog_close(struct lane *lane, struct log_entry *entry)
{
	struct port_slot *slot = &lane->scan->slots[entry->slot];

	lane->outstanding--;
	lane->expected_out -= entry->expected;
	if (lane->outstanding == 0)
		lane->expected_out = 0; /* no drift from rounding */
	slot->waiting--;
	if (entry->sentinel)
		lane->sentinels_out--;
}

static void forget_oldest(struct lane *lane)
{
	struct log_entry *entry = asklog_entry(lane, lane->log_first);

	if (is_open(entry)) {
		struct port_slot *slot = &lane->scan->slots[entry->slot];

		asklog_close(lane, entry);
		if (slot->stage == STAGE_WAITING && slot->waiting == 0)
			queue_push(lane, slot);
	}
	if (lane->log_unexpired == lane->log_first)
		lane->log_unexpired++;
	lane->log_first++;
}

struct log_entry *asklog_push(struct lane *lane, int64_t now_ns)
{
	if (lane->log_next - lane->log_first == lane->log_capacity) {
		uint32_t capacity = lane->log_capacity * 2;
		struct log_entry *oldest = asklog_entry(lane, lane->log_first), *log = NULL;

		if (capacity <= MOST_LOG && (!oldest->expired || now_ns - oldest->sent_ns < KEEP_MS * MS))
			log = calloc(capacity, sizeof(*log));

		if (log) {
			for (uint32_t n = lane->log_first; n != lane->log_next; n++)
				log[n & (capacity - 1)] = *asklog_entry(lane, n);
			free(lane->log);
			lane->log = log;
			lane->log_capacity = capacity;
		} else {
			forget_oldest(lane);
		}
	}
	return asklog_entry(lane, lane->log_next++);
}

struct log_entry *asklog_find(struct lane *lane, const struct port_slot *slot, uint16_t attempt, uint32_t *number)
{
	uint32_t index = (uint32_t)(slot - lane->scan->slots),
	         n = slot->lane == lane->index ? slot->last_entry + 1 : lane->log_next;

	for (uint32_t back = 0; back < SEARCH_BACK && n - lane->log_first - 1 < lane->log_capacity; back++) {
		struct log_entry *entry = asklog_entry(lane, --n);

		if (entry->slot == index && entry->attempt == attempt) {
			*number = n;
			return entry;
		}
		if (n == lane->log_first)
			break;
	}
	return NULL;
}

/* Proof */

uint32_t silences_missing(const struct engine *e, const struct lane *lane, const struct port_slot *slot)
{
	uint32_t needed = asks_needed(e, lane), missing = 0;
	size_t payloads = e->config.probe.data ? 0 : payload_count(e->config.probe.payloads, slot->number);

	if (slot->silences < needed)
		missing = needed - slot->silences;
	if (slot->attempts < 2 * payloads && missing < 2 * payloads - slot->attempts)
		missing = (uint32_t)(2 * payloads) - slot->attempts;
	if (missing == 0 &&
	    slot->brackets < (lane->scan->loss.lost + e->discovery_loss.lost > 0 ? BRACKETS_IF_LOSSY : BRACKETS_NEEDED))
		missing = 1;
	return missing;
}

/* The ask stayed unanswered, and refusal entry->bracket shows that a token was there for it. */
static void count_silence(struct engine *e, struct host *host, struct lane *lane, const struct log_entry *entry,
                          int64_t at_ns)
{
	struct port_slot *slot = &lane->scan->slots[entry->slot];

	if (slot->stage == STAGE_SETTLED)
		return;
	if (slot->silences == 0) {
		lane->scan->closed_weight *= WEIGHT_DECAY;
		lane->scan->silent_weight = lane->scan->silent_weight * WEIGHT_DECAY + 1;
	}
	made_progress(lane);
	if (slot->silences < UINT8_MAX)
		slot->silences++;
	if (slot->last_bracket != entry->bracket && slot->brackets < UINT8_MAX - 2)
		slot->brackets++;
	slot->last_bracket = entry->bracket;
	if (slot->unproven > 0)
		slot->unproven--;
	if (silences_missing(e, lane, slot) == 0)
		settle_silent(e, host, slot, "silent-while-refusing", at_ns);
}

/* Packets closer together than this may have overtaken each other: their order proves nothing. */
int64_t order_gap(const struct lane *lane)
{
	return ORDER_GAP_US * INT64_C(1000) + 4 * lane->scan->rtt.rttvar_ns;
}

/* Tokens keep coming while the refusals that are to prove something arrive. If k asks behind this one were refused within the
 * time d, at least k - rate * d tokens were there before: one or more, and this ask had one. */
uint32_t refusals_for_proof(const struct lane *lane)
{
	const struct limiter *limiter = &lane->limiter;
	double refusals;

	/* LEARNING: nothing is proved, the first new token is looked for. */
	if (lane->patient_ns > 0 || limiter->phase == LIMITER_LEARNING)
		return 1;
	if (limiter->phase != LIMITER_KNOWN)
		return 2;
	if (limiter_is_interval(limiter))
		return 1;
	refusals = ceil(1.2 + 2.4 * limiter->most * (double)order_gap(lane) / 1e9);
	return refusals > limiter->burst - 0.3 ? 0 : (uint32_t)refusals;
}

bool needs_lead(const struct lane *lane)
{
	const struct limiter *limiter = &lane->limiter;

	if (lane->patient_ns > 0)
		return false;
	if (limiter->phase == LIMITER_KNOWN && (limiter->is_bucket || limiter_is_interval(limiter)))
		return false;
	return limiter->phase != LIMITER_KNOWN || limiter->burst > 3.5;
}

/* How long before an ask the refusal in front of it may lie. */
int64_t lead_window(const struct lane *lane)
{
	const struct limiter *limiter = &lane->limiter;
	int64_t window_ns = LEAD_WINDOW_US * INT64_C(1000);

	if (limiter->phase == LIMITER_KNOWN && 0.3e9 / limiter->rate > (double)window_ns)
		window_ns = (int64_t)(0.3e9 / limiter->rate);
	return window_ns + 3 * order_gap(lane);
}

bool order_proves_nothing(const struct lane *lane)
{
	return lane->limiter.phase == LIMITER_KNOWN && refusals_for_proof(lane) == 0;
}

double proof_level(const struct lane *lane)
{
	const struct limiter *limiter = &lane->limiter;
	uint32_t refusals = refusals_for_proof(lane);

	if (limiter->phase != LIMITER_KNOWN)
		return 1;
	if (limiter_is_interval(limiter)) /* in intervals: surely refilled, jitter included */
		return (limiter->rate == CISCO_RATE ? 1.03 : 1.3) + limiter->rate * (double)order_gap(lane) / 1e9;
	if (needs_lead(lane) && refusals > 0)
		refusals++;
	if (refusals == 0 || refusals + 0.2 > limiter->burst)
		return limiter->burst;
	return refusals + 0.2;
}

/* Whether `after` refusals, the last of an ask sent before_ns later, prove that there was a token for an ask. */
static bool proves(const struct lane *lane, uint32_t after, int64_t before_ns)
{
	const struct limiter *limiter = &lane->limiter;
	double interval_ns;

	if (limiter->phase != LIMITER_KNOWN)
		return after >= 2 && before_ns <= UNSEEN_WINDOW_US * INT64_C(1000) + 2 * order_gap(lane);
	interval_ns = 1e9 / (limiter->most > limiter->rate ? limiter->most : limiter->rate);
	if (limiter_is_interval(limiter))
		return (double)before_ns <= 0.02 * interval_ns + 2 * (double)order_gap(lane);
	/* Where tokens may come in lumps, the whole proof must fit into a small part of the time between two. */
	if (needs_lead(lane) && (double)before_ns > 0.3 * interval_ns + 3 * (double)order_gap(lane))
		return false;
	if ((double)before_ns > 1.5 * interval_ns + 2 * (double)order_gap(lane))
		return false; /* so that an error of the rate does not add up */
	return after >= 1.1 + 1.1 * (double)(before_ns + order_gap(lane)) / interval_ns;
}

/* The oldest entry that can matter to a proof by a refusal sent at sent_ns. */
static uint32_t first_of_window(struct lane *lane, uint32_t number, int64_t from_ns)
{
	uint32_t n = number;

	while (n != lane->log_first && asklog_entry(lane, n - 1)->sent_ns >= from_ns)
		n--;
	return n;
}

void asklog_prove(struct engine *e, struct host *host, struct lane *lane, uint32_t number, int64_t at_ns)
{
	int64_t sent_ns = asklog_entry(lane, number)->sent_ns, gap_ns = order_gap(lane), lead_ns = lead_window(lane);
	int64_t reach_ns = lane->limiter.phase == LIMITER_KNOWN || lane->patient_ns > 0
	                           ? PROOF_WINDOW_MS * MS
	                           : UNSEEN_WINDOW_US * 1000 + 2 * gap_ns;
	uint32_t n = first_of_window(lane, number, sent_ns - reach_ns),
	         before = first_of_window(lane, n, sent_ns - reach_ns - lead_ns);
	int64_t led_ns = INT64_MIN / 2;
	bool lead = needs_lead(lane);

	for (; n != number; n++) {
		struct log_entry *entry = asklog_entry(lane, n);
		int64_t before_ns = sent_ns - entry->sent_ns;

		for (; before != number && asklog_entry(lane, before)->sent_ns <= entry->sent_ns - gap_ns; before++)
			if (asklog_entry(lane, before)->refused)
				led_ns = asklog_entry(lane, before)->sent_ns;
		if (before_ns < gap_ns || entry->slot == NO_INDEX || entry->refused || entry->answered ||
		    entry->bracketed || entry->sentinel || lane->scan->slots[entry->slot].stage == STAGE_SETTLED)
			continue;
		if (entry->after < UINT16_MAX)
			entry->after++;
		if (entry->patient && (led_ns >= entry->sent_ns - GROUP_MS * MS || before_ns > GROUP_MS * MS))
			continue; /* another port of the group had the token, or the refusal is of another group */
		if (!entry->patient &&
		    (!proves(lane, entry->after, before_ns) || (lead && entry->sent_ns - led_ns > lead_ns)))
			continue;
		entry->bracketed = true;
		entry->bracket = number;
		if (entry->expired)
			count_silence(e, host, lane, entry, at_ns);
	}
}

/* Silence */

static void bucket_is_empty(struct lane *lane, int64_t sent_ns)
{
	limiter_empty(&lane->limiter, sent_ns);
	made_no_progress(lane);
	lane->epoch++;
	lane->round++;
	lane->empties_in_row++;
	lane->suspects_asked = 0;
	lane->group = 0;
	lane->drain = false;
	lane->silence = 1;
}

void check_begin(struct lane *lane, int64_t tail_ns)
{
	lane->checking = true;
	lane->drain = false;
	lane->tail_ns = tail_ns;
	lane->check_left = CHECKED_MOST;
	lane->check_expected = lane->check_level = lane->check_taken = 0;
	lane->check_lead = false;
	lane->check_used = lane->limiter.used;
	lane->check_out = lane->check_asked = lane->check_refused = 0;
	lane->check_closed = lane->check_token = false;
}

/* There is a limit: the bucket was empty at tail_ns, and what the check took came since. */
static void limit_found(struct lane *lane)
{
	uint32_t taken = lane->check_refused + lane->check_token;

	lane->limiter.used -= taken < lane->limiter.used ? taken : lane->limiter.used - 1;
	bucket_is_empty(lane, lane->tail_ns);
	for (uint32_t i = 0; i < taken; i++)
		limiter_used(&lane->limiter, lane->check_first_ns);
	lane->empties_in_row = 0;
	lane->drain = true;
	lane->drain_window = 2;
	lane->drained = taken;
	lane->drain_ns = lane->check_first_ns;
}

/* When checks get fewer refusals than the model promised, again and again, the bucket is smaller than it seemed. */
static void judge_burst(struct lane *lane)
{
	uint32_t got = lane->limiter.used - lane->check_used;
	double promised = lane->check_level, asked = lane->check_asked + lane->check_lead + 1.0;

	if (lane->limiter.phase != LIMITER_KNOWN || limiter_is_interval(&lane->limiter))
		return;
	if (promised > asked)
		promised = asked;
	if (got + 2 >= promised) {
		lane->short_checks = lane->short_most = 0;
		return;
	}
	if (got > lane->short_most)
		lane->short_most = got;
	if (++lane->short_checks < SHORT_CHECKS)
		return;
	/* Never one: that is a different kind of limit, and has to show itself from the start. */
	lane->limiter.burst = lane->short_most > 2 ? lane->short_most : 2;
	lane->short_checks = lane->short_most = 0;
}

/* A bucket may have filled while the check was awaited, so that the sentinel alone does not say whether there was a token
 * before. The ports of the silence do, asked again: if they are refused now, they were silent for want of a token. */
static void end_check(struct lane *lane)
{
	lane->checking = false;
	if (lane->patient_ns > 0) {
		if (lane->check_refused == 0 && !lane->check_token && lane->patient_ns < LONGEST_PAUSE_MS * MS)
			lane->patient_ns += lane->patient_ns / 4;
		return;
	}
	judge_burst(lane);
	if (lane->check_refused == 0 && !lane->check_token) {
		lane->sentinels_silent++;
		if (lane->limiter.phase == LIMITER_UNSEEN &&
		    (lane->sentinels_silent < 2 ||
		     pow(loss_estimate(&lane->scan->loss), lane->sentinels_silent) > SENTINELS_ALL_LOST)) {
			check_begin(lane, lane->tail_ns); /* may be loss */
			return;
		}
		bucket_is_empty(lane, lane->last_ask_ns);
		if (lane->limiter.phase == LIMITER_KNOWN)
			check_begin(lane, lane->last_ask_ns);
		return;
	}
	lane->sentinels_silent = 0;
	if (lane->limiter.phase == LIMITER_UNSEEN && lane->check_refused > 0 &&
	    (!lane->check_token || lane->check_refused * 2 >= lane->check_asked))
		limit_found(lane);
	else if (lane->limiter.phase == LIMITER_KNOWN && lane->check_refused == 0)
		limiter_surplus(&lane->limiter, lane->check_first_ns);
}

void check_answered(struct lane *lane, const struct log_entry *entry, bool refused)
{
	if (refused) {
		if (lane->check_refused == 0 && !lane->check_token)
			lane->check_first_ns = entry->sent_ns;
		if (entry->sentinel)
			lane->check_token = true;
		else
			lane->check_refused++;
	}
	if (lane->check_out > 0)
		lane->check_out--;
	if (lane->checking && lane->check_closed && lane->check_out == 0)
		end_check(lane);
}

/* A check that lost its sentinel to a send error sends another; one that lost a port goes on without it. */
void check_not_sent(struct lane *lane, const struct log_entry *entry)
{
	if (lane->check_out > 0)
		lane->check_out--;
	if (!entry->sentinel) {
		if (lane->checking && lane->check_closed && lane->check_out == 0)
			end_check(lane);
		return;
	}
	lane->check_closed = false;
	lane->sentinels_due++;
}

/* An ask of a port that may be closed stayed silent. Enough of them in a row, and there was no token. */
static void weigh_silence(struct lane *lane, const struct log_entry *entry)
{
	if (lane->index > 0 && lane->limiter.phase != LIMITER_KNOWN)
		return; /* it waits for the first lane to learn the limit */
	lane->silence *= 1 - entry->expected * (1 - loss_estimate(&lane->scan->loss));
	if (lane->silence >= SILENCE_IS_EMPTY)
		return;
	lane->silence = 1;
	/* Found empty when the model said so, or while it was being drained: that is what it is. Otherwise perhaps it is the
	 * ports that are silent. */
	if (order_proves_nothing(lane))
		bucket_is_empty(lane, entry->sent_ns);
	else if (lane->limiter.phase == LIMITER_UNSEEN ||
	         (lane->limiter.phase == LIMITER_KNOWN && !lane->drain &&
	          (lane->empties_in_row > 0 || lane->limiter.settled || limiter_is_interval(&lane->limiter))))
		check_begin(lane, entry->sent_ns);
	else
		bucket_is_empty(lane, entry->sent_ns);
}

static void expire_entry(struct engine *e, struct host *host, struct lane *lane, struct log_entry *entry,
                         int64_t now_ns)
{
	struct port_slot *slot;

	if (!is_open(entry)) {
		entry->expired = true;
		return;
	}
	entry->expired = true;
	slot = &lane->scan->slots[entry->slot];
	asklog_close(lane, entry);
	if (entry->bracketed)
		count_silence(e, host, lane, entry, now_ns);
	else if (lane->scan->sentinel != NO_INDEX && !lane->checking && lane->patient_ns == 0 &&
	         (entry->sentinel || slot->stage != STAGE_SETTLED))
		weigh_silence(lane, entry);
	if (entry->sentinel)
		lane->round++;
	if (entry->check)
		check_answered(lane, entry, false);
	if (slot->stage == STAGE_WAITING && slot->waiting == 0)
		queue_push(lane, slot);
}

void asklog_expire(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns)
{
	int64_t timeout_ns = ask_timeout(lane);

	while (lane->log_unexpired != lane->log_next) {
		struct log_entry *entry = asklog_entry(lane, lane->log_unexpired);

		if (is_open(entry) && entry->sent_ns + timeout_ns > now_ns)
			break;
		lane->log_unexpired++;
		expire_entry(e, host, lane, entry, now_ns);
	}
}
