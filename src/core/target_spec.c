/* target_spec.c: reads one target specification. What looks like an address but is none is explained, never resolved. */
#include "target_spec.h"

#include <stdlib.h>
#include <string.h>

#include "octet_parse.h"
#include "quote.h"

enum { NAME_MAX_BYTES = 253 }; /* RFC 1035 2.3.4, as text */

static const char digits[] = "0123456789";
static const char octet_characters[] = "0123456789.,-*";
static const char name_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

/* The specification under way and what its messages need. */
struct parse {
	const char *text;
	char quoted[QUOTE_BYTES];
	const struct resolver *resolver;
	struct err *err;
};

static size_t count_char(const char *text, char c)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == c;
	return n;
}

static bool consists_of(const char *text, const char *characters)
{
	return text[strspn(text, characters)] == '\0';
}

/* Reads the address at text, n bytes long; explains what is wrong with it. */
static bool parse_address(const struct parse *parse, const char *text, size_t n, struct addr *out)
{
	char copy[ADDR_TEXT_BYTES];
	char quoted[QUOTE_BYTES];
	struct octet_pattern pattern;

	if (n < sizeof(copy)) {
		memcpy(copy, text, n);
		copy[n] = '\0';
		if (addr_parse(copy, out))
			return true;
	}
	if (memchr(text, '%', n))
		return err_set(parse->err, ERR_USAGE, "%s: leave the zone out and name the interface with -e",
		               parse->quoted);
	if (memchr(text, ':', n) || n == 0)
		return err_set(parse->err, ERR_USAGE, "%s: %s is not an IPv6 address: write it as in 2001:db8::1",
		               parse->quoted, quote_text(text, n, quoted));
	if (!octet_pattern_parse(text, n, parse->quoted, &pattern, parse->err))
		return false;
	return err_set(parse->err, ERR_USAGE, "%s: %s must be one address here, not a range or list of octets",
	               parse->quoted, quote_text(text, n, quoted));
}

/* "first-last", both full addresses. */
static bool parse_full_range(const struct parse *parse, struct target_spec *out)
{
	const char *dash = strchr(parse->text, '-');
	struct addr_range *range = &out->range;

	if (!parse_address(parse, parse->text, (size_t)(dash - parse->text), &range->first))
		return false;
	if (range->first.family == 6 && !strchr(dash + 1, ':'))
		return err_set(parse->err, ERR_USAGE, "%s: the end of an IPv6 range must be a full IPv6 address too",
		               parse->quoted);
	if (!parse_address(parse, dash + 1, strlen(dash + 1), &range->last))
		return false;
	if (range->first.family != range->last.family)
		return err_set(parse->err, ERR_USAGE, "%s: a range cannot go from IPv4 to IPv6: give two ranges",
		               parse->quoted);
	if (addr_compare(&range->first, &range->last) > 0)
		return err_set(parse->err, ERR_USAGE, "%s: the range is reversed: put the lower address first",
		               parse->quoted);
	return true;
}

/* Text that is no address and no name although it has the look of an address: "1.2.3.1O0", "lan.1". */
static bool is_malformed_address(const char *name)
{
	const char *last = strrchr(name, '.');

	/* No top-level domain is a number or starts with a digit: what ends in a number is meant as an address, and so is
	 * what has such a part after nothing but octets. */
	if (!last || last[1] < '0' || last[1] > '9')
		return false;
	return consists_of(last + 1, digits) || strspn(name, octet_characters) > (size_t)(last - name);
}

static bool check_name(const struct parse *parse, const char *name)
{
	struct octet_pattern pattern;
	size_t good = strspn(name, name_characters);
	char quoted[QUOTE_BYTES];

	if (is_malformed_address(name)) {
		if (octet_pattern_parse(name, strlen(name), parse->quoted, &pattern, parse->err))
			return err_set(parse->err, ERR_USAGE, "%s is not an address", parse->quoted);
		return false;
	}
	if (name[good] != '\0')
		return err_set(
		        parse->err, ERR_USAGE,
		        "%s is neither an address nor a name: %s has no place in it (separate targets by blanks)",
		        parse->quoted, quote_text(name + good, 1, quoted));
	if (name[0] == '-')
		return err_set(parse->err, ERR_USAGE, "%s looks like an option: a name cannot start with '-'",
		               parse->quoted);
	if (strlen(name) > NAME_MAX_BYTES)
		return err_set(parse->err, ERR_USAGE, "%s is too long for a name: at most %d characters", parse->quoted,
		               NAME_MAX_BYTES);
	return true;
}

static bool resolve(const struct parse *parse, const char *name, struct addr *out)
{
	struct err why = {0};

	if (!check_name(parse, name))
		return false;
	if (!parse->resolver)
		return err_set(parse->err, ERR_USAGE, "%s is a name, and names are not looked up here: give an address",
		               parse->quoted);
	if (parse->resolver->resolve(parse->resolver->context, name, out, &why) && addr_is_set(out))
		return true;
	if (why.code == ERR_NONE)
		err_set(&why, ERR_USAGE, "%s has no address: check the name, or give an address", parse->quoted);
	if (parse->err)
		*parse->err = why;
	return false;
}

/* The number behind the slash; -1 when it is none. */
static int parse_prefix_bits(const char *text)
{
	size_t n = strlen(text);

	if (n == 0 || n > 3 || !consists_of(text, digits))
		return -1;
	return atoi(text);
}

/* "address/bits" or "name/bits". */
static bool parse_network(const struct parse *parse, struct target_spec *out)
{
	const char *slash = strchr(parse->text, '/');
	size_t n = (size_t)(slash - parse->text);
	int bits = parse_prefix_bits(slash + 1);
	bool is_address = memchr(parse->text, ':', n) || strspn(parse->text, octet_characters) >= n;
	struct addr addr = {0};
	char name[NAME_MAX_BYTES + 2];

	if (n == 0)
		return err_set(parse->err, ERR_USAGE, "%s: the address before the slash is missing", parse->quoted);
	if (strchr(slash, ','))
		return err_set(parse->err, ERR_USAGE, "%s: a network stands alone: separate targets by blanks",
		               parse->quoted);
	if (is_address) {
		if (!parse_address(parse, parse->text, n, &addr))
			return false;
	} else {
		if (bits < 0 || bits > 128)
			return err_set(parse->err, ERR_USAGE, "%s: the prefix length must be 0 to 32 (IPv6: 0 to 128)",
			               parse->quoted);
		/* A name that does not fit is cut to one character too many, which is then refused. */
		n = n < sizeof(name) ? n : sizeof(name) - 1;
		memcpy(name, parse->text, n);
		name[n] = '\0';
		if (!resolve(parse, name, &addr))
			return false;
	}
	if (bits < 0 || bits > addr_bits(&addr))
		return err_set(parse->err, ERR_USAGE, "%s: the prefix length must be 0 to %d", parse->quoted,
		               addr_bits(&addr));
	out->range.first = addr_prefix_first(&addr, bits);
	out->range.last = addr_prefix_last(&addr, bits);
	return true;
}

/* IPv4 in figures: octet by octet, or from address to address. */
static bool parse_octets(const struct parse *parse, struct target_spec *out)
{
	/* Two addresses of four octets with a dash between them; a dash inside an octet leaves three dots. */
	if (count_char(parse->text, '.') == 6 && count_char(parse->text, '-') == 1 && !strpbrk(parse->text, "*,"))
		return parse_full_range(parse, out);
	out->is_pattern = true;
	return octet_pattern_parse(parse->text, strlen(parse->text), parse->quoted, &out->pattern, parse->err);
}

bool target_spec_parse(const char *text, const struct resolver *resolver, struct target_spec *out, struct err *err)
{
	struct parse parse = {.text = text, .resolver = resolver, .err = err};
	struct addr *first = &out->range.first;
	bool ok = false;

	quote_text(text, strlen(text), parse.quoted);
	*out = (struct target_spec){0};
	if (*text == '\0')
		return err_set(err, ERR_USAGE, "a target is empty: give an address, a range, a network or a name");
	if (strchr(text, ' '))
		return err_set(err, ERR_USAGE, "%s: ' ' has no place in a target: give each an argument of its own",
		               parse.quoted);
	/* IPv6 addresses have two colons at least. */
	if (count_char(text, ':') == 1)
		return err_set(err, ERR_USAGE, "%s: a target is an address or a name alone: ports go into -p",
		               parse.quoted);
	if (strchr(text, '/'))
		return parse_network(&parse, out);
	if (strchr(text, ':') && strchr(text, '-'))
		return parse_full_range(&parse, out);
	if (!strchr(text, ':') && consists_of(text, octet_characters))
		return parse_octets(&parse, out);
	ok = strchr(text, ':') ? parse_address(&parse, text, strlen(text), first) : resolve(&parse, text, first);
	out->range.last = *first;
	return ok;
}
