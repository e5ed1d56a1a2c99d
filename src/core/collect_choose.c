/* collect_choose.c: what to ask while refusals are collected by the clock, and when.
 *
 * Asks are paid from a credit of expected errors, which grows a little faster than the limit gives errors, so that
 * no token has to wait. At first, when the limit was just met, nothing is known of its rate: then asks become
 * rarer with the time that it stays silent, so that the first token is found soon after it came, be that after a
 * millisecond or seconds. */
#include <math.h>

#include "asking.h"

enum {
	LEAST_AGE_US = 500,    /* the shortest time since the limit was met in which a token is looked for */
	FIRST_TOKEN_MS = 1200, /* the slowest limits in wide use give one a second */
	CREDIT_BEYOND = 2,     /* more credit than the bucket holds tokens is of no use */
};
#define SHARE_WEIGHT  30.0
#define MOST_DEBT     3.0 /* errors expected of asks made because tokens were to spare: not to be waited for much longer */
#define PACE          1.2  /* asks for each token, in errors expected of them */
#define POLLS         4.0  /* asks while the time since the limit was met grows by a factor of e */
#define BUNCH         2.5  /* errors expected of asks sent at once */
#define WORTH_A_TOKEN 0.03 /* a port less likely to be closed than this waits for the roll call */
#define LEAST_LIKELY  0.02 /* what an ask costs at the least, in errors: else all would go out at once */

/* A port that may take a token: fresh ones first, then the silent ones in turn. At first, those that were silent
 * when the limit was met: when they are refused, it is known that they were silent for want of a token. NULL:
 * none. */
static struct port_slot *next_port(struct lane *lane)
{
	struct port_slot *slot = fresh_head(lane), *silent = head(lane, &lane->retry);

	if (silent && (!slot || lane->log_next % 2 == 0) && lane->collect.taken < LEARNING_TAKEN &&
	    collect_likely(lane, silent) > lane->collect.share / 2)
		return silent;
	if (slot)
		return slot;
	while ((slot = head(lane, &lane->retry))) {
		if (collect_likely(lane, slot) >= WORTH_A_TOKEN)
			return slot;
		suspect_head(lane);
	}
	return NULL;
}

/* Asks a second, in errors expected of them. */
static double pace_per_s(const struct lane *lane, int64_t now_ns)
{
	double age_s = (double)(now_ns - lane->collect.since_ns + LEAST_AGE_US * 1000) / 1e9;

	return PACE * collect_rate(lane) + POLLS / age_s;
}

/* The credit that has to be there for an ask: while little is known several are sent at once, since more than one token may
 * have come. */
static double credit_needed(struct lane *lane, double likely)
{
	struct collect *c = &lane->collect;

	if (c->credit < likely && !c->bunch)
		c->bunch = c->taken < LEARNING_TAKEN;
	if (c->bunch && c->credit >= fmax(likely, BUNCH))
		c->bunch = false;
	return c->bunch ? fmax(likely, BUNCH) : likely;
}

/* When an ask of which so many errors are expected may be sent; now_ns: now. */
static int64_t ready_at(struct lane *lane, double likely, int64_t now_ns)
{
	struct collect *c = &lane->collect;
	double pace, needed;

	pace = pace_per_s(lane, now_ns);
	if (now_ns > c->credit_ns)
		c->credit = fmin(c->credit + pace * (double)(now_ns - c->credit_ns) / 1e9,
		                 lane->limiter.burst + CREDIT_BEYOND);
	c->credit_ns = now_ns;
	needed = credit_needed(lane, likely);
	if (c->credit >= needed)
		return now_ns;
	return now_ns + 1 + (int64_t)((needed - c->credit) / pace * 1e9);
}

/* Tokens surely there for an ask sent now, beside those that asks in flight may take. */
static double spare_tokens(struct lane *lane, int64_t now_ns)
{
	const struct collect *c = &lane->collect;
	double spare = c->level.least + CAUTIOUS * c->rate * (double)(now_ns - c->level_ns) / 1e9;

	if (c->taken < RATE_TAKEN)
		return 0;
	spare = fmin(spare, lane->limiter.burst);
	for (uint32_t n = lane->log_unexpired; n != lane->log_next; n++) {
		const struct log_entry *entry = asklog_entry(lane, n);

		if (entry->refused)
			spare -= 1;
		else if (!entry->answered && entry->slot != NO_INDEX)
			spare -= entry->expected;
	}
	return spare;
}

/* Many asks were to be refused and were not, and the next error is awaited twice as long as any before it: is it
 * the limit that is silent, or the ports? */
static bool is_starved(const struct lane *lane, int64_t now_ns)
{
	const struct collect *c = &lane->collect;
	int64_t last_ns = c->refused_ns > c->since_ns ? c->refused_ns : c->since_ns;

	if (c->silent < STARVED)
		return false;
	if (c->sentinel_ns > last_ns)
		last_ns = c->sentinel_ns;
	return now_ns - last_ns > 2 * (c->taken > 0 ? c->longest_ns : FIRST_TOKEN_MS * MS);
}

/* The limit gives errors, and it was the ports that were silent: a sentinel just behind them proves that of several at once. */
static struct choice next_of_group(struct lane *lane, struct port_slot *slot, double likely, int64_t now_ns,
                                   int64_t *wake_ns)
{
	struct collect *c = &lane->collect;

	if (c->grouped < STARVED) {
		c->grouped += likely;
		c->collected_ns = now_ns;
		return take(lane, slot);
	}
	if (now_ns < lane->last_ask_ns + send_gap(lane)) {
		wake_at(wake_ns, lane->last_ask_ns + send_gap(lane));
		return (struct choice){0};
	}
	c->grouping = false;
	c->sentinel_ns = now_ns;
	return sentinel_choice(lane);
}

/* The rate is known so well that tokens can be counted: from here on the limit is followed as if it were in wide use, and all that was
 * seen is judged by it. */
static bool follow_measured(struct lane *lane)
{
	struct collect *c = &lane->collect;
	struct usual_limit limit;

	if (c->taken < c->measured_at + MEASURE_EVERY || lane->index > lane->scan->teacher ||
	    !measure_limit(lane, &limit))
		return false;
	c->measured_at = c->taken;
	usual_measured(&lane->usual, &limit);
	lane->log_judged = lane->log_first;
	lane->scan->closed_weight = SHARE_WEIGHT * c->share;
	lane->scan->silent_weight = SHARE_WEIGHT * (1 - c->share);
	return true;
}

struct choice choose_collected(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	struct collect *c = &lane->collect;
	struct port_slot *slot;
	int64_t ready_ns;
	double likely;

	if (!c->on)
		collect_begin(lane, now_ns);
	if (c->roll_call.stage != ROLL_CALL_NONE)
		return choose_roll_call(e, host, lane, now_ns, wake_ns);
	if (fit_when_due(lane) && follow_measured(lane)) {
		wake_at(wake_ns, now_ns);
		return (struct choice){0};
	}
	slot = next_port(lane);
	if (!slot && c->left >= FEW_LEFT) { /* the roll call before found more than it should have */
		unsuspect_unproved(lane);
		slot = next_port(lane);
	}
	if (!slot || (c->left < FEW_LEFT && !fresh_head(lane))) {
		if (lane->outstanding > 0)
			return (struct choice){0};
		return choose_roll_call(e, host, lane, now_ns, wake_ns);
	}
	likely = fmax(collect_likely(lane, slot), LEAST_LIKELY);
	if (c->grouping)
		return next_of_group(lane, slot, likely, now_ns, wake_ns);
	ready_ns = ready_at(lane, likely, now_ns);
	if (ready_ns > now_ns && spare_tokens(lane, now_ns) < likely + 1) {
		wake_at(wake_ns, ready_ns);
		return (struct choice){0};
	}
	if (is_starved(lane, now_ns)) {
		c->sentinel_ns = now_ns;
		return sentinel_choice(lane);
	}
	c->credit = fmax(c->credit - likely, -MOST_DEBT);
	c->collected_ns = now_ns;
	return take(lane, slot);
}
