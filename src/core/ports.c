/* ports.c: lists of UDP ports: parsing, the most important ones, text. */
#include "nscan/ports.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "quote.h"
#include "services.h"

enum { PORT_MAX = 65535, SERVICE_NAME_BYTES = 64, WORD_BITS = 64, WORDS = (PORT_MAX + 1) / WORD_BITS };

/* Which ports are wanted, a bit for each, while a list is made: "-,-,-" costs no more than it has to. */
struct port_set {
	uint64_t words[WORDS];
};

/* One entry of a list of ports, without blanks around it. */
struct entry {
	const char *at;
	size_t n;
	char quoted[QUOTE_BYTES];
};

void port_list_free(struct port_list *list)
{
	free(list->ports);
	*list = (struct port_list){0};
}

static void want(struct port_set *set, unsigned first, unsigned last)
{
	unsigned low = first / WORD_BITS;
	unsigned high = last / WORD_BITS;

	for (unsigned w = low; w <= high; w++) {
		uint64_t bits = UINT64_MAX;

		if (w == low)
			bits &= UINT64_MAX << first % WORD_BITS;
		if (w == high)
			bits &= UINT64_MAX >> (WORD_BITS - 1 - last % WORD_BITS);
		set->words[w] |= bits;
	}
}

static bool is_wanted(const struct port_set *set, unsigned port)
{
	return set->words[port / WORD_BITS] >> port % WORD_BITS & 1;
}

static size_t count_wanted(const struct port_set *set)
{
	size_t count = 0;

	for (unsigned w = 0; w < WORDS; w++)
		count += (size_t)__builtin_popcountll(set->words[w]);
	return count;
}

static bool list_from_set(const struct port_set *set, struct port_list *out, struct err *err)
{
	size_t count = count_wanted(set);
	uint16_t *ports = malloc((count + 1) * sizeof(*ports));
	size_t n = 0;

	if (!ports)
		return err_set(err, ERR_SYSTEM, "out of memory for %zu ports", count);
	for (unsigned w = 0; w < WORDS; w++) {
		for (uint64_t left = set->words[w]; left != 0; left &= left - 1)
			ports[n++] = (uint16_t)(w * WORD_BITS + (unsigned)__builtin_ctzll(left));
	}
	*out = (struct port_list){ports, n};
	return true;
}

/* Reads one number of an entry; no digits at all stand for `otherwise`. */
static bool parse_number(const struct entry *entry, const char *at, size_t n, unsigned otherwise, unsigned *out,
                         struct err *err)
{
	unsigned value = 0;

	for (size_t i = 0; i < n; i++) {
		if (at[i] < '0' || at[i] > '9')
			return err_set(err, ERR_USAGE,
			               "port %s is not a number or range: write it as in 53 or 5000-6000",
			               entry->quoted);
		value = value > PORT_MAX ? value : value * 10 + (unsigned)(at[i] - '0');
	}
	if (n == 0)
		value = otherwise;
	if (value > PORT_MAX)
		return err_set(err, ERR_USAGE, "port %s is above 65535: ports go from 1 to 65535", entry->quoted);
	if (value == 0)
		return err_set(err, ERR_USAGE, "port %s: there is no port 0 to ask: ports go from 1 to 65535",
		               entry->quoted);
	*out = value;
	return true;
}

static bool parse_name(const struct entry *entry, struct port_set *set, struct err *err)
{
	char name[SERVICE_NAME_BYTES];
	uint16_t port = 0;

	if (entry->n < sizeof(name)) {
		memcpy(name, entry->at, entry->n);
		name[entry->n] = '\0';
		port = port_by_service(name);
	}
	if (port == 0)
		return err_set(err, ERR_USAGE, "no UDP service is called %s: give its port number", entry->quoted);
	want(set, port, port);
	return true;
}

static bool has_letter(const struct entry *entry)
{
	for (size_t i = 0; i < entry->n; i++) {
		char c = entry->at[i] | 0x20;

		if (c >= 'a' && c <= 'z')
			return true;
	}
	return false;
}

/* Reads "53", "5000-6000", "5000:6000", "-100", "60000-", "-" or a name. */
static bool parse_entry(const struct entry *entry, struct port_set *set, struct err *err)
{
	size_t sign = 0;
	unsigned first = 0;
	unsigned last = 0;

	if (entry->n == 0)
		return err_set(err, ERR_USAGE,
		               "an entry of the port list is empty: write ports as in 53,161,5000-6000");
	if (has_letter(entry))
		return parse_name(entry, set, err);
	while (sign < entry->n && entry->at[sign] != '-' && entry->at[sign] != ':')
		sign++;
	if (!parse_number(entry, entry->at, sign, 1, &first, err))
		return false;
	last = first;
	if (sign < entry->n && !parse_number(entry, entry->at + sign + 1, entry->n - sign - 1, PORT_MAX, &last, err))
		return false;
	if (first > last)
		return err_set(err, ERR_USAGE, "port range %s is reversed: write %u-%u", entry->quoted, last, first);
	want(set, first, last);
	return true;
}

/* The entry at text, up to a comma or the end, without blanks around it and without nmap's protocol prefix "U:". */
static bool take_entry(const char *text, size_t n, struct entry *out, struct err *err)
{
	while (n > 0 && strchr(" \t", text[n - 1]))
		n--;
	while (n > 0 && strchr(" \t", *text)) {
		text++;
		n--;
	}
	*out = (struct entry){.at = text, .n = n};
	quote_text(text, n, out->quoted);
	if (n < 2 || text[1] != ':' || (text[0] >= '0' && text[0] <= '9'))
		return true;
	if (text[0] != 'U' && text[0] != 'u')
		return err_set(err, ERR_USAGE,
		               "%s: only UDP ports are scanned: the one prefix there is is U:", out->quoted);
	out->at += 2;
	out->n -= 2;
	return true;
}

bool port_list_parse(const char *text, struct port_list *out, struct err *err)
{
	struct port_set set = {0};

	for (;;) {
		size_t n = strcspn(text, ",");
		struct entry entry;

		if (!take_entry(text, n, &entry, err) || !parse_entry(&entry, &set, err))
			return false;
		if (text[n] == '\0')
			return list_from_set(&set, out, err);
		text += n + 1;
	}
}

bool port_list_top(size_t n, struct port_list *out, struct err *err)
{
	struct port_set set = {0};
	size_t left;

	if (n < 1 || n > PORT_MAX)
		return err_set(err, ERR_USAGE, "--top-ports %zu: the number must be 1 to 65535", n);
	for (size_t i = 0; i < service_ranking_count && i < n; i++)
		want(&set, service_ranking[i], service_ranking[i]);
	left = n - count_wanted(&set);
	for (unsigned port = 1; left > 0; port++) {
		left -= !is_wanted(&set, port);
		want(&set, port, port);
	}
	return list_from_set(&set, out, err);
}

char *port_list_format(const struct port_list *list)
{
	/* At most five digits and a separator for each port. */
	size_t bytes = list->count * 6 + 1;
	char *text = malloc(bytes);
	size_t at = 0;

	if (!text)
		return NULL;
	text[0] = '\0';
	for (size_t i = 0; i < list->count; i++) {
		size_t first = i;

		while (i + 1 < list->count && list->ports[i + 1] == list->ports[i] + 1)
			i++;
		at += (size_t)snprintf(text + at, bytes - at, first > 0 ? ",%u" : "%u", list->ports[first]);
		if (i > first)
			at += (size_t)snprintf(text + at, bytes - at, "-%u", list->ports[i]);
	}
	return text;
}

bool port_list_contains(const struct port_list *list, uint16_t port)
{
	size_t low = 0;
	size_t high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list->ports[middle] == port)
			return true;
		if (list->ports[middle] < port)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* NULL when the table does not have the port. */
static const struct service *find_service(uint16_t port)
{
	size_t low = 0;
	size_t high = service_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (services[middle].port == port)
			return &services[middle];
		if (services[middle].port < port)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

uint16_t port_rank(uint16_t port)
{
	for (size_t i = 0; i < service_ranking_count; i++) {
		if (service_ranking[i] == port)
			return (uint16_t)i;
	}
	return UINT16_MAX;
}

const char *port_service(uint16_t port)
{
	const struct service *service = find_service(port);

	return service ? service->name : NULL;
}

uint16_t port_by_service(const char *name)
{
	const struct service *best = NULL;
	const struct servent *entry = NULL;

	/* Several ports may go by one name (RADIUS has moved): the one that matters most is meant. */
	for (size_t i = 0; i < service_count; i++) {
		if (strcasecmp(services[i].name, name) == 0 &&
		    (!best || port_rank(services[i].port) < port_rank(best->port)))
			best = &services[i];
	}
	if (best)
		return best->port;
	entry = getservbyname(name, "udp");
	return entry ? ntohs((uint16_t)entry->s_port) : 0;
}
