/* payload.c: the book of all payloads: built once, then found by port and attempt. */
#include "nscan/payload.h"

#include <stdlib.h>

#include "payload_rows.h"

/* In this order for ports that several families serve. */
static const struct payload_family *const families[] = {
        &payloads_dns,      &payloads_time,       &payloads_snmp,       &payloads_rpc,
        &payloads_ike,      &payloads_text,       &payloads_simple,     &payloads_secure,
        &payloads_accounts, &payloads_network,    &payloads_tunnels,    &payloads_voice,
        &payloads_finders,  &payloads_management, &payloads_industrial, &payloads_games,
};

enum { FAMILY_COUNT = sizeof(families) / sizeof(families[0]), DISCOVERY_BIT = 0x8000 };

/* One port of one payload. Sorted by port, then by the payload's place in the book. */
struct port_entry {
	uint16_t port;
	uint16_t payload;
};

struct payload_book {
	struct payload *payloads; /* the operator's, copies of the rows chosen, then the empty one */
	size_t payload_count;
	struct port_entry *entries;
	size_t entry_count;
	uint8_t *bytes;     /* of all payloads, one behind the other */
	uint16_t *anywhere; /* the empty one, then those for ports of no known service */
	size_t anywhere_count;
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

		if (!payload->build)
			continue; /* the operator's own has its bytes, the empty one has none */
		payload->bytes = at;
		payload->byte_count = payload->build(at);
		at += payload->byte_count;
	}
}

static void choose_rows(struct payload_book *book, const struct payload_choice *choice)
{
	static const struct payload empty = {.name = "empty", .source = "RFC 768", .nonce_offset = -1};

	for (size_t i = 0; i < choice->own_count; i++)
		book->payloads[book->payload_count++] = choice->own[i];
	for (size_t i = 0; i < FAMILY_COUNT && choice->set != PAYLOADS_NONE; i++) {
		for (size_t j = 0; j < families[i]->count; j++) {
			if (!families[i]->rows[j].opt_in || choice->set == PAYLOADS_ALL)
				book->payloads[book->payload_count++] = families[i]->rows[j];
		}
	}
	book->anywhere[book->anywhere_count++] = (uint16_t)book->payload_count;
	for (size_t i = 0; i < book->payload_count; i++) {
		if (book->payloads[i].anywhere)
			book->anywhere[book->anywhere_count++] = (uint16_t)i;
	}
	book->payloads[book->payload_count++] = empty;
}

struct payload_book *payload_book_of(const struct payload_choice *choice)
{
	struct payload_book *book = calloc(1, sizeof(*book));
	size_t rows = choice->own_count;

	for (size_t i = 0; i < FAMILY_COUNT; i++)
		rows += families[i]->count;
	if (!book)
		return NULL;
	book->payloads = calloc(rows + 1, sizeof(*book->payloads));
	book->anywhere = calloc(rows + 1, sizeof(*book->anywhere));
	book->entries = calloc(rows * PAYLOAD_MAX_PORTS, sizeof(*book->entries));
	book->bytes = calloc(rows + 1, PAYLOAD_MAX_BYTES);
	if (!book->payloads || !book->anywhere || !book->entries || !book->bytes) {
		payload_book_free(book);
		return NULL;
	}
	choose_rows(book, choice);
	build_payloads(book);
	index_ports(book);
	return book;
}

struct payload_book *payload_book_new(void)
{
	return payload_book_of(&(struct payload_choice){.set = PAYLOADS_SAFE});
}

void payload_book_free(struct payload_book *book)
{
	if (!book)
		return;
	free(book->payloads);
	free(book->anywhere);
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

size_t payload_turns(const struct payload_book *book, uint16_t port)
{
	size_t count = payload_count(book, port);

	return count ? count : book->anywhere_count;
}

const struct payload *payload_for(const struct payload_book *book, uint16_t port, uint16_t attempt)
{
	size_t count = payload_count(book, port), turn = (attempt & ~DISCOVERY_BIT) % payload_turns(book, port);

	if (count == 0)
		return &book->payloads[book->anywhere[turn]];
	return &book->payloads[book->entries[first_entry(book, port) + turn].payload];
}

size_t payload_book_size(const struct payload_book *book)
{
	return book->payload_count - 1;
}

const struct payload *payload_book_at(const struct payload_book *book, size_t index)
{
	return &book->payloads[index];
}
