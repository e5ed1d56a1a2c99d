/* record.c: what is known so far about one host whose events are still coming. */
#include <stdlib.h>
#include <string.h>

#include "record.h"

enum { PAGES = 256 };

struct port_origin {
	const char *reason;
	struct addr from;
};

struct kept_port {
	int64_t rtt_ns; /* -1: none */
	uint32_t origin;
	uint32_t probes;
	uint16_t port;
	uint16_t from_port;
	uint8_t state;
	uint8_t ttl;
	bool has_ttl;
	bool has_reading; /* in record->readings */
};

/* What the answers of one port said. Few ports have one, so these are not among the packed ports. */
struct kept_reading {
	uint16_t port;
	struct service_reading reading;
};

struct port_page {
	uint16_t count;
	uint16_t capacity;
	struct kept_port ports[]; /* ascending */
};

struct host_record *host_record_new(const struct event *first)
{
	struct host_record *record = calloc(1, sizeof(*record));

	if (!record)
		return NULL;
	record->result.ordinal = first->ordinal;
	record->result.addr = first->addr;
	record->result.first_ns = first->at_ns;
	record->result.done_ns = first->at_ns;
	record->result.host.state = HOST_UNKNOWN;
	record->result.host.reason = "unresolved";
	return record;
}

void host_record_free(struct host_record *record)
{
	if (!record)
		return;
	for (size_t i = 0; record->pages && i < PAGES; i++)
		free(record->pages[i]);
	free(record->pages);
	free(record->readings);
	free(record->origins);
	free(record->name);
	free(record->vendor);
	free(record->result.notes);
	free(record);
}

/* Index of the (reason, from) of a port result; -1 when memory ran out. */
static int64_t origin_index(struct host_record *record, const char *reason, const struct addr *from)
{
	struct port_origin *grown;

	for (size_t i = 0; i < record->origin_count; i++) {
		if (!strcmp(record->origins[i].reason, reason) && addr_equal(&record->origins[i].from, from))
			return (int64_t)i;
	}
	grown = realloc(record->origins, (record->origin_count + 1) * sizeof(*grown));
	if (!grown)
		return -1;
	record->origins = grown;
	grown[record->origin_count] = (struct port_origin){reason, *from};
	return (int64_t)record->origin_count++;
}

/* Where the port is in its page, or where it belongs. */
static uint16_t page_position(const struct port_page *page, uint16_t port)
{
	uint16_t low = 0, high = page->count;

	/* Results of a page mostly come in ascending order. */
	if (high > 0 && page->ports[high - 1].port < port)
		return high;
	while (low < high) {
		uint16_t middle = (uint16_t)((low + high) / 2);

		if (page->ports[middle].port < port)
			low = (uint16_t)(middle + 1);
		else
			high = middle;
	}
	return low;
}

/* The page with room for one port more; NULL when memory ran out. */
static struct port_page *page_with_room(struct host_record *record, uint16_t port)
{
	struct port_page *page, *grown;
	uint16_t capacity;

	if (!record->pages)
		record->pages = calloc(PAGES, sizeof(*record->pages));
	if (!record->pages)
		return NULL;
	page = record->pages[port >> 8];
	if (page && page->count < page->capacity)
		return page;
	capacity = page ? (uint16_t)(page->capacity * 2) : 2;
	grown = realloc(page, sizeof(*grown) + capacity * sizeof(*grown->ports));
	if (!grown)
		return NULL;
	if (!page)
		grown->count = 0;
	grown->capacity = capacity;
	record->pages[port >> 8] = grown;
	return grown;
}

/* The place of that port in its page: found, or made. NULL when memory ran out. */
static struct kept_port *place_port(struct host_record *record, uint16_t port)
{
	struct port_page *page = record->pages ? record->pages[port >> 8] : NULL;
	uint16_t at = page ? page_position(page, port) : 0;

	if (page && at < page->count && page->ports[at].port == port)
		return &page->ports[at];
	page = page_with_room(record, port);
	if (!page)
		return NULL;
	memmove(page->ports + at + 1, page->ports + at, (size_t)(page->count - at) * sizeof(*page->ports));
	page->count++;
	record->port_count++;
	return &page->ports[at];
}

static struct kept_reading *find_reading(const struct host_record *record, uint16_t port)
{
	for (size_t i = record->reading_count; i > 0; i--) {
		if (record->readings[i - 1].port == port)
			return &record->readings[i - 1];
	}
	return NULL;
}

/* The last word on the port's service. */
static bool keep_reading(struct host_record *record, uint16_t port, const struct service_reading *reading)
{
	struct kept_reading *kept = find_reading(record, port), *grown;

	if (!kept && record->reading_count == record->reading_capacity) {
		size_t capacity = record->reading_capacity ? record->reading_capacity * 2 : 4;

		grown = realloc(record->readings, capacity * sizeof(*grown));
		if (!grown)
			return false;
		record->readings = grown;
		record->reading_capacity = capacity;
	}
	if (!kept)
		kept = &record->readings[record->reading_count++];
	kept->port = port;
	kept->reading = *reading;
	return true;
}

static bool keep_port(struct host_record *record, const struct port_event *port)
{
	int64_t origin = origin_index(record, port->reason ? port->reason : "unresolved", &port->from);
	struct kept_port *place = origin < 0 ? NULL : place_port(record, port->port);

	if (!place)
		return false;
	*place = (struct kept_port){
	        .rtt_ns = port->has_rtt ? port->rtt_ns : -1,
	        .origin = (uint32_t)origin,
	        .probes = port->probes,
	        .port = port->port,
	        .from_port = port->from_port,
	        .state = (uint8_t)port->state,
	        .ttl = port->ttl,
	        .has_ttl = port->has_ttl,
	        .has_reading = port->reading != NULL,
	};
	return !port->reading || keep_reading(record, port->port, port->reading);
}

/* A later note with the same code about the same port replaces the earlier one. */
static bool keep_note(struct host_result *result, const struct note_event *note)
{
	struct note_event *grown;

	for (size_t i = 0; i < result->note_count; i++) {
		if (result->notes[i].port == note->port && !strcmp(result->notes[i].code, note->code)) {
			result->notes[i] = *note;
			return true;
		}
	}
	grown = realloc(result->notes, (result->note_count + 1) * sizeof(*grown));
	if (!grown)
		return false;
	result->notes = grown;
	grown[result->note_count++] = *note;
	return true;
}

/* Replaces the record's copy; a text once known stays known. False when memory ran out. */
static bool keep_text(char **place, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (!text)
		return true;
	if (copy) {
		free(*place);
		*place = copy;
	}
	return copy != NULL;
}

/* What is told of a host later replaces what was; its name stays. */
static bool keep_host(struct host_record *record, const struct host_event *host)
{
	struct host_result *result = &record->result;
	bool kept = keep_text(&record->name, host->name) && keep_text(&record->vendor, host->vendor);

	result->host = *host;
	result->host.name = record->name;
	result->host.vendor = record->vendor;
	if (!result->host.reason)
		result->host.reason = "unresolved";
	return kept;
}

bool host_record_apply(struct host_record *record, const struct event *event)
{
	struct host_result *result = &record->result;

	result->done_ns = event->at_ns;
	switch (event->kind) {
	case EVENT_HOST:
		return keep_host(record, &event->u.host);
	case EVENT_PORT:
		return keep_port(record, &event->u.port);
	case EVENT_LIMIT:
		result->has_limit = true;
		result->limit = event->u.limit;
		break;
	case EVENT_MTU:
		result->has_mtu = true;
		result->mtu = event->u.mtu;
		break;
	case EVENT_NOTE:
		return keep_note(result, &event->u.note);
	case EVENT_HOST_DONE:
		record->done = true;
		break;
	case EVENT_SWEPT: /* not kept here: reports.c */
		break;
	}
	return true;
}

bool host_record_has_port(const struct host_record *record, uint16_t port)
{
	const struct port_page *page = record->pages ? record->pages[port >> 8] : NULL;
	uint16_t at;

	if (!page)
		return false;
	at = page_position(page, port);
	return at < page->count && page->ports[at].port == port;
}

bool host_record_is_plain(const struct host_record *record)
{
	const struct host_result *result = &record->result;

	return result->host.state != HOST_UP && !result->host.has_mac && !record->name && !result->has_limit &&
	       !result->has_mtu && result->note_count == 0 && record->port_count == 0;
}

void host_record_unpack_ports(const struct host_record *record, struct port_event *out)
{
	for (size_t i = 0; record->pages && i < PAGES; i++) {
		const struct port_page *page = record->pages[i];

		for (uint16_t k = 0; page && k < page->count; k++) {
			const struct kept_port *kept = &page->ports[k];
			struct kept_reading *said = kept->has_reading ? find_reading(record, kept->port) : NULL;

			*out++ = (struct port_event){
			        .port = kept->port,
			        .state = (enum port_state)kept->state,
			        .reason = record->origins[kept->origin].reason,
			        .from = record->origins[kept->origin].from,
			        .from_port = kept->from_port,
			        .has_rtt = kept->rtt_ns >= 0,
			        .rtt_ns = kept->rtt_ns >= 0 ? kept->rtt_ns : 0,
			        .has_ttl = kept->has_ttl,
			        .ttl = kept->ttl,
			        .probes = kept->probes,
			        .reading = said ? &said->reading : NULL,
			};
		}
	}
}
