/* collect.c: what is known of a limit that is none of those in wide use, kept up to date with each ask that is
 * decided. */
#include <math.h>

#include "internal.h"

enum {
	MORE_THAN_A_BUCKET =
	        64, /* errors in a row, beyond twice what the bucket held, that only a host without a limit gives */
};
#define STARVATION     2.0  /* errors expected and not given that make a silence of the limit */
#define SILENCE_COUNTS 0.5  /* of a single ask of which more errors are expected, the silence counts, ... */
#define SILENCES_COUNT 1.0  /* ... and of several, when so many were expected of all */
#define ROOM           2.0  /* round trips of asks in flight, where no limit is left */
#define COLLECTED_S    1e-3 /* no time so short is measured */

bool collecting(const struct lane *lane)
{
	return lane->limiter.phase != LIMITER_UNSEEN && !lane->limiter.recognised && lane->patient_ns == 0 &&
	       lane->limiter.burst > 2 && usual_none(&lane->usual) && !windows_govern(lane);
}

double collect_rate(const struct lane *lane)
{
	return lane->collect.rate;
}

double collect_least_rate(const struct lane *lane)
{
	const struct collect *c = &lane->collect;
	double came = (c->collected + 0.5) / ((double)(c->collected_ns - c->began_ns) / 1e9 + COLLECTED_S);

	return c->collected > 0 ? fmin(collect_rate(lane), came) : 0;
}

double collect_likely(const struct lane *lane, const struct port_slot *slot)
{
	return closed_after(lane, slot, lane->collect.share, exp(slot->silence_weight + slot->judged_weight));
}

void collect_found(struct lane *lane, int64_t since_ns)
{
	/* Asks in flight when that became clear may still have got the last tokens. */
	for (uint32_t n = lane->log_next; n != lane->log_first; n--) {
		const struct log_entry *entry = asklog_entry(lane, n - 1);

		if (entry->sent_ns <= since_ns)
			break;
		if (entry->refused && !entry->check)
			since_ns = entry->sent_ns;
	}
	lane->collect.found_ns = since_ns;
}

int64_t collect_met_ns(struct lane *lane, int64_t found_ns)
{
	int64_t silent_ns = 0;
	bool refused = false;

	for (uint32_t n = lane->log_first; n != lane->log_unexpired; n++) {
		const struct log_entry *entry = asklog_entry(lane, n);

		if (entry->sent_ns > found_ns)
			break;
		if (entry->slot == NO_INDEX || entry->answered)
			continue;
		if (entry->refused) {
			refused = true;
			if (entry->sent_ns > silent_ns + order_gap(lane)) /* else it overtook the others */
				silent_ns = 0;
		} else if (lane->scan->slots[entry->slot].by_target) {
			if (silent_ns > 0 && refused)
				return silent_ns;
			silent_ns = entry->sent_ns;
		}
	}
	return found_ns;
}

void collect_begin(struct lane *lane, int64_t now_ns)
{
	struct collect *c = &lane->collect;
	int64_t since_ns = collect_met_ns(lane, c->found_ns > 0 ? c->found_ns : now_ns);

	*c = (struct collect){.on = true,
	                      .found_ns = since_ns,
	                      .since_ns = since_ns,
	                      .began_ns = since_ns,
	                      .collected_ns = since_ns,
	                      .credit_ns = since_ns,
	                      .first_most = 1,
	                      .first = lane->log_first,
	                      .fit_first = lane->log_first};
	lane->checking = false;
	lane->group = lane->sentinels_due = 0;
	for (uint32_t n = lane->log_first; n != lane->log_unexpired; n++)
		if (asklog_entry(lane, n)->sent_ns > since_ns)
			collect_decided(lane, n);
	c->fitted = lane->log_unexpired;
	fit_limit(lane);
}

void collect_slower(struct lane *lane)
{
	struct collect *c = &lane->collect;

	c->rate = collect_rate(lane) / 2;
	c->rate_given = true;
}

/* A bucket that gives far more than it ever held is none: there is no limit. */
static void give_up_limit(struct lane *lane)
{
	struct collect *c = &lane->collect;

	if (!collecting(lane) || c->run <= 2 * lane->limiter.burst + MORE_THAN_A_BUCKET)
		return;
	lane->window = fmax(lane->window, ROOM * c->rate * (double)lane->scan->rtt.srtt_ns / 1e9);
	limiter_init(&lane->limiter);
	usual_init(&lane->usual);
	c->on = false;
}

/* Others were expected since the last error. In a roll call nothing is asked for long, so that it tells nothing about the limit. */
static void measure_gap(struct collect *c, int64_t sent_ns)
{
	int64_t before_ns = c->refused_ns > 0 ? c->refused_ns : c->since_ns;

	if (sent_ns - before_ns > c->longest_ns && c->roll_call.stage == ROLL_CALL_NONE)
		c->longest_ns = sent_ns - before_ns;
}

static void took_token(struct lane *lane, const struct log_entry *entry)
{
	struct collect *c = &lane->collect;

	if (c->silent >= STARVED && entry->sentinel && entry->sent_ns == c->sentinel_ns) {
		c->grouping = true;
		c->grouped = 0;
	}
	if (c->silent >= STARVATION || c->refused_ns == 0)
		measure_gap(c, entry->sent_ns);
	c->run++;
	c->taken++;
	c->collected += c->roll_call.stage == ROLL_CALL_NONE;
	c->silent = 0;
	c->refused_ns = entry->sent_ns;
}

static void stayed_silent(struct collect *c, const struct log_entry *entry)
{
	c->silent += entry->expected;
	if (entry->expected <= SILENCE_COUNTS && c->silent < SILENCES_COUNT)
		return;
	c->run = 0;
}

/* The rest of the engine is to know the limit as it is found here. */
static void tell_limiter(struct lane *lane)
{
	struct limiter *limiter = &lane->limiter;
	double rate = collect_rate(lane);

	if (rate <= 0)
		return;
	limiter_measured(limiter, rate, limiter->burst);
	if (lane->collect.taken >= RATE_TAKEN)
		limiter->settled = true;
}

/* The more tokens are counted the better is the rate known by which they are. */
static void follow_again(struct lane *lane)
{
	struct collect *c = &lane->collect;
	struct usual_limit limit;

	if (lane->usual.measured.per_s <= 0 || c->taken < c->measured_at + MEASURE_EVERY)
		return;
	c->measured_at = c->taken;
	if (!measure_limit(lane, &limit))
		return;
	lane->usual.measured.per_s = fmax(lane->usual.measured.per_s, limit.per_s);
	lane->usual.measured.likely = limit.likely;
}

void collect_decided(struct lane *lane, uint32_t number)
{
	struct collect *c = &lane->collect;
	const struct log_entry *entry = asklog_entry(lane, number);

	if (!c->on || entry->slot == NO_INDEX || entry->sent_ns <= c->since_ns)
		return;
	fit_follow(lane, entry);
	if (entry->refused) {
		took_token(lane, entry);
		give_up_limit(lane);
	} else if (!entry->answered && !entry->roll_call) {
		stayed_silent(c, entry);
	}
	if (c->on && collecting(lane))
		tell_limiter(lane);
	else if (c->on)
		follow_again(lane);
}
