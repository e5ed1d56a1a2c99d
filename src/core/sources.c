/* sources.c: the list of --source-ips becomes an array of addresses. */
#include "nscan/sources.h"

#include <stdlib.h>
#include <string.h>

#include "nscan/targets.h"

static bool no_memory(struct err *err)
{
	return err_set(err, ERR_SYSTEM, "out of memory while reading the source addresses");
}

/* Adds the pieces between the commas of `text`, which is cut up. */
static bool add_pieces(struct target_set *set, char *text, struct err *err)
{
	for (char *piece = text; piece;) {
		char *comma = strchr(piece, ',');

		if (comma)
			*comma = '\0';
		if (!*piece)
			return err_set(err, ERR_USAGE,
			               "an address is missing beside a comma; give a list such as "
			               "192.168.0.10-73,192.168.0.80");
		if (!target_set_add(set, piece, NULL, err))
			return false;
		piece = comma ? comma + 1 : NULL;
	}
	return true;
}

/* A list with commas may be one specification ("10.0.0.1,7") or several ("10.0.0.1,10.0.0.7"). */
static bool add_list(struct target_set *set, const char *text, struct err *err)
{
	char *copy;
	bool ok;

	if (strchr(text, ',') && target_set_add(set, text, NULL, NULL))
		return true;
	copy = strdup(text);
	if (!copy)
		return no_memory(err);
	ok = add_pieces(set, copy, err);
	free(copy);
	return ok;
}

/* Copies the addresses of the set out, as far as they fit. */
static bool take_addresses(const struct target_set *set, struct addr *out, size_t *count, struct err *err)
{
	struct target_cursor cursor = {0};
	struct addr addr;

	if (target_set_has_family(set, 6))
		return err_set(err, ERR_USAGE, "IPv6 scanning is not available yet; give IPv4 addresses");
	for (*count = 0; target_next(set, NULL, &cursor, &addr); (*count)++) {
		if (*count == SOURCES_MAX)
			return err_set(err, ERR_USAGE, "more than %d source addresses; give at most so many",
			               SOURCES_MAX);
		out[*count] = addr;
	}
	return true;
}

bool sources_parse(const char *text, struct addr **out, size_t *count, struct err *err)
{
	struct target_set *set = target_set_new();
	struct addr *addrs = calloc(SOURCES_MAX, sizeof(*addrs));
	bool ok = set && addrs ? add_list(set, text, err) && take_addresses(set, addrs, count, err) : no_memory(err);

	target_set_free(set);
	if (!ok) {
		free(addrs);
		addrs = NULL;
		*count = 0;
	}
	*out = addrs;
	return ok;
}
