/* interval.c: what is known of a host that gives one ICMP error at a time, and what its refusals prove.
 *
 * The ports asked in front of the refused one had the error before them and did not take it: that proves their silence. Those
 * behind it had none. An error may be lost on its way back: any ask that stayed silent may have taken one, unless an error
 * that did come was too near to it in time for both. So what took the error last is looked for in the log, where each ask
 * says what is known of it.
 *
 * Whether a host is of this kind is found out on trial, by asking as if it were. What contradicts that ends it at any time. */
#include "interval.h"

#include <math.h>

enum {
	ANSWERS_TO_TRUST = 40, /* first asks answered, and none lost: loss is unlikely */
	ASKED_FOR_DOUBT = 20,  /* asks before a share of them that was lost says something */
	MOST_BEFORE_TRIAL = 3, /* errors: a host with one at a time shows it with the first ones */
	SILENT_TRIALS = 3,     /* volleys in a row: by then one of them should have been refused */
	MOST_TRIALS = 16,      /* volleys: HITS_TO_TRUST (usual.c) are reached by then, if ever */
};
#define LOST_FOR_CAUTION 0.25  /* share of errors lost from which on only what was seen lately is sure */
#define LOST_FOR_DOUBT   0.45  /* share of errors lost from which on it is not loss */
#define NEAREST          0.9   /* intervals that surely lie between two errors */
#define LOSS_UNSEEN      0.005 /* probability of loss on a path that has shown none */
#define WEIGHT_DECAY     0.97  /* of what is known of the share of closed ports, with each port */
#define SILENT_VOLLEY    0.5   /* share of them left, for the next volley, after one that stayed silent */
#define NOT_THE_FIRST    0.8   /* odds that a port refuses which was asked in a volley, and another one was refused */
#define SUCCESS_COUNTS   0.2   /* a volley that was refused counts for so many closed ports more, ... */
#define TOLD_MORE        1.5   /* so that what is known of the share drifts up where nothing is learnt: fewer asks */
#define MOSTLY_SETTLED   0.8   /* ... if this share of the ports asked is settled */

int64_t interval_ns(const struct lane *lane)
{
	return (int64_t)(1e9 / (limiter_is_interval(&lane->limiter) ? lane->limiter.rate
	                                                            : usual_limits[USUAL_INTERVAL].per_s));
}

bool interval_trusts_path(const struct lane *lane)
{
	return lane->scan->loss.lost <= 0 && lane->scan->loss.asked >= ANSWERS_TO_TRUST;
}

double interval_loss(const struct lane *lane)
{
	return lane->scan->loss.lost > 0 ? loss_estimate(&lane->scan->loss) : LOSS_UNSEEN;
}

/* Errors that should have come did not so often that it is hardly loss, or surely none. */
static bool is_lost_so_often(const struct lane *lane, double share)
{
	const struct loss *loss = &lane->scan->loss;

	return loss->asked >= ASKED_FOR_DOUBT && loss->lost >= share * loss->asked;
}

int64_t interval_surely(const struct lane *lane)
{
	const struct volley *volley = &lane->volley;
	int64_t most_ns = 2 * interval_ns(lane);

	if (volley->shortest_ns == 0 || (is_lost_so_often(lane, LOST_FOR_CAUTION) && volley->lately_ns > most_ns))
		return most_ns;
	return (is_lost_so_often(lane, LOST_FOR_CAUTION) ? volley->lately_ns : volley->shortest_ns) + order_gap(lane);
}

int64_t interval_nearest(const struct lane *lane)
{
	return (int64_t)(NEAREST * (double)interval_ns(lane)) - order_gap(lane);
}

double interval_closed(const struct lane *lane)
{
	const struct volley *volley = &lane->volley;

	return (volley->closed + 0.5) / (volley->closed + volley->silent + 1);
}

bool interval_is_spaced(const struct lane *lane)
{
	double closed = interval_closed(lane);

	return (double)send_gap(lane) * (1 - closed) < SPACING * closed * (double)interval_ns(lane);
}

static void count_left(struct lane *lane, double closed, double silent)
{
	double keep = pow(WEIGHT_DECAY, closed + silent);

	lane->volley.closed = lane->volley.closed * keep + closed;
	lane->volley.silent = lane->volley.silent * keep + silent;
}

double interval_share(const struct lane *lane, const struct port_slot *slot)
{
	/* The more volleys in a row stayed silent, the more ports the next one takes. */
	double closed = interval_closed(lane) * pow(SILENT_VOLLEY, lane->volley.in_vain);

	if (slot->stage == STAGE_SETTLED)
		return 1; /* a sentinel */
	/* Where order tells nothing, never to have been the first of a volley does a little. */
	return closed_after(lane, slot, closed, interval_is_spaced(lane) ? 1 : pow(NOT_THE_FIRST, slot->attempts));
}

int64_t interval_taker(struct lane *lane, int64_t at_ns)
{
	for (uint32_t n = lane->log_next; n != lane->log_first; n--) {
		const struct log_entry *entry = asklog_entry(lane, n - 1);

		if (entry->sent_ns <= at_ns && entry->slot != NO_INDEX && !entry->answered && !entry->none_there)
			return entry->sent_ns;
		if (entry->sent_ns < lane->last_ask_ns - 2 * interval_ns(lane))
			break;
	}
	return INT64_MIN / 2;
}

/* What that one ask did says that those near to it got nothing. Returns the first of them. */
static uint32_t mark_none_there(struct lane *lane, uint32_t number)
{
	int64_t sent_ns = asklog_entry(lane, number)->sent_ns, near_ns = interval_nearest(lane);
	uint32_t first = number;

	while (first != lane->log_first && asklog_entry(lane, first - 1)->sent_ns > sent_ns - near_ns)
		first--;
	for (uint32_t n = first; n != lane->log_next && asklog_entry(lane, n)->sent_ns < sent_ns + near_ns; n++)
		if (n != number && !asklog_entry(lane, n)->refused)
			asklog_entry(lane, n)->none_there = true;
	return first;
}

/* One error came, and none for a port known to refuse asked a moment later: perhaps there is one at a time. Whether the next one comes
 * when it then should is found out by asking as if it were so. */
static bool begin_trying(struct lane *lane, int64_t now_ns)
{
	struct volley *volley = &lane->volley;
	uint32_t n = lane->log_next;
	bool overdue;

	if (volley->tried || lane->refusals == 0 || lane->refusals > MOST_BEFORE_TRIAL ||
	    lane->usual.fits[USUAL_INTERVAL].dead || lane->index > lane->scan->teacher)
		return false;
	while (n != lane->log_first && !asklog_entry(lane, n - 1)->refused)
		n--;
	if (n == lane->log_first)
		return false;
	/* Where the round trip is long, the trial itself takes no longer than what else would be asked. */
	overdue = now_ns >= asklog_entry(lane, n - 1)->sent_ns + interval_ns(lane);
	if (lane->limiter.phase == LIMITER_UNSEEN ? lane->sentinels_silent == 0 && !(lane->checking && overdue)
	                                          : !lane->usual.met && !overdue)
		return false;
	volley->tried = volley->trying = true;
	volley->refusals = NO_INDEX;
	volley->refused_ns = asklog_entry(lane, n - 1)->sent_ns;
	mark_none_there(lane, n - 1);
	return true;
}

static void end_trying(struct lane *lane)
{
	lane->volley.trying = lane->volley.open = false;
	if (lane->limiter.phase == LIMITER_UNSEEN)
		check_begin(lane, lane->last_ask_ns);
}

bool interval_governs(const struct lane *lane)
{
	return lane->patient_ns == 0 && (limiter_is_interval(&lane->limiter) || lane->volley.trying);
}

bool interval_is_next(struct lane *lane, int64_t now_ns)
{
	struct volley *volley = &lane->volley;
	const struct usual_limit *limit = &usual_limits[USUAL_INTERVAL];
	bool sure;

	if (volley->trying && usual_best(&lane->usual, &sure) == USUAL_INTERVAL && sure) {
		limiter_recognise(&lane->limiter, limit->per_s, limit->burst, 0, lane->last_ask_ns);
		volley->trying = false;
	}
	if (volley->trying &&
	    (lane->usual.fits[USUAL_INTERVAL].dead || volley->in_vain >= SILENT_TRIALS || volley->trials > MOST_TRIALS))
		end_trying(lane);
	return interval_governs(lane) || (lane->patient_ns == 0 && begin_trying(lane, now_ns));
}

void interval_asked(struct lane *lane, const struct port_slot *slot, struct log_entry *entry)
{
	entry->expected = (float)interval_share(lane, slot);
	entry->none_there = entry->sent_ns < lane->volley.refused_ns + interval_nearest(lane);
	entry->token = entry->sent_ns >= lane->volley.high_ns && !lane->volley.at_once && !entry->none_there;
}

/* When the ask arrived, and took the error: the more its round trip was above the shortest, the less is known. */
static void learn_lateness(struct lane *lane, int64_t sent_ns, int64_t at_ns)
{
	struct volley *volley = &lane->volley;
	int64_t late_ns, gap_ns = order_gap(lane);

	if (volley->least_rtt_ns == 0 || at_ns - sent_ns < volley->least_rtt_ns)
		volley->least_rtt_ns = at_ns - sent_ns;
	late_ns = at_ns - sent_ns - volley->least_rtt_ns;
	if (sent_ns < volley->refused_ns)
		return;
	volley->refused_ns = sent_ns;
	volley->least_late_ns = late_ns > gap_ns ? late_ns - gap_ns : 0;
	volley->most_late_ns = late_ns < gap_ns ? late_ns : gap_ns;
}

/* They got nothing, and are free to be asked again; that should not wait for their timeout when the next error is due before. */
static void ask_again(struct engine *e, struct host *host, struct lane *lane, uint32_t refused, int64_t now_ns)
{
	int64_t sent_ns = asklog_entry(lane, refused)->sent_ns;

	for (uint32_t n = refused + 1; n != lane->log_next; n++) {
		struct log_entry *entry = asklog_entry(lane, n);

		if (entry->none_there && !entry->sentinel && !entry->bracketed &&
		    entry->sent_ns + ask_timeout(lane) > sent_ns + interval_ns(lane))
			asklog_in_vain(e, host, lane, n, now_ns);
	}
}

/* How soon one error surely follows another: the longest time of several in a row. One alone may be of a bucket that had two. */
static void learn_interval(struct lane *lane, uint32_t number)
{
	struct volley *volley = &lane->volley;
	int64_t longest_ns = 0, apart_ns = asklog_entry(lane, number)->sent_ns - volley->refused_ns;

	if (apart_ns < interval_ns(lane))
		return;
	volley->apart_ns[volley->apart_count++ % VOLLEY_TIMES] = apart_ns;
	if (volley->apart_count < VOLLEY_TIMES)
		return;
	for (size_t i = 0; i < VOLLEY_TIMES; i++)
		longest_ns = volley->apart_ns[i] > longest_ns ? volley->apart_ns[i] : longest_ns;
	volley->lately_ns = longest_ns;
	if (longest_ns < 2 * interval_ns(lane) && (volley->shortest_ns == 0 || longest_ns < volley->shortest_ns))
		volley->shortest_ns = longest_ns;
}

/* It is another limit after all. */
static void doubt(struct lane *lane, int64_t at_ns)
{
	lane->scan->loss = (struct loss){0}; /* what seemed lost never was there */
	lane->volley.trying = false;
	usual_forget(&lane->usual, USUAL_INTERVAL);
	limiter_doubt(&lane->limiter, at_ns);
}

/* Another ask was refused so near to it in time that no host with one error at a time has both. */
static bool is_contradicted(struct lane *lane, uint32_t number)
{
	int64_t sent_ns = asklog_entry(lane, number)->sent_ns, near_ns = interval_nearest(lane);

	for (uint32_t n = lane->log_next; n != lane->log_first; n--) {
		const struct log_entry *entry = asklog_entry(lane, n - 1);

		if (entry->sent_ns <= sent_ns - near_ns)
			break;
		if (n - 1 != number && entry->refused && entry->sent_ns < sent_ns + near_ns)
			return true;
	}
	return false;
}

/* Nobody of the volley refuses then, or the error was lost. */
void interval_silent(struct lane *lane, const struct log_entry *entry)
{
	double nobody = lane->volley.nobody, lost = (1 - nobody) * loss_estimate(&lane->scan->loss);

	if (entry->none_there)
		return;
	if (!entry->sentinel) {
		count_left(lane, 0, nobody / (nobody + lost));
	} else if (entry->token &&
	           !lane->volley.loss_counted) { /* with the others of its volley it says no more than one */
		lane->volley.loss_counted = true;
		loss_answered(&lane->scan->loss, 1);
	}
}

/* Of the ports asked so far nearly all are settled. */
static bool few_are_left(const struct lane *lane)
{
	return (double)lane->scan->settled > MOSTLY_SETTLED * (double)lane->scan->fresh_next;
}

/* Where the order of a volley is kept, those in front of the refused one are silent, it seems; where not, that one of them was
 * refused tells the more the less it was expected. */
static void learn_share(struct lane *lane, uint32_t number)
{
	const struct volley *volley = &lane->volley;
	int64_t sent_ns = asklog_entry(lane, number)->sent_ns;
	double silent = 0;

	if (asklog_entry(lane, number)->sentinel)
		return;
	if (!interval_is_spaced(lane)) {
		double told = few_are_left(lane) ? SUCCESS_COUNTS : 0;

		if (volley->nobody < 1)
			told += TOLD_MORE * volley->expected * volley->nobody /
			        ((1 - volley->nobody) * (1 - interval_closed(lane)));
		count_left(lane, fmin(told, 1), 0);
		return;
	}
	for (uint32_t n = number; n != lane->log_first; n--) {
		const struct log_entry *entry = asklog_entry(lane, n - 1);

		if (entry->none_there || entry->refused || entry->sent_ns < sent_ns - interval_nearest(lane))
			break;
		silent +=
		        (entry->token || !few_are_left(lane)) && !entry->answered && !entry->expired && !entry->sentinel
		                ? 1 - entry->expected * interval_loss(lane)
		                : 0;
	}
	count_left(lane, 1, silent);
}

/* The port refuses, as is known now, and there was an error for the ask before, which nobody got: one was lost. */
static void learn_loss(struct lane *lane, const struct log_entry *refused)
{
	struct log_entry *before;
	uint32_t n;

	if (refused->attempt == 0)
		return;
	before = asklog_find(lane, &lane->scan->slots[refused->slot], (uint16_t)(refused->attempt - 1), &n);
	if (!before || before->refused || before->answered || !before->expired || !before->token ||
	    before->none_there || before->bracketed)
		return;
	mark_none_there(lane, n);
	loss_answered(&lane->scan->loss, 1);
}

void interval_refused(struct engine *e, struct host *host, struct lane *lane, uint32_t number, int64_t at_ns)
{
	struct log_entry *refused = asklog_entry(lane, number);
	int64_t sent_ns = refused->sent_ns, gap_ns = order_gap(lane);
	int64_t sure_ns = interval_taker(lane, sent_ns - interval_nearest(lane)) + interval_surely(lane) + gap_ns;

	learn_interval(lane, number);
	learn_share(lane, number);
	learn_loss(lane, refused);
	if (is_contradicted(lane, number) || is_lost_so_often(lane, LOST_FOR_DOUBT))
		doubt(lane, sent_ns);
	if (!interval_governs(lane))
		return;
	learn_lateness(lane, sent_ns, at_ns);
	if (number - lane->volley.first < lane->log_next - lane->volley.first)
		lane->volley.open = false;
	for (uint32_t n = mark_none_there(lane, number); n != number; n++) {
		struct log_entry *entry = asklog_entry(lane, n);

		if (entry->sent_ns > sent_ns - gap_ns || lane->volley.trying)
			break;
		if (entry->sent_ns >= sure_ns && may_be_proved(lane, entry))
			prove(e, host, lane, entry, number, at_ns);
	}
	ask_again(e, host, lane, number, at_ns);
}
