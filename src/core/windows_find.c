/* windows_find.c: whether a host gives its ICMP errors in windows: what was asked and refused so far looks like one of those in use.
 *
 * Whether it is that is found out on trial, by asking as if it were (windows.c judges that). */
#include "internal.h"

enum {
	FEWEST_REFUSALS = 8,  /* until then no window in use can have shown itself */
	MOST_REFUSALS = 1000, /* from then on it has been something else for long */
	QUIET_PERCENT = 80,   /* of a window's length after its start, nothing is asked until the next one opens */
	LATE_PERCENT = 25,    /* of it after the last error, in which a bucket gets tokens again */
	OVER_PERCENT = 95,    /* of its length after its start, a window may be over: the way jitters */
	LEAST_AFTER = 50,     /* errors: windows with more than so many are recognised at any time */
	LONG_COLLECTED = 30,  /* errors one by one, which no short window gave */
	MOST_TRIES = 2,       /* trials at most */
};
#define FEWEST_SEEN     0.8  /* share of them that a window used up shows: some may be lost */
#define SURELY_UNSERVED 6.0  /* the same, beyond doubt */
#define UNSERVED        1.5  /* errors expected of asks behind the last one refused: it was used up */
#define HAD_ONE         0.95 /* probability that there was an error for an ask in front of a refused one */

static const struct {
	int64_t length_ns;
	uint32_t errors;
} windows_in_use[] = {{100 * MS, 10}, {1000 * MS, 100}, {1000 * MS, 200}};
enum { WINDOWS_KNOWN = sizeof(windows_in_use) / sizeof(windows_in_use[0]) };

/* What the log shows if there are windows of that length. */
struct look {
	uint32_t most;         /* errors in one */
	double unserved;       /* errors expected of asks behind the last one refused in such a one, ... */
	double late;           /* ... of these, by asks so late that a bucket would have had tokens for them again */
	double closed, silent; /* ports in front of that */
	int64_t start_ns;      /* of the last one */
};

static struct look look_for(const struct host *host, struct lane *lane, int64_t length_ns, bool weighs)
{
	/* What was refused during discovery may have begun the first window. */
	struct look look = {.start_ns = host->refused_ns > 0 ? host->refused_ns : INT64_MIN / 2};
	uint32_t count = host->refused_ns > 0, first = lane->log_first, behind = 0;
	int64_t last_ns = INT64_MIN / 2;

	for (uint32_t n = lane->log_first; n != lane->log_next; n++) {
		const struct log_entry *entry = asklog_entry(lane, n);
		bool later = entry->sent_ns >= look.start_ns + length_ns * OVER_PERCENT / 100;

		behind += windows_is_silent(entry);
		if (count == look.most && !later && windows_is_silent(entry)) {
			double expected = entry->sentinel ? 1 : look.closed / (look.closed + look.silent + 1);

			look.unserved += expected;
			if (entry->sent_ns > last_ns + length_ns * LATE_PERCENT / 100)
				look.late += expected;
		}
		if (!entry->refused)
			continue;
		if (!later || look.closed <= 0) {
			look.silent += behind;
			for (; weighs && first != n; first++)
				if (windows_is_silent(asklog_entry(lane, first)))
					windows_weigh(lane, asklog_entry(lane, first), HAD_ONE);
		}
		first = n + 1;
		behind = 0;
		look.closed++;
		last_ns = entry->sent_ns;
		count = later ? 1 : count + 1;
		if (later)
			look.start_ns = entry->sent_ns;
		if (count > look.most) {
			look.most = count;
			look.unserved = look.late = 0;
		}
	}
	return look;
}

/* The window in use that has shown itself; -1: none, or not yet. */
static int find_window(const struct host *host, struct lane *lane, struct look *look)
{
	for (int i = 0; i < WINDOWS_KNOWN; i++) {
		*look = look_for(host, lane, windows_in_use[i].length_ns, false);
		/* What was collected one by one for a while was no short window. */
		if (lane->patient_ns == 0 && lane->collect.on && lane->collect.taken >= LONG_COLLECTED &&
		    windows_in_use[i].errors < LEAST_AFTER)
			continue;
		if (look->unserved >= UNSERVED && look->most >= FEWEST_SEEN * windows_in_use[i].errors &&
		    look->most <= SOMETIMES_MORE * windows_in_use[i].errors)
			return i;
		if (look->unserved >= SURELY_UNSERVED && look->most < FEWEST_REFUSALS)
			lane->windows.given_up = MOST_TRIES; /* it gives fewer than any window in use */
	}
	return -1;
}

/* The latest ask that may have begun a window, if the last known one began at start_ns. */
static int64_t latest_start(struct lane *lane, int64_t start_ns)
{
	for (uint32_t n = lane->log_next; n != lane->log_first; n--) {
		const struct log_entry *entry = asklog_entry(lane, n - 1);

		if (entry->sent_ns < start_ns + lane->windows.length_ns * OVER_PERCENT / 100)
			break;
		if (entry->slot != NO_INDEX && !entry->answered &&
		    !(windows_is_silent(entry) && windows_trust_path(lane)))
			return entry->sent_ns;
	}
	return start_ns;
}

static void begin_trying(const struct host *host, struct lane *lane, int which, const struct look *look)
{
	struct windows *w = &lane->windows;

	*w = (struct windows){
	        .length_ns = windows_in_use[which].length_ns,
	        .errors = windows_in_use[which].errors,
	        .trying = true,
	        .given_up = w->given_up,
	        .was_patient = lane->patient_ns > 0,
	        .no_bucket = look->late >= UNSERVED,
	        .first = lane->log_next,
	        .judged = lane->log_next,
	        .known_from = lane->log_next,
	        .opened = NO_INDEX,
	        .since = NO_INDEX,
	        .share = (look->closed + 0.5) / (look->closed + look->silent + 1),
	};
	w->start_ns = w->planned_ns = latest_start(lane, look->start_ns);
	lane->collect.on = false;
	lane->patient_ns = 0;
	for (size_t i = 0; i < lane->scan->slot_count; i++)
		lane->scan->slots[i].silence_weight = lane->scan->slots[i].judged_weight = 0;
	look_for(host, lane, w->length_ns, true);
	unsuspect_unproved(lane);
	windows_count_share(lane);
}

static bool may_look(struct lane *lane)
{
	/* Patience takes so long that a second trial costs nothing. */
	return lane->windows.given_up < (lane->patient_ns > 0 ? MOST_TRIES : 1) && lane->scan->lane_count == 1 &&
	       lane->refusals >= FEWEST_REFUSALS && lane->refusals <= MOST_REFUSALS && !lane->limiter.recognised &&
	       lane->log_unexpired != lane->log_first &&
	       (lane->patient_ns > 0 || windows_is_silent(asklog_entry(lane, lane->log_unexpired - 1)));
}

bool windows_are_next(const struct host *host, struct lane *lane, int64_t now_ns, int64_t *wake_ns)
{
	struct windows *w = &lane->windows;
	struct look look;
	int64_t due_ns;
	int which;

	if (windows_govern(lane))
		return true;
	if (!may_look(lane))
		return false;
	which = find_window(host, lane, &look);
	if (which < 0)
		return false;
	due_ns = look.start_ns + windows_in_use[which].length_ns * QUIET_PERCENT / 100;
	if (now_ns < due_ns) {
		*wake_ns = due_ns < *wake_ns ? due_ns : *wake_ns;
		return false;
	}
	begin_trying(host, lane, which, &look);
	return w->length_ns > 0;
}
