/* limiter.c: what is known about a host's bucket of ICMP errors, from what it refused and what it did not. */
#include "nscan/limiter.h"

#include <math.h>

enum {
	/* The waits before the tests of an empty bucket, doubling: a limit of one a millisecond (Junos, and Linux for the
	 * whole host) has ten tokens again after the shortest, the slowest in wide use (one a second) four after the longest. */
	FIRST_TEST_MS = 10,
	LONGEST_TEST_MS = 4000,
	LEARNING_DRAINS = 5,        /* from empty to empty so often, until the rate found is asked by */
	TOKENS_BETWEEN_DRAINS = 16, /* by then a rate 6 % off is off by one token, and the level is found anew */
	TOKENS_FOR_ANCHOR = 24,     /* measure the rate to 4 %; a count that begins anew then follows changes */
	TOKENS_TO_RAISE = 3,        /* prove a least rate: at one of them the fraction in the bucket is all */
	TOKENS_TO_SETTLE = 4,       /* after which the estimate is good enough to be told */
	LEAST_RECOGNISED = 3,       /* what is recognised gives several at once, and fewer could prove nothing */
	LEAST_BURST = 2,            /* a burst of one is another kind of limit, and has to be recognised */
};
#define SECOND_NS       1e9
#define UNLIMITED_LEVEL 1e9  /* tokens: more than are ever asked for at once */
#define FRACTION        0.4  /* of a token: what is left in the bucket at the end of a count, on average */
#define FORGETTING      0.95 /* of the least rate with each measurement, since limits do change */
#define STEP_DOWN       0.9  /* at the most: emptiness is inferred from silence, and silence may have other causes */
#define FIRST_RATE      1.3  /* the first new token may have come earlier than it was found, ... */
#define FIRST_MOST      1.2  /* ... but not before the last test that found none */
#define MOST_MEASURED   1.5  /* times the rate that is thought, it certainly does not exceed, ... */
#define MOST_RECOGNISED 1.1  /* ... or, if it is in the table and no other one is left, only this */

void limiter_init(struct limiter *limiter)
{
	*limiter = (struct limiter){.phase = LIMITER_UNSEEN};
}

bool limiter_is_interval(const struct limiter *limiter)
{
	return limiter->phase == LIMITER_KNOWN && limiter->burst < 1.5;
}

double limiter_level(const struct limiter *limiter, int64_t now_ns)
{
	double level;

	switch (limiter->phase) {
	case LIMITER_UNSEEN:
		return UNLIMITED_LEVEL;
	case LIMITER_LEARNING:
		return now_ns >= limiter->level_at_ns + limiter->test_step_ns ? 1 : 0;
	case LIMITER_KNOWN:
		break;
	}
	level = limiter->level + (double)(now_ns - limiter->level_at_ns) / SECOND_NS * limiter->rate;
	return level < limiter->burst ? level : limiter->burst;
}

int64_t limiter_ready_ns(const struct limiter *limiter, double need, int64_t now_ns)
{
	double level = limiter_level(limiter, now_ns);

	if (level >= need || limiter->phase == LIMITER_UNSEEN)
		return now_ns;
	if (limiter->phase == LIMITER_LEARNING)
		return limiter->level_at_ns + limiter->test_step_ns;
	if (need > limiter->burst)
		need = limiter->burst;
	return now_ns + (int64_t)ceil((need - level) / limiter->rate * SECOND_NS);
}

static void set_level(struct limiter *limiter, double level, int64_t at_ns)
{
	limiter->level = level < 0 ? 0 : level < limiter->burst ? level : limiter->burst;
	limiter->level_at_ns = at_ns;
}

/* Between two empties at empty_ns and at_ns, `used_since` tokens came, give or take the fraction left at each end. That is
 * exact as long as the bucket never was full in between; when we were slow it was, and tokens were lost that nobody
 * counted. So what was once proved to come is not given up lightly. */
static void measure(struct limiter *limiter, int64_t at_ns)
{
	double seconds = (double)(at_ns - limiter->empty_ns) / SECOND_NS;
	double tokens = limiter->used_since, rate;

	if (seconds <= 0)
		return;
	limiter->least *= FORGETTING;
	if (tokens >= TOKENS_TO_RAISE && (tokens - 1) / seconds > limiter->least)
		limiter->least = (tokens - 1) / seconds;
	rate = (tokens + FRACTION) / seconds;
	if (rate < limiter->least)
		rate = limiter->least;
	if (limiter->settled && rate < limiter->rate * STEP_DOWN)
		rate = limiter->rate * STEP_DOWN;
	if (tokens >= 1)
		limiter->rate = rate;
	if (tokens >= TOKENS_TO_SETTLE)
		limiter->settled = true;
	if (limiter->most < limiter->rate * MOST_MEASURED)
		limiter->most = limiter->rate * MOST_MEASURED;
	if (tokens >= TOKENS_FOR_ANCHOR) {
		limiter->empty_ns = at_ns;
		limiter->used_since = 0;
	}
}

void limiter_used(struct limiter *limiter, int64_t sent_ns)
{
	double level;

	limiter->used++;
	limiter->used_since++;
	limiter->used_since_check++;
	if (limiter->used == 1)
		limiter->first_use_ns = sent_ns;
	switch (limiter->phase) {
	case LIMITER_UNSEEN:
		break;
	case LIMITER_LEARNING:
		if (sent_ns <= limiter->empty_ns ||
		    sent_ns <= limiter->last_use_ns) { /* reordered: not a new token but one of the old ones */
			limiter->used_since--;
			limiter->burst += 1;
			break;
		}
		/* The first new token: it came between the last test that found none and this one. */
		limiter->phase = LIMITER_KNOWN;
		limiter->most = limiter->level_at_ns > limiter->empty_ns
		                        ? FIRST_MOST * SECOND_NS / (double)(limiter->level_at_ns - limiter->empty_ns)
		                        : 1000.0 / FIRST_TEST_MS;
		limiter->rate = FIRST_RATE / ((double)(sent_ns - limiter->empty_ns) / SECOND_NS);
		limiter->drains_left = LEARNING_DRAINS;
		set_level(limiter, 0, sent_ns);
		break;
	case LIMITER_KNOWN:
		level = limiter_level(limiter, sent_ns);
		set_level(limiter, level - 1, sent_ns > limiter->level_at_ns ? sent_ns : limiter->level_at_ns);
		if (!limiter->recognised && limiter->used_since_check >= TOKENS_BETWEEN_DRAINS &&
		    limiter->drains_left == 0) {
			limiter->drains_left = 1;
			limiter->used_since_check = 0;
		}
		break;
	}
	if (sent_ns > limiter->last_use_ns)
		limiter->last_use_ns = sent_ns;
}

void limiter_empty(struct limiter *limiter, int64_t at_ns)
{
	if (limiter->recognised) {
		if (limiter->adopted)
			set_level(limiter, 0, at_ns);
		return; /* else its level is known by counting */
	}
	switch (limiter->phase) {
	case LIMITER_UNSEEN:
		limiter->phase = LIMITER_LEARNING;
		/* At least: an earlier scan may have taken most of it. */
		limiter->burst = limiter->used > LEAST_BURST ? limiter->used : LEAST_BURST;
		limiter->empty_ns = at_ns;
		limiter->used_since = 0;
		limiter->test_step_ns = FIRST_TEST_MS * INT64_C(1000000);
		limiter->level_at_ns = at_ns;
		return;
	case LIMITER_LEARNING:
		if (at_ns > limiter->level_at_ns)
			limiter->test_step_ns *= 2;
		if (limiter->test_step_ns > LONGEST_TEST_MS * INT64_C(1000000))
			limiter->test_step_ns = LONGEST_TEST_MS * INT64_C(1000000);
		/* empty_ns stays: the burst was just taken then, so the bucket held nothing at all, while now it may
		 * hold the better part of a token. */
		limiter->level_at_ns = at_ns;
		return;
	case LIMITER_KNOWN:
		break;
	}
	measure(limiter, at_ns);
	if (limiter->drains_left > 0)
		limiter->drains_left--;
	limiter->used_since_check = 0;
	set_level(limiter, 0, at_ns);
}

void limiter_drained(struct limiter *limiter, int64_t at_ns)
{
	if (limiter->phase != LIMITER_KNOWN || (limiter->recognised && !limiter->adopted))
		return;
	set_level(limiter, 0, at_ns);
}

void limiter_recognise(struct limiter *limiter, double rate, double burst, double level, int64_t now_ns)
{
	limiter->phase = LIMITER_KNOWN;
	limiter->recognised = true;
	limiter->settled = burst > 0;
	limiter->rate = rate;
	limiter->most = (burst > 0 ? MOST_RECOGNISED : MOST_MEASURED) * rate;
	limiter->is_bucket = burst > 1.5;
	if (burst > 0)
		limiter->burst = burst;
	else if (limiter->burst < LEAST_RECOGNISED)
		limiter->burst = LEAST_RECOGNISED;
	limiter->drains_left = 0;
	set_level(limiter, level, now_ns);
}

void limiter_doubt(struct limiter *limiter, int64_t now_ns)
{
	if (!limiter->recognised)
		return;
	limiter->recognised = limiter->settled = limiter->is_bucket = false;
	limiter->drains_left = LEARNING_DRAINS;
	limiter->empty_ns = now_ns;
	limiter->used_since = limiter->used_since_check = 0;
	if (limiter->burst < LEAST_BURST)
		limiter->burst = LEAST_BURST;
	set_level(limiter, 0, now_ns);
}

void limiter_measured(struct limiter *limiter, double rate, double burst)
{
	limiter->phase = LIMITER_KNOWN;
	limiter->rate = rate;
	limiter->most = MOST_MEASURED * rate;
	limiter->burst = burst;
	limiter->drains_left = 0;
}

void limiter_adopt(struct limiter *limiter, const struct limiter *model, int64_t now_ns)
{
	limiter->phase = model->phase;
	limiter->rate = model->rate;
	limiter->least = model->least;
	limiter->most = model->most;
	limiter->burst = model->burst;
	limiter->is_bucket = model->is_bucket;
	limiter->settled = model->settled;
	limiter->recognised = model->recognised;
	limiter->adopted = true;
	set_level(
	        limiter,
	        limiter->burst - limiter->used +
	                (limiter->used > 0 ? (double)(now_ns - limiter->first_use_ns) / SECOND_NS * limiter->rate : 0),
	        now_ns);
	/* As if it had been empty as long ago as it takes to fill that far. */
	limiter->empty_ns = now_ns - (int64_t)(limiter->level / limiter->rate * SECOND_NS);
	limiter->used_since = 0;
}

void limiter_surplus(struct limiter *limiter)
{
	/* Better a few asks in vain than tokens that nobody uses. */
	if (limiter->phase == LIMITER_KNOWN && limiter->drains_left == 0)
		limiter->drains_left = 1;
}
