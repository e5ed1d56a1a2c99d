/* target_visit.c: the addresses of a set one by one, found run by run. */
#include "target_set.h"

/* One element being visited. */
struct visit {
	const struct target_set *include;
	const struct target_set *exclude;
	const struct target_element *element;
	const struct octet_pattern *pattern; /* the element's; NULL for a range */
};

/* The element's first run of addresses at or after `from`, cut at its start to `from`. */
static bool element_run(const struct visit *visit, const struct addr *from, struct addr_range *run)
{
	if (visit->pattern)
		return octet_pattern_next(visit->pattern, from, run);
	*run = (struct addr_range){*from, visit->element->last};
	return addr_compare(from, &visit->element->last) <= 0;
}

/* Cuts the run before a block that starts inside it, and notes how far the block reaches if it holds the run's start. */
static void meet(struct addr_range *run, const struct addr *first, const struct addr *last,
                 struct addr *blocked_through)
{
	if (addr_compare(first, &run->first) <= 0) {
		if (addr_compare(last, blocked_through) > 0)
			*blocked_through = *last;
	} else if (addr_compare(first, &run->last) <= 0) {
		run->last = addr_before(first);
	}
}

static void meet_patterns(const struct visit *visit, const struct target_set *set, size_t count, struct addr_range *run,
                          struct addr *blocked_through)
{
	for (size_t i = 0; i < count && !addr_is_set(blocked_through); i++) {
		struct addr_range block;

		if (run->first.family != 4 || !octet_pattern_next(&set->patterns[i], &run->first, &block))
			continue;
		/* Where all of the visited pattern is blocked for longer, a visit need not go from run to run. */
		if (visit->pattern && addr_equal(&block.first, &run->first))
			block.last = octet_pattern_cover_end(&set->patterns[i], visit->pattern, &run->first);
		meet(run, &block.first, &block.last, blocked_through);
	}
}

/* Ranges of the set that came before pattern number `before`. */
static void meet_ranges(const struct target_set *set, uint32_t before, struct addr_range *run,
                        struct addr *blocked_through)
{
	const struct indexed_range *held = range_index_seek(&set->ranges, &run->first);

	while (held && addr_compare(&held->first, &run->last) <= 0) {
		struct addr after = held->last;

		if (held->epoch <= before) {
			meet(run, &held->first, &held->last, blocked_through);
			return;
		}
		held = addr_increment(&after) ? range_index_seek(&set->ranges, &after) : NULL;
	}
}

/* The element's first run of addresses at or after `from` that is neither excluded nor part of an earlier element. */
static bool free_run(const struct visit *visit, struct addr from, struct addr_range *run)
{
	while (element_run(visit, &from, run)) {
		struct addr blocked_through = {0};

		if (visit->exclude) {
			meet_ranges(visit->exclude, UINT32_MAX, run, &blocked_through);
			meet_patterns(visit, visit->exclude, visit->exclude->pattern_count, run, &blocked_through);
		}
		if (visit->pattern)
			meet_ranges(visit->include, visit->element->epoch, run, &blocked_through);
		meet_patterns(visit, visit->include, visit->element->epoch, run, &blocked_through);
		if (!addr_is_set(&blocked_through))
			return true;
		from = blocked_through;
		if (!addr_increment(&from))
			break;
	}
	return false;
}

/* Brings the cursor to the next run that is wanted, unless it stands in one. */
static bool find_run(const struct target_set *include, const struct target_set *exclude, struct target_cursor *cursor)
{
	while (!addr_is_set(&cursor->run_last)) {
		struct visit visit = {include, exclude, NULL, NULL};
		struct addr_range run = {{0}, {0}};

		if (cursor->element >= include->count)
			return false;
		visit.element = &include->elements[cursor->element];
		if (visit.element->is_pattern)
			visit.pattern = &include->patterns[visit.element->epoch];
		if (!cursor->started)
			cursor->next = visit.pattern ? addr_from_v4(0) : visit.element->first;
		cursor->started = free_run(&visit, cursor->next, &run);
		if (cursor->started) {
			cursor->next = run.first;
			cursor->run_last = run.last;
		} else {
			cursor->element++;
		}
	}
	return true;
}

/* The addresses through `last` are visited. */
static void pass(struct target_cursor *cursor, const struct addr *last)
{
	if (addr_equal(last, &cursor->run_last))
		cursor->run_last = (struct addr){0};
	cursor->next = *last;
	if (!addr_increment(&cursor->next)) {
		cursor->element++;
		cursor->started = false;
	}
}

bool target_next(const struct target_set *include, const struct target_set *exclude, struct target_cursor *cursor,
                 struct addr *out)
{
	if (!find_run(include, exclude, cursor))
		return false;
	*out = cursor->next;
	pass(cursor, out);
	return true;
}

bool target_next_run(const struct target_set *include, const struct target_set *exclude, struct target_cursor *cursor,
                     struct addr_range *out)
{
	if (!find_run(include, exclude, cursor))
		return false;
	*out = (struct addr_range){cursor->next, cursor->run_last};
	pass(cursor, &out->last);
	return true;
}
