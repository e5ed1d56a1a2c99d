/* fuzz_targets.c: any list of targets, then '!' and any list of excludes; what is visited must be what was asked for. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nscan/targets.h"

enum { VISIT_MAX = 400, EXCLUDE_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static bool resolve(void *context, const char *name, struct addr *out, struct err *err)
{
	(void)context;
	if (strlen(name) % 2 != 0)
		return err_set(err, ERR_USAGE, "no such name");
	*out = addr_from_v4(0x0a000000 + (uint32_t)strlen(name));
	return true;
}

static struct target_set *read_list(const uint8_t *bytes, size_t n)
{
	const struct resolver resolver = {resolve, NULL};
	struct target_set *set = target_set_new();
	FILE *file = n > 0 ? fmemopen((void *)(uintptr_t)bytes, n, "r") : NULL;
	struct err err = {0};

	if (file && !target_set_add_stream(set, file, "list", &resolver, &err)) {
		if (err.code == ERR_NONE || !strstr(err.text, "line ") || strchr(err.text, '\n'))
			abort();
	}
	if (file)
		fclose(file);
	return set;
}

static int compare(const void *a, const void *b)
{
	return addr_compare(a, b);
}

/* Visits the first addresses. Each is wanted and comes once; and when they are all, none that is wanted is missing among
 * the ones next to them. */
static void check_visit(const struct target_set *include, const struct target_set *exclude)
{
	struct addr visited[VISIT_MAX];
	struct target_cursor cursor = {0};
	size_t n = 0;

	while (n < VISIT_MAX && target_next(include, exclude, &cursor, &visited[n])) {
		if (!target_set_contains(include, &visited[n]) || target_set_contains(exclude, &visited[n]))
			abort();
		n++;
	}
	if (n > target_set_size(include))
		abort();
	qsort(visited, n, sizeof(*visited), compare);
	for (size_t i = 0; i < n; i++) {
		struct addr after = visited[i];

		if (i + 1 < n && addr_equal(&visited[i], &visited[i + 1]))
			abort();
		if (n == VISIT_MAX || !addr_increment(&after))
			continue;
		if (i + 1 < n && addr_equal(&after, &visited[i + 1]))
			continue;
		if (target_set_contains(include, &after) && !target_set_contains(exclude, &after))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const uint8_t *mark = n > 0 ? memchr(bytes, '!', n) : NULL;
	size_t includes = mark ? (size_t)(mark - bytes) : n;
	struct target_set *include = read_list(bytes, includes);
	struct target_set *exclude = read_list(bytes + includes + !!mark, n - includes - !!mark);

	/* Patterns that together exclude a large part of all addresses take long to pass: nothing to learn from that. */
	if (target_set_size(exclude) <= EXCLUDE_MAX)
		check_visit(include, exclude);
	target_set_free(include);
	target_set_free(exclude);
	return 0;
}
