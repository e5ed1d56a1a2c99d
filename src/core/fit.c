/* fit.c: which rate of errors, and which share of closed ports, explain best what was seen.
 *
 * Silence has two explanations: no token, or a port that is not closed. Both are estimated together: every rate is tried on the asks in
 * the order sent, each port with the probability that it refuses; with what that says about the tokens, the ports are judged
 * anew. */
#include <math.h>

#include "internal.h"

enum {
	RATES = 126,       /* 0.25 to 4000 a second, 8 % apart */
	MOST_FITTED = 400, /* asks */
	MOST_BURST = 50,
	TURNS = 2,
	RENORMALISE = 32,
	ENOUGH_TAKEN = 10, /* tokens after which a rate found is believed */
};
#define FIRST_SHARE   0.98 /* closed until something else is shown */
#define FIRST_WEIGHT  2.0  /* ports */
#define MOST_SHARE    0.998
#define SUREST        0.97  /* that a port refuses */
#define WITHOUT_TOKEN 0.002 /* probability of an error that no token explains */
#define UPPER_HALF    0.6
#define NEGLIGIBLE    1e-3
#define JUST_NONE     0.9 /* tokens that a bucket may hold which gives none */
#define PRIOR_WIDTH   0.2
#define PRIOR_FLOOR   0.002
#define SURE_FLOOR    1e-60 /* silence of many asks of a few ports says little, but seems to say much */
#define APART         0.04  /* half of the relative distance between two rates */

/* The probability that there was a token; what was seen then tells how many are left. */
double fit_ask(struct fit *fit, double since_s, double burst, double jitter_s, double closed, bool refused, bool sure)
{
	double slack = fmin(fit->rate * jitter_s, 1), least, most, token;

	/* The rates tried are so far apart that the true one may be as far from each. */
	fit->least = fmin(fit->least + fit->rate * since_s * (1 - APART), burst);
	fit->most = fmin(fit->most + fit->rate * since_s * (1 + APART), fmax(burst, MOST_BURST));
	least = refused ? fit->least : fit->least - slack;
	most = refused ? fit->most + slack : fit->most;
	token = most < 1 ? 0 : least >= 1 ? 1 : (most - 1) / (most - least + 1e-9);
	if (refused) {
		fit->likelihood *= fmax(token, WITHOUT_TOKEN);
		fit->least = fmax(fit->least - 1, 0);
		fit->most = fmax(fit->most - 1, fit->least);
	} else {
		fit->likelihood *= 1 - closed * token;
		/* Of a port that may well not be closed it says nothing against a count that is sure. */
		fit->least -= (sure ? fmax(2 * closed - 1, 0) : closed) * fmax(fit->least - JUST_NONE, 0);
		fit->most -= closed * fmax(fit->most - fmax(fit->least, 1), 0);
	}
	return token;
}

double fit_closedness(const struct lane *lane, const struct port_slot *slot)
{
	double closed = slot->stage == STAGE_SETTLED ? slot->by_target : collect_likely(lane, slot);

	return fmin(closed, SUREST) * (1 - loss_estimate(&lane->scan->loss));
}

static bool is_evidence(const struct lane *lane, const struct log_entry *entry)
{
	return entry->slot != NO_INDEX && !entry->answered && (!entry->trial || entry->refused) &&
	       entry->sent_ns > lane->collect.since_ns;
}

static void normalise(struct fit fits[RATES])
{
	double best = 0;

	for (int i = 0; i < RATES; i++)
		best = fmax(best, fits[i].likelihood);
	for (int i = 0; i < RATES && best > 0; i++)
		fits[i].likelihood /= best;
}

/* Tries all rates. */
static void try_rates(struct lane *lane, struct fit fits[RATES])
{
	struct collect *c = &lane->collect;
	double floor = c->taken < SURE_TAKEN ? PRIOR_FLOOR : SURE_FLOOR, sum = 0, part = 0,
	       jitter_s = 2e-9 * (double)lane->scan->rtt.jitter_ns;
	int64_t before_ns = c->since_ns;

	for (int i = 0; i < RATES; i++) {
		double rate = 0.25 * pow(1.08, i),
		       off = c->known_rate > 0 ? log(rate / c->known_rate) / PRIOR_WIDTH : 0;

		fits[i] = (struct fit){
		        .rate = rate, .most = c->first_most, .likelihood = fmax(exp(-off * off / 2), floor)};
	}
	for (uint32_t n = c->fit_first; n != lane->log_unexpired; n++) {
		const struct log_entry *entry = asklog_entry(lane, n);
		double since_s, closed;

		if (!is_evidence(lane, entry))
			continue;
		since_s = (double)(entry->sent_ns - before_ns) / 1e9;
		closed = fit_closedness(lane, &lane->scan->slots[entry->slot]);
		before_ns = entry->sent_ns;
		for (int i = 0; i < RATES; i++)
			fit_ask(&fits[i], since_s, lane->limiter.burst, jitter_s, closed, entry->refused,
			        c->taken >= SURE_TAKEN);
		if (n % RENORMALISE == 0)
			normalise(fits);
	}
	normalise(fits);
	for (int i = 0; i < RATES; i++)
		sum += fits[i].likelihood;
	for (int i = 0; i < RATES; i++) {
		fits[i].weight = fits[i].likelihood / sum;
		/* Where several explain it, one in the upper half is taken: asking by it will tell. */
		if (part < (c->known_rate > 0 ? 0.5 : UPPER_HALF)) {
			c->rate = fits[i].rate;
			c->now = fits[i];
		}
		part += fits[i].weight;
	}
	c->now_ns = before_ns;
}

/* The same where tokens come in windows. */
static void weigh_ports_by_window(struct lane *lane)
{
	struct collect *c = &lane->collect;
	struct portscan *scan = lane->scan;
	double lost = loss_estimate(&scan->loss), taken = 0;
	int64_t start_ns = INT64_MIN / 2, margin_ns = 4 * scan->rtt.jitter_ns + c->window_ns / 100;

	for (size_t i = 0; i < scan->slot_count; i++)
		scan->slots[i].silence_weight = 0;
	for (uint32_t n = c->fit_first; n != lane->log_unexpired; n++) {
		const struct log_entry *entry = asklog_entry(lane, n);
		bool open = entry->sent_ns > start_ns + c->window_ns + margin_ns ||
		            (taken < c->window_tokens * WINDOW_SURE && entry->sent_ns > start_ns + margin_ns &&
		             entry->sent_ns < start_ns + c->window_ns - margin_ns);

		if (!is_evidence(lane, entry))
			continue;
		if (entry->refused && entry->sent_ns >= start_ns + c->window_ns - margin_ns) {
			start_ns = entry->sent_ns;
			taken = 0;
		}
		taken += entry->refused;
		if (open && !entry->refused && scan->slots[entry->slot].stage != STAGE_SETTLED)
			scan->slots[entry->slot].silence_weight += (float)log(1 - SUREST_TOKEN * (1 - lost));
	}
}

/* Judges the silent ports by the tokens that they are likely to have met. */
static void weigh_ports(struct lane *lane, struct fit fits[RATES])
{
	struct collect *c = &lane->collect;
	struct portscan *scan = lane->scan;
	double jitter_s = 2e-9 * (double)scan->rtt.jitter_ns, lost = loss_estimate(&scan->loss);
	int64_t before_ns = c->since_ns;

	for (size_t i = 0; i < scan->slot_count; i++)
		scan->slots[i].silence_weight = 0;
	for (int i = 0; i < RATES; i++)
		fits[i] = (struct fit){
		        .rate = fits[i].rate, .most = c->first_most, .likelihood = 1, .weight = fits[i].weight};
	for (uint32_t n = c->fit_first; n != lane->log_unexpired; n++) {
		const struct log_entry *entry = asklog_entry(lane, n);
		struct port_slot *slot;
		double since_s, closed, met = 0;

		if (!is_evidence(lane, entry))
			continue;
		since_s = (double)(entry->sent_ns - before_ns) / 1e9;
		before_ns = entry->sent_ns;
		slot = &scan->slots[entry->slot];
		closed = fit_closedness(lane, slot);
		for (int i = 0; i < RATES; i++)
			if (fits[i].weight > NEGLIGIBLE)
				met += fits[i].weight * fit_ask(&fits[i], since_s, lane->limiter.burst, jitter_s,
				                                closed, entry->refused, c->taken >= SURE_TAKEN);
		if (entry->refused || slot->stage == STAGE_SETTLED)
			continue;
		met = fmin(met, SUREST_TOKEN);
		slot->silence_weight += (float)log(1 - met * (1 - lost));
	}
}

/* Until the bucket ran empty there was a token for every ask in front of a refused one. What those asks say of the ports. */
static double first_share(struct lane *lane, bool weigh)
{
	struct collect *c = &lane->collect;
	double closed = FIRST_SHARE * FIRST_WEIGHT, asked = FIRST_WEIGHT, lost = loss_estimate(&lane->scan->loss);
	int64_t refused_ns = INT64_MIN;

	for (uint32_t n = lane->log_unexpired; n != c->first && c->first - lane->log_first < n - lane->log_first; n--) {
		const struct log_entry *entry = asklog_entry(lane, n - 1);

		if (entry->sent_ns > c->began_ns || entry->slot == NO_INDEX || entry->answered)
			continue;
		if (entry->refused) {
			if (refused_ns == INT64_MIN)
				refused_ns = entry->sent_ns;
			closed++;
			asked++;
		} else if (entry->sent_ns + order_gap(lane) < refused_ns) {
			asked++;
			if (weigh)
				lane->scan->slots[entry->slot].judged_weight +=
				        (float)log(1 - SUREST_TOKEN * (1 - lost));
		}
	}
	return closed / asked;
}

/* The share of closed ports is the one at which the ports asked so far are expected to hold just that share. */
static void count_share(struct lane *lane)
{
	struct collect *c = &lane->collect;
	const struct portscan *scan = lane->scan;

	for (int turns = 0; turns < 3; turns++) {
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

/* What falls out of the window stays as it was judged last. */
static void forget(struct lane *lane)
{
	struct collect *c = &lane->collect;

	if (c->fit_first - lane->log_first > lane->log_next - lane->log_first)
		c->fit_first = lane->log_first;
	if (lane->log_unexpired - c->fit_first <= MOST_FITTED)
		return;
	c->fit_first = lane->log_unexpired - MOST_FITTED / 2;
	c->since_ns = asklog_entry(lane, c->fit_first)->sent_ns;
	c->first_most = lane->limiter.burst;
	for (size_t i = 0; i < lane->scan->slot_count; i++)
		lane->scan->slots[i].judged_weight += lane->scan->slots[i].silence_weight;
}

void fit_limit(struct lane *lane)
{
	struct collect *c = &lane->collect;
	struct fit fits[RATES];

	forget(lane);
	if (!c->weighed) {
		c->weighed = true;
		first_share(lane, true);
	}
	c->known_rate = c->taken >= ENOUGH_TAKEN || c->rate_given ? c->rate : 0;
	if (c->taken < ENOUGH_TAKEN || c->share <= 0)
		c->share = first_share(lane, false);
	for (size_t i = 0; i < lane->scan->slot_count; i++)
		lane->scan->slots[i].silence_weight = 0;
	for (int turns = 0; turns < TURNS; turns++) {
		if (c->window_ns > 0) {
			weigh_ports_by_window(lane);
		} else {
			try_rates(lane, fits);
			weigh_ports(lane, fits);
		}
		count_share(lane);
	}
}
