/* windows.c: what the volleys say that a host was asked in which gives its ICMP errors in windows, and what they prove. */
#include "windows.h"

#include <math.h>

#include "internal.h"

enum {
	CLOCK_PARTS = 400,     /* the target's clock may be off by one such part of the length */
	CLOCK_US = 250,        /* ... and by so much */
	ANSWERS_TO_TRUST = 40, /* first asks answered, and none lost: loss is unlikely */
	MOST_ASKS_BACK = 4,    /* earlier asks of a port that are looked at */
	MOST_TRIALS = 6,       /* volleys, by which a window was used up, if there are any */
	MOST_FRUITLESS = 8,    /* volleys in a row that settled or proved nothing: it goes in circles */
	KEPT_IF_SMALL =
	        2, /* windows on trial that were what they should be: a bucket may have just as much left, once */
	MANY_AT_ONCE = 20, /* errors, after none for a whole window, that only a window gives */
	IN_VAIN = 2, /* a volley that gave far less than a window has counts so much, a good one takes one back, ... */
	MOST_IN_VAIN = 6,  /* ... until it is something else */
	FEWEST_WANTED = 4, /* errors that a volley has to make likely before it says something about the limit */
	SHARE_TURNS = 5,   /* ports and their share are judged by each other so often; more change little */
};
#define SURELY          0.9   /* share of the errors of a window that it surely has: FreeBSD varies them; ... */
#define SURELY_IF_LOSSY 0.4   /* ... where some may have been lost */
#define KEPT            0.8   /* share of the errors that it makes likely, by which a trial is passed */
#define FAR_LESS        0.5   /* share of them below which a volley was in vain */
#define WITHIN          1.5   /* standard deviations: so many errors are likely */
#define HAD_ONE         0.95  /* probability that there was an error for an ask, when all speaks for it */
#define LOSS_SILENCE    0.5   /* the same for a volley of which nothing came: lost or not there */
#define MOST_SHARE      0.998 /* else no silence could ever make a port anything but closed */

bool windows_is_silent(const struct log_entry *entry)
{
	return entry->slot != NO_INDEX && entry->expired && !entry->refused && !entry->answered;
}

bool windows_trust_path(const struct lane *lane)
{
	return lane->scan->loss.lost <= 0 && lane->scan->loss.asked >= ANSWERS_TO_TRUST;
}

bool windows_govern(const struct lane *lane)
{
	return lane->windows.length_ns > 0 && lane->patient_ns == 0;
}

int64_t windows_margin(const struct lane *lane)
{
	return lane->windows.length_ns / CLOCK_PARTS + CLOCK_US * 1000 + order_gap(lane);
}

double windows_surely(const struct lane *lane)
{
	return (windows_trust_path(lane) ? SURELY : SURELY_IF_LOSSY) * lane->windows.errors;
}

bool windows_keep_order(const struct lane *lane)
{
	return (double)send_gap(lane) < LONGEST_VOLLEY * (double)lane->windows.length_ns;
}

double windows_likely(const struct lane *lane, const struct port_slot *slot)
{
	double share = lane->windows.share, odds;

	if (slot->stage == STAGE_SETTLED)
		return 1;
	odds = share * exp(slot->silence_weight) * pow(loss_estimate(&lane->scan->loss), slot->silences);
	return odds / (odds + 1 - share);
}

/* The share of closed ports is the one at which the ports asked so far are expected to hold just that share. */
void windows_count_share(struct lane *lane)
{
	struct windows *w = &lane->windows;
	const struct portscan *scan = lane->scan;

	for (int turns = 0; turns < SHARE_TURNS; turns++) {
		double closed = 0.5, asked = 1;

		w->left = 0;
		for (size_t i = 0; i < scan->fresh_next; i++) {
			const struct port_slot *slot = &scan->slots[i];
			double likely = slot->stage == STAGE_SETTLED ? slot->by_target : windows_likely(lane, slot);

			if (slot->stage != STAGE_SETTLED)
				w->left += likely;
			asked++;
			closed += likely;
		}
		w->share = fmin(closed / asked, MOST_SHARE);
		w->left += w->share * (double)(scan->slot_count - scan->fresh_next);
	}
}

/* The silence of a port, where there was an error for it with that probability. */
void windows_weigh(struct lane *lane, struct log_entry *entry, double had_one)
{
	entry->token = had_one >= HAD_ONE;
	lane->scan->slots[entry->slot].silence_weight +=
	        (float)log(1 - had_one * (1 - loss_estimate(&lane->scan->loss)));
}

/* It is another limit after all. */
static void give_up(struct lane *lane)
{
	bool was_patient = lane->windows.was_patient;

	lane->windows = (struct windows){.given_up = lane->windows.given_up + 1};
	lane->scan->loss = (struct loss){0}; /* what seemed lost never was there */
	if (was_patient)
		become_patient(lane);
	else if (lane->limiter.phase == LIMITER_UNSEEN)
		check_begin(lane, lane->last_ask_ns);
}

static void recognise(struct lane *lane)
{
	struct windows *w = &lane->windows;

	w->trying = false;
	limiter_measured(&lane->limiter, w->errors / ((double)w->length_ns / 1e9), w->errors);
	lane->limiter.settled = true;
}

/* A volley that is decided. */
struct volley_result {
	uint32_t begin, end;  /* log numbers */
	uint32_t refused;     /* so many of its asks were, ... */
	uint32_t first, last; /* ... these first and last */
	uint32_t silent_sentinels;
	uint32_t tails;          /* sentinels refused with none but sentinels behind them */
	uint32_t overtaking;     /* refused asks of the next one, so near that they may have come first */
	double expected, likely; /* errors expected of it, and those that it makes likely */
	bool is_last;            /* it was to prove what is left */
	bool anew;               /* it was not over before the window before surely was */
	bool fresh;              /* its first error began a window */
};

static struct volley_result read_volley(struct lane *lane, uint32_t begin, uint32_t end)
{
	struct volley_result volley = {
	        .begin = begin, .end = end, .is_last = lane->windows.is_last && begin == lane->windows.first};
	int64_t end_ns = asklog_entry(lane, end - 1)->sent_ns + order_gap(lane), over_ns;
	double variance = 0;

	for (uint32_t n = begin; n != end; n++) {
		const struct log_entry *entry = asklog_entry(lane, n);

		if (entry->slot == NO_INDEX || entry->answered)
			continue;
		volley.expected += entry->expected;
		variance += entry->expected * (1 - entry->expected);
		volley.silent_sentinels += entry->sentinel && !entry->refused;
		volley.tails = !entry->sentinel ? 0 : volley.tails + entry->refused;
		if (!entry->refused)
			continue;
		if (volley.refused++ == 0)
			volley.first = n;
		volley.last = n;
	}
	volley.likely = fmin(volley.expected - WITHIN * sqrt(variance), lane->windows.errors);
	for (uint32_t n = end; n != lane->log_next && asklog_entry(lane, n)->sent_ns <= end_ns; n++)
		volley.overtaking += asklog_entry(lane, n)->refused;
	over_ns = lane->windows.start_ns + lane->windows.length_ns + windows_margin(lane);
	volley.anew = asklog_entry(lane, end - 1)->sent_ns >= over_ns &&
	              asklog_entry(lane, begin)->sent_ns >= lane->windows.start_ns + lane->windows.length_ns;
	volley.fresh = volley.refused > 0 && asklog_entry(lane, volley.first)->sent_ns >= over_ns;
	return volley;
}

/* Follows windows and their errors through the volley. */
static void count_errors(struct lane *lane, const struct volley_result *volley)
{
	struct windows *w = &lane->windows;
	int64_t over_ns = w->length_ns - order_gap(lane);

	if (volley->fresh) {
		w->opened = volley->first;
		w->opened_ns = asklog_entry(lane, volley->begin)->sent_ns;
	}
	/* As long as few were given, no window since then was used up. */
	if (volley->fresh && (w->since == NO_INDEX || w->given + volley->refused > windows_surely(lane))) {
		w->since = volley->first;
		w->given = 0;
	}
	w->given += volley->refused;
	for (uint32_t n = volley->begin; n != volley->end; n++)
		if (asklog_entry(lane, n)->refused && asklog_entry(lane, n)->sent_ns >= w->start_ns + over_ns)
			w->start_ns = asklog_entry(lane, n)->sent_ns;
	/* Where errors are lost, any ask may have begun a window. */
	for (uint32_t n = volley->end; n != volley->begin && !windows_trust_path(lane); n--) {
		if (asklog_entry(lane, n - 1)->sent_ns < w->start_ns + over_ns)
			break;
		if (windows_is_silent(asklog_entry(lane, n - 1)))
			w->start_ns = asklog_entry(lane, n - 1)->sent_ns;
	}
}

/* So few errors were given since a window began that there was one for each ask. */
static bool none_used_up(const struct lane *lane, const struct volley_result *volley)
{
	const struct windows *w = &lane->windows;

	/* A sentinel behind them that got none shows that there were none. */
	if (volley->silent_sentinels > 0 && volley->tails == 0)
		return false;
	return w->since != NO_INDEX && volley->refused > 0 && w->given + volley->overtaking <= windows_surely(lane);
}

/* The volley is so soon after the first error of its window that its last error is of the same one: there were errors until then. */
static bool is_one_window(struct lane *lane, const struct volley_result *volley)
{
	const struct windows *w = &lane->windows;

	return volley->refused > 0 && w->opened != NO_INDEX &&
	       asklog_entry(lane, volley->last)->sent_ns < w->opened_ns + w->length_ns - order_gap(lane);
}

/* True: something was proved. */
static bool prove_volley(struct engine *e, struct host *host, struct lane *lane, const struct volley_result *volley,
                         int64_t now_ns)
{
	struct windows *w = &lane->windows;
	bool all = none_used_up(lane, volley), some = is_one_window(lane, volley);
	uint32_t from = all ? w->since : w->opened;
	bool proved = false;
	int64_t last_ns;

	if ((!all && !some) || (w->trying && !(volley->is_last && volley->tails >= 2)))
		return false;
	last_ns = asklog_entry(lane, volley->last)->sent_ns - order_gap(lane);
	for (uint32_t n = volley->begin; n != volley->end; n++) {
		struct log_entry *entry = asklog_entry(lane, n);

		if (n - from < lane->log_next - from && (all || entry->sent_ns <= last_ns) &&
		    may_be_proved(lane, entry)) {
			prove(e, host, lane, entry, volley->last, now_ns);
			proved = true;
		}
	}
	return proved;
}

/* What the silences about which nothing is proved say of their ports. */
static void weigh_volley(struct lane *lane, const struct volley_result *volley)
{
	const struct windows *w = &lane->windows;
	int64_t gap_ns = order_gap(lane),
	        last_ns = volley->refused > 0 ? asklog_entry(lane, volley->last)->sent_ns : INT64_MIN / 2;
	int64_t first_ns = volley->refused > 0 ? asklog_entry(lane, volley->first)->sent_ns : INT64_MAX / 2;
	/* A sentinel refused behind it shows that it was not used up. */
	bool used_up = w->given > windows_surely(lane) && volley->tails == 0;
	/* Where order tells nothing: perhaps all of them are closed. */
	double one_of_all = fmin((double)w->errors / (volley->end - volley->begin), HAD_ONE);

	for (uint32_t n = volley->begin; n != volley->end; n++) {
		struct log_entry *entry = asklog_entry(lane, n);

		if (!windows_is_silent(entry) || entry->bracketed ||
		    lane->scan->slots[entry->slot].stage == STAGE_SETTLED)
			continue;
		if (volley->refused == 0)
			windows_weigh(lane, entry, volley->expected > FEWEST_WANTED ? 0 : LOSS_SILENCE);
		else if (!volley->fresh && entry->sent_ns < first_ns + gap_ns)
			continue; /* perhaps the window before was not over */
		else if (!used_up || entry->sent_ns < last_ns - gap_ns)
			windows_weigh(lane, entry, HAD_ONE);
		else if (entry->sent_ns <= last_ns + gap_ns)
			windows_weigh(lane, entry, one_of_all);
	}
}

/* Ports known to refuse stayed silent although the window had errors, or there were far fewer than it has. */
static bool was_in_vain(const struct lane *lane, const struct volley_result *volley)
{
	uint32_t lost = windows_trust_path(lane) ? 0 : 1;

	/* What a sentinel behind them shows is not in doubt. */
	if (volley->tails > 0 ||
	    (volley->anew ? volley->refused : lane->windows.given) > FAR_LESS * lane->windows.errors)
		return false;
	return volley->silent_sentinels > lost || volley->refused + 1 < FAR_LESS * volley->likely ||
	       (volley->refused == 0 && volley->expected > FEWEST_WANTED);
}

/* On trial: whether the windows that were used up had what they should have. */
static void judge_trial(struct lane *lane, const struct volley_result *volley)
{
	struct windows *w = &lane->windows;
	bool used_up = volley->silent_sentinels > 0; /* the one behind it shows that */

	w->trials++;
	if (volley->fresh && volley->refused >= KEPT * w->errors && used_up) {
		if (++w->kept >= (w->errors < MANY_AT_ONCE ? KEPT_IF_SMALL : 1))
			recognise(lane);
	} else if (w->no_bucket && volley->fresh && volley->refused >= MANY_AT_ONCE &&
	           volley->refused >= KEPT * volley->likely)
		recognise(lane);
	else if (volley->anew && used_up && volley->refused < KEPT * w->errors)
		w->in_vain += windows_trust_path(lane) || volley->refused < FAR_LESS * w->errors ? MOST_IN_VAIN
		                                                                                 : MOST_IN_VAIN / 2;
}

/* Whether there are such windows at all. */
static void judge_limit(struct lane *lane, const struct volley_result *volley, bool fruitful)
{
	struct windows *w = &lane->windows;
	bool in_vain = was_in_vain(lane, volley);

	if (w->trying) {
		judge_trial(lane, volley);
	} else if (volley->begin - lane->log_first >= w->known_from - lane->log_first) {
		/* What was sent before such a volley was known says no more than that one. */
		if (in_vain || !fruitful)
			w->known_from = lane->log_next;
		w->fruitless = fruitful ? 0 : w->fruitless + 1;
		if (in_vain)
			w->in_vain += IN_VAIN;
		else if (volley->refused > 0 && w->in_vain > 0)
			w->in_vain--;
	}
	if (w->in_vain >= MOST_IN_VAIN || w->fruitless >= MOST_FRUITLESS || w->trials > MOST_TRIALS ||
	    (volley->refused > SOMETIMES_MORE * w->errors && is_one_window(lane, volley)))
		give_up(lane);
}

/* The volley that is to be judged next is decided. */
static bool next_decided(struct lane *lane, uint32_t *end)
{
	const struct windows *w = &lane->windows;
	uint32_t n = w->judged;

	if (n == lane->log_next)
		return false;
	do
		n++;
	while (n != lane->log_next && !asklog_entry(lane, n)->begins_volley);
	if (n == lane->log_next && w->open)
		return false;
	*end = n;
	if (lane->log_unexpired == lane->log_next)
		return true;
	return n != lane->log_next &&
	       asklog_entry(lane, lane->log_unexpired)->sent_ns > asklog_entry(lane, n - 1)->sent_ns + order_gap(lane);
}

void windows_judge(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns)
{
	struct windows *w = &lane->windows;
	uint32_t end;
	bool fruitful;

	if (w->judged - lane->log_first > lane->log_next - lane->log_first)
		w->judged = lane->log_first; /* forgotten meanwhile */
	while (windows_govern(lane) && next_decided(lane, &end)) {
		struct volley_result volley = read_volley(lane, w->judged, end);

		w->judged = end;
		w->nothing_came = volley.refused == 0;
		count_errors(lane, &volley);
		fruitful = prove_volley(e, host, lane, &volley, now_ns) || lane->scan->settled != w->settled;
		w->settled = lane->scan->settled;
		weigh_volley(lane, &volley);
		judge_limit(lane, &volley, fruitful);
		if (windows_govern(lane))
			windows_count_share(lane);
	}
}

/* The port refuses, as is known now, and earlier asks of it had an error each that never came: they were lost. */
static void learn_loss(struct lane *lane, const struct log_entry *refused)
{
	uint32_t number;

	for (uint16_t back = 1; back <= MOST_ASKS_BACK && back <= refused->attempt; back++) {
		struct log_entry *before = asklog_find(lane, &lane->scan->slots[refused->slot],
		                                       (uint16_t)(refused->attempt - back), &number);

		if (!before || !windows_is_silent(before) || !before->token || before->bracketed)
			continue;
		before->token = false;
		loss_answered(&lane->scan->loss, 1);
	}
}

void windows_refused(struct engine *e, struct host *host, struct lane *lane, uint32_t number, int64_t at_ns)
{
	struct windows *w = &lane->windows;
	uint32_t refused = 0;
	int64_t gap_ns = order_gap(lane), last_ns = 0;

	learn_loss(lane, asklog_entry(lane, number));
	if (w->is_last || number - w->first >= lane->log_next - w->first)
		return;
	for (uint32_t n = w->first; n != lane->log_next; n++)
		if (asklog_entry(lane, n)->refused) {
			refused++;
			last_ns = asklog_entry(lane, n)->sent_ns;
		}
	if (refused < w->errors)
		return;
	w->open = w->open && w->trying;
	for (uint32_t n = w->first; n != lane->log_next; n++) {
		int64_t sent_ns = asklog_entry(lane, n)->sent_ns;

		if (sent_ns > last_ns + gap_ns || sent_ns < last_ns - gap_ns)
			asklog_in_vain(e, host, lane, n, at_ns);
	}
}
