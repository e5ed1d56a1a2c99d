/* fit.c: which rate of errors, and which share of closed ports, explain best what was seen.
 *
 * Silence has two explanations: no token, or a port that is not closed. Both are estimated together. Each of a
 * grid of rates is tried on the asks in the order sent: the bucket of that rate is followed, between two bounds,
 * through what was refused and what was not, each port taken for closed with the probability believed so far; how
 * likely the rate makes all of it is its weight. With what the rates, so weighted, say about the tokens, each port
 * is judged anew by its silences: one that stayed silent although there was a token is hardly closed. */
#include <math.h>

#include "internal.h"

enum {
	RATES = 126,        /* 0.25 to 4000 a second, ... */
	MOST_FITTED = 400,  /* asks: enough for any rate, and a fit of them takes a millisecond or two */
	MOST_BURST = 50,    /* tokens, by the upper bound: more than it gave when it was met may be in a bucket */
	TURNS = 2,          /* rates and ports are judged by each other so often; more change little */
	SHARE_TURNS = 3,    /* the same for ports and their share */
	RENORMALISE = 32,   /* asks after which likelihoods are scaled, so that they do not become nothing */
	ENOUGH_TAKEN = 10,  /* tokens after which a rate found, and a share, is believed */
	SURE_TAKEN = 30,    /* tokens after which the rate is not in doubt any more */
	FIT_EVERY = 3,      /* asks decided make a new fit, ... */
	MOST_BETWEEN = 200, /* ... but no more than the log holds beside those that are fitted */
	FIT_PARTS = 8,      /* ... and one such part of all before: the more is known the less one ask changes, ... */
};
#define SLOWEST       0.25  /* errors a second */
#define STEP          1.08  /* from rate to rate */
#define APART         0.04  /* half of the relative distance between two rates */
#define FIRST_SHARE   0.98  /* closed ports, before any was asked: until then silence is want of a token */
#define FIRST_WEIGHT  2.0   /* ports that this is worth */
#define MOST_SHARE    0.998 /* else no silence could ever make a port anything but closed */
#define SUREST        0.97  /* that a port is closed */
#define SUREST_TOKEN  0.8   /* that there was a token: no single silence tells more than that about a port */
#define WITHOUT_TOKEN 0.002 /* probability of an error that no token explains */
#define UPPER_HALF    0.6   /* weight of the rates up to the one that is taken, as long as little is known */
#define NEGLIGIBLE    1e-3  /* weight of a rate that is not asked about tokens */
#define JUST_NONE     0.9   /* tokens that a bucket may hold which gives none */
#define PRIOR_WIDTH   0.2   /* relative: standard deviation of a rate about the one found before */
#define PRIOR_FLOOR   0.002 /* likelihood of any rate beside that */
#define DOUBTED       0.25F /* of what silences seemed to say is kept when too many of those ports are closed */
#define SURE_FLOOR    1e-60 /* silence of many asks of a few ports says little, but seems to say much */

/* One ask, as each rate is to see it. */
struct sight {
	double since_s;  /* since the ask before */
	double burst;    /* of the limit */
	double jitter_s; /* by so much the time may be off */
	double closed;   /* probability that it is refused if there is a token */
	bool refused;
	bool sure; /* the rate is not in doubt */
};

/* Follows the bucket to the ask and past it. Returns the probability that there was a token; what was seen tells
 * how many are left. */
static double fit_ask(struct fit *fit, const struct sight *ask)
{
	double slack = fmin(fit->rate * ask->jitter_s, 1), least, most, token;

	/* The rates tried are so far apart that the true one may be as far from each. */
	fit->least = fmin(fit->least + fit->rate * ask->since_s * (1 - APART), ask->burst);
	fit->most = fmin(fit->most + fit->rate * ask->since_s * (1 + APART), fmax(ask->burst, MOST_BURST));
	least = ask->refused ? fit->least : fit->least - slack;
	most = ask->refused ? fit->most + slack : fit->most;
	token = most < 1 ? 0 : least >= 1 ? 1 : (most - 1) / (most - least + 1e-9);
	if (ask->refused) {
		fit->likelihood *= fmax(token, WITHOUT_TOKEN);
		fit->least = fmax(fit->least - 1, 0);
		fit->most = fmax(fit->most - 1, fit->least);
	} else {
		fit->likelihood *= 1 - ask->closed * token;
		/* Of a port that may well not be closed it says nothing against a count that is sure. */
		fit->least -=
		        (ask->sure ? fmax(2 * ask->closed - 1, 0) : ask->closed) * fmax(fit->least - JUST_NONE, 0);
		fit->most -= ask->closed * fmax(fit->most - fmax(fit->least, 1), 0);
	}
	return token;
}

static struct sight sight_of(const struct lane *lane, const struct log_entry *entry, int64_t before_ns)
{
	const struct portscan *scan = lane->scan;
	const struct port_slot *slot = &scan->slots[entry->slot];
	double closed = slot->stage == STAGE_SETTLED ? slot->by_target : collect_likely(lane, slot);

	return (struct sight){
	        .since_s = (double)(entry->sent_ns - before_ns) / 1e9,
	        .burst = lane->limiter.burst,
	        .jitter_s = 2e-9 * (double)scan->rtt.jitter_ns,
	        .closed = fmin(closed, SUREST) * (1 - loss_estimate(&scan->loss)),
	        .refused = entry->refused,
	        .sure = lane->collect.taken >= SURE_TAKEN,
	};
}

/* It says something about tokens, and its port. The silence of a roll call is judged by that. */
static bool tells(const struct log_entry *entry)
{
	return entry->slot != NO_INDEX && !entry->answered && (!entry->roll_call || entry->refused);
}

static bool is_evidence(const struct lane *lane, const struct log_entry *entry)
{
	return tells(entry) && entry->sent_ns > lane->collect.since_ns;
}

/* What the silence of a port says, where there was a token with that probability: a logarithm of odds. */
static float silence_says(double token, double lost)
{
	return (float)log(1 - fmin(token, SUREST_TOKEN) * (1 - lost));
}

void fit_follow(struct lane *lane, const struct log_entry *entry)
{
	struct collect *c = &lane->collect;
	struct sight ask;
	double token;

	if (!tells(entry) || c->rate <= 0 || entry->sent_ns < c->level_ns)
		return;
	ask = sight_of(lane, entry, c->level_ns);
	token = fit_ask(&c->level, &ask);
	c->level_ns = entry->sent_ns;
	if (!entry->refused && collecting(lane))
		lane->scan->slots[entry->slot].silence_weight += silence_says(token, 0);
}

static void normalise(struct fit fits[RATES])
{
	double best = 0;

	for (int i = 0; i < RATES; i++)
		best = fmax(best, fits[i].likelihood);
	for (int i = 0; i < RATES && best > 0; i++)
		fits[i].likelihood /= best;
}

/* All rates, each as likely as it was before; known: the rate found before, 0 if that is worth nothing. */
static void prepare_rates(const struct lane *lane, struct fit fits[RATES], double known)
{
	double floor = lane->collect.taken < SURE_TAKEN ? PRIOR_FLOOR : SURE_FLOOR;

	for (int i = 0; i < RATES; i++) {
		double rate = SLOWEST * pow(STEP, i), off = known > 0 ? log(rate / known) / PRIOR_WIDTH : 0;

		fits[i] = (struct fit){
		        .rate = rate, .most = lane->collect.first_most, .likelihood = fmax(exp(-off * off / 2), floor)};
	}
}

/* How likely each of them makes what was seen. Returns when the last ask of that was sent. */
static int64_t try_rates(struct lane *lane, struct fit fits[RATES])
{
	int64_t before_ns = lane->collect.since_ns;

	for (uint32_t n = lane->collect.fit_first; n != lane->log_unexpired; n++) {
		const struct log_entry *entry = asklog_entry(lane, n);
		struct sight ask;

		if (!is_evidence(lane, entry))
			continue;
		ask = sight_of(lane, entry, before_ns);
		before_ns = entry->sent_ns;
		for (int i = 0; i < RATES; i++)
			fit_ask(&fits[i], &ask);
		if (n % RENORMALISE == 0)
			normalise(fits);
	}
	normalise(fits);
	return before_ns;
}

/* Where several explain it, one in the upper half is taken: asking by it will tell. */
static void take_rate(struct lane *lane, struct fit fits[RATES], bool known)
{
	struct collect *c = &lane->collect;
	double sum = 0, part = 0;

	for (int i = 0; i < RATES; i++)
		sum += fits[i].likelihood;
	for (int i = 0; i < RATES; i++) {
		fits[i].weight = fits[i].likelihood / sum;
		if (part < (known ? 0.5 : UPPER_HALF)) {
			c->rate = fits[i].rate;
			c->level = fits[i];
		}
		part += fits[i].weight;
	}
}

static void forget_weights(struct portscan *scan)
{
	for (size_t i = 0; i < scan->slot_count; i++)
		scan->slots[i].silence_weight = 0;
}

/* The next ask that was refused had a token: the probability that it was there already for that one. */
static double token_behind(struct lane *lane, uint32_t number)
{
	int64_t sent_ns = asklog_entry(lane, number)->sent_ns;

	for (uint32_t n = number + 1; n != lane->log_unexpired; n++) {
		const struct log_entry *entry = asklog_entry(lane, n);
		double there = 1 - lane->collect.rate * (double)(entry->sent_ns - sent_ns) / 1e9;

		if (there <= 0)
			break;
		if (entry->refused)
			return entry->sent_ns >= sent_ns + order_gap(lane) ? there : 0;
	}
	return 0;
}

/* Judges the silent ports by the tokens that they are likely to have met. */
static void weigh_ports(struct lane *lane, struct fit fits[RATES])
{
	struct collect *c = &lane->collect;
	struct portscan *scan = lane->scan;
	double lost = loss_estimate(&scan->loss);
	int64_t before_ns = c->since_ns;

	forget_weights(scan);
	for (int i = 0; i < RATES; i++)
		fits[i] = (struct fit){
		        .rate = fits[i].rate, .most = c->first_most, .likelihood = 1, .weight = fits[i].weight};
	for (uint32_t n = c->fit_first; n != lane->log_unexpired; n++) {
		const struct log_entry *entry = asklog_entry(lane, n);
		struct sight ask;
		double token = 0;

		if (!is_evidence(lane, entry))
			continue;
		ask = sight_of(lane, entry, before_ns);
		before_ns = entry->sent_ns;
		for (int i = 0; i < RATES; i++)
			if (fits[i].weight > NEGLIGIBLE)
				token += fits[i].weight * fit_ask(&fits[i], &ask);
		if (!entry->refused && scan->slots[entry->slot].stage != STAGE_SETTLED)
			scan->slots[entry->slot].silence_weight +=
			        silence_says(fmax(token, token_behind(lane, n)), lost);
	}
}

/* Until the limit was met there was a token for every ask in front of a refused one. What those asks say of the
 * share of closed ports, and, if that is wanted, of each port. */
static double first_share(struct lane *lane, bool weigh)
{
	struct collect *c = &lane->collect;
	double closed = FIRST_SHARE * FIRST_WEIGHT, asked = FIRST_WEIGHT, lost = loss_estimate(&lane->scan->loss);
	int64_t refused_ns = INT64_MIN, met_ns = collect_met_ns(lane, c->began_ns);

	for (uint32_t n = lane->log_unexpired; n != c->first && c->first - lane->log_first < n - lane->log_first; n--) {
		const struct log_entry *entry = asklog_entry(lane, n - 1);

		if (entry->sent_ns > met_ns || entry->slot == NO_INDEX || entry->answered)
			continue;
		if (entry->refused) {
			if (refused_ns == INT64_MIN)
				refused_ns = entry->sent_ns;
			closed++;
			asked++;
		} else if (entry->sent_ns + order_gap(lane) < refused_ns) {
			asked++;
			if (weigh)
				lane->scan->slots[entry->slot].judged_weight += silence_says(1, lost);
		}
	}
	return closed / asked;
}

/* The share of closed ports is the one at which the ports asked so far are expected to hold just that share. */
static void count_share(struct lane *lane)
{
	struct collect *c = &lane->collect;
	const struct portscan *scan = lane->scan;

	for (int turns = 0; turns < SHARE_TURNS; turns++) {
		double closed = 0.5, asked = 1;

		c->left = 0;
		for (size_t i = 0; i < scan->slot_count; i++) {
			const struct port_slot *slot = &scan->slots[i];
			double likely = slot->stage == STAGE_SETTLED ? slot->by_target : collect_likely(lane, slot);

			if (slot->stage != STAGE_SETTLED)
				c->left += likely;
			if (slot->stage == STAGE_FRESH)
				continue;
			asked++;
			closed += likely;
		}
		c->share = fmin(closed / asked, MOST_SHARE);
	}
}

/* What the asks so far say of the ports is kept, whatever becomes of those; or but a part of it. */
static void judge_ports(struct lane *lane, float part)
{
	struct portscan *scan = lane->scan;

	lane->collect.forgot = true;
	for (size_t i = 0; i < scan->slot_count; i++) {
		scan->slots[i].judged_weight = part * (scan->slots[i].judged_weight + scan->slots[i].silence_weight);
		scan->slots[i].silence_weight = 0;
	}
}

/* Old asks are no evidence any more: the ports stay as they were judged last. */
static void forget_asks(struct lane *lane)
{
	struct collect *c = &lane->collect;

	if (c->fit_first - lane->log_first > lane->log_next - lane->log_first)
		c->fit_first = lane->log_first;
	if (lane->log_unexpired - c->fit_first <= MOST_FITTED)
		return;
	c->fit_first = lane->log_unexpired - MOST_FITTED / 2;
	c->since_ns = asklog_entry(lane, c->fit_first)->sent_ns;
	c->first_most = lane->limiter.burst;
	judge_ports(lane, 1);
}

void fit_doubt(struct lane *lane)
{
	judge_ports(lane, DOUBTED);
	for (size_t i = 0; i < lane->scan->slot_count; i++)
		lane->scan->slots[i].silences = lane->scan->slots[i].brackets = 0;
	unsuspect_unproved(lane);
}

void fit_limit(struct lane *lane)
{
	struct collect *c = &lane->collect;
	struct fit fits[RATES];
	double known;

	forget_asks(lane);
	if (!c->forgot) {
		for (size_t i = 0; i < lane->scan->slot_count; i++)
			lane->scan->slots[i].judged_weight = 0;
		first_share(lane, true);
	}
	known = c->taken >= ENOUGH_TAKEN || c->rate_given ? c->rate : 0;
	if (c->taken < ENOUGH_TAKEN || c->share <= 0)
		c->share = first_share(lane, false);
	forget_weights(lane->scan);
	for (int turns = 0; turns < TURNS; turns++) {
		prepare_rates(lane, fits, known);
		c->level_ns = try_rates(lane, fits);
		take_rate(lane, fits, known > 0);
		weigh_ports(lane, fits);
		count_share(lane);
	}
}

bool fit_when_due(struct lane *lane)
{
	struct collect *c = &lane->collect;
	uint32_t decided = lane->log_unexpired - c->fitted;

	if (c->share > 0 && decided < MOST_BETWEEN &&
	    decided < FIT_EVERY + (lane->log_unexpired - c->first) / FIT_PARTS)
		return false;
	c->fitted = lane->log_unexpired;
	fit_limit(lane);
	return true;
}
