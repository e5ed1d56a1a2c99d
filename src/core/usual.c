/* usual.c: which of the limits in wide use a host has, found by trying each on what was seen. */
#include "usual.h"

#include <math.h>

enum {
	FEWEST_ERRORS = 2,  /* before a limit is named at all: one error fits every bucket */
	FEWEST_HITS = 2,    /* before one of several that are left is believed for the time being */
	MISSES_PER_HIT = 4, /* ... which it is as long as not more than one promise in so many is broken */
	HITS_TO_TRUST =
	        6, /* before its tokens count as proof, or doubt alone rules the others out: a full bucket of those in wide use */
	MANY_HITS = 40,        /* enough, whatever was expected of ports that were silent */
	MISSES_ARE_RARE = 200, /* promises kept for each one broken, before its tokens count as proof */
	MISSES_ALLOWED = 2,    /* that loss may always explain */
	MISSES_IN_ROW = 2, /* one may be an error lost, which took its token along; with two the level is not known */
};
#define SLACK_TOKENS      0.03 /* by which a level may be off: ticks of the target's clock, the pace of our own */
#define CALIBRATION       2.0  /* so many times the refusals that came may have been expected, ... */
#define CALIBRATION_LOOSE 2.5 /* for a bucket, of which a proof needs more than one refusal as long as it is not sure */
#define CALIBRATION_SLACK 3.0 /* ... and these: few refusals calibrate nothing */
#define CALIBRATION_DECAY 0.95 /* with each refusal: the last twenty count */
#define MOST_LOST         0.02 /* if it is less probable than that, silences of ports that refuse are not loss */
#define MOST_DOUBT        9.0  /* beyond another one: one in 8000 */
#define ALL_DOUBT         18.0 /* the same, when few of its promises were asked for yet: one in 65 million */
#define CLOCK_DRIFT       5e-4 /* by so much the target's clock may be the faster one */
#define SMALL_SLACK       0.2  /* tokens by which jitter may blur a promise that still counts when kept */
#define OVERFULL          0.5  /* a full bucket that has been full for a while is surer than one just filled */

const struct usual_limit usual_limits[USUAL_LIMITS] = {
        {1, 6, 1, 0, 6},  /* Linux, IPv4, per peer: net.ipv4.icmp_ratelimit */
        {10, 6, 1, 0, 6}, /* Linux, IPv6 */
        {2, 1, 1, 0, 1},  /* Cisco IOS: one each 500 ms */
};

void usual_init(struct usual *usual)
{
	*usual = (struct usual){.all_lost = 1};
}

const struct usual_limit *usual_limit(const struct usual *usual, int limit)
{
	return limit == USUAL_MEASURED ? &usual->measured : &usual_limits[limit];
}

/* How many are tried. */
static int tried(const struct usual *usual)
{
	return usual->measured.per_s > 0 ? USUAL_TRIED : USUAL_LIMITS;
}

void usual_measured(struct usual *usual, const struct usual_limit *limit)
{
	usual_init(usual);
	usual->measured = *limit;
	usual_decide(usual, USUAL_MEASURED);
}

/* A token was promised and nobody took it: the error was lost, and its token gone; or that is not so, and nothing is known. */
static void count_miss(const struct usual *usual, struct usual_fit *fit)
{
	fit->missed = false;
	fit->misses++;
	fit->least = ++fit->misses_in_row < MISSES_IN_ROW ? fmin(fmax(fit->least - 1, 0), 1) : 0;
	if (fit->misses > MISSES_ALLOWED && fit->misses > usual->miss_share * (fit->hits + fit->misses))
		fit->dead = true;
}

/* Tokens by which the level may be off at that time. */
static double slack(const struct usual *usual, int limit, int64_t slack_ns)
{
	return SLACK_TOKENS + (double)slack_ns / 1e9 * usual_limit(usual, limit)->per_s;
}

/* Nothing overtook the silent ask: there was no token, or one was lost. */
static void conclude_silence(struct usual *usual, int64_t slack_ns)
{
	usual->pending = false;
	usual->met = true;
	for (int i = 0; i < tried(usual); i++) {
		struct usual_fit *fit = &usual->fits[i];

		if (usual->all_lost < MOST_LOST)
			fit->most = fmin(fit->most, 1 + slack(usual, i, slack_ns));
		if (fit->missed)
			count_miss(usual, fit);
	}
}

/* Brings all levels to that time, and decides about a silence that is pending. */
static void advance(struct usual *usual, int64_t at_ns, int64_t slack_ns)
{
	if (usual->pending && at_ns > usual->pending_ns + slack_ns)
		conclude_silence(usual, slack_ns);
	for (int i = 0; i < tried(usual); i++) {
		const struct usual_limit *limit = usual_limit(usual, i);
		struct usual_fit *fit = &usual->fits[i];
		double came;

		if (!usual->started) {
			fit->most = limit->most_burst;
			fit->least = 0;
			fit->at_ns = at_ns;
			continue;
		}
		if (at_ns <= fit->at_ns)
			continue;
		came = (double)(at_ns - fit->at_ns) / 1e9 * limit->per_s;
		fit->least = fmin(fit->least + came, limit->burst + OVERFULL);
		fit->most = fmin(fit->most + came * (1 + CLOCK_DRIFT + limit->excess), limit->most_burst);
		fit->at_ns = at_ns;
	}
	usual->started = true;
}

void usual_refused(struct usual *usual, int64_t sent_ns, double probability, bool fresh, int64_t slack_ns)
{
	advance(usual, sent_ns, slack_ns);
	usual->errors++;
	usual->all_lost = 1;
	usual->pending = false;
	for (int i = 0; i < tried(usual); i++) {
		struct usual_fit *fit = &usual->fits[i];

		if (fit->most < 1 - 2 * slack(usual, i, slack_ns))
			fit->dead = true;
		/* Where the path jitters much, a limit whose promises cannot be broken keeps none either. */
		fit->hits += usual->met && fit->least >= 1 + fmax(0, slack(usual, i, slack_ns) - SMALL_SLACK);
		if (fit->least >= 1 && fresh) {
			fit->promised = fit->promised * CALIBRATION_DECAY + probability;
			fit->kept = fit->kept * CALIBRATION_DECAY + 1;
		}
		fit->misses_in_row = 0;
		fit->missed = false;
		fit->least = fmax(fmin(fit->least, usual_limit(usual, i)->burst) - 1, 0);
		fit->broke = fit->run > MOST_DOUBT; /* as it seems, there had been no token all that time */
		if (fit->broke)
			fit->least = 0;
		fit->run = 0;
		fit->most -= 1; /* below nothing when it comes too often, be it by ever so little each time */
	}
}

void usual_silent(struct usual *usual, int64_t sent_ns, int64_t slack_ns)
{
	advance(usual, sent_ns, slack_ns);
	usual->all_lost *= usual->loss;
	if (usual->pending)
		return; /* together they say no more than one */
	usual->pending = true;
	usual->pending_ns = sent_ns;
	for (int i = 0; i < tried(usual); i++)
		usual->fits[i].missed = usual->fits[i].least >= 1 + slack(usual, i, slack_ns);
}

void usual_forget(struct usual *usual, int limit)
{
	usual->fits[limit].dead = true;
}

void usual_unanswered(struct usual *usual, int64_t sent_ns, double probability, bool fresh, int64_t slack_ns)
{
	double least_doubt = HUGE_VAL, share = 0;

	advance(usual, sent_ns, slack_ns);
	/* The share of closed ports is not well known yet when limits have to be told apart: it is not what it seems when none of them
	 * finds its promises kept. */
	for (int i = 0; i < tried(usual); i++)
		if (!usual->fits[i].dead)
			share = fmax(share, fmin(1, (usual->fits[i].kept + 1) / (usual->fits[i].promised + 1)));
	for (int i = 0; i < tried(usual); i++) {
		struct usual_fit *fit = &usual->fits[i];

		if (fit->least >= 1 + slack(usual, i, slack_ns)) {
			fit->doubt -= log1p(-probability * share);
			fit->run -= log1p(-probability * share);
			fit->promised += fresh ? probability : 0;
		}
		if (!fit->dead && fit->doubt < least_doubt)
			least_doubt = fit->doubt;
	}
	for (int i = 0; i < tried(usual); i++)
		usual->fits[i].doubted = usual->fits[i].doubt > least_doubt + MOST_DOUBT;
}

void usual_decide(struct usual *usual, int limit)
{
	for (int i = 0; i < tried(usual); i++)
		if (i != limit)
			usual->fits[i].dead = true;
}

bool usual_promised(const struct usual *usual, int64_t sent_ns, int64_t slack_ns)
{
	bool promised = false;

	for (int i = 0; i < tried(usual); i++) {
		if (usual->fits[i].dead)
			continue;
		if (usual_level(usual, i, sent_ns) < 1 + slack(usual, i, slack_ns))
			return false;
		promised = true;
	}
	return promised;
}

void usual_broken(struct usual *usual, int limit)
{
	usual->fits[limit].broken++;
	usual->fits[limit].least = 0;
}

bool usual_is_out(const struct usual *usual, double per_s)
{
	for (int i = 0; i < tried(usual); i++)
		if (usual_limit(usual, i)->per_s == per_s)
			return usual->fits[i].dead || usual->fits[i].doubted;
	return false;
}

bool usual_none(const struct usual *usual)
{
	for (int i = 0; i < tried(usual); i++)
		if (!usual->fits[i].dead)
			return false;
	return true;
}

/* Most of the tokens it promised were there. */
static bool keeps_promises(const struct usual_fit *fit)
{
	return fit->hits >= FEWEST_HITS && fit->misses * MISSES_PER_HIT <= fit->hits;
}

/* The errors that it made expect were not so many times those that came. */
static bool is_calibrated(const struct usual_fit *fit, double times)
{
	return fit->promised <= times * fit->kept + CALIBRATION_SLACK;
}

/* Doubt alone rules the others out: then it depends on how much of it there is. */
static uint32_t hits_to_trust(const struct usual *usual, int best)
{
	for (int i = 0; i < tried(usual); i++)
		if (i != best && !usual->fits[i].dead && usual->fits[i].doubt < usual->fits[best].doubt + ALL_DOUBT)
			return HITS_TO_TRUST;
	return FEWEST_HITS;
}

int usual_best(const struct usual *usual, bool *sure)
{
	int best = -1, left = -1, alive = 0, believed = 0;

	for (int i = 0; i < tried(usual); i++) {
		const struct usual_fit *fit = &usual->fits[i];

		if (fit->dead)
			continue;
		alive++;
		left = i;
		if (fit->doubted)
			continue;
		believed++;
		if (keeps_promises(fit) && (best < 0 || usual_limit(usual, i)->per_s > usual_limit(usual, best)->per_s))
			best = i;
	}
	/* Where doubt decided and not contradiction, the one that is left has to prove itself. */
	*sure = alive == 1 || (believed == 1 && best >= 0 && usual->fits[best].hits >= hits_to_trust(usual, best) &&
	                       (usual->fits[best].hits >= MANY_HITS ||
	                        is_calibrated(&usual->fits[best],
	                                      usual_limit(usual, best)->burst > 1 ? CALIBRATION_LOOSE : CALIBRATION)));
	if (usual->errors < FEWEST_ERRORS)
		return -1;
	return alive == 1 ? left : best;
}

bool usual_kept(const struct usual *usual)
{
	bool sure;
	int best = usual_best(usual, &sure);

	return best >= 0 && sure &&
	       (usual->fits[best].misses + usual->fits[best].broken) * MISSES_ARE_RARE <= usual->fits[best].hits &&
	       usual->fits[best].hits >= HITS_TO_TRUST && is_calibrated(&usual->fits[best], CALIBRATION);
}

double usual_level(const struct usual *usual, int limit, int64_t now_ns)
{
	const struct usual_fit *fit = &usual->fits[limit];
	const struct usual_limit *bucket = usual_limit(usual, limit);
	double came = now_ns > fit->at_ns ? (double)(now_ns - fit->at_ns) / 1e9 * bucket->per_s : 0;

	return fmin(fit->least + came, bucket->burst);
}
