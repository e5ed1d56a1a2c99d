/* octet_pattern.c: IPv4 addresses given octet by octet: membership, and the runs of consecutive addresses in it. */
#include "octet_pattern.h"

#include <string.h>

enum { OCTETS = 4, WORDS = 4, NO_OCTET = 256 };

static const struct octet_set all_octets = {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};

void octet_set_add(struct octet_set *set, unsigned first, unsigned last)
{
	for (unsigned v = first; v <= last; v++)
		set->bits[v / 64] |= UINT64_C(1) << v % 64;
}

static bool has(const struct octet_set *set, unsigned v)
{
	return set->bits[v / 64] >> v % 64 & 1;
}

static unsigned count_of(const struct octet_set *set)
{
	unsigned n = 0;

	for (int w = 0; w < WORDS; w++)
		n += (unsigned)__builtin_popcountll(set->bits[w]);
	return n;
}

/* The smallest octet from `v` on that is in `a` and not in `b` (NULL: nothing is); NO_OCTET when there is none. */
static unsigned next_in(const struct octet_set *a, const struct octet_set *b, unsigned v)
{
	for (; v < NO_OCTET; v = (v / 64 + 1) * 64) {
		uint64_t word = (a->bits[v / 64] & ~(b ? b->bits[v / 64] : 0)) >> v % 64;

		if (word != 0)
			return v + (unsigned)__builtin_ctzll(word);
	}
	return NO_OCTET;
}

static bool is_subset(const struct octet_set *a, const struct octet_set *b)
{
	for (int w = 0; w < WORDS; w++) {
		if (a->bits[w] & ~b->bits[w])
			return false;
	}
	return true;
}

bool octet_pattern_contains(const struct octet_pattern *pattern, const struct addr *addr)
{
	if (addr->family != 4)
		return false;
	for (int i = 0; i < OCTETS; i++) {
		if (!has(&pattern->octets[i], addr->bytes[i]))
			return false;
	}
	return true;
}

bool octet_pattern_within(const struct octet_pattern *a, const struct octet_pattern *b)
{
	for (int i = 0; i < OCTETS; i++) {
		if (!is_subset(&a->octets[i], &b->octets[i]))
			return false;
	}
	return true;
}

uint64_t octet_pattern_size(const struct octet_pattern *pattern)
{
	uint64_t size = 1;

	for (int i = 0; i < OCTETS; i++)
		size *= count_of(&pattern->octets[i]);
	return size;
}

uint64_t octet_pattern_runs(const struct octet_pattern *pattern)
{
	uint64_t runs = 0;
	int deciding = OCTETS - 1;
	const struct octet_set *set = NULL;

	/* Octets that may be anything prolong the runs of the octet before them. */
	while (deciding > 0 && is_subset(&all_octets, &pattern->octets[deciding]))
		deciding--;
	set = &pattern->octets[deciding];
	for (unsigned v = next_in(set, NULL, 0); v < NO_OCTET; v = next_in(set, NULL, v)) {
		runs++;
		v = next_in(&all_octets, set, v);
	}
	for (int i = 0; i < deciding; i++)
		runs *= count_of(&pattern->octets[i]);
	return runs;
}

bool octet_pattern_next(const struct octet_pattern *pattern, const struct addr *from, struct addr_range *run)
{
	const struct octet_set *sets = pattern->octets;
	struct addr at = *from;
	int i = 0;

	while (i < OCTETS && has(&sets[i], at.bytes[i]))
		i++;
	if (i < OCTETS) {
		/* Raise this octet, or, where it cannot rise, the nearest one before it; all behind it start over. */
		unsigned v = next_in(&sets[i], NULL, at.bytes[i]);

		while (v == NO_OCTET) {
			if (i-- == 0)
				return false;
			v = next_in(&sets[i], NULL, at.bytes[i] + 1u);
		}
		at.bytes[i] = (uint8_t)v;
		for (int j = i + 1; j < OCTETS; j++)
			at.bytes[j] = (uint8_t)next_in(&sets[j], NULL, 0);
	}
	run->first = at;
	run->last = octet_pattern_cover_end(pattern, NULL, &at);
	return true;
}

struct addr octet_pattern_cover_end(const struct octet_pattern *pattern, const struct octet_pattern *visited,
                                    const struct addr *at)
{
	struct addr end = *at;
	int i = OCTETS;

	/* Whatever the last octets of a visited address are, they are in the pattern ... */
	while (i > 0 && is_subset(visited ? &visited->octets[i - 1] : &all_octets, &pattern->octets[i - 1]))
		end.bytes[--i] = 255;
	/* ... so the octet before them alone decides where the first visited address comes that is not. */
	if (i > 0) {
		const struct octet_set *seen = visited ? &visited->octets[i - 1] : &all_octets;

		end.bytes[i - 1] = (uint8_t)(next_in(seen, &pattern->octets[i - 1], at->bytes[i - 1]) - 1);
	}
	return end;
}
