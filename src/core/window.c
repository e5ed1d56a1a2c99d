/* window.c: limits that give their errors in windows: so many at once, then none until the next window opens.
 *
 * A window opens with the first error taken from it. The first ones are found in two ways: by asking just when a
 * window of one of the lengths in use would open, and by errors that come in a lump where a bucket would have
 * given them one by one. From then on each window is asked for all its tokens when it opens. */
#include <math.h>

#include "internal.h"

enum {
	LUMP = 3, /* errors at once, too many for a bucket that gave fewer before */
	LOOK = 3, /* asks that show whether a window opened of which nothing is known: more than one would be a lump */
	LOOK_BEYOND = 2,      /* asks beyond the tokens of the one before */
	OVER_PERCENT = 95,    /* of its length after its start, a window may be over: the way jitters */
	LATE_PERCENT = 150,   /* of its length after its start, it is too late to say when the next one opened */
	CLOCK_PARTS = 200,    /* the target's clock may be off by one such part of the length */
	EXACT_PARTS = 6,      /* a time less sure than one such part of the length meets no window */
	JITTER_PERCENT = 150, /* of the path's mean deviation, that one ask may well be late */
};
#define NOT_A_BUCKET 4.0 /* errors of a lump come so many times faster than those before it */
#define MORE_TOKENS  1.1 /* times the tokens of the last window are asked for: FreeBSD varies them; ... */
#define MORE_ASKS    1.5 /* ... and some, in case that one was not asked for all it had */

/* The windows in use: Solaris gives 10 errors each 100 ms, BSD 100 to 250 a second; their settings vary. */
static const struct {
	int64_t length_ns;
	uint32_t fewest, most; /* tokens */
} windows_in_use[WINDOWS_IN_USE] = {{100 * MS, 8, 12}, {1000 * MS, 30, 1000}};

/* How far off the time may be at which a window is thought to open. */
static int64_t margin_ns(const struct lane *lane)
{
	return lane->collect.window.length_ns / CLOCK_PARTS + MS / 2 + lane->scan->rtt.jitter_ns * JITTER_PERCENT / 100;
}

bool window_is_exact(const struct lane *lane)
{
	return lane->collect.window.length_ns > 0 && margin_ns(lane) < lane->collect.window.length_ns / EXACT_PARTS;
}

static double credit_for(double tokens)
{
	return tokens * MORE_TOKENS + MORE_ASKS;
}

/* When windows of that length: the start of the last one up to before_ns, and the errors that it gave. */
static uint32_t errors_of_last(struct lane *lane, int64_t length_ns, int64_t before_ns, int64_t *start_ns)
{
	uint32_t count = 0;

	*start_ns = INT64_MIN / 2;
	for (uint32_t n = lane->log_first; n != lane->log_next; n++) {
		const struct log_entry *entry = asklog_entry(lane, n);

		if (entry->sent_ns >= before_ns)
			break;
		if (!entry->refused)
			continue;
		if (entry->sent_ns >= *start_ns + length_ns) {
			*start_ns = entry->sent_ns;
			count = 0;
		}
		count++;
	}
	return count;
}

/* The lump came so much faster than the errors before it that no bucket gave it. */
static bool is_no_bucket(const struct collect *c, int64_t at_ns)
{
	const struct error_lump *lump = &c->lump;
	double before_s = (double)(lump->empty_ns - c->since_ns) / 1e9, lump_s = (double)(at_ns - lump->empty_ns) / 1e9;

	return lump->count >= LUMP + lump->held && before_s > 0 &&
	       (lump->count - 1) * before_s >= NOT_A_BUCKET * (lump->taken_before + 1) * lump_s;
}

/* Is there a length in use after which that lump was due? */
static void find_window(struct lane *lane, int64_t at_ns)
{
	struct collect *c = &lane->collect;
	const struct error_lump *lump = &c->lump;

	if (!is_no_bucket(c, at_ns))
		return;
	for (size_t i = 0; i < WINDOWS_IN_USE; i++) {
		int64_t start_ns, length_ns = windows_in_use[i].length_ns;
		uint32_t count = errors_of_last(lane, length_ns, lump->first_ns, &start_ns);

		if (lump->first_ns - start_ns < length_ns * OVER_PERCENT / 100 ||
		    lump->first_ns - start_ns > length_ns * LATE_PERCENT / 100)
			continue;
		c->window.length_ns = length_ns;
		c->window.tokens = count > lump->count ? count : lump->count;
		c->window.start_ns = lump->first_ns;
		c->credit = fmax(c->credit, credit_for(c->window.tokens - lump->count));
		return;
	}
}

void window_taken(struct lane *lane, const struct log_entry *entry)
{
	struct error_window *window = &lane->collect.window;
	struct error_lump *lump = &lane->collect.lump;

	if (window->length_ns == 0) {
		find_window(lane, entry->sent_ns);
		return;
	}
	if (entry->sent_ns >= window->start_ns + window->length_ns * OVER_PERCENT / 100) {
		window->start_ns = entry->sent_ns;
		lump->count = 1;
	}
	if (lump->count > window->tokens)
		window->tokens = lump->count;
}

int64_t window_next_ns(const struct lane *lane)
{
	const struct error_window *window = &lane->collect.window;
	int64_t last_ns = window->asked_ns > window->start_ns ? window->asked_ns : window->start_ns;

	return last_ns + window->length_ns + margin_ns(lane);
}

void window_open(struct lane *lane, int64_t now_ns)
{
	struct collect *c = &lane->collect;

	if (now_ns < window_next_ns(lane))
		return;
	c->window.asked_ns = now_ns;
	c->credit = credit_for(c->window.tokens);
	c->credit_ns = now_ns;
}

int64_t window_try(struct lane *lane, int64_t now_ns)
{
	struct collect *c = &lane->collect;
	int64_t next_ns = NEVER;

	for (size_t i = 0; i < WINDOWS_IN_USE; i++) {
		int64_t start_ns, open_ns, length_ns = windows_in_use[i].length_ns;
		uint32_t count;

		if (c->window.tried[i] || c->taken > 0)
			continue;
		count = errors_of_last(lane, length_ns, c->since_ns + 1, &start_ns);
		open_ns = start_ns + length_ns + length_ns / CLOCK_PARTS + margin_ns(lane);
		if (now_ns < open_ns) {
			next_ns = open_ns < next_ns ? open_ns : next_ns;
			continue;
		}
		c->window.tried[i] = true;
		if (now_ns > start_ns + length_ns * LATE_PERCENT / 100)
			continue;
		/* As many as the one before gave, if that is a number in use. */
		if (count >= windows_in_use[i].fewest && count <= windows_in_use[i].most)
			c->credit = fmax(c->credit, count + LOOK_BEYOND);
		else
			c->credit = fmax(c->credit, LOOK);
	}
	return next_ns;
}
