/* targets.c: sets of addresses: adding to them and asking them. Visiting is in target_visit.c. */
#include "nscan/targets.h"

#include <stdlib.h>

#include "target_set.h"
#include "target_spec.h"

/* Patterns of up to so many runs become ranges, which are quicker to look up; more stay patterns, to save memory. */
enum { PATTERN_RUNS_AS_RANGES = 16, FIRST_CAPACITY = 16 };

struct target_set *target_set_new(void)
{
	return calloc(1, sizeof(struct target_set));
}

void target_set_free(struct target_set *set)
{
	if (!set)
		return;
	range_index_free(&set->ranges);
	free(set->elements);
	free(set->patterns);
	free(set);
}

/* Makes room for one more item. Returns the array, moved perhaps, or NULL. */
static void *grow(void *items, size_t count, size_t *capacity, size_t item_bytes)
{
	size_t wanted = *capacity ? *capacity * 2 : FIRST_CAPACITY;
	void *grown = items;

	if (count == *capacity) {
		grown = realloc(items, wanted * item_bytes);
		if (grown)
			*capacity = wanted;
	}
	return grown;
}

static bool append(struct target_set *set, const struct target_element *element)
{
	struct target_element *before = set->count > 0 ? &set->elements[set->count - 1] : NULL;
	struct target_element *elements = NULL;
	struct addr after;

	/* A list of single addresses in order is one range. (No pattern lies between: it would be an element itself.) */
	if (before && !before->is_pattern && !element->is_pattern) {
		after = before->last;
		if (addr_increment(&after) && addr_equal(&after, &element->first)) {
			before->last = element->last;
			return true;
		}
	}
	elements = grow(set->elements, set->count, &set->capacity, sizeof(*elements));
	if (!elements)
		return false;
	set->elements = elements;
	set->elements[set->count++] = *element;
	return true;
}

/* Adds those parts of the range that no earlier range holds. */
static bool add_range(struct target_set *set, const struct addr_range *range)
{
	struct addr at = range->first;

	do {
		const struct indexed_range *held = range_index_seek(&set->ranges, &at);
		struct indexed_range part = {at, range->last, (uint32_t)set->pattern_count};
		struct target_element element = {.first = at, .epoch = part.epoch};

		if (held && addr_compare(&held->first, &at) <= 0) {
			at = held->last;
			continue;
		}
		if (held && addr_compare(&held->first, &range->last) <= 0)
			part.last = addr_before(&held->first);
		element.last = part.last;
		if (!range_index_insert(&set->ranges, &part) || !append(set, &element))
			return false;
		at = part.last;
	} while (addr_compare(&at, &range->last) < 0 && addr_increment(&at));
	return true;
}

static bool add_pattern(struct target_set *set, const struct octet_pattern *pattern)
{
	struct target_element element = {.epoch = (uint32_t)set->pattern_count, .is_pattern = true};
	struct octet_pattern *patterns = NULL;
	struct addr_range run = {addr_from_v4(0), addr_from_v4(0)};

	if (octet_pattern_runs(pattern) <= PATTERN_RUNS_AS_RANGES) {
		struct addr at = addr_from_v4(0);

		while (octet_pattern_next(pattern, &at, &run)) {
			if (!add_range(set, &run))
				return false;
			at = run.last;
			if (!addr_increment(&at))
				break;
		}
		return true;
	}
	for (size_t i = 0; i < set->pattern_count; i++) {
		if (octet_pattern_within(pattern, &set->patterns[i]))
			return true;
	}
	patterns = grow(set->patterns, set->pattern_count, &set->pattern_capacity, sizeof(*patterns));
	if (!patterns)
		return false;
	set->patterns = patterns;
	if (!append(set, &element))
		return false;
	set->patterns[set->pattern_count++] = *pattern;
	return true;
}

static uint64_t load_u64(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

/* How many addresses the range holds; saturates. */
static uint64_t range_size(const struct addr_range *range)
{
	uint64_t first_low = load_u64(range->first.bytes + 8);
	uint64_t last_low = load_u64(range->last.bytes + 8);
	uint64_t high = load_u64(range->last.bytes) - load_u64(range->first.bytes) - (last_low < first_low);

	if (range->first.family == 4)
		return (uint64_t)addr_v4(&range->last) - addr_v4(&range->first) + 1;
	if (high != 0 || last_low - first_low == UINT64_MAX)
		return UINT64_MAX;
	return last_low - first_low + 1;
}

bool target_set_add(struct target_set *set, const char *spec, const struct resolver *resolver, struct err *err)
{
	struct target_spec parsed;
	uint64_t size = 0;

	if (!target_spec_parse(spec, resolver, &parsed, err))
		return false;
	if (!(parsed.is_pattern ? add_pattern(set, &parsed.pattern) : add_range(set, &parsed.range)))
		return err_set(err, ERR_SYSTEM, "out of memory after %zu target ranges: scan in several parts",
		               set->count);
	size = parsed.is_pattern ? octet_pattern_size(&parsed.pattern) : range_size(&parsed.range);
	set->size = size > UINT64_MAX - set->size ? UINT64_MAX : set->size + size;
	if (!parsed.is_pattern && parsed.range.first.family == 6)
		set->has_v6 = true;
	else
		set->has_v4 = true;
	return true;
}

bool target_set_contains(const struct target_set *set, const struct addr *addr)
{
	const struct indexed_range *range = range_index_seek(&set->ranges, addr);

	if (range && addr_compare(&range->first, addr) <= 0)
		return true;
	for (size_t i = 0; i < set->pattern_count; i++) {
		if (octet_pattern_contains(&set->patterns[i], addr))
			return true;
	}
	return false;
}

bool target_set_is_empty(const struct target_set *set)
{
	return set->count == 0;
}

uint64_t target_set_size(const struct target_set *set)
{
	return set->size;
}

bool target_set_has_family(const struct target_set *set, int family)
{
	return family == 4 ? set->has_v4 : family == 6 && set->has_v6;
}
