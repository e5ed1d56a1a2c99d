/* check.c: conclusions from silence are tested before they are drawn.
 *
 * Silence may mean that the bucket is empty or that the ports are silent. A check asks some of the ports once more, with
 * sentinels (or ports never asked) behind them. Where the model of the limit leads nowhere, patience takes its place: a
 * pause in which any bucket gets a token, then a group of asks. */
#include <math.h>

#include "internal.h"

enum {
	CHECKED_MOST = 64,        /* ports in one check: sent in a few milliseconds, in which hardly a token comes */
	SHORT_CHECKS = 5,         /* in a row: fewer may be loss */
	SHORT_BY = 2,             /* refusals fewer than promised: one may be lost, and one is a fraction of a token */
	MOST_UNPRODUCTIVE = 24,   /* refusals and empties that told nothing new: it goes in circles */
	FIRST_PAUSE_MS = 2200,    /* two tokens of the slowest limit in wide use, one a second */
	LONGEST_PAUSE_MS = 15000, /* enough for any limit that gives an error in ten seconds */
	PAUSE_PARTS = 4, /* a pause in vain is followed by one longer by one such part, a short one by twice that */
	FEWEST_AT_A_TIME = 16, /* asks in flight: what so few lose is no congestion */
	LEAST_BURST = 2,       /* a burst of one is another kind of limit, and has to show itself from the start */
};
#define PAUSE_TOKENS       10.0 /* that come in a pause, at the least rate that it can be */
#define PAUSE_GAPS         8.0  /* in which packets may overtake each other, fit into a pause */
#define LONGER             1.2
#define SENTINELS_ALL_LOST 1e-3 /* less probable than that, their silence is not loss but a limit */

void made_progress(struct lane *lane)
{
	lane->unproductive = 0;
}

/* The pause in which any bucket gets a token; where it is known how fast tokens come, several of these. */
static int64_t first_pause_ns(const struct lane *lane)
{
	double rate = lane->usual.measured.per_s > 0 ? lane->usual.measured.per_s : collect_least_rate(lane), pause_ns;

	if ((!collecting(lane) && lane->usual.measured.per_s <= 0) || rate <= 0)
		return FIRST_PAUSE_MS * MS;
	/* What came may be all of a window. */
	if (lane->collect.taken < RATE_TAKEN || lane->collect.taken < lane->limiter.burst)
		return FIRST_PAUSE_MS * MS;
	pause_ns = fmax(PAUSE_TOKENS / rate * 1e9, PAUSE_GAPS * (double)order_gap(lane));
	pause_ns = fmax(pause_ns, LONGER * (double)lane->collect.longest_ns); /* it may be a window after all */
	return pause_ns < (double)FIRST_PAUSE_MS * MS ? (int64_t)pause_ns : FIRST_PAUSE_MS * MS;
}

void become_patient(struct lane *lane)
{
	if (lane->patient_ns > 0)
		return;
	lane->patient_ns = first_pause_ns(lane);
	lane->drain = false;
	lane->group = lane->sentinels_due = 0;
	check_begin(lane, lane->last_ask_ns);
}

void made_no_progress(struct lane *lane)
{
	if (++lane->unproductive >= MOST_UNPRODUCTIVE && !collecting(lane) && !windows_govern(lane) &&
	    lane->collect.roll_call.stage == ROLL_CALL_NONE)
		become_patient(lane);
}

void bucket_is_empty(struct lane *lane, int64_t sent_ns)
{
	limiter_empty(&lane->limiter, sent_ns);
	made_no_progress(lane);
	lane->epoch++;
	lane->round++;
	lane->empties_in_row++;
	lane->suspects_asked = 0;
	lane->takers_due = 0;
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

	collect_found(lane, lane->tail_ns);
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

bool back_off(struct lane *lane, int64_t lost_ns)
{
	/* What was sent before the last time tells nothing about the rate since. */
	if (lost_ns <= lane->backed_off_ns)
		return true;
	if (lane->window <= FEWEST_AT_A_TIME)
		return false;
	lane->backed_off_ns = lane->last_ask_ns;
	lane->window = lane->window / 2 > FEWEST_AT_A_TIME ? lane->window / 2 : FEWEST_AT_A_TIME;
	lane->window_slow = lane->window;
	return true;
}

/* When checks get fewer refusals than the model promised, again and again, the bucket is smaller than it seemed. */
static void judge_burst(struct lane *lane)
{
	uint32_t got = lane->limiter.used - lane->check_used;
	double promised = lane->check_level, asked = lane->check_asked + lane->check_lead + 1.0;

	if (lane->limiter.phase != LIMITER_KNOWN || lane->limiter.recognised)
		return;
	if (promised > asked)
		promised = asked;
	if (got + SHORT_BY >= promised) {
		lane->short_checks = lane->short_most = 0;
		return;
	}
	if (got > lane->short_most)
		lane->short_most = got;
	if (++lane->short_checks < SHORT_CHECKS)
		return;
	lane->limiter.burst = lane->short_most > LEAST_BURST ? lane->short_most : LEAST_BURST;
	lane->short_checks = lane->short_most = 0;
}

/* A bucket may have filled while the check was awaited, so that the sentinel alone does not say whether there was a token
 * before. The ports of the silence do, asked again: if they are refused now, they were silent for want of a token. */
static void end_check(struct lane *lane)
{
	lane->checking = false;
	if (lane->patient_ns > 0) {
		if (lane->check_refused == 0 && !lane->check_token && lane->patient_ns < LONGEST_PAUSE_MS * MS)
			lane->patient_ns += lane->patient_ns < FIRST_PAUSE_MS * MS ? lane->patient_ns
			                                                           : lane->patient_ns / PAUSE_PARTS;
		return;
	}
	judge_burst(lane);
	if (lane->check_refused == 0 && !lane->check_token) {
		lane->sentinels_silent++;
		if (lane->limiter.phase == LIMITER_UNSEEN && !usual_none(&lane->usual) &&
		    (lane->sentinels_silent < 2 ||
		     pow(loss_estimate(&lane->scan->loss), lane->sentinels_silent) > SENTINELS_ALL_LOST)) {
			check_begin(lane, lane->tail_ns); /* may be loss */
			return;
		}
		if (lane->limiter.phase == LIMITER_UNSEEN)
			collect_found(lane, lane->tail_ns);
		bucket_is_empty(lane, lane->last_ask_ns);
		if (lane->limiter.phase == LIMITER_KNOWN)
			check_begin(lane, lane->last_ask_ns);
		return;
	}
	lane->sentinels_silent = 0;
	if (lane->limiter.phase == LIMITER_UNSEEN && lane->check_refused > 0 &&
	    (!lane->check_token || lane->check_refused * 2 >= lane->check_asked)) {
		if (!lane->check_token || !back_off(lane, lane->tail_ns))
			limit_found(lane);
	} else if (lane->limiter.phase == LIMITER_KNOWN && lane->check_refused == 0)
		limiter_surplus(&lane->limiter);
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
