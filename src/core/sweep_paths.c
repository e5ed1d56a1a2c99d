/* sweep_paths.c: which way each address of a sweep is reached.
 *
 * Looking a route up means walking the table; a sweep would do that millions of times. So the address space is cut once at
 * every boundary that a look-up could depend on (routes, own networks, special ranges); between two cuts all addresses are
 * reached the same way. */
#include <stdlib.h>
#include <string.h>

#include "sweep_internal.h"

/* network.c's special ranges begin and end here. */
static const uint32_t special_cuts[] = {0, 0x01000000, 0xe0000000, 0xf0000000, 0xffffffff};

struct cuts {
	uint32_t *at;
	size_t count;
};

static void cut_prefix(struct cuts *cuts, const struct addr *prefix, int bits)
{
	struct addr first, last;

	if (prefix->family != 4)
		return;
	first = addr_prefix_first(prefix, bits);
	last = addr_prefix_last(prefix, bits);
	cuts->at[cuts->count++] = addr_v4(&first);
	if (addr_increment(&last))
		cuts->at[cuts->count++] = addr_v4(&last);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static bool find_cuts(struct cuts *cuts, const struct network *network)
{
	const size_t special_count = sizeof(special_cuts) / sizeof(special_cuts[0]);
	size_t kept = 0;

	cuts->count = 0;
	cuts->at = calloc(2 * (network->route_count + network->addr_count) + special_count, sizeof(*cuts->at));
	if (!cuts->at)
		return false;
	for (size_t i = 0; i < special_count; i++)
		cuts->at[cuts->count++] = special_cuts[i];
	for (size_t i = 0; i < network->route_count; i++)
		cut_prefix(cuts, &network->routes[i].prefix, network->routes[i].prefix_bits);
	for (size_t i = 0; i < network->addr_count; i++)
		cut_prefix(cuts, &network->addrs[i].addr, network->addrs[i].prefix_bits);
	qsort(cuts->at, cuts->count, sizeof(*cuts->at), by_value);
	for (size_t i = 0; i < cuts->count; i++)
		if (kept == 0 || cuts->at[kept - 1] != cuts->at[i])
			cuts->at[kept++] = cuts->at[i];
	cuts->count = kept;
	return true;
}

static bool is_broadcast(const struct network *network, const struct addr *addr)
{
	for (size_t i = 0; i < network->route_count; i++)
		if (network->routes[i].kind == ROUTE_BROADCAST &&
		    addr_in_prefix(addr, &network->routes[i].prefix, network->routes[i].prefix_bits))
			return true;
	return false;
}

static void look_up(const struct engine_config *config, uint32_t v4, int64_t now_ns, struct sweep_path *out)
{
	struct addr addr = addr_from_v4(v4);

	memset(out, 0, sizeof(*out));
	out->usable = network_path(config->network, &addr, config->only_interface, &config->source, &out->path, NULL);
	if (!out->usable) {
		out->unusable = is_broadcast(config->network, &addr) ? "broadcast-address" : "no-route";
		return;
	}
	if (addr_equal(&out->path.source, &addr)) {
		out->source_is_target = true;
		out->path.source = (struct addr){0};
	}
	if (out->path.on_link)
		out->path.next_hop = (struct addr){0}; /* the target itself */
	out->wants_mac = out->path.kind == LINK_ETHERNET && !out->path.on_link;
	out->next_ns = now_ns;
}

static bool same_way(const struct sweep_path *a, const struct sweep_path *b)
{
	if (a->usable != b->usable)
		return false;
	if (!a->usable)
		return strcmp(a->unusable, b->unusable) == 0;
	return a->path.interface == b->path.interface && a->path.kind == b->path.kind &&
	       a->path.on_link == b->path.on_link && a->source_is_target == b->source_is_target &&
	       addr_equal(&a->path.source, &b->path.source) && addr_equal(&a->path.next_hop, &b->path.next_hop);
}

/* The number of that way among those known; -1 when there are too many. */
static int path_number(struct sweep_paths *paths, const struct sweep_path *path)
{
	for (size_t i = 0; i < paths->path_count; i++)
		if (same_way(&paths->paths[i], path))
			return (int)i;
	if (paths->path_count == MOST_PATHS)
		return -1;
	paths->paths[paths->path_count] = *path;
	return (int)paths->path_count++;
}

static bool is_targeted(const struct target_index *index, uint32_t first, uint32_t last)
{
	size_t low = 0, high = index->v4_count;

	/* The first run that ends at or after `first`. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct addr_range run = target_index_range(index, middle);

		if (addr_v4(&run.last) < first)
			low = middle + 1;
		else
			high = middle;
	}
	return low < index->v4_count && index->v4[low].first <= last;
}

static bool fill(struct sweep_paths *paths, const struct engine_config *config, const struct target_index *index,
                 const struct cuts *cuts, int64_t now_ns)
{
	for (size_t i = 0; i < cuts->count; i++) {
		uint32_t last = i + 1 < cuts->count ? cuts->at[i + 1] - 1 : UINT32_MAX;
		struct sweep_segment *before = paths->segment_count ? &paths->segments[paths->segment_count - 1] : NULL;
		struct sweep_path path;
		int number;

		if (!is_targeted(index, cuts->at[i], last))
			continue;
		look_up(config, cuts->at[i], now_ns, &path);
		number = path_number(paths, &path);
		if (number < 0)
			return false;
		if (before && before->path == number && i > 0)
			continue; /* what lies between is no target, or is reached the same way */
		paths->segments[paths->segment_count++] = (struct sweep_segment){cuts->at[i], (uint16_t)number};
	}
	return paths->segment_count > 0;
}

bool sweep_paths_make(struct sweep_paths *paths, const struct engine_config *config, const struct target_index *index,
                      int64_t now_ns, struct err *err)
{
	struct cuts cuts = {0};
	bool ok = find_cuts(&cuts, config->network);

	if (ok) {
		paths->segments = calloc(cuts.count, sizeof(*paths->segments));
		paths->paths = calloc(cuts.count < MOST_PATHS ? cuts.count : MOST_PATHS, sizeof(*paths->paths));
		ok = paths->segments && paths->paths && fill(paths, config, index, &cuts, now_ns);
	}
	free(cuts.at);
	return ok || err_set(err, ERR_SYSTEM, "out of memory");
}

void sweep_paths_free(struct sweep_paths *paths)
{
	free(paths->segments);
	free(paths->paths);
	*paths = (struct sweep_paths){0};
}

struct sweep_path *sweep_paths_find(const struct sweep_paths *paths, uint32_t addr, uint32_t *last)
{
	size_t low = 0, high = paths->segment_count - 1;

	/* The last segment that begins at or before the address. */
	while (low < high) {
		size_t middle = high - (high - low) / 2;

		if (paths->segments[middle].first <= addr)
			low = middle;
		else
			high = middle - 1;
	}
	if (last)
		*last = low + 1 < paths->segment_count ? paths->segments[low + 1].first - 1 : UINT32_MAX;
	return &paths->paths[paths->segments[low].path];
}

bool sweep_path_uses_arp(const struct sweep_path *path)
{
	return path->usable && path->path.kind == LINK_ETHERNET && path->path.on_link;
}
