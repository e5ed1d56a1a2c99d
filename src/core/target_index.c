/* target_index.c: numbering the addresses of a set: sorted runs and binary search. */
#include "nscan/target_index.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 16 };

/* The runs as a visit finds them: disjoint, in the order of the specifications. */
struct run_list {
	struct addr_range *runs;
	size_t count;
	size_t capacity;
};

static bool add_run(struct run_list *list, const struct addr_range *run)
{
	struct addr_range *before = list->count > 0 ? &list->runs[list->count - 1] : NULL;

	if (before) {
		struct addr after = before->last;

		if (addr_increment(&after) && addr_equal(&after, &run->first)) {
			before->last = run->last;
			return true;
		}
	}
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : FIRST_CAPACITY;
		struct addr_range *runs = reallocarray(list->runs, capacity, sizeof(*runs));

		if (!runs)
			return false;
		list->runs = runs;
		list->capacity = capacity;
	}
	list->runs[list->count++] = *run;
	return true;
}

static int by_first(const void *a, const void *b)
{
	const struct addr_range *x = a;
	const struct addr_range *y = b;

	return addr_compare(&x->first, &y->first);
}

/* Joins runs that touch; they are sorted. */
static void join(struct run_list *list)
{
	struct run_list joined = {list->runs, 0, list->capacity};

	for (size_t i = 0; i < list->count; i++) {
		struct addr_range run = list->runs[i];

		add_run(&joined, &run); /* in place: never longer than what was read, so it never grows */
	}
	list->count = joined.count;
}

/* Half of an address, as a number. */
static uint64_t load_u64(const uint8_t *bytes)
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

/* b - a of two IPv6 addresses, b not below a. False when it is 2^64 and more. */
static bool v6_distance(const struct addr *a, const struct addr *b, uint64_t *out)
{
	uint64_t a_low = load_u64(a->bytes + 8), b_low = load_u64(b->bytes + 8);

	*out = b_low - a_low;
	return load_u64(b->bytes) - load_u64(a->bytes) - (b_low < a_low) == 0;
}

static bool number_v4(struct target_index *out, const struct run_list *list)
{
	out->v4 = reallocarray(NULL, out->v4_count, sizeof(*out->v4));
	if (!out->v4)
		return false;
	for (size_t i = 0; i < out->v4_count; i++) {
		const struct addr_range *run = &list->runs[i];

		out->v4[i] = (struct v4_run){addr_v4(&run->first), (uint32_t)out->v4_addresses};
		out->v4_addresses += (uint64_t)addr_v4(&run->last) - addr_v4(&run->first) + 1;
	}
	return true;
}

static bool number_v6(struct target_index *out, const struct run_list *list, uint64_t *addresses, bool *too_many)
{
	out->v6 = reallocarray(NULL, out->v6_count, sizeof(*out->v6));
	if (!out->v6)
		return false;
	for (size_t i = 0; i < out->v6_count; i++) {
		const struct addr_range *run = &list->runs[out->v4_count + i];
		uint64_t more = 0;

		out->v6[i] = (struct v6_run){run->first, *addresses};
		*too_many = *too_many || !v6_distance(&run->first, &run->last, &more) ||
		            more >= UINT64_MAX - out->v4_addresses - *addresses;
		*addresses += more + 1;
	}
	return true;
}

static bool number(struct target_index *out, const struct run_list *list, struct err *err)
{
	uint64_t v6_addresses = 0;
	bool too_many = false;

	while (out->v4_count < list->count && list->runs[out->v4_count].first.family == 4)
		out->v4_count++;
	out->v6_count = list->count - out->v4_count;
	if ((out->v4_count > 0 && !number_v4(out, list)) ||
	    (out->v6_count > 0 && !number_v6(out, list, &v6_addresses, &too_many))) {
		target_index_free(out);
		return err_set(err, ERR_SYSTEM, "out of memory for %zu target ranges: scan in several parts",
		               list->count);
	}
	if (too_many) {
		target_index_free(out);
		return err_set(err, ERR_USAGE, "the targets are 2^64 addresses and more: name fewer");
	}
	out->count = out->v4_addresses + v6_addresses;
	return true;
}

bool target_index_make(const struct target_set *include, const struct target_set *exclude, struct target_index *out,
                       struct err *err)
{
	struct run_list list = {0};
	struct target_cursor cursor = {0};
	struct addr_range run;
	bool ok = true;

	*out = (struct target_index){0};
	while (ok && target_next_run(include, exclude, &cursor, &run))
		ok = add_run(&list, &run);
	if (!ok) {
		free(list.runs);
		return err_set(err, ERR_SYSTEM, "out of memory for %zu target ranges: scan in several parts",
		               list.count);
	}
	if (list.count > 1)
		qsort(list.runs, list.count, sizeof(*list.runs), by_first);
	join(&list);
	ok = number(out, &list, err);
	free(list.runs);
	return ok;
}

void target_index_free(struct target_index *index)
{
	free(index->v4);
	free(index->v6);
	*index = (struct target_index){0};
}

/* a + n of an IPv6 address. */
static struct addr v6_plus(const struct addr *a, uint64_t n)
{
	struct addr sum = *a;
	unsigned carry = 0;

	for (int i = 15; i >= 0; i--, n >>= 8) {
		carry += sum.bytes[i] + (unsigned)(n & 0xff);
		sum.bytes[i] = (uint8_t)carry;
		carry >>= 8;
	}
	return sum;
}

/* What a run is asked about a key. */
typedef bool run_test(const struct target_index *index, size_t run, const void *key);

/* How many runs the answer is yes for; from some run on it is no. Inlined with its question: a sweep comes here for each packet. */
static inline __attribute__((always_inline)) size_t count_runs(const struct target_index *index, size_t count,
                                                               run_test *test, const void *key)
{
	size_t low = 0;
	size_t high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (test(index, middle, key))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool v4_has_ahead(const struct target_index *index, size_t run, const void *i)
{
	return index->v4[run].before <= *(const uint64_t *)i;
}

static bool v6_has_ahead(const struct target_index *index, size_t run, const void *i)
{
	return index->v6[run].before <= *(const uint64_t *)i;
}

static bool v4_begins_through(const struct target_index *index, size_t run, const void *addr)
{
	return index->v4[run].first <= *(const uint32_t *)addr;
}

static bool v4_begins_before(const struct target_index *index, size_t run, const void *addr)
{
	return index->v4[run].first < *(const uint32_t *)addr;
}

static bool v6_begins_through(const struct target_index *index, size_t run, const void *addr)
{
	return addr_compare(&index->v6[run].first, addr) <= 0;
}

/* The last run that has at most i addresses ahead of it. */
static size_t v4_run_of(const struct target_index *index, uint64_t i)
{
	return count_runs(index, index->v4_count, v4_has_ahead, &i) - 1;
}

static size_t v6_run_of(const struct target_index *index, uint64_t i)
{
	return count_runs(index, index->v6_count, v6_has_ahead, &i) - 1;
}

struct addr target_index_at(const struct target_index *index, uint64_t i)
{
	if (i < index->v4_addresses) {
		const struct v4_run *run = &index->v4[v4_run_of(index, i)];

		return addr_from_v4(run->first + ((uint32_t)i - run->before));
	}
	i -= index->v4_addresses;
	if (index->v6_count > 0) {
		const struct v6_run *run = &index->v6[v6_run_of(index, i)];

		return v6_plus(&run->first, i - run->before);
	}
	return (struct addr){0};
}

static uint64_t v4_run_size(const struct target_index *index, size_t r)
{
	return (r + 1 < index->v4_count ? index->v4[r + 1].before : index->v4_addresses) - index->v4[r].before;
}

static uint64_t v6_run_size(const struct target_index *index, size_t r)
{
	uint64_t all = index->count - index->v4_addresses;

	return (r + 1 < index->v6_count ? index->v6[r + 1].before : all) - index->v6[r].before;
}

static bool find_v4(const struct target_index *index, uint32_t addr, uint64_t *out)
{
	size_t runs = count_runs(index, index->v4_count, v4_begins_through, &addr);

	if (runs == 0 || addr - index->v4[runs - 1].first >= v4_run_size(index, runs - 1))
		return false;
	*out = (uint64_t)index->v4[runs - 1].before + (addr - index->v4[runs - 1].first);
	return true;
}

static bool find_v6(const struct target_index *index, const struct addr *addr, uint64_t *out)
{
	size_t runs = count_runs(index, index->v6_count, v6_begins_through, addr);
	uint64_t distance = 0;

	if (runs == 0 || !v6_distance(&index->v6[runs - 1].first, addr, &distance) ||
	    distance >= v6_run_size(index, runs - 1))
		return false;
	*out = index->v4_addresses + index->v6[runs - 1].before + distance;
	return true;
}

bool target_index_of(const struct target_index *index, const struct addr *addr, uint64_t *out)
{
	switch (addr->family) {
	case 4:
		return find_v4(index, addr_v4(addr), out);
	case 6:
		return find_v6(index, addr, out);
	default:
		return false;
	}
}

uint64_t target_index_rank(const struct target_index *index, uint32_t v4)
{
	size_t runs = count_runs(index, index->v4_count, v4_begins_before, &v4);
	uint64_t within;

	if (runs == 0)
		return 0;
	within = v4 - index->v4[runs - 1].first;
	if (within > v4_run_size(index, runs - 1))
		within = v4_run_size(index, runs - 1);
	return index->v4[runs - 1].before + within;
}

uint64_t target_index_left(const struct target_index *index, uint64_t i)
{
	size_t r;

	if (i < index->v4_addresses) {
		r = v4_run_of(index, i);
		return index->v4[r].before + v4_run_size(index, r) - i;
	}
	i -= index->v4_addresses;
	r = v6_run_of(index, i);
	return index->v6[r].before + v6_run_size(index, r) - i;
}

size_t target_index_ranges(const struct target_index *index)
{
	return index->v4_count + index->v6_count;
}

struct addr_range target_index_range(const struct target_index *index, size_t r)
{
	struct addr_range range;

	if (r < index->v4_count) {
		uint32_t first = index->v4[r].first;

		return (struct addr_range){addr_from_v4(first),
		                           addr_from_v4((uint32_t)(first + (v4_run_size(index, r) - 1)))};
	}
	r -= index->v4_count;
	range.first = index->v6[r].first;
	range.last = v6_plus(&range.first, v6_run_size(index, r) - 1);
	return range;
}
