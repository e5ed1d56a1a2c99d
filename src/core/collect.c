/* collect.c: a limit that is none of those in wide use: how fast it gives errors, learnt from what it gave. */
#include <math.h>
#include <string.h>

#include "internal.h"

enum {
	LEAST_AGE_US = 500, /* the shortest time since a bucket was found empty in which a token is looked for */
	SETTLED_TAKEN = 8,  /* tokens after which the rate is told */
	FEW_TAKEN = 4,
	LARGE_WINDOW = 30, /* tokens: no bucket gives so many at once after a silence */
	WINDOWS_TO_TRUST = 3,
	LUMP = 3, /* errors in a row, too many for a bucket, that make a window */
	LEARNING_TAKEN = 6,
	INTERVAL_MS = 505,
	MORE_THAN_A_BUCKET = 64,
};
#define CAUTIOUS         0.9
#define LONGEST_WINDOW_S 1.2
#define BUNCH            2.5 /* errors expected of asks sent at once */
#define POLLS            4.0 /* asks while the time since the bucket ran empty grows by a factor of e */
#define NOT_A_BUCKET     4.0 /* errors come so many times faster than when none came before */
#define STARVATION       2.0 /* errors expected and not given that make a silence of the limit */

/* Solaris gives 10 errors each 100 ms, BSD 100 to 250 a second. */
static const int64_t windows_in_use[WINDOWS_IN_USE] = {100 * MS, 1000 * MS};
static const uint32_t window_fewest[WINDOWS_IN_USE] = {8, 30}, window_most[WINDOWS_IN_USE] = {12, 1000};

bool collecting(const struct lane *lane)
{
	return lane->limiter.phase != LIMITER_UNSEEN && !lane->limiter.recognised && lane->patient_ns == 0 &&
	       lane->limiter.burst > 2 && usual_none(&lane->usual);
}

double collect_rate(const struct lane *lane)
{
	const struct collect *c = &lane->collect;

	return c->window_ns > 0 ? c->window_tokens / ((double)c->window_ns / 1e9) : c->rate;
}

/* Probability that the port refuses, after all its silences. */
double collect_likely(const struct lane *lane, const struct port_slot *slot)
{
	double share = lane->collect.share, odds;

	odds = share * exp(slot->silence_weight + slot->judged_weight) *
	       pow(loss_estimate(&lane->scan->loss), slot->silences);
	return odds / (odds + 1 - share);
}

void collect_count(struct lane *lane)
{
	struct collect *c = &lane->collect;

	if (c->share > 0 && lane->log_unexpired - c->fitted < 3 + (lane->log_unexpired - c->first) / 8)
		return;
	c->fitted = lane->log_unexpired;
	fit_limit(lane);
}

/* Errors given up to before_ns since the window of that length began in which the last of them was. */
static uint32_t window_start(struct lane *lane, int64_t window_ns, int64_t before_ns, int64_t *start_ns)
{
	uint32_t count = 0;

	*start_ns = INT64_MIN / 2;
	for (uint32_t n = lane->log_first; n != lane->log_next; n++) {
		const struct log_entry *entry = asklog_entry(lane, n);

		if (entry->sent_ns >= before_ns)
			break;
		if (!entry->refused)
			continue;
		if (entry->sent_ns >= *start_ns + window_ns) {
			*start_ns = entry->sent_ns;
			count = 0;
		}
		count++;
	}
	return count;
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

void collect_begin(struct lane *lane, int64_t now_ns)
{
	struct collect *c = &lane->collect;
	int64_t since_ns = c->found_ns > 0 ? c->found_ns : now_ns;

	*c = (struct collect){.on = true,
	                      .found_ns = since_ns,
	                      .since_ns = since_ns,
	                      .began_ns = since_ns,
	                      .collected_ns = since_ns,
	                      .decided_ns = since_ns,
	                      .silent_ns = since_ns};
	lane->checking = false;
	lane->group = lane->sentinels_due = 0;
	c->credit_ns = since_ns;
	c->first_most = 1;
	c->first = c->fit_first = lane->log_first;
	for (uint32_t n = lane->log_first; n != lane->log_unexpired; n++)
		if (asklog_entry(lane, n)->sent_ns > since_ns)
			collect_decided(lane, n);
	c->fitted = lane->log_unexpired;
	fit_limit(lane);
}

static int64_t window_margin(const struct lane *lane)
{
	return lane->collect.window_ns / 200 + MS / 2 + lane->scan->rtt.jitter_ns * 3 / 2;
}

/* Where the path jitters too much for the window, its tokens are taken by the clock, as if it were a bucket. */
static bool window_is_exact(const struct lane *lane)
{
	return lane->collect.window_ns > 0 && window_margin(lane) < lane->collect.window_ns / 6;
}

/* A few asks more than a window has tokens. */
static double window_credit(double tokens)
{
	return tokens * 1.1 + 1.5;
}

/* Several errors came at once after a silence in which a bucket would have given them one by one. */
static void find_window(struct lane *lane, int64_t at_ns)
{
	struct collect *c = &lane->collect;
	double before_s = (double)(c->empty_ns - c->since_ns) / 1e9, now_s = (double)(at_ns - c->empty_ns) / 1e9;
	int64_t start_ns;
	uint32_t count;

	if (c->lump < LUMP || before_s <= 0 || c->empty_ns <= c->since_ns)
		return;
	if ((c->lump - 1) * before_s < NOT_A_BUCKET * (c->before_lump + 1) * now_s)
		return;
	for (size_t i = 0; i < WINDOWS_IN_USE; i++) {
		count = window_start(lane, windows_in_use[i], c->lump_ns, &start_ns);
		if (c->lump_ns - start_ns >= windows_in_use[i] * 19 / 20 &&
		    c->lump_ns - start_ns <= windows_in_use[i] * 3 / 2) {
			c->window_ns = windows_in_use[i];
			c->window_tokens = count > c->lump ? count : c->lump;
			c->window_start_ns = c->lump_ns;
			c->credit = fmax(c->credit, window_credit(c->window_tokens - c->lump));
			return;
		}
	}
}

/* A bucket that gives far more than it ever held is none. */
static void has_no_limit(struct lane *lane)
{
	struct collect *c = &lane->collect;

	if (!collecting(lane) || c->window_ns > 0 || c->run <= 2 * lane->limiter.burst + MORE_THAN_A_BUCKET)
		return;
	lane->window = fmax(lane->window, 2 * c->rate * (double)lane->scan->rtt.srtt_ns / 1e9);
	limiter_init(&lane->limiter);
	usual_init(&lane->usual);
	c->on = false;
}

static void took_token(struct lane *lane, const struct log_entry *entry)
{
	struct collect *c = &lane->collect;

	c->run++;
	if (c->silent >= STARVATION || c->lump == 0) {
		int64_t before_ns = c->refused_ns > 0 ? c->refused_ns : c->since_ns;

		if (entry->sent_ns - before_ns > c->longest_ns && c->trial == TRIAL_NONE)
			c->longest_ns = entry->sent_ns - before_ns;
		c->lump = 0;
		c->lump_ns = entry->sent_ns;
		c->before_lump = c->taken;
		c->empty_ns = c->silent_ns;
	}
	c->silent = 0;
	c->refused_ns = entry->sent_ns;
	c->lump++;
	c->taken++;
	c->collected += c->trial == TRIAL_NONE;
	if (c->window_ns > 0) {
		if (entry->sent_ns >= c->window_start_ns + c->window_ns * 19 / 20) {
			c->windows_seen += c->lump > c->window_tokens * WINDOW_SURE;
			c->window_start_ns = entry->sent_ns;
			c->lump = 1;
		}
		if (c->lump > c->window_tokens)
			c->window_tokens = c->lump;
	} else {
		find_window(lane, entry->sent_ns);
	}
}

static void tell_limiter(struct lane *lane)
{
	struct limiter *limiter = &lane->limiter;
	double rate = collect_rate(lane);

	if (rate <= 0)
		return;
	limiter_measured(limiter, rate, lane->collect.window_ns > 0 ? lane->collect.window_tokens : limiter->burst);
	if (lane->collect.taken >= SETTLED_TAKEN)
		limiter->settled = true;
}

void collect_decided(struct lane *lane, uint32_t number)
{
	struct collect *c = &lane->collect;
	const struct log_entry *entry = asklog_entry(lane, number);

	if (!c->on || entry->slot == NO_INDEX || entry->sent_ns <= c->since_ns)
		return;
	c->decided_ns = entry->sent_ns;
	if (!entry->answered && (!entry->trial || entry->refused) && c->rate > 0 && c->window_ns == 0 &&
	    entry->sent_ns >= c->now_ns) {
		struct port_slot *slot = &lane->scan->slots[entry->slot];
		double token = fit_ask(&c->now, (double)(entry->sent_ns - c->now_ns) / 1e9, lane->limiter.burst,
		                       2e-9 * (double)lane->scan->rtt.jitter_ns, fit_closedness(lane, slot),
		                       entry->refused, c->taken >= SURE_TAKEN);

		c->now_ns = entry->sent_ns;
		if (!entry->refused && collecting(lane))
			slot->silence_weight += (float)log(1 - fmin(token, SUREST_TOKEN));
	}
	if (entry->refused) {
		took_token(lane, entry);
		has_no_limit(lane);
	} else if (!entry->answered && !entry->trial) {
		c->silent += entry->expected;
		if (entry->expected > 0.5 || c->silent >= 1) {
			c->silent_ns = entry->sent_ns;
			c->run = 0;
		}
	}
	if (c->on)
		tell_limiter(lane);
}

/* Asks a second, in errors expected of them. */
static double pace_now(const struct lane *lane, int64_t now_ns)
{
	const struct collect *c = &lane->collect;
	double age_s = (double)(now_ns - c->since_ns + LEAST_AGE_US * 1000) / 1e9;

	return COLLECT_PACE * collect_rate(lane) + POLLS / age_s;
}

/* When the next one begins, if the last one asked for did when it was. */
static int64_t next_window(const struct lane *lane)
{
	const struct collect *c = &lane->collect;
	int64_t last_ns = c->window_asked_ns > c->window_start_ns ? c->window_asked_ns : c->window_start_ns;

	return last_ns + c->window_ns + window_margin(lane);
}

/* A window that is expected to begin gives all its tokens at once. */
static bool open_window(struct lane *lane, int64_t now_ns)
{
	struct collect *c = &lane->collect;

	if (now_ns < next_window(lane))
		return false;
	c->window_asked_ns = now_ns;
	c->credit = window_credit(c->window_tokens);
	c->credit_ns = now_ns;
	return true;
}

/* No token yet: if it is one of the windows in use, it opens again at that time. Returns the next such time. */
static int64_t try_windows(struct lane *lane, int64_t now_ns)
{
	struct collect *c = &lane->collect;
	int64_t next_ns = NEVER;

	for (size_t i = 0; i < WINDOWS_IN_USE; i++) {
		int64_t start_ns, open_ns;
		uint32_t count;

		if (c->tried[i] || c->taken > 0)
			continue;
		count = window_start(lane, windows_in_use[i], c->since_ns + 1, &start_ns);
		open_ns = start_ns + windows_in_use[i] + windows_in_use[i] / 200 + window_margin(lane);
		if (now_ns < open_ns) {
			next_ns = open_ns < next_ns ? open_ns : next_ns;
			continue;
		}
		c->tried[i] = true;
		if (now_ns <= start_ns + windows_in_use[i] * 3 / 2)
			c->credit =
			        fmax(c->credit, count >= window_fewest[i] && count <= window_most[i] ? count + 2 : 3);
	}
	return next_ns;
}

/* The first asks got one error at most: is it an interval (Cisco IOS: 500 ms)? Asks just after it tell soonest. */
static int64_t try_interval(struct lane *lane, int64_t now_ns)
{
	struct collect *c = &lane->collect;
	int64_t at_ns = lane->limiter.last_use_ns + INTERVAL_MS * MS + 2 * order_gap(lane);

	if (lane->limiter.burst > 2 || c->taken > SETTLED_TAKEN || c->interval_tried_ns == lane->limiter.last_use_ns)
		return NEVER;
	if (now_ns >= at_ns)
		c->interval_tried_ns = lane->limiter.last_use_ns;
	return at_ns;
}

int64_t collect_ready(struct lane *lane, double need, int64_t now_ns)
{
	struct collect *c = &lane->collect;
	int64_t ready_ns, try_ns, window_ns;
	double pace;

	if (window_is_exact(lane)) {
		open_window(lane, now_ns);
		return c->credit >= need ? now_ns : next_window(lane);
	}
	pace = pace_now(lane, now_ns);
	if (now_ns > c->credit_ns)
		c->credit = fmin(c->credit + pace * (double)(now_ns - c->credit_ns) / 1e9, lane->limiter.burst + 2);
	c->credit_ns = now_ns;
	window_ns = try_windows(lane, now_ns);
	/* While little is known several are asked at once: a window that opens gives all of them an error, a bucket only one. */
	if (c->credit < need && !c->bunch)
		c->bunch = c->taken < LEARNING_TAKEN && c->window_ns == 0 && lane->limiter.burst > 2;
	if (c->bunch && c->credit < fmax(need, BUNCH))
		need = fmax(need, BUNCH);
	else
		c->bunch = false;
	if (c->credit >= need)
		return now_ns;
	ready_ns = now_ns + 1 + (int64_t)((need - c->credit) / pace * 1e9);
	try_ns = try_interval(lane, now_ns);
	if (window_ns < try_ns)
		try_ns = window_ns;
	return try_ns < ready_ns ? try_ns : ready_ns;
}

double collect_spare(struct lane *lane, int64_t now_ns)
{
	const struct collect *c = &lane->collect;
	double spare = c->now.least + CAUTIOUS * c->rate * (double)(now_ns - c->now_ns) / 1e9;

	if (c->window_ns > 0)
		spare = now_ns < c->window_start_ns + c->window_ns ? c->window_tokens - c->lump : 0;
	else if (c->taken < SETTLED_TAKEN)
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

void collect_spend(struct lane *lane, double errors)
{
	lane->collect.credit -= errors;
}

/* What came so far is less than the limit gives, whatever that is. */
static double least_rate(const struct lane *lane)
{
	const struct collect *c = &lane->collect;
	double came = (c->collected + 0.5) / ((double)(c->collected_ns - c->began_ns) / 1e9 + 1e-3);

	return c->collected > 0 ? fmin(collect_rate(lane), came) : 0;
}

void collect_restart(struct lane *lane)
{
	struct collect *c = &lane->collect;

	c->rate = least_rate(lane);
	c->rate_given = c->rate > 0;
	c->share = 0;
	c->fit_first = lane->log_next;
	c->since_ns = lane->last_ask_ns;
}

void collect_slower(struct lane *lane)
{
	struct collect *c = &lane->collect;

	c->rate = collect_rate(lane) / 2;
	c->rate_given = true;
	c->window_ns = 0;
}

double collect_came(const struct lane *lane, int64_t now_ns)
{
	double since_s = (double)(now_ns - lane->limiter.last_use_ns) / 1e9;

	return fmin(lane->collect.window_ns > 0 ? 0 : CAUTIOUS * least_rate(lane) * since_s, lane->limiter.burst);
}

/* When so many tokens are surely there, if nothing is asked until then. */
int64_t collect_rested(struct lane *lane, double tokens)
{
	const struct collect *c = &lane->collect;
	double rate = least_rate(lane), rest_s;

	/* A window not used up has them already. */
	if (window_is_exact(lane))
		return c->lump + tokens < WINDOW_SURE * c->window_tokens ? lane->last_ask_ns : next_window(lane);
	rest_s = rate > 0 ? tokens / rate : 2.2;
	if (c->window_ns > 0)
		rest_s = fmax(rest_s, 1.1e-9 * (double)c->window_ns);
	if (c->collected < FEW_TAKEN)
		rest_s = fmax(rest_s, LONGEST_WINDOW_S);
	/* It may be a window after all. */
	rest_s = fmax(rest_s, fmin(1.2e-9 * (double)c->longest_ns, LONGEST_WINDOW_S));
	return (lane->scan->loss.lost > 0 ? lane->last_ask_ns : lane->limiter.last_use_ns) + (int64_t)(rest_s * 1e9) +
	       2 * order_gap(lane);
}
