/* observe_tables.c: the observer's hosts, ports and ask logs: growing arrays, found through hash tables of indices. */
#include <stdlib.h>
#include <string.h>

#include "observer.h"

enum { FIRST_CAPACITY = 64, FIRST_LOG = 4, MOST_HOSTS = 1 << 24, MOST_PORTS = 1 << 25, LOGGED_PER_PORT = 8 };
enum { LOG_SEARCHED = 256 }; /* entries looked back through for a question that another asker has asked since */

/* Finalizer of SplitMix64: every input bit reaches the low bits. */
static uint64_t mix(uint64_t h)
{
	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9;
	h = (h ^ h >> 27) * 0x94d049bb133111eb;
	return h ^ h >> 31;
}

static size_t hash_addr(const struct addr *addr)
{
	uint64_t high, low;

	memcpy(&high, addr->bytes, sizeof(high));
	memcpy(&low, addr->bytes + 8, sizeof(low));
	return (size_t)mix(high + addr->family + mix(low));
}

static size_t hash_port(uint32_t host, uint16_t port)
{
	return (size_t)mix((uint64_t)host << 16 | port);
}

static bool same_addr(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static bool table_init(struct index_table *table, size_t capacity)
{
	table->slots = calloc(capacity, sizeof(*table->slots));
	table->capacity = table->slots ? capacity : 0;
	return table->slots != NULL;
}

static void table_put(struct index_table *table, size_t hash, uint32_t index)
{
	size_t at = hash & (table->capacity - 1);

	while (table->slots[at] != 0)
		at = (at + 1) & (table->capacity - 1);
	table->slots[at] = index + 1;
}

/* Room for one element more in an array of `size` bytes each. False when memory ran out or `most` are there. */
static bool grow(void **array, uint32_t count, uint32_t *capacity, uint32_t most, size_t size)
{
	uint32_t wanted = *capacity ? *capacity * 2 : FIRST_CAPACITY;
	void *grown;

	if (count < *capacity)
		return true;
	if (count >= most)
		return false;
	grown = realloc(*array, wanted * size);
	if (!grown)
		return false;
	*array = grown;
	*capacity = wanted;
	return true;
}

bool tables_init(struct observer *o)
{
	return table_init(&o->host_table, 2 * FIRST_CAPACITY) && table_init(&o->port_table, 2 * FIRST_CAPACITY);
}

void tables_free(struct observer *o)
{
	for (uint32_t i = 0; i < o->log_count; i++)
		free(o->logs[i].entries);
	for (uint32_t i = 0; i < o->port_count; i++)
		free(o->ports[i].reading);
	free(o->logs);
	free(o->hosts);
	free(o->ports);
	free(o->paths);
	free(o->host_table.slots);
	free(o->port_table.slots);
}

uint32_t host_lookup(const struct observer *o, const struct addr *addr)
{
	const struct index_table *table = &o->host_table;

	for (size_t at = hash_addr(addr) & (table->capacity - 1); table->slots[at] != 0;
	     at = (at + 1) & (table->capacity - 1)) {
		if (same_addr(&o->hosts[table->slots[at] - 1].addr, addr))
			return table->slots[at] - 1;
	}
	return NONE;
}

uint32_t port_lookup(const struct observer *o, uint32_t host, uint16_t port)
{
	const struct index_table *table = &o->port_table;

	for (size_t at = hash_port(host, port) & (table->capacity - 1); table->slots[at] != 0;
	     at = (at + 1) & (table->capacity - 1)) {
		const struct seen_port *found = &o->ports[table->slots[at] - 1];

		if (found->host == host && found->port == port)
			return table->slots[at] - 1;
	}
	return NONE;
}

/* Twice the room, when it is more than half full. */
static bool hosts_rehash(struct observer *o)
{
	struct index_table grown;

	if (o->host_count * (size_t)2 < o->host_table.capacity)
		return true;
	if (!table_init(&grown, o->host_table.capacity * 2))
		return false;
	for (uint32_t i = 0; i < o->host_count; i++)
		table_put(&grown, hash_addr(&o->hosts[i].addr), i);
	free(o->host_table.slots);
	o->host_table = grown;
	return true;
}

static bool ports_rehash(struct observer *o)
{
	struct index_table grown;

	if (o->port_count * (size_t)2 < o->port_table.capacity)
		return true;
	if (!table_init(&grown, o->port_table.capacity * 2))
		return false;
	for (uint32_t i = 0; i < o->port_count; i++)
		table_put(&grown, hash_port(o->ports[i].host, o->ports[i].port), i);
	free(o->port_table.slots);
	o->port_table = grown;
	return true;
}

static bool is_wanted(const struct observer *o, const struct addr *addr)
{
	const struct observer_config *config = &o->config;

	if (config->exclude && target_set_contains(config->exclude, addr))
		return false;
	return !config->targets || target_set_is_empty(config->targets) || target_set_contains(config->targets, addr);
}

uint32_t host_make(struct observer *o, const struct addr *addr)
{
	uint32_t found = host_lookup(o, addr);

	if (found != NONE)
		return found;
	if (!hosts_rehash(o) ||
	    !grow((void **)&o->hosts, o->host_count, &o->host_capacity, MOST_HOSTS, sizeof(*o->hosts))) {
		o->out_of_memory = true;
		return NONE;
	}
	o->hosts[o->host_count] = (struct seen_host){
	        .addr = *addr,
	        .first_port = NONE,
	        .log = NONE,
	        .path = NONE,
	        .ordinal = NONE,
	        .gone_from = NONE,
	        .from = NONE,
	        .last_client = NONE,
	        .last_port = NONE,
	        .wanted = is_wanted(o, addr),
	};
	table_put(&o->host_table, hash_addr(addr), o->host_count);
	return o->host_count++;
}

uint32_t port_make(struct observer *o, uint32_t host, uint16_t port)
{
	uint32_t found = port_lookup(o, host, port);

	if (found != NONE)
		return found;
	if (!ports_rehash(o) ||
	    !grow((void **)&o->ports, o->port_count, &o->port_capacity, MOST_PORTS, sizeof(*o->ports))) {
		o->out_of_memory = true;
		return NONE;
	}
	o->ports[o->port_count] = (struct seen_port){
	        .host = host,
	        .port = port,
	        .next = o->hosts[host].first_port,
	        .last_client = NONE,
	        .stray_client = NONE,
	        .strays_answer = NONE,
	        .log_entry = NONE,
	        .finding = {.from = NONE, .client = NONE},
	        .other = {.from = NONE, .client = NONE},
	};
	o->hosts[host].first_port = o->port_count;
	table_put(&o->port_table, hash_port(host, port), o->port_count);
	return o->port_count++;
}

uint32_t path_make(struct observer *o, uint32_t host)
{
	if (o->hosts[host].path != NONE)
		return o->hosts[host].path;
	if (!grow((void **)&o->paths, o->path_count, &o->path_capacity, MOST_HOSTS, sizeof(*o->paths))) {
		o->out_of_memory = true;
		return NONE;
	}
	o->paths[o->path_count] = (struct seen_path){.host = host, .claimed_by = NONE};
	return o->hosts[host].path = o->path_count++;
}

/* The log of that asker's questions to the host; NONE: it has asked nothing. */
static uint32_t log_lookup(const struct observer *o, uint32_t host, uint32_t client)
{
	uint32_t at = o->hosts[host].log;

	while (at != NONE && o->logs[at].client != client)
		at = o->logs[at].next;
	return at;
}

/* The same, made when it is missing; and put in front, because whoever asked last asks next. */
static uint32_t log_make(struct observer *o, uint32_t host, uint32_t client)
{
	uint32_t at = o->hosts[host].log;

	if (at != NONE && o->logs[at].client == client)
		return at;
	at = log_lookup(o, host, client);
	if (at != NONE)
		return at;
	if (!grow((void **)&o->logs, o->log_count, &o->log_capacity, MOST_HOSTS, sizeof(*o->logs)))
		return NONE;
	o->logs[o->log_count] = (struct ask_log){.client = client, .next = o->hosts[host].log};
	return o->hosts[host].log = o->log_count++;
}

void log_ask(struct observer *o, uint32_t port, uint32_t client, int64_t at_ns)
{
	struct seen_port *p = &o->ports[port];
	struct ask_log *log;
	uint32_t at;

	p->log_entry = NONE;
	if (p->logged >= LOGGED_PER_PORT)
		return;
	at = log_make(o, p->host, client);
	if (at == NONE) {
		o->out_of_memory = true;
		return;
	}
	log = &o->logs[at];
	if (log->count == log->capacity) {
		uint32_t capacity = log->capacity ? log->capacity * 2 : FIRST_LOG;
		struct asked_entry *grown = realloc(log->entries, capacity * sizeof(*grown));

		if (!grown) {
			o->out_of_memory = true;
			return;
		}
		log->entries = grown;
		log->capacity = capacity;
	}
	log->entries[log->count] = (struct asked_entry){at_ns, port, false};
	p->log_entry = log->count++;
	p->logged++;
}

void log_refusal(struct observer *o, uint32_t port, uint32_t client, int64_t at_ns)
{
	struct seen_port *p = &o->ports[port];
	uint32_t found = log_lookup(o, p->host, client), at = NONE;
	struct ask_log *log;

	if (found == NONE)
		return; /* the question is not in the capture */
	log = &o->logs[found];
	if (p->last_client == client && p->log_entry == NONE)
		return; /* asked too often for the log */
	if (p->last_client == client)
		at = p->log_entry;
	for (uint32_t i = log->count; at == NONE && i > 0 && log->count - i < LOG_SEARCHED; i--) {
		if (log->entries[i - 1].port == port && log->entries[i - 1].at_ns <= at_ns)
			at = i - 1;
	}
	if (at == NONE || log->entries[at].refused)
		return;
	log->entries[at].refused = true;
	log->refusals++;
}
