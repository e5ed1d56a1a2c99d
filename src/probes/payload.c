/* payload.c: the book of all payloads: built once, then found by port and attempt. */
#include "nscan/payload.h"

#include <stdlib.h>

#include "payload_rows.h"

static const struct payload_family *const families[] = {
        &payloads_dns, &payloads_time, &payloads_snmp, &payloads_rpc, &payloads_ike, &payloads_text, &payloads_simple,
};

enum { FAMILY_COUNT = sizeof(families) / sizeof(families[0]) };

/* One port of one payload. Sorted by port, then by the payload's place in the book. */
struct port_entry {
	uint16_t port;
	uint16_t payload;
};

struct payload_book {
	struct payload *payloads; /* copies of all rows, then the empty one */
	size_t payload_count;
	struct port_entry *entries;
	size_t entry_count;
	uint8_t *bytes; /* of all payloads, one behind the other */
};

static size_t port_count(const struct payload *payload)
{
	size_t count = 0;

	while (count < PAYLOAD_MAX_PORTS && payload->ports[count] != 0)
		count++;
	return count;
}

static int compare_entries(const void *a, const void *b)
{
	const struct port_entry *x = a, *y = b;

	return x->port != y->port ? x->port - y->port : x->payload - y->payload;
}

static void index_ports(struct payload_book *book)
{
	for (size_t i = 0; i < book->payload_count; i++) {
		for (size_t j = 0; j < port_count(&book->payloads[i]); j++) {
			book->entries[book->entry_count++] =
			        (struct port_entry){book->payloads[i].ports[j], (uint16_t)i};
		}
	}
	qsort(book->entries, book->entry_count, sizeof(*book->entries), compare_entries);
}

static void build_payloads(struct payload_book *book)
{
	uint8_t *at = book->bytes;

	for (size_t i = 0; i < book->payload_count; i++) {
		struct payload *payload = &book->payloads[i];

		payload->bytes = at;
		payload->byte_count = payload->build ? payload->build(at) : 0;
		at += payload->byte_count;
	}
}

struct payload_book *payload_book_new(void)
{
	static const struct payload empty = {.name = "empty", .source = "RFC 768", .nonce_offset = -1};
	struct payload_book *book = calloc(1, sizeof(*book));
	size_t rows = 0;

	for (size_t i = 0; i < FAMILY_COUNT; i++)
		rows += families[i]->count;
	if (!book)
		return NULL;
	book->payloads = calloc(rows + 1, sizeof(*book->payloads));
	book->entries = calloc(rows * PAYLOAD_MAX_PORTS, sizeof(*book->entries));
	book->bytes = calloc(rows + 1, PAYLOAD_MAX_BYTES);
	if (!book->payloads || !book->entries || !book->bytes) {
		payload_book_free(book);
		return NULL;
	}
	for (size_t i = 0; i < FAMILY_COUNT; i++) {
		for (size_t j = 0; j < families[i]->count; j++)
			book->payloads[book->payload_count++] = families[i]->rows[j];
	}
	book->payloads[book->payload_count++] = empty;
	build_payloads(book);
	index_ports(book);
	return book;
}

void payload_book_free(struct payload_book *book)
{
	if (!book)
		return;
	free(book->payloads);
	free(book->entries);
	free(book->bytes);
	free(book);
}

/* The place of the first entry whose port is not below `port`. */
static size_t first_entry(const struct payload_book *book, uint32_t port)
{
	size_t low = 0, high = book->entry_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (book->entries[middle].port < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t payload_count(const struct payload_book *book, uint16_t port)
{
	return first_entry(book, port + 1u) - first_entry(book, port);
}

const struct payload *payload_for(const struct payload_book *book, uint16_t port, uint16_t attempt)
{
	size_t count = payload_count(book, port);

	if (count == 0)
		return &book->payloads[book->payload_count - 1];
	return &book->payloads[book->entries[first_entry(book, port) + attempt % count].payload];
}
