/* hosts.c: active hosts by address, and a heap that says which of them wants to act next. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum { FIRST_HOSTS = 64, FIRST_BUCKETS = 256 };

bool hosts_init(struct engine *e)
{
	e->bucket_count = FIRST_BUCKETS;
	e->buckets = malloc(e->bucket_count * sizeof(*e->buckets));
	if (!e->buckets)
		return false;
	memset(e->buckets, 0xff, e->bucket_count * sizeof(*e->buckets));
	return true;
}

void hosts_free(struct engine *e)
{
	for (size_t i = 0; i < e->host_capacity; i++) {
		portscan_free(e->hosts[i].scan);
		mtu_free(&e->hosts[i]);
	}
	free(e->hosts);
	free(e->free_hosts);
	free(e->buckets);
	free(e->heap);
}

uint32_t host_index(const struct engine *e, const struct host *host)
{
	return (uint32_t)(host - e->hosts);
}

static bool grow_places(struct engine *e)
{
	size_t capacity = e->host_capacity ? e->host_capacity * 2 : FIRST_HOSTS;
	struct host *hosts = realloc(e->hosts, capacity * sizeof(*hosts));
	uint32_t *free_hosts, *heap;

	if (!hosts)
		return false;
	e->hosts = hosts;
	free_hosts = realloc(e->free_hosts, capacity * sizeof(*free_hosts));
	if (!free_hosts)
		return false;
	e->free_hosts = free_hosts;
	heap = realloc(e->heap, capacity * sizeof(*heap));
	if (!heap)
		return false;
	e->heap = heap;
	memset(hosts + e->host_capacity, 0, (capacity - e->host_capacity) * sizeof(*hosts));
	for (size_t i = capacity; i > e->host_capacity; i--)
		e->free_hosts[e->free_count++] = (uint32_t)(i - 1);
	e->host_capacity = capacity;
	return true;
}

static uint32_t *bucket_of(struct engine *e, const struct addr *addr)
{
	return &e->buckets[addr_hash(addr) & (e->bucket_count - 1)];
}

static void rehash(struct engine *e)
{
	size_t count = e->bucket_count * 2;
	uint32_t *buckets = malloc(count * sizeof(*buckets));

	if (!buckets)
		return; /* longer chains are slow, not wrong */
	memset(buckets, 0xff, count * sizeof(*buckets));
	free(e->buckets);
	e->buckets = buckets;
	e->bucket_count = count;
	for (uint32_t i = 0; i < e->host_capacity; i++) {
		if (!e->hosts[i].in_use)
			continue;
		e->hosts[i].hash_next = *bucket_of(e, &e->hosts[i].addr);
		*bucket_of(e, &e->hosts[i].addr) = i;
	}
}

struct host *host_new(struct engine *e, const struct addr *addr)
{
	struct host *host;
	uint32_t index, generation;

	if (e->free_count == 0 && !grow_places(e))
		return NULL;
	if (e->active >= e->bucket_count)
		rehash(e);
	index = e->free_hosts[--e->free_count];
	host = &e->hosts[index];
	generation = host->generation;
	memset(host, 0, sizeof(*host));
	host->generation = generation + 1;
	host->addr = *addr;
	host->in_use = true;
	host->heap_index = NO_INDEX;
	host->gateway = NO_INDEX;
	host->hash_next = *bucket_of(e, addr);
	*bucket_of(e, addr) = index;
	e->active++;
	return host;
}

struct host *host_find(struct engine *e, const struct addr *addr)
{
	uint32_t index = *bucket_of(e, addr);

	while (index != NO_INDEX && !addr_equal(&e->hosts[index].addr, addr))
		index = e->hosts[index].hash_next;
	return index == NO_INDEX ? NULL : &e->hosts[index];
}

/* The heap: earliest first; among equals the one that waited longest, so that hosts take turns. */
static bool earlier(const struct engine *e, uint32_t a, uint32_t b)
{
	const struct host *x = &e->hosts[a], *y = &e->hosts[b];

	return x->wake_ns != y->wake_ns ? x->wake_ns < y->wake_ns : x->turn < y->turn;
}

static void heap_put(struct engine *e, size_t at, uint32_t index)
{
	e->heap[at] = index;
	e->hosts[index].heap_index = (uint32_t)at;
}

static void sift_up(struct engine *e, size_t at)
{
	uint32_t index = e->heap[at];

	while (at > 0 && earlier(e, index, e->heap[(at - 1) / 2])) {
		heap_put(e, at, e->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_put(e, at, index);
}

static void sift_down(struct engine *e, size_t at)
{
	uint32_t index = e->heap[at];

	for (;;) {
		size_t child = at * 2 + 1;

		if (child >= e->heap_count)
			break;
		if (child + 1 < e->heap_count && earlier(e, e->heap[child + 1], e->heap[child]))
			child++;
		if (!earlier(e, e->heap[child], index))
			break;
		heap_put(e, at, e->heap[child]);
		at = child;
	}
	heap_put(e, at, index);
}

void host_set_wake(struct engine *e, struct host *host, int64_t wake_ns)
{
	if (host->mtu && host->mtu_wake_ns < wake_ns)
		wake_ns = host->mtu_wake_ns;
	if (e->config.host_timeout_ns > 0 && wake_ns > host->started_ns + e->config.host_timeout_ns)
		wake_ns = host->started_ns + e->config.host_timeout_ns;
	host->wake_ns = wake_ns;
	host->turn = ++e->turns;
	if (host->heap_index == NO_INDEX) {
		heap_put(e, e->heap_count, host_index(e, host));
		e->heap_count++;
		sift_up(e, host->heap_index);
		return;
	}
	sift_up(e, host->heap_index);
	sift_down(e, host->heap_index);
}

static void heap_remove(struct engine *e, struct host *host)
{
	size_t at = host->heap_index;
	uint32_t moved;

	if (host->heap_index == NO_INDEX)
		return;
	host->heap_index = NO_INDEX;
	moved = e->heap[--e->heap_count];
	if (at == e->heap_count)
		return;
	heap_put(e, at, moved);
	sift_up(e, at);
	sift_down(e, e->hosts[moved].heap_index);
}

void host_release(struct engine *e, struct host *host)
{
	uint32_t index = host_index(e, host);
	uint32_t *link = bucket_of(e, &host->addr);

	while (*link != index)
		link = &e->hosts[*link].hash_next;
	*link = host->hash_next;
	heap_remove(e, host);
	portscan_free(host->scan);
	host->scan = NULL;
	mtu_free(host);
	host->in_use = false;
	e->free_hosts[e->free_count++] = index;
	e->active--;
}
