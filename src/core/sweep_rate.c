/* sweep_rate.c: how fast a sweep asks: as fast as nothing is lost.
 *
 * It begins moderately and doubles every few milliseconds until something speaks against it:
 *
 *   the kernel says so   the capture lost frames, or probes could not be sent: less at once
 *   canaries say so      hosts known to be up are asked again now and then (one probe in 128 at most). Where more of them stay
 *                        silent than did at a lower rate, the rate falls to what came through; if that does not help, the
 *                        path loses packets whatever we do, and the rate returns.
 *
 * Whatever was lost meanwhile was only not answered yet: the next pass asks again. */
#include <math.h>

#include "sweep_internal.h"

enum {
	FIRST_PER_S = 20000,
	UNLIMITED_PER_S = 5000000, /* faster than anything that this program can send */
	LEAST_PER_S = 500,
	GROW_MS = 10, /* while exploring */
	MEASURE_MS = 20,
	CUT_PAUSE_MS = 100, /* what a cut does shows only then */
	CANARY_PROBES = 128,
	CANARY_GAP_MS = 1,
	CANARY_HOST_GAP_MS = 50, /* the same host is not asked more often */
	FEWEST_CANARIES = 24,
	MANY_CANARIES = 64,
};
#define BURST_S   0.002 /* what may leave at once after a pause */
#define CLEARLY   3.0   /* standard deviations */
#define LOSS_SLOP 0.02

void sweep_rate_init(struct sweep_rate *rate, double most, double least, int64_t now_ns)
{
	*rate = (struct sweep_rate){.most = most > 0 ? most : UNLIMITED_PER_S,
	                            .least = least,
	                            .exploring = true,
	                            .base = 0.01,
	                            .credit = 1,
	                            .credit_ns = now_ns,
	                            .measured_ns = now_ns,
	                            .grown_ns = now_ns};
	rate->per_s = fmin(fmax(FIRST_PER_S, least), rate->most);
}

static void set(struct sweep_rate *rate, double per_s)
{
	rate->per_s = fmin(fmax(fmax(per_s, LEAST_PER_S), rate->least), rate->most);
}

static double burst(const struct sweep_rate *rate)
{
	double n = rate->per_s * BURST_S;

	return n < 2 ? 2 : n > 1024 ? 1024 : n;
}

static void measure(struct sweep_rate *rate, uint64_t sent, int64_t now_ns)
{
	int64_t since_ns = now_ns - rate->measured_ns;

	if (since_ns < MEASURE_MS * MS)
		return;
	rate->measured = (double)(sent - rate->sent_before) * 1e9 / (double)since_ns;
	rate->sent_before = sent;
	rate->measured_ns = now_ns;
}

bool sweep_rate_ready(struct sweep_rate *rate, uint64_t sent, int64_t now_ns)
{
	measure(rate, sent, now_ns);
	if (rate->exploring && rate->per_s < rate->most && now_ns - rate->grown_ns >= GROW_MS * MS) {
		set(rate, rate->per_s * 2);
		rate->grown_ns = now_ns;
	}
	if (rate->per_s >= UNLIMITED_PER_S)
		return true;
	if (now_ns > rate->credit_ns) {
		rate->credit += (double)(now_ns - rate->credit_ns) / 1e9 * rate->per_s;
		rate->credit = fmin(rate->credit, burst(rate));
		rate->credit_ns = now_ns;
	}
	return rate->credit >= 1;
}

void sweep_rate_take(struct sweep_rate *rate)
{
	if (rate->per_s < UNLIMITED_PER_S)
		rate->credit -= 1;
}

int64_t sweep_rate_wake(const struct sweep_rate *rate)
{
	if (rate->per_s >= UNLIMITED_PER_S || rate->credit >= 1)
		return rate->credit_ns;
	return rate->credit_ns + (int64_t)ceil((1 - rate->credit) / rate->per_s * 1e9);
}

static void begin_epoch(struct sweep_rate *rate, int64_t now_ns)
{
	rate->epoch++;
	rate->asked = 0;
	rate->lost = 0;
	rate->cut_ns = now_ns;
	rate->grown_ns = now_ns;
}

/* What is really sent, where that is less than allowed. */
static double really(const struct sweep_rate *rate)
{
	return rate->measured > 0 ? fmin(rate->measured, rate->per_s) : rate->per_s;
}

static void cut(struct sweep_rate *rate, double keep, int64_t now_ns)
{
	double from = really(rate);

	rate->exploring = false;
	rate->ceiling = from;
	set(rate, from * fmax(keep, 0.25));
	begin_epoch(rate, now_ns);
}

static void judge(struct sweep_rate *rate, int64_t now_ns)
{
	double share = (double)rate->lost / rate->asked;
	double slack = CLEARLY * sqrt(rate->base * (1 - rate->base) / rate->asked) + LOSS_SLOP;

	if (share > rate->base + slack) {
		if (rate->cuts > 0 && share > 0.7 * rate->cut_loss) {
			/* Slower is not better: the path loses packets, we do not. */
			rate->base = fmin(share, 0.6);
			rate->cuts = 0;
			set(rate, rate->cut_from);
			begin_epoch(rate, now_ns);
			return;
		}
		if (rate->cuts++ == 0)
			rate->cut_from = really(rate);
		rate->cut_loss = share;
		cut(rate, (1 - share) * 0.9, now_ns);
		return;
	}
	if (rate->asked < MANY_CANARIES)
		return;
	rate->base = 0.8 * rate->base + 0.2 * share;
	rate->asked = 0;
	rate->lost = 0;
	rate->cuts = 0;
	if (!rate->exploring && now_ns - rate->cut_ns >= CUT_PAUSE_MS * MS) {
		set(rate, fmin(rate->per_s * 1.05, fmax(rate->ceiling * 0.9, rate->per_s)));
		rate->ceiling *= 1.01;
	}
}

void sweep_rate_canary(struct sweep_rate *rate, uint32_t epoch, bool answered, int64_t now_ns)
{
	if (epoch != rate->epoch)
		return;
	rate->asked++;
	rate->lost += !answered;
	if (rate->asked >= FEWEST_CANARIES)
		judge(rate, now_ns);
}

void sweep_rate_overrun(struct sweep_rate *rate, double keep, int64_t now_ns)
{
	if (now_ns - rate->cut_ns >= CUT_PAUSE_MS * MS || rate->cut_ns == 0)
		cut(rate, keep, now_ns);
}

void sweep_rate_pass_lost(struct sweep_rate *rate, int64_t now_ns)
{
	cut(rate, 0.5, now_ns);
}

void sweep_canaries_learn(struct canaries *canaries, uint64_t i)
{
	/* The newest take the place of the oldest: hosts all over the targets, and none asked for long. */
	uint32_t slot = canaries->seen++ % KNOWN_HOSTS;

	canaries->known[slot] = i;
	canaries->asked_ns[slot] = 0;
	if (canaries->known_count < KNOWN_HOSTS)
		canaries->known_count++;
}

bool sweep_canaries_next(struct canaries *canaries, uint32_t epoch, int64_t now_ns, uint64_t *i)
{
	uint32_t slot;

	if (++canaries->since < CANARY_PROBES || now_ns < canaries->next_ns || canaries->known_count == 0 ||
	    canaries->count == CANARIES_OUT)
		return false;
	slot = canaries->known_next++ % canaries->known_count;
	if (canaries->asked_ns[slot] != 0 && now_ns - canaries->asked_ns[slot] < CANARY_HOST_GAP_MS * MS)
		return false;
	canaries->asked_ns[slot] = now_ns;
	canaries->since = 0;
	canaries->next_ns = now_ns + CANARY_GAP_MS * MS;
	*i = canaries->known[slot];
	canaries->out[(canaries->first + canaries->count++) % CANARIES_OUT] = (struct canary){*i, now_ns, epoch, false};
	return true;
}

bool sweep_canaries_answered(struct canaries *canaries, struct sweep_rate *rate, uint64_t i, int64_t at_ns)
{
	for (uint32_t n = 0; n < canaries->count; n++) {
		struct canary *canary = &canaries->out[(canaries->first + n) % CANARIES_OUT];

		if (canary->i != i || canary->answered)
			continue;
		canary->answered = true;
		sweep_rate_canary(rate, canary->epoch, true, at_ns);
		return true;
	}
	return false;
}

void sweep_canaries_expire(struct canaries *canaries, struct sweep_rate *rate, int64_t timeout_ns, int64_t now_ns)
{
	while (canaries->count > 0) {
		struct canary *canary = &canaries->out[canaries->first];

		if (!canary->answered && now_ns - canary->sent_ns < timeout_ns)
			return;
		if (!canary->answered)
			sweep_rate_canary(rate, canary->epoch, false, now_ns);
		canaries->first = (canaries->first + 1) % CANARIES_OUT;
		canaries->count--;
	}
}
