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
#define WEIGHT_DECAY          0.97

struct log_entry *asklog_entry(struct portscan *scan, uint32_t number)
{
	return &scan->log[number & (scan->log_capacity - 1)];
}

/* Estimates */

double closed_share(const struct portscan *scan)
{
	return (scan->closed_weight + 0.5) / (scan->closed_weight + scan->silent_weight + 1);
}

double refusal_expected(const struct portscan *scan, const struct port_slot *slot)
{
	double closed = closed_share(scan), missed;

	/* Silence that is not proved tells a little too. */
	missed = closed * pow(loss_estimate(&scan->loss), slot->silences) * pow(SILENCE_WITHOUT_PROOF, slot->attempts);
	return missed / (missed + 1 - closed);
}

uint32_t asks_needed(const struct engine *e, const struct portscan *scan)
{
	struct loss both = scan->loss;

	both.asked += e->discovery_loss.asked;
	both.lost += e->discovery_loss.lost;
	return loss_asks_needed(&both, WRONG_STATE, FEWEST_ASKS, MOST_ASKS);
}

/* Asks of an earlier round will never be proved. */
uint8_t unproven_asks(const struct portscan *scan, const struct port_slot *slot)
{
	return slot->round == scan->round ? slot->unproven : 0;
}

void made_progress(struct portscan *scan)
{
	scan->unproductive = 0;
}

void become_patient(struct portscan *scan)
{
	if (scan->patient_ns > 0)
		return;
	scan->patient_ns = FIRST_PAUSE_MS * MS;
	scan->drain = false;
	scan->group = scan->sentinels_due = 0;
	check_begin(scan, scan->last_ask_ns);
}

void made_no_progress(struct portscan *scan)
{
	if (++scan->unproductive >= MOST_UNPRODUCTIVE)
		become_patient(scan);
}

/* The ring */

static bool is_open(const struct log_entry *entry)
{
	return entry->slot != NO_INDEX && !entry->expired && !entry->refused && !entry->answered;
}

void asklog_close(struct portscan *scan, struct log_entry *entry)
{
	struct port_slot *slot = &scan->slots[entry->slot];

	scan->outstanding--;
	scan->expected_out -= entry->expected;
	if (scan->outstanding == 0)
		scan->expected_out = 0; /* no drift from rounding */
	slot->waiting--;
	if (entry->sentinel)
		scan->sentinels_out--;
}

static void forget_oldest(struct portscan *scan)
{
	struct log_entry *entry = asklog_entry(scan, scan->log_first);

	if (is_open(entry)) {
		struct port_slot *slot = &scan->slots[entry->slot];

		asklog_close(scan, entry);
		if (slot->stage == STAGE_WAITING && slot->waiting == 0)
			queue_push(scan, slot);
	}
	if (scan->log_unexpired == scan->log_first)
		scan->log_unexpired++;
	scan->log_first++;
}

struct log_entry *asklog_push(struct portscan *scan, int64_t now_ns)
{
	if (scan->log_next - scan->log_first == scan->log_capacity) {
		uint32_t capacity = scan->log_capacity * 2;
		struct log_entry *oldest = asklog_entry(scan, scan->log_first), *log = NULL;

		if (capacity <= MOST_LOG && (!oldest->expired || now_ns - oldest->sent_ns < KEEP_MS * MS))
			log = calloc(capacity, sizeof(*log));

		if (log) {
			for (uint32_t n = scan->log_first; n != scan->log_next; n++)
				log[n & (capacity - 1)] = *asklog_entry(scan, n);
			free(scan->log);
			scan->log = log;
			scan->log_capacity = capacity;
		} else {
			forget_oldest(scan);
		}
	}
	return asklog_entry(scan, scan->log_next++);
}

struct log_entry *asklog_find(struct portscan *scan, const struct port_slot *slot, uint16_t attempt, uint32_t *number)
{
	uint32_t index = (uint32_t)(slot - scan->slots), n = slot->last_entry + 1;

	for (uint32_t back = 0; back < SEARCH_BACK && n - scan->log_first - 1 < scan->log_capacity; back++) {
		struct log_entry *entry = asklog_entry(scan, --n);

		if (entry->slot == index && entry->attempt == attempt) {
			*number = n;
			return entry;
		}
		if (n == scan->log_first)
			break;
	}
	return NULL;
}

/* Proof */

uint32_t silences_missing(const struct engine *e, const struct portscan *scan, const struct port_slot *slot)
{
	uint32_t needed = asks_needed(e, scan), missing = 0;
	size_t payloads = e->config.probe.data ? 0 : payload_count(e->config.probe.payloads, slot->number);

	if (slot->silences < needed)
		missing = needed - slot->silences;
	if (slot->attempts < 2 * payloads && missing < 2 * payloads - slot->attempts)
		missing = (uint32_t)(2 * payloads) - slot->attempts;
	if (missing == 0 &&
	    slot->brackets < (scan->loss.lost + e->discovery_loss.lost > 0 ? BRACKETS_IF_LOSSY : BRACKETS_NEEDED))
		missing = 1;
	return missing;
}

/* The ask stayed unanswered, and refusal entry->bracket shows that a token was there for it. */
static void count_silence(struct engine *e, struct host *host, const struct log_entry *entry, int64_t at_ns)
{
	struct portscan *scan = host->scan;
	struct port_slot *slot = &scan->slots[entry->slot];

	if (slot->stage == STAGE_SETTLED)
		return;
	if (slot->silences == 0) {
		scan->closed_weight *= WEIGHT_DECAY;
		scan->silent_weight = scan->silent_weight * WEIGHT_DECAY + 1;
	}
	made_progress(scan);
	if (slot->silences < UINT8_MAX)
		slot->silences++;
	if (slot->last_bracket != entry->bracket && slot->brackets < UINT8_MAX - 2)
		slot->brackets++;
	slot->last_bracket = entry->bracket;
	if (slot->unproven > 0)
		slot->unproven--;
	if (silences_missing(e, scan, slot) == 0)
		settle_silent(e, host, slot, "silent-while-refusing", at_ns);
}

/* Packets closer together than this may have overtaken each other: their order proves nothing. */
int64_t order_gap(const struct host *host)
{
	return ORDER_GAP_US * INT64_C(1000) + 4 * host->rtt.rttvar_ns;
}

/* Tokens keep coming while the refusals that are to prove something arrive. If k asks behind this one were refused within the
 * time d, at least k - rate * d tokens were there before: one or more, and this ask had one. */
uint32_t refusals_for_proof(const struct host *host)
{
	const struct limiter *limiter = &host->scan->limiter;
	double refusals;

	/* LEARNING: nothing is proved, the first new token is looked for. */
	if (host->scan->patient_ns > 0 || limiter->phase == LIMITER_LEARNING)
		return 1;
	if (limiter->phase != LIMITER_KNOWN)
		return 2;
	if (limiter_is_interval(limiter))
		return 1;
	refusals = ceil(1.2 + 2.4 * limiter->most * (double)order_gap(host) / 1e9);
	return refusals > limiter->burst - 0.3 ? 0 : (uint32_t)refusals;
}

bool needs_lead(const struct host *host)
{
	const struct limiter *limiter = &host->scan->limiter;

	if (host->scan->patient_ns > 0)
		return false;
	if (limiter->phase == LIMITER_KNOWN && (limiter->is_bucket || limiter_is_interval(limiter)))
		return false;
	return limiter->phase != LIMITER_KNOWN || limiter->burst > 3.5;
}

/* How long before an ask the refusal in front of it may lie. */
int64_t lead_window(const struct host *host)
{
	const struct limiter *limiter = &host->scan->limiter;
	int64_t window_ns = LEAD_WINDOW_US * INT64_C(1000);

	if (limiter->phase == LIMITER_KNOWN && 0.3e9 / limiter->rate > (double)window_ns)
		window_ns = (int64_t)(0.3e9 / limiter->rate);
	return window_ns + 3 * order_gap(host);
}

double proof_level(const struct host *host)
{
	const struct limiter *limiter = &host->scan->limiter;
	uint32_t refusals = refusals_for_proof(host);

	if (limiter->phase != LIMITER_KNOWN)
		return 1;
	if (limiter_is_interval(limiter)) /* in intervals: surely refilled, jitter included */
		return 1.03 + limiter->rate * (double)order_gap(host) / 1e9;
	if (needs_lead(host) && refusals > 0)
		refusals++;
	if (refusals == 0 || refusals + 0.2 > limiter->burst)
		return limiter->burst;
	return refusals + 0.2;
}

/* Whether `after` refusals, the last of an ask sent before_ns later, prove that there was a token for an ask. */
static bool proves(const struct host *host, uint32_t after, int64_t before_ns)
{
	const struct limiter *limiter = &host->scan->limiter;
	double interval_ns;

	if (limiter->phase != LIMITER_KNOWN)
		return after >= 2 && before_ns <= UNSEEN_WINDOW_US * INT64_C(1000) + 2 * order_gap(host);
	interval_ns = 1e9 / (limiter->most > limiter->rate ? limiter->most : limiter->rate);
	if (limiter_is_interval(limiter))
		return (double)before_ns <= 0.02 * interval_ns + 2 * (double)order_gap(host);
	/* Where tokens may come in lumps, the whole proof must fit into a small part of the time between two. */
	if (needs_lead(host) && (double)before_ns > 0.3 * interval_ns + 3 * (double)order_gap(host))
		return false;
	if ((double)before_ns > 1.5 * interval_ns + 2 * (double)order_gap(host))
		return false; /* so that an error of the rate does not add up */
	return after >= 1.1 + 1.1 * (double)(before_ns + order_gap(host)) / interval_ns;
}

/* The oldest entry that can matter to a proof by a refusal sent at sent_ns. */
static uint32_t first_of_window(struct portscan *scan, uint32_t number, int64_t from_ns)
{
	uint32_t n = number;

	while (n != scan->log_first && asklog_entry(scan, n - 1)->sent_ns >= from_ns)
		n--;
	return n;
}

void asklog_prove(struct engine *e, struct host *host, uint32_t number, int64_t at_ns)
{
	struct portscan *scan = host->scan;
	int64_t sent_ns = asklog_entry(scan, number)->sent_ns, gap_ns = order_gap(host), lead_ns = lead_window(host);
	int64_t reach_ns = scan->limiter.phase == LIMITER_KNOWN || scan->patient_ns > 0
	                           ? PROOF_WINDOW_MS * MS
	                           : UNSEEN_WINDOW_US * 1000 + 2 * gap_ns;
	uint32_t n = first_of_window(scan, number, sent_ns - reach_ns),
	         before = first_of_window(scan, n, sent_ns - reach_ns - lead_ns);
	int64_t led_ns = INT64_MIN / 2;
	bool lead = needs_lead(host);

	for (; n != number; n++) {
		struct log_entry *entry = asklog_entry(scan, n);
		int64_t before_ns = sent_ns - entry->sent_ns;

		for (; before != number && asklog_entry(scan, before)->sent_ns <= entry->sent_ns - gap_ns; before++)
			if (asklog_entry(scan, before)->refused)
				led_ns = asklog_entry(scan, before)->sent_ns;
		if (before_ns < gap_ns || entry->slot == NO_INDEX || entry->refused || entry->answered ||
		    entry->bracketed || entry->sentinel || scan->slots[entry->slot].stage == STAGE_SETTLED)
			continue;
		if (entry->after < UINT16_MAX)
			entry->after++;
		if (entry->patient && (led_ns >= entry->sent_ns - GROUP_MS * MS || before_ns > GROUP_MS * MS))
			continue; /* another port of the group had the token, or the refusal is of another group */
		if (!entry->patient &&
		    (!proves(host, entry->after, before_ns) || (lead && entry->sent_ns - led_ns > lead_ns)))
			continue;
		entry->bracketed = true;
		entry->bracket = number;
		if (entry->expired)
			count_silence(e, host, entry, at_ns);
	}
}

/* Silence */

static void bucket_is_empty(struct portscan *scan, int64_t sent_ns)
{
	limiter_empty(&scan->limiter, sent_ns);
	made_no_progress(scan);
	scan->epoch++;
	scan->round++;
	scan->empties_in_row++;
	scan->suspects_asked = 0;
	scan->group = 0;
	scan->drain = false;
	scan->silence = 1;
}

void check_begin(struct portscan *scan, int64_t tail_ns)
{
	scan->checking = true;
	scan->drain = false;
	scan->tail_ns = tail_ns;
	scan->check_left = CHECKED_MOST;
	scan->check_expected = scan->check_level = scan->check_taken = 0;
	scan->check_lead = false;
	scan->check_used = scan->limiter.used;
	scan->check_out = scan->check_asked = scan->check_refused = 0;
	scan->check_closed = scan->check_token = false;
}

/* There is a limit: the bucket was empty at tail_ns, and what the check took came since. */
static void limit_found(struct portscan *scan)
{
	uint32_t taken = scan->check_refused + scan->check_token;

	scan->limiter.used -= taken < scan->limiter.used ? taken : scan->limiter.used - 1;
	bucket_is_empty(scan, scan->tail_ns);
	for (uint32_t i = 0; i < taken; i++)
		limiter_used(&scan->limiter, scan->check_first_ns);
	scan->empties_in_row = 0;
	scan->drain = true;
	scan->drain_window = 2;
	scan->drained = taken;
	scan->drain_ns = scan->check_first_ns;
}

/* When checks get fewer refusals than the model promised, again and again, the bucket is smaller than it seemed. */
static void judge_burst(struct portscan *scan)
{
	uint32_t got = scan->limiter.used - scan->check_used;
	double promised = scan->check_level, asked = scan->check_asked + scan->check_lead + 1.0;

	if (scan->limiter.phase != LIMITER_KNOWN || limiter_is_interval(&scan->limiter))
		return;
	if (promised > asked)
		promised = asked;
	if (got + 2 >= promised) {
		scan->short_checks = scan->short_most = 0;
		return;
	}
	if (got > scan->short_most)
		scan->short_most = got;
	if (++scan->short_checks < SHORT_CHECKS)
		return;
	scan->limiter.burst = scan->short_most > 0 ? scan->short_most : 1;
	scan->short_checks = scan->short_most = 0;
}

/* A bucket may have filled while the check was awaited, so that the sentinel alone does not say whether there was a token
 * before. The ports of the silence do, asked again: if they are refused now, they were silent for want of a token. */
static void end_check(struct portscan *scan)
{
	scan->checking = false;
	if (scan->patient_ns > 0) {
		if (scan->check_refused == 0 && !scan->check_token && scan->patient_ns < LONGEST_PAUSE_MS * MS)
			scan->patient_ns += scan->patient_ns / 4;
		return;
	}
	judge_burst(scan);
	if (scan->check_refused == 0 && !scan->check_token) {
		scan->sentinels_silent++;
		if (scan->limiter.phase == LIMITER_UNSEEN &&
		    (scan->sentinels_silent < 2 ||
		     pow(loss_estimate(&scan->loss), scan->sentinels_silent) > SENTINELS_ALL_LOST)) {
			check_begin(scan, scan->tail_ns); /* may be loss */
			return;
		}
		bucket_is_empty(scan, scan->last_ask_ns);
		if (scan->limiter.phase == LIMITER_KNOWN)
			check_begin(scan, scan->last_ask_ns);
		return;
	}
	scan->sentinels_silent = 0;
	if (scan->limiter.phase == LIMITER_UNSEEN && scan->check_refused > 0 &&
	    (!scan->check_token || scan->check_refused * 2 >= scan->check_asked))
		limit_found(scan);
	else if (scan->limiter.phase == LIMITER_KNOWN && scan->check_refused == 0)
		limiter_surplus(&scan->limiter, scan->check_first_ns);
}

void check_answered(struct portscan *scan, const struct log_entry *entry, bool refused)
{
	if (refused) {
		if (scan->check_refused == 0 && !scan->check_token)
			scan->check_first_ns = entry->sent_ns;
		if (entry->sentinel)
			scan->check_token = true;
		else
			scan->check_refused++;
	}
	if (scan->check_out > 0)
		scan->check_out--;
	if (scan->checking && scan->check_closed && scan->check_out == 0)
		end_check(scan);
}

/* An ask of a port that may be closed stayed silent. Enough of them in a row, and there was no token. */
static void weigh_silence(struct portscan *scan, const struct log_entry *entry)
{
	scan->silence *= 1 - entry->expected * (1 - loss_estimate(&scan->loss));
	if (scan->silence >= SILENCE_IS_EMPTY)
		return;
	scan->silence = 1;
	/* Found empty when the model said so, or while it was being drained: that is what it is. Otherwise perhaps it is the
	 * ports that are silent. */
	if (scan->limiter.phase == LIMITER_UNSEEN ||
	    (scan->limiter.phase == LIMITER_KNOWN && !scan->drain &&
	     (scan->empties_in_row > 0 || scan->limiter.settled || limiter_is_interval(&scan->limiter))))
		check_begin(scan, entry->sent_ns);
	else
		bucket_is_empty(scan, entry->sent_ns);
}

static void expire_entry(struct engine *e, struct host *host, struct log_entry *entry, int64_t now_ns)
{
	struct portscan *scan = host->scan;
	struct port_slot *slot;

	if (!is_open(entry)) {
		entry->expired = true;
		return;
	}
	entry->expired = true;
	slot = &scan->slots[entry->slot];
	asklog_close(scan, entry);
	if (entry->bracketed)
		count_silence(e, host, entry, now_ns);
	else if (scan->sentinel != NO_INDEX && !scan->checking && scan->patient_ns == 0 &&
	         (entry->sentinel || slot->stage != STAGE_SETTLED))
		weigh_silence(scan, entry);
	if (entry->sentinel)
		scan->round++;
	if (entry->check)
		check_answered(scan, entry, false);
	if (slot->stage == STAGE_WAITING && slot->waiting == 0)
		queue_push(scan, slot);
}

void asklog_expire(struct engine *e, struct host *host, int64_t now_ns)
{
	struct portscan *scan = host->scan;
	int64_t timeout_ns = ask_timeout(host);

	while (scan->log_unexpired != scan->log_next) {
		struct log_entry *entry = asklog_entry(scan, scan->log_unexpired);

		if (is_open(entry) && entry->sent_ns + timeout_ns > now_ns)
			break;
		scan->log_unexpired++;
		expire_entry(e, host, entry, now_ns);
	}
}
