/* observe_proof.c: what silence means, by the order of one asker's questions to one host and of the host's refusals.
 *
 * A host has a bucket of ICMP errors (limiter.h). If a question that was asked after a silent one was refused, a token was there
 * for it; then one was there for the silent one too, unless it came in between. n refusals within dt behind the silent question
 * take n tokens: with `rate` new ones a second at most, n - rate * dt of them were there before. One is enough. What
 * remains is told as a chance, multiplied over all questions to that port: rate * dt - (n - 1), that the first token came
 * in between; that tokens come in lumps (windowed limiters) and a window began just then; that a packet was lost. */
#include <math.h>
#include <stdlib.h>

#include "observer.h"

enum {
	MOST_BEHIND = 12,    /* refusals behind a silent question that are looked at */
	LEAST_EMPTIES = 3,   /* questions in vain that show a limit ... */
	LEAST_REFUSALS = 6,  /* ... between so many refusals */
	MOST_CHECKED = 4096, /* empties and refusals looked at for consistency */
};
#define SECOND_NS    1e9
#define UNKNOWN_RATE 1000.0 /* errors a second that an unknown host may get at most: Junos, Linux's host-wide limit */
#define WINDOW_S     0.1    /* shortest window in wide use from which tokens come in lumps (Solaris) */
#define LEAST_DOUBT  1e-3   /* of one question: more trust than that no single packet deserves */
#define MOST_DOUBT                                                                                                     \
	0.02 /* a question less sure than that counts for nothing: closed ports that are left over were unlucky */
#define BUCKET_SLACK 1.6 /* tokens that a bucket just found empty may still seem to hold, with rounding */

static int by_time(const void *a, const void *b)
{
	const struct asked_entry *left = a, *right = b;

	return left->at_ns < right->at_ns ? -1 : left->at_ns > right->at_ns;
}

/* Refused at another time, or at this one: the host refuses that port. */
static bool is_refusing(const struct observer *o, uint32_t port)
{
	return o->ports[port].finding.weight == WEIGHT_TARGET;
}

static bool is_silent(const struct observer *o, uint32_t port)
{
	return o->ports[port].finding.weight == WEIGHT_NONE;
}

/* From one question in vain on, the bucket was empty: no more refusals may follow than the rate allows. */
static bool fits_bucket(const struct observer *o, const struct ask_log *log, double rate)
{
	uint32_t checked = 0;

	for (uint32_t i = 0; i < log->count; i++) {
		double tokens = BUCKET_SLACK, n = 0;

		if (log->entries[i].refused || !is_refusing(o, log->entries[i].port))
			continue;
		for (uint32_t k = i + 1; k < log->count && checked < MOST_CHECKED; k++, checked++) {
			double dt = (double)(log->entries[k].at_ns - log->entries[i].at_ns) / SECOND_NS;

			if (!log->entries[k].refused)
				continue;
			if (++n > tokens + 1.15 * rate * dt)
				return false;
			if (n > MOST_BEHIND)
				break;
		}
	}
	return true;
}

/* The common limits by their figures (limiter.c has the same table with its sources). */
static void snap(struct limit_found *limit)
{
	static const struct {
		double rate, burst;
	} usual[] = {{1, 6}, {10, 6}, {2, 1}};

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		if (fabs(limit->rate - usual[i].rate) <= 0.2 * usual[i].rate &&
		    fabs(limit->burst - usual[i].burst) <= 1.5) {
			limit->rate = usual[i].rate;
			limit->burst = usual[i].burst;
		}
	}
}

/* The questions that the host would refuse came so steadily that the bucket never had the time to fill up, when tokens are lost that
 * nobody counts. And how close behind each other two refusals ever came: no faster than that is the rate. */
static bool is_steady(const struct observer *o, const struct ask_log *log, uint32_t first, uint32_t last,
                      struct limit_found *limit)
{
	double most_s = (0.25 + 0.5 * limit->burst) / limit->rate;
	int64_t before_ns = log->entries[first].at_ns, refused_ns = 0, least_ns = INT64_MAX;
	bool steady = true;

	for (uint32_t i = first; i <= last; i++) {
		const struct asked_entry *entry = &log->entries[i];

		if (!is_refusing(o, entry->port))
			continue;
		steady = steady && (double)(entry->at_ns - before_ns) / SECOND_NS <= most_s;
		before_ns = entry->at_ns;
		if (!entry->refused)
			continue;
		if (refused_ns != 0 && entry->at_ns - refused_ns < least_ns)
			least_ns = entry->at_ns - refused_ns;
		refused_ns = entry->at_ns;
	}
	limit->most = least_ns > 0 ? SECOND_NS / (double)least_ns : UNKNOWN_RATE;
	return steady;
}

/* The limit, if the log shows one: questions in vain to ports that the host does refuse, and between the first and the last of
 * them a steady trickle of refusals that a bucket explains. */
static void find_limit(const struct observer *o, const struct ask_log *log, struct limit_found *out)
{
	uint32_t first = NONE, last = NONE, empties = 0, before = 0, between = 0, since_last = 0;
	int64_t start_ns = 0;
	double seconds;

	*out = (struct limit_found){0};
	for (uint32_t i = 0; i < log->count; i++) {
		const struct asked_entry *entry = &log->entries[i];

		if (entry->refused) {
			if (first == NONE && before++ == 0)
				start_ns = entry->at_ns;
			since_last++;
			continue;
		}
		if (!is_refusing(o, entry->port))
			continue;
		if (first == NONE)
			first = i;
		else
			between += since_last;
		since_last = 0;
		last = i;
		empties++;
	}
	if (empties < LEAST_EMPTIES || between < LEAST_REFUSALS)
		return;
	seconds = (double)(log->entries[last].at_ns - log->entries[first].at_ns) / SECOND_NS;
	if (seconds < 1)
		return;
	out->rate = between / seconds;
	out->burst =
	        before > 0 ? round(before - out->rate * (double)(log->entries[first].at_ns - start_ns) / SECOND_NS) : 1;
	if (out->burst < 1)
		out->burst = 1;
	out->clear = is_steady(o, log, first, last, out) && fits_bucket(o, log, out->rate);
	snap(out);
}

/* More tokens a second than that the host hardly gets. */
static double rate_bound(const struct limit_found *limit)
{
	double most = limit->most > limit->rate ? limit->most : limit->rate;

	return limit->clear && 1.2 * most < UNKNOWN_RATE ? 1.2 * most : UNKNOWN_RATE;
}

/* The chance that a question asked at log entry i met an empty bucket, by the refusals around it. 1: nothing is known. */
static double doubt_about(const struct ask_log *log, uint32_t i, const struct limit_found *limit)
{
	double rate = rate_bound(limit), least = 1, lead = 1;
	uint32_t n = 0;

	if (!limit->clear) {
		for (uint32_t k = i; k > 0 && i - k < MOST_BEHIND; k--) {
			if (log->entries[k - 1].refused) {
				lead = (double)(log->entries[i].at_ns - log->entries[k - 1].at_ns) / SECOND_NS /
				       WINDOW_S;
				break;
			}
		}
	}
	for (uint32_t k = i + 1; k < log->count && n < MOST_BEHIND; k++) {
		double dt = (double)(log->entries[k].at_ns - log->entries[i].at_ns) / SECOND_NS, doubt, lump;

		if (rate * dt > MOST_BEHIND)
			break;
		if (!log->entries[k].refused)
			continue;
		n++;
		doubt = rate * dt - (n - 1);
		lump = limit->clear ? 0 : dt / WINDOW_S * (lead < 1 ? lead + dt / WINDOW_S : 1);
		doubt = doubt > lump ? doubt : lump;
		least = doubt < least ? doubt : least;
	}
	return least;
}

/* The share of questions that got no refusal although the port refuses and a token was there. */
static double measure_loss(const struct observer *o, const struct ask_log *log, const struct limit_found *limit)
{
	double sure = 0, lost = 0;

	for (uint32_t i = 0; i < log->count; i++) {
		if (!is_refusing(o, log->entries[i].port) || doubt_about(log, i, limit) > 0.05)
			continue;
		sure++;
		lost += !log->entries[i].refused;
	}
	return lost > 0 ? (lost + 1) / (sure + 1) : LEAST_DOUBT;
}

void judge_silence(struct observer *o, struct ask_log *log, struct limit_found *limit)
{
	double loss;

	*limit = (struct limit_found){0};
	if (log->count == 0 || log->refusals == 0)
		return;
	qsort(log->entries, log->count, sizeof(*log->entries), by_time);
	find_limit(o, log, limit);
	loss = measure_loss(o, log, limit);
	if (loss < LEAST_DOUBT)
		loss = LEAST_DOUBT;
	for (uint32_t i = 0; i < log->count; i++) {
		uint32_t port = log->entries[i].port;
		double doubt;

		if (!is_silent(o, port))
			continue;
		doubt = doubt_about(log, i, limit);
		doubt = doubt > loss ? doubt : loss;
		if (doubt <= MOST_DOUBT)
			o->ports[port].doubt_log += log10(doubt);
	}
}
