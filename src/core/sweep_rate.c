/* sweep_rate.c: how fast a sweep asks: as fast as nothing is lost.
 *
 * It begins moderately and doubles every few milliseconds until something speaks against it:
 *
 *   the kernel says so   the capture lost frames, or probes could not be sent: less at once
 *   canaries say so      hosts known to be up are asked again now and then (one probe in 128, more of them at low rates). Where more
 *                        of them stay silent than the path loses anyhow, the rate falls to nine tenths of what came through. A
 *                        path that takes C a second delivers C / R of a rate R; where a lower rate delivers no larger share,
 *                        the loss is the path's own and the rate returns.
 *
 * From there on it grows again, quickly below the rate at which loss showed and slowly beyond. Whatever was lost meanwhile was
 * only not answered yet: the next pass asks again. */
#include <math.h>

#include "sweep_internal.h"

enum {
	FIRST_PER_S = 20000,
	UNLIMITED_PER_S = 5000000, /* faster than anything that this program can send */
	LEAST_PER_S = 1000,
	GROW_MS = 5, /* while exploring */
	MEASURE_MS = 20,
	CUT_PAUSE_MS = 100, /* between two cuts by the kernel's word */
	CANARY_PROBES = 128,
	CANARY_PROBES_SLOW = 32, /* of fewer probes more, to know as soon */
	SLOW_PER_S = 20000,
	CANARY_PROBES_CRAWL = 8,
	CRAWL_PER_S = 4000,
	CANARY_GAP_MS = 1,
	CANARY_HOST_GAP_MS = 50, /* the same host is not asked more often */
	FEWEST_CANARIES = 24,
	FEWEST_ON_TRIAL = 64,
	FEWEST_LOST = 5, /* fewer say nothing */
	JUDGE_MS = 100,
	TRIAL_MS = 5000,
};
#define BURST_S     0.002 /* what may leave at once after a pause */
#define CLEARLY     4.0   /* standard deviations */
#define LOSS_SLOP   0.03
#define NEAR        0.9  /* of the rate at which loss showed */
#define RECOVERY    1.3  /* growth below that ... */
#define PROBING     1.03 /* ... and above */
#define DEEPEST_CUT 0.125
#define MOST_BASE   0.6
#define MUCH_BASE   0.05

void sweep_rate_init(struct sweep_rate *rate, double most, double least, int64_t now_ns)
{
	*rate = (struct sweep_rate){.most = most > 0 ? most : UNLIMITED_PER_S,
	                            .least = least,
	                            .exploring = true,
	                            .base = 0.01,
	                            .credit = 1,
	                            .credit_ns = now_ns,
	                            .measured_ns = now_ns,
	                            .grown_ns = now_ns,
	                            .epoch_ns = now_ns};
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

/* What was really sent lately, each second. Falls slowly: a moment in which the machine did something else is no measure. */
static void measure(struct sweep_rate *rate, uint64_t sent, int64_t now_ns)
{
	int64_t since_ns = now_ns - rate->measured_ns;

	rate->sent = sent;
	if (since_ns < MEASURE_MS * MS)
		return;
	rate->measured = fmax((double)(sent - rate->sent_before) * 1e9 / (double)since_ns, 0.8 * rate->measured);
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

/* Counts anew at the same rate. */
static void begin_count(struct sweep_rate *rate, int64_t now_ns)
{
	rate->asked = 0;
	rate->lost = 0;
	rate->epoch_ns = now_ns;
	rate->epoch_sent = rate->sent;
}

/* At another rate: canaries that are on their way say nothing about it. */
static void begin_epoch(struct sweep_rate *rate, int64_t now_ns)
{
	rate->epoch++;
	rate->grown_ns = now_ns;
	begin_count(rate, now_ns);
}

/* What was really sent in this epoch, each second. */
static double really(const struct sweep_rate *rate, int64_t now_ns)
{
	int64_t since_ns = now_ns - rate->epoch_ns;
	double sent = (double)(rate->sent - rate->epoch_sent);

	return since_ns < MEASURE_MS * MS || sent < 1 ? rate->per_s : fmin(rate->per_s, sent * 1e9 / (double)since_ns);
}

static void cut(struct sweep_rate *rate, double from, double keep, int64_t now_ns)
{
	rate->exploring = false;
	rate->ceiling = from;
	rate->cut_ns = now_ns;
	set(rate, from * fmax(keep, DEEPEST_CUT));
	begin_epoch(rate, now_ns);
}

/* Has the last cut let a larger share through, as it does where the rate was to blame? Halfway on a logarithmic scale counts. */
static bool cut_helped(const struct sweep_rate *rate, double share, double now_per_s)
{
	double before = 1 - rate->cut_loss, promised = fmin(1, before * rate->cut_from / now_per_s);

	return 1 - share >= sqrt(before * promised) || promised <= before * 1.2;
}

/* Less, to see whether it helps. */
static void try_less(struct sweep_rate *rate, double share, double keep, int64_t now_ns)
{
	double from = really(rate, now_ns);

	/* While exploring the rate was many rates: nothing to compare with. */
	rate->trial = !rate->exploring;
	rate->trial_ns = now_ns;
	rate->cut_from = from;
	rate->cut_loss = share;
	cut(rate, from, keep, now_ns);
}

static void on_no_loss(struct sweep_rate *rate, double share, int64_t now_ns)
{
	if (share < rate->base)
		rate->base = 0.9 * rate->base + 0.1 * share;
	if (rate->base > MUCH_BASE && now_ns - rate->trial_ns >= TRIAL_MS * MS) {
		try_less(rate, share, 0.25, now_ns); /* is it still the path's own? */
	} else if (rate->exploring) {
		begin_count(rate, now_ns);
	} else {
		bool below = rate->per_s < NEAR * rate->ceiling;

		set(rate, rate->per_s * (below ? RECOVERY : PROBING));
		rate->ceiling = fmax(rate->ceiling, rate->per_s);
		begin_epoch(rate, now_ns);
	}
}

/* A lower rate was tried. False: it was no use, and the old one is back. */
static bool end_trial(struct sweep_rate *rate, double share, int64_t now_ns)
{
	rate->trial = false;
	if (cut_helped(rate, share, really(rate, now_ns))) {
		rate->base = fmin(rate->base, share);
		return true;
	}
	rate->base = fmin(share, MOST_BASE);
	rate->ceiling = rate->cut_from;
	set(rate, rate->cut_from);
	begin_epoch(rate, now_ns);
	return false;
}

/* Often enough to react, rarely enough to have something to judge by. */
static void judge(struct sweep_rate *rate, int64_t now_ns)
{
	double share = (double)rate->lost / rate->asked;
	double slack = CLEARLY * sqrt(rate->base * (1 - rate->base) / rate->asked) + LOSS_SLOP;
	bool loss = rate->lost >= FEWEST_LOST && share > rate->base + slack;

	if (!loss && now_ns - rate->epoch_ns < JUDGE_MS * MS)
		return;
	if (rate->trial && !end_trial(rate, share, now_ns))
		return;
	if (loss)
		try_less(rate, share, (1 - share) / (1 - rate->base) * NEAR, now_ns);
	else
		on_no_loss(rate, share, now_ns);
}

void sweep_rate_canary(struct sweep_rate *rate, uint32_t epoch, bool answered, int64_t now_ns)
{
	if (epoch != rate->epoch)
		return;
	rate->asked++;
	rate->lost += !answered;
	if (rate->asked >= (rate->trial ? FEWEST_ON_TRIAL : FEWEST_CANARIES))
		judge(rate, now_ns);
}

void sweep_rate_overrun(struct sweep_rate *rate, double keep, int64_t now_ns)
{
	if (now_ns - rate->cut_ns >= CUT_PAUSE_MS * MS || rate->cut_ns == 0)
		cut(rate, fmin(rate->measured > 0 ? rate->measured : rate->per_s, rate->per_s), keep, now_ns);
}

void sweep_rate_pass_lost(struct sweep_rate *rate, int64_t now_ns)
{
	if (rate->exploring)
		cut(rate, fmin(rate->measured > 0 ? rate->measured : rate->per_s, rate->per_s), 0.5, now_ns);
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

bool sweep_canaries_next(struct canaries *canaries, const struct sweep_rate *rate, int64_t now_ns, uint64_t *i)
{
	uint32_t slot;
	uint32_t every = rate->per_s < CRAWL_PER_S  ? CANARY_PROBES_CRAWL
	                 : rate->per_s < SLOW_PER_S ? CANARY_PROBES_SLOW
	                                            : CANARY_PROBES;

	if (++canaries->since < every || now_ns < canaries->next_ns || canaries->known_count == 0 ||
	    canaries->count == CANARIES_OUT)
		return false;
	slot = canaries->known_next++ % canaries->known_count;
	if (canaries->asked_ns[slot] != 0 && now_ns - canaries->asked_ns[slot] < CANARY_HOST_GAP_MS * MS)
		return false;
	canaries->asked_ns[slot] = now_ns;
	canaries->since = 0;
	canaries->next_ns = now_ns + CANARY_GAP_MS * MS;
	*i = canaries->known[slot];
	canaries->out[(canaries->first + canaries->count++) % CANARIES_OUT] =
	        (struct canary){*i, now_ns, rate->epoch, false};
	return true;
}

bool sweep_canaries_answered(struct canaries *canaries, uint64_t i)
{
	for (uint32_t n = 0; n < canaries->count; n++) {
		struct canary *canary = &canaries->out[(canaries->first + n) % CANARIES_OUT];

		if (canary->i != i || canary->answered)
			continue;
		canary->answered = true;
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
		/* In the order sent: an answer comes sooner than silence is known, and must not be counted sooner. */
		sweep_rate_canary(rate, canary->epoch, canary->answered, now_ns);
		canaries->loss.asked += 1;
		canaries->loss.lost += !canary->answered;
		canaries->first = (canaries->first + 1) % CANARIES_OUT;
		canaries->count--;
	}
}
