/* octet_parse.c: reads IPv4 addresses given octet by octet: "5", "1-7", "-7", "200-", "*", "-" and lists of them. */
#include "octet_parse.h"

#include <string.h>

#include "quote.h"

enum { OCTETS = 4, OCTET_MAX = 255, OCTET_DIGITS = 3 };

/* A piece of the text under way. */
struct piece {
	const char *at;
	size_t n;
};

/* Splits off what comes before the separator, or all that is left; *rest then starts behind it, or is {NULL, 0}. */
static struct piece split_off(struct piece *rest, char separator)
{
	struct piece head = *rest;
	const char *end = memchr(rest->at, separator, rest->n);

	if (!end) {
		*rest = (struct piece){NULL, 0};
		return head;
	}
	head.n = (size_t)(end - rest->at);
	rest->at = end + 1;
	rest->n -= head.n + 1;
	return head;
}

/* Reads one number; an empty piece stands for `otherwise`. */
static bool parse_number(struct piece piece, unsigned otherwise, const char *spec, unsigned *out, struct err *err)
{
	char quoted[QUOTE_BYTES];

	*out = 0;
	if (piece.n == 0) {
		*out = otherwise;
		return true;
	}
	for (size_t i = 0; i < piece.n; i++) {
		if (piece.at[i] < '0' || piece.at[i] > '9')
			return err_set(err, ERR_USAGE,
			               "%s: %s is not an octet: write 0 to 255, a range such as 1-7, or *", spec,
			               quote_text(piece.at, piece.n, quoted));
		if (i < OCTET_DIGITS)
			*out = *out * 10 + (unsigned)(piece.at[i] - '0');
	}
	if (piece.n > 1 && piece.at[0] == '0')
		return err_set(err, ERR_USAGE,
		               "%s: octet %s has a leading zero, which some programs read as octal: drop it", spec,
		               quote_text(piece.at, piece.n, quoted));
	if (piece.n > OCTET_DIGITS || *out > OCTET_MAX)
		return err_set(err, ERR_USAGE, "%s: octet %.*s is above 255: octets go from 0 to 255", spec,
		               (int)(piece.n > 20 ? 20 : piece.n), piece.at);
	return true;
}

/* Reads "5", "1-7", "-7", "200-", "-" or "*". */
static bool parse_entry(struct piece entry, const char *spec, struct octet_set *out, struct err *err)
{
	struct piece rest = entry;
	struct piece low = {NULL, 0};
	unsigned first = 0;
	unsigned last = 0;

	if (entry.n == 0)
		return err_set(err, ERR_USAGE, "%s: an octet is missing: write all four, as in 192.168.0.1", spec);
	if (entry.n == 1 && entry.at[0] == '*') {
		octet_set_add(out, 0, OCTET_MAX);
		return true;
	}
	low = split_off(&rest, '-');
	if (!parse_number(low, 0, spec, &first, err))
		return false;
	last = first;
	if (rest.at && !parse_number(rest, OCTET_MAX, spec, &last, err))
		return false;
	if (first > last)
		return err_set(err, ERR_USAGE, "%s: the range %u-%u is reversed: write %u-%u", spec, first, last, last,
		               first);
	octet_set_add(out, first, last);
	return true;
}

bool octet_pattern_parse(const char *text, size_t n, const char *spec, struct octet_pattern *out, struct err *err)
{
	struct piece rest = {text, n};
	int octets = 1;

	for (size_t i = 0; i < n; i++)
		octets += text[i] == '.';
	if (octets > OCTETS && memchr(text, ',', n))
		return err_set(err, ERR_USAGE,
		               "%s: a comma lists values of one octet, as in 192.168.0.1,3: separate targets by blanks",
		               spec);
	if (octets != OCTETS)
		return err_set(err, ERR_USAGE,
		               "%s: an IPv4 address has four octets, this has %d: write it as in 192.168.0.1", spec,
		               octets);
	*out = (struct octet_pattern){0};
	for (int i = 0; i < OCTETS; i++) {
		struct piece octet = split_off(&rest, '.');

		while (octet.at) {
			if (!parse_entry(split_off(&octet, ','), spec, &out->octets[i], err))
				return false;
		}
	}
	return true;
}
