/* windows_choose.c: what to ask a host that gives its ICMP errors in windows, and when. */
#include <math.h>

#include "asking.h"
#include "windows.h"

enum {
	MOST_ASKS = 1024, /* in a volley: a tenth of a second at 10,000 a second */
	TAILS = 2,        /* sentinels behind the last ports: one may be lost */
};
#define ENOUGH 1.5 /* standard deviations: a window is very probably used up */
#define EARLY                                                                                                          \
	0.9 /* of the time for which a window may be over or not: asks that come too early cost no more than themselves */
#define LATE           0.6  /* windows after its beginning, when a bucket as fast would have tokens again */
#define NOBODY         0.02 /* probability that none of the asks so far is refused: one has begun a window */
#define WORTH_A_TRY    0.03 /* a port less likely to be closed than this waits for the last volley */
#define FEW_CLOSED     0.4  /* windows' errors expected of all that is left: time for the last volley */
#define COPIES_AT_ONCE 0.6  /* windows' errors that all copies may cost, so that they follow each other */
#define SOME_LEFT      0.1  /* windows' errors that are not worth another volley in the same window */

/* A port that may be refused; NULL: none but those for the last volley. */
static struct port_slot *next_port(struct lane *lane)
{
	struct port_slot *slot = fresh_head(lane);

	if (slot)
		return slot;
	while ((slot = head(lane, &lane->retry))) {
		if (windows_likely(lane, slot) >= WORTH_A_TRY)
			return slot;
		suspect_head(lane);
	}
	return NULL;
}

/* When the last window began, as far as is known. */
static int64_t last_start(struct lane *lane)
{
	const struct windows *w = &lane->windows;
	int64_t start_ns = INT64_MIN / 2;

	for (uint32_t n = w->first; n != lane->log_next; n++) {
		const struct log_entry *entry = asklog_entry(lane, n);

		if (entry->slot == NO_INDEX || entry->answered)
			continue;
		if (entry->refused) {
			start_ns = entry->sent_ns;
			break;
		}
		if (!entry->expired)
			start_ns = w->nobody < NOBODY ? w->taker_ns : entry->sent_ns;
		else if (!windows_trust_path(lane))
			start_ns = entry->sent_ns;
	}
	return start_ns < w->planned_ns + w->length_ns - order_gap(lane) ? w->planned_ns : start_ns;
}

/* Errors of the window under way that are still to be had; all that came of it is known. */
static double errors_left(const struct lane *lane)
{
	const struct windows *w = &lane->windows;

	if (lane->outstanding > 0 || w->since == NO_INDEX || w->judged != lane->log_next)
		return 0;
	return w->errors - w->given / (1 - loss_estimate(&lane->scan->loss));
}

/* A last volley can follow the one before without a new window. */
static bool last_may_follow(struct lane *lane, double errors, int64_t now_ns)
{
	const struct windows *w = &lane->windows;
	int64_t span_ns = 2 * order_gap(lane) + (int64_t)(LONGEST_VOLLEY * (double)w->length_ns);

	if (errors < w->left + TAILS + 1)
		return false;
	if (w->given + w->left + TAILS <= windows_surely(lane))
		return true;
	return w->opened != NO_INDEX && windows_keep_order(lane) &&
	       now_ns + span_ns < asklog_entry(lane, w->opened)->sent_ns + w->length_ns;
}

static bool is_last(struct lane *lane)
{
	const struct windows *w = &lane->windows;

	/* Where a volley got nothing, a sentinel has to tell whether that was the ports or the limit. */
	return !fresh_head(lane) && (w->nothing_came || w->left <= FEW_CLOSED * w->errors || !next_port(lane));
}

/* Errors expected of all ports that are not in flight, up to `most`. */
static double expected_of_rest(struct lane *lane, double most)
{
	const struct port_slot *slot = head(lane, &lane->retry);
	double expected = 0;

	for (uint32_t left = slot ? lane->retry.count : 0; left > 0 && expected < most; left--) {
		if (slot->stage == STAGE_AGAIN)
			expected += windows_likely(lane, slot);
		slot = slot->next == NO_INDEX ? NULL : &lane->scan->slots[slot->next];
		if (!slot)
			break;
	}
	return expected;
}

/* So little is left that a volley of it would only delay the last one, which has to wait until nothing is in flight. */
static bool waits_for_rest(struct lane *lane)
{
	double few = FEW_CLOSED * lane->windows.errors;

	return !fresh_head(lane) && lane->outstanding > 0 && expected_of_rest(lane, few) < few;
}

static uint32_t passes_at_once(const struct engine *e, const struct lane *lane, double errors)
{
	uint32_t needed = asks_needed(e, lane);

	if (lane->scan->loss.lost > 0)
		needed = (needed + 1) / 2; /* on two occasions */
	return lane->windows.left * needed + TAILS < COPIES_AT_ONCE * errors ? needed : 1;
}

static void begin(const struct engine *e, struct lane *lane, bool last, bool fresh, int64_t now_ns)
{
	struct windows *w = &lane->windows;
	double asks = w->errors / fmax(last ? 1 : windows_likely(lane, next_port(lane)), 1e-3);

	w->planned_ns = last_start(lane);
	w->open = true;
	w->is_last = last;
	w->sure_ns = now_ns;
	w->step_ns = (int64_t)fmin((double)send_gap(lane), LONGEST_VOLLEY * (double)w->length_ns / asks);
	w->first = lane->log_next;
	w->began_ns = w->taker_ns = now_ns;
	w->expected = w->variance = 0;
	w->nobody = 1;
	w->wanted = fresh ? w->errors : w->errors - (double)w->given;
	w->sentinels = w->trying ? 1 : 0; /* on trial it has to show that the window is used up */
	if (!last)
		return;
	suspect_all(lane);
	lane->round++; /* what was asked before is not proved by this volley */
	w->pass = w->left_in_pass = 0;
	w->passes = passes_at_once(e, lane, w->wanted);
	w->lead = fresh;
	w->sentinels = TAILS;
}

/* Begins the next volley if it is time. */
static bool begins(const struct engine *e, struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	struct windows *w = &lane->windows;
	int64_t at_ns, sure_ns;
	double left;
	bool last;

	if (w->is_last) { /* it was not the last: ports of it about which nothing was proved are no suspects */
		if (lane->outstanding > 0)
			return false;
		w->is_last = false;
		unsuspect_unproved(lane);
	}
	last = is_last(lane);
	if (last && lane->outstanding > 0)
		return false;
	if (!last && (!next_port(lane) || waits_for_rest(lane)))
		return false;
	left = errors_left(lane);
	/* Ports that had no error yet need not wait for a window in which silence can be proved. */
	if (last && !w->nothing_came && !last_may_follow(lane, left, now_ns) && left > SOME_LEFT * w->errors &&
	    next_port(lane) && windows_likely(lane, next_port(lane)) > LIKELY)
		last = false;
	if (last ? last_may_follow(lane, left, now_ns) : left > SOME_LEFT * w->errors) {
		begin(e, lane, last, false, now_ns);
		return true;
	}
	/* With room for what is known of clocks and jitter to change until it is judged. */
	sure_ns = last_start(lane) + w->length_ns + 2 * windows_margin(lane) + send_gap(lane) - 2 * order_gap(lane);
	at_ns = last || w->trying ? sure_ns : sure_ns - (int64_t)(EARLY * (double)send_gap(lane));
	if (now_ns < at_ns) {
		wake_at(wake_ns, at_ns);
		return false;
	}
	begin(e, lane, last, true, now_ns);
	w->sure_ns = sure_ns;
	return true;
}

static struct choice no_more(struct windows *w)
{
	w->open = false;
	return (struct choice){0};
}

/* A sentinel must not overtake the asks that it is to prove. */
static struct choice next_sentinel(struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	struct windows *w = &lane->windows;
	bool first = !asklog_entry(lane, lane->log_next - 1)->sentinel || lane->log_next - w->first == 1;

	int64_t at_ns = lane->last_ask_ns + (windows_keep_order(lane) ? send_gap(lane) : 0);

	/* On trial it has to show that this is no bucket either. */
	if (w->trying && !w->no_bucket && !w->is_last && at_ns < w->began_ns + (int64_t)(LATE * (double)w->length_ns))
		at_ns = w->began_ns + (int64_t)(LATE * (double)w->length_ns);
	if (first && now_ns < at_ns) {
		wake_at(wake_ns, at_ns);
		return (struct choice){0};
	}
	w->open = --w->sentinels > 0;
	return sentinel_choice(lane);
}

/* Ports until the window should be used up. */
static struct choice next_of_volley(struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	struct windows *w = &lane->windows;
	struct port_slot *slot = next_port(lane);
	uint32_t asks = lane->log_next - w->first;
	double likely;

	if (asks > 0 && now_ns < lane->last_ask_ns + w->step_ns) {
		wake_at(wake_ns, lane->last_ask_ns + w->step_ns);
		return (struct choice){0};
	}
	if (!slot || asks >= MOST_ASKS ||
	    (slot->stage != STAGE_FRESH && slot->last_sent_ns >= w->began_ns && asks > 0) ||
	    w->expected - ENOUGH * sqrt(w->variance) >= w->wanted)
		return asks > 0 && w->sentinels > 0 ? next_sentinel(lane, now_ns, wake_ns) : no_more(w);
	likely = windows_likely(lane, slot);
	/* One that comes too early may have none. */
	if (now_ns < w->sure_ns)
		likely /= 2;
	w->expected += likely;
	w->variance += likely * (1 - likely);
	if (w->nobody >= NOBODY)
		w->taker_ns = now_ns;
	w->nobody *= 1 - likely;
	return take(lane, slot);
}

/* The next of the asks of all suspects, pass by pass; NULL: none now. */
static struct port_slot *next_suspect(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns)
{
	struct windows *w = &lane->windows;

	while (w->left_in_pass > 0) {
		struct port_slot *slot = head(lane, &lane->suspects);
		uint32_t missing;

		w->left_in_pass--;
		if (!slot)
			break;
		missing = silences_missing(e, lane, slot);
		if (missing == 0) {
			dequeue(lane, &lane->suspects);
			settle_silent(e, host, slot, "silent-while-refusing", now_ns);
			continue;
		}
		rotate(lane, &lane->suspects);
		if (missing >= w->pass)
			return slot;
	}
	return NULL;
}

/* All that is left, pass by pass, and sentinels behind them. */
static struct choice next_of_last(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns,
                                  int64_t *wake_ns)
{
	struct windows *w = &lane->windows;
	uint32_t asks = lane->log_next - w->first, most = MOST_ASKS / w->passes;
	struct port_slot *slot;

	if (w->lead) {
		w->lead = false;
		return sentinel_choice(lane);
	}
	slot = next_suspect(e, host, lane, now_ns);
	if (slot)
		return (struct choice){.slot = slot, .stays = true};
	if (w->pass < w->passes && lane->suspects.count > 0) {
		if (w->pass > 0 && now_ns < lane->last_ask_ns + COPY_GAP_MS * MS) {
			wake_at(wake_ns, lane->last_ask_ns + COPY_GAP_MS * MS);
			return (struct choice){0};
		}
		w->pass++;
		w->left_in_pass = lane->suspects.count < most ? lane->suspects.count : most;
		wake_at(wake_ns, now_ns);
		slot = next_suspect(e, host, lane, now_ns);
		if (slot)
			return (struct choice){.slot = slot, .stays = true};
	}
	return asks > 0 ? next_sentinel(lane, now_ns, wake_ns) : no_more(w);
}

struct choice choose_windowed(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	struct windows *w = &lane->windows;
	struct choice choice;

	lane->checking = lane->drain = false;
	windows_judge(e, host, lane, now_ns);
	if (!windows_govern(lane)) {
		wake_at(wake_ns, now_ns);
		return (struct choice){0};
	}
	for (int tries = 0; tries < 2; tries++) {
		if (!w->open && !begins(e, lane, now_ns, wake_ns))
			break;
		choice = w->is_last ? next_of_last(e, host, lane, now_ns, wake_ns)
		                    : next_of_volley(lane, now_ns, wake_ns);
		if (choice.slot || w->open)
			return choice;
	}
	return (struct choice){0};
}
