/* trial.c: what to ask while the limit is none of those in wide use: first refusals are collected by the clock, then silence is
 * proved in trials.
 *
 * A trial begins when tokens are surely there: all ports that are left are asked as often as each still needs, then ports known
 * to refuse. When those are refused, and no more errors came than tokens were there, every ask had one. */
#include <math.h>

#include "asking.h"

enum {
	SURELY_COLLECTED = 20, /* tokens after which the rate is beyond doubt */
	LED_UNTIL = 8,         /* tokens after which the rate is sure */
	MOST_AT_ONCE = 256,
	PASS_GAP_MS = 4,
	MOST_DOUBLINGS = 12, /* of the rest, after trials in vain */
	MOST_LED = 5,        /* trials in vain, after which perhaps there is one token at a time */
	LEARNING_TAKEN = 6,
	LONGEST_REST_MS = 15000,
	LONGEST_TRIAL_MS = 500,
	REST_MS = 10,
	FIRST_TOKEN_MS = 1200,
	TAILS = 2,         /* one may have a token that came just then */
	FOUND_AT_MOST = 1, /* in a trial, beyond those expected */
	ENOUGH = 10        /* tokens, after which it is known when the next one is due */
};
#define STARVED       3.0  /* errors expected that did not come */
#define WORTH_A_TOKEN 0.03 /* a port less likely to refuse than this waits for the trial */
#define NONE_LEFT     0.1  /* so few that all asks of a port may follow each other at once */
#define FEW_LEFT      1.0  /* errors expected of all that is left */
#define CHEAP_TOKENS  4.0  /* a second: two errors behind a trial cost little */

static struct choice no_choice(void)
{
	return (struct choice){0};
}

static struct choice sentinel_of(const struct lane *lane)
{
	return (struct choice){.slot = &lane->scan->slots[lane->scan->sentinel], .sentinel = true};
}

/* A port that may take a token: fresh ones first, then the silent ones in turn. At first, those that were silent when the bucket ran
 * empty: when they are refused, it is known that they were silent for want of a token. */
static struct port_slot *next_to_collect(struct lane *lane)
{
	struct port_slot *slot = fresh_head(lane), *silent = head(lane, &lane->retry);

	if (silent && (!slot || lane->limiter.burst <= 2 || lane->log_next % 2 == 0) &&
	    lane->collect.taken < LEARNING_TAKEN && collect_likely(lane, silent) > lane->collect.share / 2)
		return silent;
	if (slot)
		return slot;
	while ((slot = head(lane, &lane->retry))) {
		if (collect_likely(lane, slot) >= WORTH_A_TOKEN)
			return slot;
		enqueue(lane, &lane->suspects, dequeue(lane, &lane->retry));
	}
	return NULL;
}

/* Where the rate is not sure, an error in front of the ports shows that tokens were there already. A limit that never gave more than
 * one or two at once has none to spare for that. */
static bool wants_lead(const struct lane *lane)
{
	return lane->limiter.phase == LIMITER_UNSEEN ||
	       (lane->limiter.burst > TAILS + 1 && lane->collect.trials_failed < MOST_LED &&
	        (lane->collect.trials_failed > 0 || lane->collect.taken < LED_UNTIL ||
	         collect_rate(lane) > CHEAP_TOKENS));
}

/* Ports known to refuse that are refused behind the others: of one alone the token may have come just then. */
static uint32_t tails_needed(const struct lane *lane)
{
	return lane->limiter.phase == LIMITER_UNSEEN || lane->collect.trials_failed >= MOST_LED ? 1 : TAILS;
}

static double tokens_for_trial(const struct lane *lane)
{
	if (lane->limiter.phase == LIMITER_UNSEEN)
		return UINT16_MAX;
	return 3.5 + 1.5 * fmin(lane->collect.left, FEW_LEFT) + wants_lead(lane);
}

static void begin_trial(struct lane *lane)
{
	struct collect *c = &lane->collect;

	c->trial_new = lane->limiter.phase == LIMITER_UNSEEN && head(lane, &lane->retry);
	while (head(lane, &lane->retry))
		enqueue(lane, &lane->suspects, dequeue(lane, &lane->retry));
	c->trial = TRIAL_REST;
}

/* What was believed of the ports is wrong. */
static void forget_ports(struct lane *lane)
{
	struct portscan *scan = lane->scan;

	for (size_t i = 0; i < scan->slot_count; i++)
		scan->slots[i].silence_weight = scan->slots[i].judged_weight = 0;
	lane->collect.share = 0;
	collect_restart(lane);
	while (head(lane, &lane->suspects) && lane->suspects.first != NO_INDEX) {
		struct port_slot *slot = dequeue(lane, &lane->suspects);

		if (slot->silences > 0) { /* proved: to stay a suspect */
			enqueue(lane, &lane->suspects, slot);
			break;
		}
		enqueue(lane, &lane->retry, slot);
	}
}

/* The trial's asks are all decided: what did they prove? */
static void end_trial(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns)
{
	struct collect *c = &lane->collect;
	uint32_t refused = 0, found = 0, tail = NO_INDEX, tails = 0;
	bool led = !c->trial_lead;
	int64_t before_ns = INT64_MIN;

	c->trial = TRIAL_NONE;
	if (c->trial_first - lane->log_first > lane->log_next - lane->log_first)
		return;              /* forgotten already */
	c->fitted = lane->log_first; /* to be judged anew */
	for (uint32_t n = c->trial_first; n != c->trial_end; n++) {
		const struct log_entry *entry = asklog_entry(lane, n);

		refused += entry->refused;
		found += entry->refused && !entry->sentinel;
		if (entry->refused && entry->sentinel && n == c->trial_first && c->trial_lead)
			led = true;
		else if (entry->refused && entry->sentinel) {
			if (tails++ == 0)
				before_ns = entry->sent_ns - order_gap(lane);
			tail = n;
		}
	}
	if (lane->limiter.phase != LIMITER_UNSEEN && found > FOUND_AT_MOST + c->left)
		forget_ports(lane); /* so many should not have been left */
	if (!led || tails < tails_needed(lane) || refused + 1 > c->trial_tokens) {
		c->trials_failed += c->trials_failed < MOST_DOUBLINGS;
		if (lane->limiter.phase != LIMITER_UNSEEN &&
		    (refused == 0 || (c->window_ns > 0 && c->trials_failed > 1)))
			collect_slower(lane);
		return;
	}
	/* One more than was thought may have been closed, where all else is sure; what is to be made of more shows the next trial. */
	if (lane->limiter.phase != LIMITER_UNSEEN &&
	    found > (c->trials_failed == 0 && c->collected >= SURELY_COLLECTED ? 1 : 0))
		return;
	c->trials_failed = 0;
	for (uint32_t n = c->trial_first; n != c->trial_end; n++) {
		struct log_entry *entry = asklog_entry(lane, n);

		if (entry->slot == NO_INDEX || entry->refused || entry->answered || entry->sentinel ||
		    entry->bracketed || entry->sent_ns > before_ns)
			continue;
		entry->bracketed = true;
		entry->bracket = tail;
		count_silence(e, host, lane, entry, now_ns);
	}
}

static bool trial_rests(struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	struct collect *c = &lane->collect;
	int64_t rested_ns = collect_rested(lane, tokens_for_trial(lane)), last_ns = lane->limiter.last_use_ns;

	rested_ns += ((INT64_C(1) << c->trials_failed) - 1) * (rested_ns > last_ns ? rested_ns - last_ns : 0);
	if (rested_ns > last_ns + LONGEST_REST_MS * MS)
		rested_ns = last_ns + LONGEST_REST_MS * MS;
	if (lane->outstanding > 0)
		return true;
	if (lane->limiter.phase == LIMITER_UNSEEN)
		rested_ns = last_ns + REST_MS * MS;
	if (now_ns >= rested_ns)
		return false;
	wake_at(wake_ns, rested_ns);
	return true;
}

static uint32_t most_at_once(const struct lane *lane)
{
	return lane->limiter.phase == LIMITER_UNSEEN && lane->window < MOST_AT_ONCE ? (uint32_t)lane->window
	                                                                            : MOST_AT_ONCE;
}

/* While no limit was met a trial must be short: a limit that was missed may give its next error in between. And there are to be two. */
static uint32_t passes(const struct engine *e, const struct lane *lane)
{
	uint32_t needed = asks_needed(e, lane);

	if (lane->suspects.count > most_at_once(lane))
		return 1;
	if (lane->limiter.phase == LIMITER_UNSEEN)
		return order_gap(lane) > MS ? 1 : (needed + 1) / 2;
	return needed + 2;
}

/* The next of the asks of all suspects, pass by pass; NULL: none now. */
static struct port_slot *next_suspect(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns,
                                      int64_t *wake_ns)
{
	struct collect *c = &lane->collect;

	while (c->trial_pass < c->trial_passes) {
		if (c->trial_left == 0) {
			c->trial_left =
			        lane->suspects.count < most_at_once(lane) ? lane->suspects.count : most_at_once(lane);
			c->trial_pass++;
			c->trial_pass_ns = now_ns;
			continue;
		}
		break;
	}
	if (now_ns < c->trial_pass_ns) {
		wake_at(wake_ns, c->trial_pass_ns);
		return NULL;
	}
	/* With --max-rate it takes time, in which a limit that was missed may give errors. */
	if (lane->limiter.phase == LIMITER_UNSEEN && now_ns - c->trial_ns > LONGEST_TRIAL_MS * MS) {
		c->trial_pass = c->trial_passes;
		c->trial_left = 0;
	}
	while (c->trial_left > 0) {
		struct port_slot *slot = head(lane, &lane->suspects);
		uint32_t missing;

		c->trial_left--;
		if (!slot)
			break;
		dequeue(lane, &lane->suspects);
		missing = silences_missing(e, lane, slot);
		if (missing == 0) {
			settle_silent(e, host, slot, "silent-while-refusing", now_ns);
			continue;
		}
		enqueue(lane, &lane->suspects, slot);
		if (missing >= c->trial_pass)
			return slot;
	}
	return NULL;
}

struct choice choose_trial(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	struct collect *c = &lane->collect;
	struct port_slot *slot;

	switch (c->trial) {
	case TRIAL_NONE:
		begin_trial(lane);
		/* fallthrough */
	case TRIAL_REST:
		if (trial_rests(lane, now_ns, wake_ns))
			return no_choice();
		c->trial = TRIAL_ASKS;
		c->trial_first = lane->log_next;
		c->trial_tokens = fmax(tokens_for_trial(lane), collect_came(lane, now_ns));
		c->trial_pass = c->trial_left = 0;
		c->trial_passes = passes(e, lane);
		c->trial_tails = TAILS;
		c->trial_pass_ns = c->trial_ns = now_ns;
		c->trial_lead = wants_lead(lane);
		if (c->trial_lead) {
			lane->last_suspect_ns = now_ns;
			return sentinel_of(lane);
		}
		/* fallthrough */
	case TRIAL_ASKS:
		if (c->trial_lead && c->trial_pass == 0 && too_close(lane, now_ns, wake_ns))
			return no_choice();
		slot = next_suspect(e, host, lane, now_ns, wake_ns);
		if (slot)
			return (struct choice){.slot = slot, .stays = true};
		if (c->trial_pass < c->trial_passes && lane->suspects.count > 0) {
			/* The first time that a port is asked may show that it is closed: then more asks would cost tokens. */
			c->trial_pass_ns = now_ns + (c->trial_pass == 1 && (c->left > NONE_LEFT || c->trial_new)
			                                     ? ask_timeout(lane)
			                                     : PASS_GAP_MS * MS);
			wake_at(wake_ns, c->trial_pass_ns);
			return no_choice();
		}
		c->trial = TRIAL_TAIL;
		/* fallthrough */
	case TRIAL_TAIL:
		if (too_close(lane, now_ns, wake_ns))
			return no_choice();
		if (--c->trial_tails == 0) {
			c->trial = TRIAL_WAIT;
			c->trial_end = lane->log_next + 1;
		}
		return sentinel_of(lane);
	case TRIAL_WAIT:
		if (lane->outstanding == 0) {
			end_trial(e, host, lane, now_ns);
			wake_at(wake_ns, now_ns);
		}
		return no_choice();
	}
	return no_choice();
}

/* The next error is awaited twice as long as any before it. */
static bool overdue(const struct lane *lane, int64_t now_ns)
{
	const struct collect *c = &lane->collect;
	int64_t last_ns = c->refused_ns > c->since_ns ? c->refused_ns : c->since_ns;

	if (c->sentinel_ns > last_ns)
		last_ns = c->sentinel_ns;
	return now_ns - last_ns > 2 * (c->taken > 0 ? c->longest_ns : FIRST_TOKEN_MS * MS);
}

struct choice choose_collected(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	struct collect *c = &lane->collect;
	struct port_slot *slot;
	int64_t ready_ns;
	double likely;

	if (!c->on)
		collect_begin(lane, now_ns);
	if (c->trial != TRIAL_NONE)
		return choose_trial(e, host, lane, now_ns, wake_ns);
	collect_count(lane);
	slot = next_to_collect(lane);
	if (!slot || (c->left < FEW_LEFT && !fresh_head(lane))) {
		if (lane->outstanding == 0)
			begin_trial(lane);
		return c->trial == TRIAL_NONE ? no_choice() : choose_trial(e, host, lane, now_ns, wake_ns);
	}
	likely = collect_likely(lane, slot);
	if (likely < 0.02)
		likely = 0.02;
	ready_ns = collect_ready(lane, likely, now_ns);
	if (ready_ns > now_ns && collect_spare(lane, now_ns) < likely + 1) {
		wake_at(wake_ns, ready_ns);
		return no_choice();
	}
	if (c->silent >= STARVED && c->taken < ENOUGH && overdue(lane, now_ns)) {
		/* Is it the limit that is silent, or the ports? */
		c->sentinel_ns = now_ns;
		return sentinel_of(lane);
	}
	collect_spend(lane, likely);
	c->collected_ns = now_ns;
	return take(lane, slot);
}
