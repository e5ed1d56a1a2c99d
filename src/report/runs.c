/* runs.c: finished hosts that are not up, waiting for their turn, as runs. */
#include <stdlib.h>
#include <string.h>

#include "runs.h"

void host_runs_free(struct host_runs *set)
{
	free(set->runs);
	*set = (struct host_runs){0};
}

void host_runs_trim(struct host_runs *set)
{
	struct host_run *smaller = set->count ? realloc(set->runs, set->count * sizeof(*smaller)) : NULL;

	if (!smaller)
		return;
	set->runs = smaller;
	set->capacity = set->count;
}

/* Index of the first run that begins after the ordinal. */
static size_t run_after(const struct host_runs *set, uint64_t ordinal)
{
	size_t low = set->next, high = set->count;

	if (high > low && set->runs[high - 1].ordinal <= ordinal)
		return high;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->runs[middle].ordinal <= ordinal)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct host_run *host_runs_find(const struct host_runs *set, uint64_t ordinal)
{
	size_t after = run_after(set, ordinal);
	const struct host_run *run;

	if (after == set->next)
		return NULL;
	run = &set->runs[after - 1];
	return ordinal - run->ordinal < run->count ? run : NULL;
}

static bool same_story(const struct host_event *a, const struct host_event *b)
{
	return a->state == b->state && !strcmp(a->reason, b->reason) && addr_equal(&a->from, &b->from) &&
	       a->has_ttl == b->has_ttl && (!a->has_ttl || a->ttl == b->ttl);
}

static bool follows(const struct addr *a, const struct addr *b)
{
	struct addr next = *a;

	return addr_increment(&next) && addr_equal(&next, b);
}

/* Appends `right` to `left` where they touch. */
static bool join(struct host_run *left, const struct host_run *right)
{
	if (left->ordinal + left->count != right->ordinal || !same_story(&left->host, &right->host) ||
	    !follows(&left->last, &right->first))
		return false;
	left->count += right->count;
	left->last = right->last;
	return true;
}

static bool insert(struct host_runs *set, size_t at, const struct host_run *run)
{
	if (set->next == set->count) /* all handed over: begin afresh */
		at = set->next = set->count = 0;
	if (set->count == set->capacity) {
		size_t capacity = set->capacity ? set->capacity * 2 : 1;
		struct host_run *grown = realloc(set->runs, capacity * sizeof(*grown));

		if (!grown)
			return false;
		set->runs = grown;
		set->capacity = capacity;
	}
	memmove(set->runs + at + 1, set->runs + at, (set->count - at) * sizeof(*set->runs));
	set->runs[at] = *run;
	set->count++;
	return true;
}

bool host_runs_add(struct host_runs *set, const struct host_result *host)
{
	struct host_run run = {host->ordinal, 1, host->addr, host->addr, host->host};
	size_t after = run_after(set, host->ordinal);
	struct host_run *left = after > set->next ? &set->runs[after - 1] : NULL;

	run.host.has_rtt = false;
	run.host.rtt_ns = 0;
	if (left && join(left, &run)) {
		/* It may have closed the gap to the run behind it. */
		if (after < set->count && join(left, left + 1)) {
			memmove(left + 1, left + 2, (set->count - after - 1) * sizeof(*left));
			set->count--;
		}
	} else if (after < set->count && join(&run, &set->runs[after])) {
		set->runs[after] = run;
	} else if (!insert(set, after, &run)) {
		return false;
	}
	set->hosts++;
	return true;
}
