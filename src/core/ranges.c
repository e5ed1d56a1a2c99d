/* ranges.c: a growing set of addresses kept as merged ranges, and its short text. */
#include "nscan/ranges.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 16, V4_SHARED_BYTES = 3 };

void addr_ranges_free(struct addr_ranges *set)
{
	free(set->ranges);
	*set = (struct addr_ranges){0};
}

/* The index of the first range that ends at or after addr; set->count when none does. */
static size_t seek(const struct addr_ranges *set, const struct addr *addr)
{
	size_t low = 0;
	size_t high = set->count;

	/* Most sets grow at their end. */
	if (high > 0 && addr_compare(&set->ranges[high - 1].last, addr) < 0)
		return high;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (addr_compare(&set->ranges[middle].last, addr) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool follows(const struct addr *a, const struct addr *b)
{
	struct addr after = *a;

	return addr_increment(&after) && addr_equal(&after, b);
}

static bool insert(struct addr_ranges *set, size_t at, const struct addr *addr)
{
	if (set->count == set->capacity) {
		size_t capacity = set->capacity ? set->capacity * 2 : FIRST_CAPACITY;
		struct addr_range *ranges = realloc(set->ranges, capacity * sizeof(*ranges));

		if (!ranges)
			return false;
		set->ranges = ranges;
		set->capacity = capacity;
	}
	memmove(set->ranges + at + 1, set->ranges + at, (set->count - at) * sizeof(*set->ranges));
	set->ranges[at] = (struct addr_range){*addr, *addr};
	set->count++;
	return true;
}

bool addr_ranges_add(struct addr_ranges *set, const struct addr *addr)
{
	size_t at = seek(set, addr);
	struct addr_range *before = at > 0 ? &set->ranges[at - 1] : NULL;
	struct addr_range *after = at < set->count ? &set->ranges[at] : NULL;

	if (after && addr_compare(&after->first, addr) <= 0)
		return true;
	if (before && follows(&before->last, addr)) {
		before->last = *addr;
		if (after && follows(addr, &after->first)) {
			before->last = after->last;
			set->count--;
			memmove(after, after + 1, (set->count - at) * sizeof(*after));
		}
	} else if (after && follows(addr, &after->first)) {
		after->first = *addr;
	} else if (!insert(set, at, addr)) {
		return false;
	}
	set->addresses++;
	return true;
}

bool addr_ranges_add_run(struct addr_ranges *set, const struct addr *first, const struct addr *last, uint64_t count)
{
	struct addr at = *first;

	if (!addr_ranges_add(set, first))
		return false;
	/* The first is at the end of the set: so are the others. */
	if (addr_equal(&set->ranges[set->count - 1].last, first)) {
		set->ranges[set->count - 1].last = *last;
		set->addresses += count - 1;
		return true;
	}
	while (!addr_equal(&at, last) && addr_increment(&at))
		if (!addr_ranges_add(set, &at))
			return false;
	return true;
}

bool addr_ranges_contains(const struct addr_ranges *set, const struct addr *addr)
{
	size_t at = seek(set, addr);

	return at < set->count && addr_compare(&set->ranges[at].first, addr) <= 0;
}

/* Writes the address, shortened to ".N" where it shares all else with the one written before. */
static void print_addr(FILE *out, const struct addr *addr, const struct addr *before)
{
	char text[ADDR_TEXT_BYTES];

	if (addr->family == 4 && before->family == 4 && memcmp(addr->bytes, before->bytes, V4_SHARED_BYTES) == 0)
		fprintf(out, ".%u", addr->bytes[V4_SHARED_BYTES]);
	else
		fputs(addr_format(addr, text), out);
}

bool addr_ranges_print(const struct addr_ranges *set, FILE *out)
{
	struct addr before = {0};

	for (size_t i = 0; i < set->count; i++) {
		const struct addr_range *range = &set->ranges[i];

		if (i > 0)
			fputs(", ", out);
		print_addr(out, &range->first, &before);
		if (!addr_equal(&range->first, &range->last)) {
			fputc('-', out);
			print_addr(out, &range->last, &range->first);
		}
		before = range->last;
	}
	return !ferror(out);
}
