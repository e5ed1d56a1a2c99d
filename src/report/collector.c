/* collector.c: interleaved events of many hosts in, finished hosts in the order of targets out.
 *
 * Hosts live in chunks of consecutive ordinals. A chunk has a table of the hosts whose events are still coming or whose
 * results are large, and runs of those that are finished and not up. One slow host at the front of a sweep of millions
 * therefore holds back a few runs for each chunk and not a record for each host. */
#include <stdlib.h>
#include <string.h>

#include "collector.h"
#include "record.h"
#include "runs.h"

enum { CHUNK_HOSTS = 1024 };

struct chunk {
	struct host_record **records; /* by place in the chunk; NULL when there are none */
	size_t record_count;
	struct host_runs runs;
};

struct collector {
	collector_deliver *deliver;
	void *context;
	uint64_t next; /* the ordinal whose turn it is */
	bool finished;
	struct chunk **chunks; /* ring; the first one holds `next` */
	size_t first;
	size_t count;
	size_t capacity;          /* a power of two */
	struct port_event *ports; /* where a host's ports are unpacked */
	size_t port_capacity;
};

struct collector *collector_new(collector_deliver *deliver, void *context)
{
	struct collector *collector = calloc(1, sizeof(*collector));

	if (collector) {
		collector->deliver = deliver;
		collector->context = context;
	}
	return collector;
}

static struct chunk **chunk_slot(const struct collector *collector, size_t i)
{
	return &collector->chunks[(collector->first + i) & (collector->capacity - 1)];
}

static void chunk_free(struct chunk *chunk)
{
	if (!chunk)
		return;
	for (size_t i = 0; chunk->records && i < CHUNK_HOSTS; i++)
		host_record_free(chunk->records[i]);
	free(chunk->records);
	host_runs_free(&chunk->runs);
	free(chunk);
}

void collector_free(struct collector *collector)
{
	if (!collector)
		return;
	for (size_t i = 0; i < collector->count; i++)
		chunk_free(*chunk_slot(collector, i));
	free(collector->chunks);
	free(collector->ports);
	free(collector);
}

/* Room in the ring for `count` chunks. */
static bool reserve_chunks(struct collector *collector, size_t count)
{
	size_t capacity = collector->capacity ? collector->capacity : 4;
	struct chunk **grown;

	while (capacity < count && capacity <= SIZE_MAX / 4 / sizeof(*grown))
		capacity *= 2;
	if (capacity < count)
		return false;
	if (capacity == collector->capacity)
		return true;
	grown = calloc(capacity, sizeof(*grown));
	if (!grown)
		return false;
	for (size_t i = 0; i < collector->count; i++)
		grown[i] = *chunk_slot(collector, i);
	free(collector->chunks);
	collector->chunks = grown;
	collector->capacity = capacity;
	collector->first = 0;
	return true;
}

/* The chunk of an ordinal that was not handed over yet, or NULL. */
static struct chunk *find_chunk(const struct collector *collector, uint64_t ordinal)
{
	uint64_t i = ordinal / CHUNK_HOSTS - collector->next / CHUNK_HOSTS;

	return i < collector->count ? *chunk_slot(collector, (size_t)i) : NULL;
}

/* The same, made when it is missing, and with a table of records. NULL when memory ran out. */
static struct chunk *make_chunk(struct collector *collector, uint64_t ordinal)
{
	uint64_t i = ordinal / CHUNK_HOSTS - collector->next / CHUNK_HOSTS;
	struct chunk **slot;

	if (i >= SIZE_MAX / 2 || !reserve_chunks(collector, (size_t)i + 1))
		return NULL;
	while (collector->count <= i)
		*chunk_slot(collector, collector->count++) = NULL;
	slot = chunk_slot(collector, (size_t)i);
	if (!*slot)
		*slot = calloc(1, sizeof(**slot));
	if (*slot && !(*slot)->records)
		(*slot)->records = calloc(CHUNK_HOSTS, sizeof(*(*slot)->records));
	return *slot && (*slot)->records ? *slot : NULL;
}

static struct host_record *find_record(const struct chunk *chunk, uint64_t ordinal)
{
	return chunk && chunk->records ? chunk->records[ordinal % CHUNK_HOSTS] : NULL;
}

static void drop_record(struct chunk *chunk, uint64_t ordinal)
{
	host_record_free(chunk->records[ordinal % CHUNK_HOSTS]);
	chunk->records[ordinal % CHUNK_HOSTS] = NULL;
	chunk->record_count--;
}

enum collector_word collector_word(const struct collector *collector, const struct event *event)
{
	const struct host_record *record;
	const struct chunk *chunk;

	if (collector->finished || event->ordinal < collector->next)
		return WORD_LATE;
	chunk = find_chunk(collector, event->ordinal);
	if (!chunk)
		return WORD_FIRST;
	if (host_runs_find(&chunk->runs, event->ordinal))
		return WORD_LATE;
	record = find_record(chunk, event->ordinal);
	if (!record)
		return WORD_FIRST;
	if (event->kind == EVENT_PORT)
		return host_record_has_port(record, event->u.port.port) ? WORD_AGAIN : WORD_FIRST;
	return WORD_AGAIN;
}

static bool deliver_record(struct collector *collector, struct host_record *record)
{
	struct host_result *result = &record->result;
	bool whole = true;

	if (record->port_count > collector->port_capacity) {
		struct port_event *grown = realloc(collector->ports, record->port_count * sizeof(*grown));

		whole = grown != NULL;
		if (grown) {
			collector->ports = grown;
			collector->port_capacity = record->port_count;
		}
	}
	if (whole) {
		host_record_unpack_ports(record, collector->ports);
		result->ports = collector->ports;
		result->port_count = record->port_count;
	}
	collector->deliver(collector->context, result);
	return whole;
}

static void deliver_run(struct collector *collector, const struct host_run *run)
{
	struct host_result host = {.ordinal = run->ordinal, .addr = run->first, .host = run->host};

	for (uint64_t i = 0; i < run->count; i++) {
		collector->deliver(collector->context, &host);
		host.ordinal++;
		addr_increment(&host.addr);
	}
}

/* Hands over the host, or the run of hosts, at collector->next. With `unfinished` also one whose events are still coming.
 * Returns how many ordinals that were; 0 when it has to wait. */
static uint64_t deliver_next(struct collector *collector, struct chunk *chunk, bool unfinished, bool *whole)
{
	struct host_record *record = find_record(chunk, collector->next);
	const struct host_runs *runs = &chunk->runs;

	if (record && (record->done || unfinished)) {
		*whole &= deliver_record(collector, record);
		drop_record(chunk, collector->next);
		return 1;
	}
	if (runs->next < runs->count && runs->runs[runs->next].ordinal == collector->next) {
		deliver_run(collector, &runs->runs[runs->next]);
		return runs->runs[chunk->runs.next++].count;
	}
	return 0;
}

/* Moves on by so many ordinals of the first chunk, which goes when its last host has gone. */
static void advance(struct collector *collector, uint64_t hosts)
{
	uint64_t chunk = collector->next / CHUNK_HOSTS;

	collector->next += hosts;
	if (collector->next / CHUNK_HOSTS == chunk)
		return;
	chunk_free(*chunk_slot(collector, 0));
	collector->first = (collector->first + 1) & (collector->capacity - 1);
	collector->count--;
}

static bool drain(struct collector *collector)
{
	bool whole = true;

	while (collector->count > 0 && *chunk_slot(collector, 0)) {
		uint64_t hosts = deliver_next(collector, *chunk_slot(collector, 0), false, &whole);

		if (hosts == 0)
			break;
		advance(collector, hosts);
	}
	return whole;
}

/* A finished host of which only its state is known moves from the table into the runs. */
static bool move_to_runs(struct chunk *chunk, const struct host_record *record)
{
	if (!host_runs_add(&chunk->runs, &record->result))
		return false;
	drop_record(chunk, record->result.ordinal);
	if (chunk->record_count == 0 && chunk->runs.hosts == CHUNK_HOSTS) {
		free(chunk->records);
		chunk->records = NULL;
		host_runs_trim(&chunk->runs);
	}
	return true;
}

bool collector_take(struct collector *collector, const struct event *event)
{
	struct host_record **slot, *record;
	struct chunk *chunk;
	bool kept;

	if (collector_word(collector, event) == WORD_LATE)
		return true;
	chunk = make_chunk(collector, event->ordinal);
	if (!chunk)
		return false;
	slot = &chunk->records[event->ordinal % CHUNK_HOSTS];
	if (!*slot) {
		*slot = host_record_new(event);
		if (!*slot)
			return false;
		chunk->record_count++;
	}
	record = *slot;
	kept = host_record_apply(record, event);
	if (event->kind != EVENT_HOST_DONE)
		return kept;
	/* If memory runs out here the record simply stays where it is. */
	if (host_record_is_plain(record))
		move_to_runs(chunk, record);
	return drain(collector);
}

bool collector_finish(struct collector *collector)
{
	bool whole = true;

	while (collector->count > 0) {
		struct chunk *chunk = *chunk_slot(collector, 0);
		uint64_t hosts = chunk ? deliver_next(collector, chunk, true, &whole)
		                       : CHUNK_HOSTS - collector->next % CHUNK_HOSTS;

		advance(collector, hosts > 0 ? hosts : 1);
	}
	collector->finished = true;
	return whole;
}
