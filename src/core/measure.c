/* measure.c: the least rate that a bucket must have, by what is sure alone.
 *
 * Only ports known to refuse tell for sure: an ask of one that was refused took a token, one that was not found none. The bucket
 * of a rate is followed through those asks between two bounds. A rate is too low when a token was taken that it cannot have given; the
 * least one that is not lies below the true one by about one part in the number of tokens counted, where none had to wait.
 * When it did not promise a token to an ask that found none either, tokens can be counted by it as if the limit were one in
 * wide use (usual.c): a promise is kept all the more at the true rate. */
#include <math.h>

#include "internal.h"

enum {
	FEWEST_TAKEN = 12,  /* tokens, and ... */
	FEWEST_MISSED = 1,  /* ... asks that found none, before a rate is measured */
	HALVINGS = 13,      /* of the interval in which it is looked for */
	AT_ONCE_MS = 5,     /* in which hardly a token comes */
	SMALLEST_BURST = 2, /* a burst of one is another kind of limit */
	LARGEST_BURST = 50, /* more than it gave when it was met may be in a bucket */
};
/* That interval, in times of the rate that tokens came at on average: while nothing was asked, they were not counted. */
#define AVERAGE_LEAST  0.3
#define AVERAGE_MOST   8.0
#define AVERAGE_KNOWN  0.75  /* of it, and less is not known well enough */
#define MOST_UNORDERED 0.5   /* tokens that come while the order of asks is uncertain */
#define FASTEST        60.0  /* tokens a second: of more several come while an ask and its proof are on their way */
#define SLACK          0.03  /* tokens by which the time may be off, beside jitter */
#define BROKEN_BY_LOSS 0.06  /* share of the asks that may contradict the rate when packets are lost */
#define ROOM           0.998 /* of the rate found: the steps of looking for it, and the clocks */
#define LIKELY_TOKENS  3.0 /* so many more may have come meanwhile: a rate to ask by, rather too early than too late */
#define MOST_EXCESS    1.0 /* relative, of the true rate over it */

/* What was counted. */
struct count {
	int64_t met_ns, last_ns;
	uint32_t held;   /* tokens that were there at once, when the scan began or later */
	uint32_t taken;  /* since the limit was met */
	uint32_t missed; /* asks that found no token */
};

/* A port known to refuse was asked, and it is decided what became of that. */
static bool is_sure(const struct lane *lane, const struct log_entry *entry)
{
	return entry->slot != NO_INDEX && !entry->answered &&
	       (entry->refused || lane->scan->slots[entry->slot].by_target);
}

static struct count count_tokens(struct lane *lane)
{
	struct count count = {.met_ns = collect_met_ns(lane, lane->collect.began_ns)};
	uint32_t held = 0;
	int64_t since_ns = 0;

	for (uint32_t n = lane->log_first; n != lane->log_unexpired; n++) {
		const struct log_entry *entry = asklog_entry(lane, n);

		if (!is_sure(lane, entry))
			continue;
		if (entry->sent_ns > count.met_ns && entry->sent_ns > since_ns + AT_ONCE_MS * MS) {
			since_ns = entry->sent_ns;
			held = 0;
		}
		held += entry->refused;
		count.held = held > count.held ? held : count.held;
		if (entry->sent_ns <= count.met_ns)
			continue;
		count.taken += entry->refused;
		count.missed += !entry->refused;
		if (entry->refused)
			count.last_ns = entry->sent_ns;
	}
	return count;
}

/* A bucket of a rate, followed through the asks. */
struct bucket {
	double rate, slack;
	double least, most; /* tokens in it at at_ns */
	int64_t at_ns;
	int64_t missed_ns; /* when an ask was sent that found no token, unless one sent after it overtook it; 0: none */
	uint32_t missed;   /* such asks in a row */
	uint32_t broken;   /* asks that found no token where one surely was */
};

/* Nothing overtook the ask: it found no token. Of several in a row one may just have been lost. */
static void conclude_missed(struct bucket *bucket, uint32_t needed)
{
	double came = bucket->rate * (double)(bucket->at_ns - bucket->missed_ns) / 1e9;

	if (bucket->least - came > 1 + bucket->slack) {
		bucket->broken++;
		bucket->least = came;
	}
	if (++bucket->missed >= needed)
		bucket->most = fmin(bucket->most, 1 + bucket->slack + came);
	bucket->missed_ns = 0;
}

/* Whether a bucket of that rate can have given all tokens that were taken. *broken: asks that found none where it surely had one. */
static bool explains(struct lane *lane, const struct count *count, double rate, double burst, uint32_t *broken)
{
	int64_t gap_ns = order_gap(lane);
	uint32_t needed = lane->scan->loss.lost > 0 ? 2 : 1;
	struct bucket bucket = {.rate = rate,
	                        .slack = SLACK + rate * (double)gap_ns / 1e9,
	                        .most = LARGEST_BURST,
	                        .at_ns = count->met_ns};

	for (uint32_t n = lane->log_first; n != lane->log_unexpired; n++) {
		const struct log_entry *entry = asklog_entry(lane, n);
		double came;

		if (!is_sure(lane, entry) || entry->sent_ns <= count->met_ns)
			continue;
		came = rate * (double)(entry->sent_ns - bucket.at_ns) / 1e9;
		bucket.at_ns = entry->sent_ns;
		bucket.least = fmin(bucket.least + came, burst);
		bucket.most = fmin(bucket.most + came, LARGEST_BURST);
		if (bucket.missed_ns > 0 && entry->sent_ns > bucket.missed_ns + gap_ns)
			conclude_missed(&bucket, needed);
		if (!entry->refused) {
			if (bucket.missed_ns == 0)
				bucket.missed_ns = entry->sent_ns;
			continue;
		}
		if (bucket.most < 1 - bucket.slack)
			return false;
		bucket.most -= 1; /* below nothing when they come too often, be it by ever so little each time */
		bucket.least = fmax(bucket.least - 1, 0);
		bucket.missed = 0;
		bucket.missed_ns = 0;
	}
	*broken = bucket.broken;
	return true;
}

/* So many asks may contradict a rate, since packets are lost. */
static uint32_t most_broken(const struct lane *lane, const struct count *count)
{
	return lane->scan->loss.lost > 0 ? (uint32_t)(BROKEN_BY_LOSS * (count->taken + count->missed)) : 0;
}

bool measure_allows(struct lane *lane, const struct usual_limit *limit)
{
	struct count count = count_tokens(lane);
	uint32_t broken;

	return count.taken < FEWEST_TAKEN ||
	       (explains(lane, &count, limit->per_s, limit->burst, &broken) && broken <= most_broken(lane, &count));
}

bool measure_limit(struct lane *lane, struct usual_limit *limit)
{
	struct count count = count_tokens(lane);
	double low, high, average;
	uint32_t broken;

	if (count.taken < FEWEST_TAKEN || count.missed < FEWEST_MISSED || count.last_ns <= count.met_ns)
		return false;
	limit->burst = fmin(lane->limiter.burst, fmax(count.held, SMALLEST_BURST));
	limit->most_burst = LARGEST_BURST;
	average = count.taken / ((double)(count.last_ns - count.met_ns) / 1e9);
	low = average * AVERAGE_LEAST;
	high = average * AVERAGE_MOST;
	if (!explains(lane, &count, high, limit->burst, &broken))
		return false;
	for (int i = 0; i < HALVINGS; i++) {
		double middle = sqrt(low * high);

		if (explains(lane, &count, middle, limit->burst, &broken))
			high = middle;
		else
			low = middle;
	}
	explains(lane, &count, low * ROOM, limit->burst, &broken);
	limit->per_s = low * ROOM;
	limit->likely = 1 + LIKELY_TOKENS / count.taken;
	limit->excess = MOST_EXCESS;
	/* Where the order of asks is not known, or asks that found none are few, the rate may be far higher than the least. */
	if (limit->per_s < AVERAGE_KNOWN * average || average * (double)order_gap(lane) / 1e9 > MOST_UNORDERED)
		return false;
	return broken <= most_broken(lane, &count) && limit->per_s <= FASTEST;
}
